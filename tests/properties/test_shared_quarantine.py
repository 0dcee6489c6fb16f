"""True: whoever refuses, decides, purges or restarts, all who share a store see one quarantine, and nothing that is
older or purged is ever put in place out of it.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from proxy.doubts.sightings import Fate
from proxy.store.fences import Fences, Mode, Validity
from proxy.store.sqlite import SQLiteStore
from tests.contracts.test_quarantine_in_stores import COURSE, Process, sighting
from tests.unit.store.samples import Clock, an_entry, key

KINDS = (
    "fetch",
    "refuse",
    "refuse",
    "other change",
    "accept",
    "discard",
    "believe",
    "restart",
    "soft",
    "hard",
    "later",
)
steps = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 1)), max_size=25)


class Machines:
    """Two processes over one store, and what was decided on."""

    def __init__(self, durable):
        self.clock, self.durable = Clock(), durable
        self.fences = Fences(self.clock)
        self.processes = [self.new(), self.new()]
        self.sequence = 0
        self.over = {}  # changes, and up to which order

    def new(self):
        return Process(self.durable, self.clock, self.fences)

    async def step(self, kind, who):
        process, self.sequence = self.processes[who], self.sequence + 1
        told = {"sequence": self.sequence, "body": b"%d" % self.sequence}
        match kind:
            case "fetch":
                process.shelf.keep(an_entry(1, order=(self.fences.number, self.sequence), lives=1e9))
            case "refuse" | "other change":
                await process.refuse(change=kind[0], **told)
            case "accept" | "discard":
                await self.decide(process, kind)
            case "believe":
                one = sighting(1, self.clock(), self.fences.number, change="r", **told)
                await process.quarantine.let_in(one)
                self.over[one.id] = one.order
            case "restart":
                self.processes[who] = self.new()
            case "later":
                self.clock.advance(3600)
            case _:
                self.fences.purge([COURSE], Mode(kind))
        await self.durable.flush()

    async def decide(self, process, word):
        for held in (await process.listed())[:1]:
            lay = await self.durable.get(key(1))
            decided = await getattr(process.ward, word)(held)
            lies = await self.durable.get(key(1))
            assert decided.fate is not Fate.UNKNOWN
            assert decided.recorded
            if decided.fate is Fate.STORED:
                assert (lies.order, lies.body) == (held.order, b"%d" % held.order[1])
                assert process.shelf.validity(lies) is Validity.CURRENT
                assert lay is None or lay.order <= lies.order
            else:
                assert lies == lay
            if decided.fate is not Fate.NEWER:
                self.over[held.id] = held.order


@given(steps)
async def test_all_see_one_quarantine_and_nothing_older_or_purged_comes_out_of_it(steps):
    with TemporaryDirectory() as folder:
        durable = SQLiteStore(Path(folder) / "larder.db", clock=Clock())
        await durable.open()
        try:
            machines = Machines(durable)
            for kind, who in steps:
                await machines.step(kind, who)
                one, other = [await process.listed() for process in machines.processes]
                assert one == other
                assert all(held.order > machines.over.get(held.id, (-1, -1)) for held in one)
        finally:
            await durable.close()
