"""Fences against a reference model: fetches, purges, fills that land late, crashes, restarts, sweeps, in any order.

The model knows no numbers. It keeps a list of what happened, and says of an answer: fetched before a purge of one of
its tags, or not.
"""

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from policies import DAY, HOUR, ShelfLife
from proxy.messages import ALL, Entry, key_tag, partition_tag
from proxy.store.contract import Filter
from proxy.store.fences import Fences, Mode, Validity, keep_records_for
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import Clock, an_entry, key

IN_MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # real files; but thousands of openings wait for no disk
KEEP = 7 * DAY
KEYS = (1, 2)
OWN_TAGS = ("a/1", "a/2", "a/3")
PURGEABLE = (*OWN_TAGS, ALL, key_tag(key(1)), partition_tag("p1"), partition_tag("p2"))


@dataclass
class Fetched:
    """A fetch that went out: what the model knows of it, and what the system gave it to carry."""

    number: int
    when: int  # its place among all that happened
    started_at: float
    tags: frozenset[str]
    fence: int
    sequence: int
    stored_at: float = 0.0

    def entry(self) -> Entry:
        return an_entry(
            self.number,
            order=(self.fence, self.sequence),
            body=b"fetched as event %d" % self.when,
            tags=tuple(sorted(self.tags)),
            partition=f"p{self.number}",
            stored_at=self.stored_at,
            life=ShelfLife(*[self.stored_at + KEEP] * 4),
        )


@dataclass
class Purged:
    """A purge, as the model remembers it."""

    when: int
    tags: frozenset[str]
    mode: Mode
    settle_until: float
    is_acknowledged: bool


@dataclass
class Model:
    """The reference: what happened, and what each tier must therefore hold."""

    events: int = 0
    purges: list[Purged] = field(default_factory=list)
    memory: dict[int, Fetched] = field(default_factory=dict)
    disk: dict[int, Fetched] = field(default_factory=dict)

    def happens(self) -> int:
        self.events += 1
        return self.events

    def purges_since(self, fetched: Fetched, upto: int | None = None) -> list[Purged]:
        tags = set(fetched.entry().tags)
        last = self.events if upto is None else upto
        return [purge for purge in self.purges if fetched.when < purge.when <= last and purge.tags & tags]

    def validity(self, fetched: Fetched) -> Validity:
        modes = {purge.mode for purge in self.purges_since(fetched)}
        if Mode.HARD in modes:
            return Validity.HARD
        return Validity.SOFT if modes else Validity.CURRENT

    def settles(self, tags: set[str], now: float) -> bool:
        return any(purge.tags & tags and purge.settle_until > now for purge in self.purges)

    def fill(self, tier: dict[int, Fetched], fetched: Fetched) -> None:
        held = tier.get(fetched.number)
        if held is None or held.when <= fetched.when:
            tier[fetched.number] = fetched

    def lose_bytes(self, tags: frozenset[str]) -> None:
        for tier in (self.memory, self.disk):
            for number, fetched in list(tier.items()):
                if tags & set(fetched.entry().tags):
                    del tier[number]

    def sweep(self, now: float) -> None:
        for tier in (self.memory, self.disk):
            for number, fetched in list(tier.items()):
                if fetched.stored_at + KEEP <= now:
                    del tier[number]


class FencesMachine(RuleBasedStateMachine):
    """With room for every record: what is left of an entry is exactly what the model says."""

    most_records = 1_000_000

    def __init__(self):
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = Path(mkdtemp(prefix="larder-fences-", dir=IN_MEMORY))
        self.lives = 0
        self.flights = []
        self.clock = Clock()
        self.model = Model()
        self.arrivals = []  # (event, fence) of callers

    @initialize()
    def first_start(self):
        self._start(self.directory / "0" / "larder.db")

    def teardown(self):
        self.runner.run(self.store.close())
        self.runner.close()
        shutil.rmtree(self.directory)

    # -- what happens

    @rule(number=st.sampled_from(KEYS), tags=st.frozensets(st.sampled_from(OWN_TAGS), max_size=2))
    def a_fetch_goes_out(self, number, tags):
        when = self.model.happens()
        fence, sequence = self.fences.number, self.fences.next_sequence()
        self.flights.append(Fetched(number, when, self.clock(), tags, fence, sequence))

    @precondition(lambda self: self.flights)
    @rule(which=st.integers(0, 9), reaches_disk=st.booleans())
    def a_fill_lands(self, which, reaches_disk):
        fetched = self.flights.pop(which % len(self.flights))
        fetched.stored_at = self.clock()
        entry = fetched.entry()
        self._answers_nobody_it_may_not(entry, fetched)
        self.memory.put(entry)
        self.model.fill(self.model.memory, fetched)
        if reaches_disk:
            self.store.put(entry)
            self.runner.run(self.store.flush())
            self.model.fill(self.model.disk, fetched)

    @rule(number=st.sampled_from(KEYS), tags=st.frozensets(st.sampled_from(OWN_TAGS), max_size=2))
    def a_fetch_is_answered_at_once(self, number, tags):
        self.a_fetch_goes_out(number, tags)
        self.a_fill_lands(len(self.flights) - 1, reaches_disk=True)

    @rule()
    def a_caller_arrives(self):
        self.arrivals.append((self.model.happens(), self.fences.number))

    @rule(
        tags=st.frozensets(st.sampled_from(PURGEABLE), min_size=1, max_size=2),
        mode=st.sampled_from(Mode),
        settle=st.sampled_from([0, 30]),
        gets_to=st.sampled_from(["memory", "disk", "bytes"]),
    )
    def a_purge(self, tags, mode, settle, gets_to):
        """A process can die after each of its steps: only one that got to the disk is acknowledged."""
        records = self.fences.purge(tags, mode, settle)
        when = self.model.happens()
        self.model.purges.append(Purged(when, tags, mode, self.clock() + settle, gets_to != "memory"))
        if gets_to != "memory":
            self.runner.run(self.store.purge(records))
        if gets_to == "bytes" and mode is Mode.HARD:
            for tag in sorted(tags):
                self.runner.run(self.memory.remove(tag))
                self.runner.run(self.store.delete(tag))
            self.model.lose_bytes(tags)

    @rule(number=st.sampled_from(KEYS))
    def a_read_recalls_what_memory_lacks(self, number):
        entry = self.runner.run(self.store.get(key(number)))
        if self.memory.get(key(number)) is None and entry is not None:
            self.memory.put(entry)
            self.model.memory[number] = self.model.disk[number]

    @rule(seconds=st.sampled_from([1, 29, 31, HOUR, 3 * DAY, 5 * DAY, 9 * DAY]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)
        self.flights = [fetched for fetched in self.flights if self.clock() - fetched.started_at <= HOUR]  # timed out
        forget_before = self.clock() - keep_records_for(KEEP)
        self.runner.run(self.store.sweep(self.clock(), forget_before))
        self.runner.run(self.memory.sweep(self.clock()))
        self.fences.forget_before(forget_before)
        self.model.sweep(self.clock())

    @rule(is_killed=st.booleans())
    def the_process_ends_and_another_begins(self, is_killed):
        path = self._files_as_they_are() if is_killed else self._path
        self.runner.run(self.store.close())
        self.model.memory.clear()
        self.model.purges = [purge for purge in self.model.purges if purge.is_acknowledged]
        self._start(path)

    # -- what must hold

    @invariant()
    def each_tier_holds_the_latest_fill_that_reached_it(self):
        kept, _ = self.runner.run(self._look_at_disk())
        for number in KEYS:
            assert body(self.memory.get(key(number))) == body(self.model.memory.get(number))
            assert body(kept[number]) == body(self.model.disk.get(number))

    @invariant()
    def nothing_has_rights_that_a_purge_took(self):
        for fetched in (*self.model.memory.values(), *self.model.disk.values()):
            entry = fetched.entry()
            self.verdicts_agree(self.fences.validity(entry.tags, entry.fence), self.model.validity(fetched))

    @invariant()
    def a_fetch_from_now_on_is_not_affected_by_what_was_purged_before(self):
        assert self.fences.validity(PURGEABLE, self.fences.number) is Validity.CURRENT

    @invariant()
    def fills_settle_after_a_purge_that_asked_for_it(self):
        for tag in PURGEABLE:
            self.settling_agrees(self.fences.settles([tag]), self.model.settles({tag}, self.clock()))

    @invariant()
    def a_tag_finds_what_carries_it(self):
        _, counts = self.runner.run(self._look_at_disk())
        for tag in PURGEABLE:
            assert counts[tag] == sum(tag in fetched.entry().tags for fetched in self.model.disk.values())

    def verdicts_agree(self, got, expected):
        assert got is expected

    def settling_agrees(self, got, expected):
        assert got == expected

    # -- how it is done

    def _answers_nobody_it_may_not(self, entry, fetched):
        for arrived, fence in (*self.arrivals, (self.model.events, self.fences.number)):
            if arrived > fetched.when and self.model.purges_since(fetched, upto=arrived):
                assert self.fences.purged_between(entry.tags, fetched.fence, fence)

    async def _look_at_disk(self):
        kept = {number: await self.store.get(key(number)) for number in KEYS}
        return kept, {tag: await self.store.count(Filter(tag=tag)) for tag in PURGEABLE}

    def _files_as_they_are(self):
        """What a killed process leaves: its files at that moment, not as closing would make them."""
        copy = self.directory / f"{self.lives}"
        copy.mkdir()
        for suffix in ("", "-wal"):
            shutil.copy(f"{self._path}{suffix}", copy)
        return copy / self._path.name

    def _start(self, path):
        path.parent.mkdir(exist_ok=True)
        self._path = path
        self.store = SQLiteStore(path, clock=self.clock)
        found = self.runner.run(self.store.open())
        assert found.moved_aside is None
        self.fences = Fences(self.clock, opening=found.opening, records=found.purges, most_records=self.most_records)
        self.memory = MemoryStore(1 << 20)
        self.arrivals, self.flights = [], []
        self.lives += 1


def body(kept):
    """What tells one fill from another, of an entry or of what the model remembers of it."""
    if isinstance(kept, Fetched):
        kept = kept.entry()
    return kept and kept.body


class CompactingMachine(FencesMachine):
    """With room for two records: compaction may take rights that no purge took, and never gives one back."""

    most_records = 2

    def verdicts_agree(self, got, expected):
        assert got.value >= expected.value

    def settling_agrees(self, got, expected):
        assert got or not expected

    @invariant()
    def records_are_bounded(self):
        assert len(self.fences) <= self.most_records


_patient = settings(
    max_examples=settings.default.max_examples // 2,
    stateful_step_count=40,
    suppress_health_check=[HealthCheck.too_slow],
)

TestFences = FencesMachine.TestCase
TestFences.settings = _patient
TestCompactingFences = CompactingMachine.TestCase
TestCompactingFences.settings = _patient
