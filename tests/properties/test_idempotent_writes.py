"""However requests with keys come and end, on however many processes: what was or may have been carried out is not sent
again, and who is answered is answered alike.
"""

import asyncio
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as some
from multidict import CIMultiDict

from proxy.answers import Answer, CacheStatus
from proxy.asker import Asker
from proxy.asking import Incoming
from proxy.config.loading import plans_of
from proxy.errors import LarderError
from proxy.kept.shelf import Shelf
from proxy.messages import partition_tag
from proxy.store.contract import StoreError
from proxy.store.fences import Fences
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.store.purges import Mode
from proxy.writes.errors import AnswerNotKept, KeyReused, OutcomeUnknown
from proxy.writes.idempotency import Idempotency
from proxy.writes.written import Outcome, Written
from tests.house import Clock, config_file

ASKER = Asker(b"a secret of these tests")
PLANS = plans_of(config_file({"upstreams": {"courseworks": {}}}))


class Step(NamedTuple):
    """A request, where it comes in, what becomes of it if it is sent, and what the store does meanwhile."""

    key: str
    body: bytes
    process: int
    outcome: Outcome
    trouble: str  # of the store: none, before it is sent, after it, or its first answer is erased afterwards


STEPS = some.lists(
    some.builds(
        Step,
        some.sampled_from(["a", "b"]),
        some.sampled_from([b"1", b"2"]),
        some.integers(0, 1),
        some.sampled_from(Outcome),
        some.sampled_from(["", "", "", "before", "after", "erased"]),
    ),
    max_size=14,
)


class Remembered(NamedTuple):
    body: bytes
    answer: bytes | None  # None: nobody knows, or it is not kept


class Store(NoStore):
    """One that fails when told to."""

    broken = ""

    async def claim(self, *args):
        if self.broken == "before":
            raise StoreError("told to")
        return await super().claim(*args)

    async def note(self, *args):
        if self.broken == "after":
            raise StoreError("told to")
        await super().note(*args)

    async def unclaim(self, *args):
        if self.broken == "after":
            raise StoreError("told to")
        await super().unclaim(*args)


class Machines:
    """Two processes with one store and, since this store keeps no entries, one memory."""

    def __init__(self):
        clock = Clock()
        self.store, self.fences = Store(clock), Fences(clock)
        shelf = Shelf(MemoryStore(1_000_000), self.store, self.fences, lambda *_: None, monotonic=clock)
        self.processes = [Idempotency(shelf, lambda *_: None, clock, is_alone=True) for _ in range(2)]
        self.sent = 0

    async def ask(self, step):
        """Its answer's body, or the kind of its refusal; whether it was sent."""
        before = self.sent

        async def write(_):
            self.sent += 1
            return Written(step.outcome, Answer(200, (), b"answer %d" % self.sent, CacheStatus(fwd="method")))

        upstream = PLANS.upstreams["courseworks"]
        plan, params = upstream.match("POST", "/x")
        headers = CIMultiDict({"Authorization": "Bearer t", "Idempotency-Key": step.key})
        ask = ASKER.ask(upstream, plan, params, Incoming("POST", "/x", "", headers, step.body, "caller"))
        self.store.broken = step.trouble
        try:
            told = (await self.processes[step.process].once(ask, write)).answer.body
        except LarderError as error:
            told = type(error)
        self.store.broken = ""
        if step.trouble == "erased":
            self.fences.purge([partition_tag(ask.identity.partition)], Mode.HARD, 0)
        return told, self.sent > before


@given(STEPS)
def test_nothing_is_sent_again_that_may_have_been_carried_out_and_answers_stay_the_same(steps):
    async def story():
        machines, known = Machines(), dict[str, Remembered]()
        for step in steps:
            before = known.get(step.key)
            told, was_sent = await machines.ask(step)
            if before is not None:
                assert not was_sent
                if step.trouble != "before":
                    expected = KeyReused if before.body != step.body else before.answer or told
                    assert told == expected
                    assert before.answer is not None or told in (OutcomeUnknown, AnswerNotKept, KeyReused)
            elif was_sent and step.outcome is not Outcome.NOT_DONE:
                is_kept = step.outcome is Outcome.DONE and step.trouble != "after"
                known[step.key] = Remembered(step.body, told if is_kept else None)
            elif was_sent and step.trouble == "after":
                return  # it may be claimed still: its own process knows that nothing went out, others do not
            if step.trouble == "erased":
                known = {key: Remembered(one.body, None) for key, one in known.items()}

    asyncio.run(story())
