"""However processes die, stall and take over, a job ends once, and whoever ended it was the one that had it."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from proxy.jobs.book import Book
from proxy.jobs.record import LEASE, begun
from proxy.store.none import NoStore
from tests.house import Clock

KEY, KEEP = b"k" * 16, 3600.0
PROCESSES = (b"a", b"b", b"c")

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["beat", "take", "finish", "put back", "cancel"]), st.sampled_from(PROCESSES)),
        st.tuples(st.just("wait"), st.floats(0.5, 2 * LEASE)),
    ),
    max_size=30,
)


class Processes:
    """What each of them believes to have."""

    def __init__(self):
        self.clock = Clock()
        self.book = Book(NoStore(self.clock), lambda *_: None)
        self.held = {}
        self.ends = []

    async def step(self, what, which):
        now = self.clock()
        if what == "wait":
            self.clock.advance(which)
        elif what == "take":
            found = await self.book.read(KEY)
            if found is not None and found.record.is_lapsed(now):
                await self.write(which, found, found.record.taken_by(which, now, KEEP))
        elif what == "cancel":
            found = await self.book.read(KEY)
            if found is not None and not found.record.is_over:
                await self.end(found, found.record.ended("cancelled", now, KEEP))
        elif which in self.held:
            await self.of_its_own(what, which, now)

    async def of_its_own(self, what, which, now):
        held = self.held.pop(which)
        if what == "beat":
            await self.write(which, held, held.record.leased(now, KEEP))
        elif what == "put back":
            await self.book.change(KEY, held, held.record.put_back())
        else:
            await self.end(held, held.record.ended("succeeded", now, KEEP, shares=1))

    async def write(self, which, held, record):
        changed = await self.book.change(KEY, held, record)
        if changed is not None:
            self.held[which] = changed

    async def end(self, held, record):
        before = await self.book.read(KEY)
        if await self.book.change(KEY, held, record) is not None:
            assert before is not None
            assert before.record.holder == held.record.holder
            self.ends.append(record)


@given(steps)
def test_a_job_ends_once_whatever_happens_to_those_who_have_it(plan):
    async def story():
        all_of_them = Processes()
        first = begun("GET /v1/courses", 1, b"a", all_of_them.clock(), KEEP)
        all_of_them.held[b"a"] = await all_of_them.book.begin(KEY, first)
        for what, which in plan:
            await all_of_them.step(what, which)
            found = await all_of_them.book.read(KEY)
            assert len(all_of_them.ends) <= 1
            if all_of_them.ends and found is not None:
                assert found.record == all_of_them.ends[0]

    asyncio.run(story())
