"""Erasing a person: everything that is kept of them goes from every tier, with a receipt of what went from where.

whose credentials are theirs? ─▶ purge for good, durably ─▶ each process: memory, quarantine, what was learned
                                                         ─▶ the store: entries, links, bindings, free pages ─▶ left?

The purge comes first: from then on nothing that was fetched before is served or stored, wherever it is on its way.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

import msgspec

from adapters import Person
from proxy.doubts.quarantine import Quarantine
from proxy.doubts.stored import is_quarantined
from proxy.kept.purging import Purger
from proxy.learning import Learner
from proxy.messages import partition_tag, replay_tag
from proxy.store.contract import DurableStore, Filter, StoreError, Summary
from proxy.store.fences import Mode
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore

_ALL = 1_000_000  # entries under one tag whose bytes are added up


class Erasure(NamedTuple):
    """What is to go."""

    upstream: str
    users: tuple[str, ...]  # the upstream's ids of the person
    tags: tuple[str, ...]  # full names
    fence: int  # of the purge: what was fetched under a lower one is not to be left


class ErasedHere(msgspec.Struct, frozen=True):
    """What went from one process, and whether anything is left there."""

    process: int
    entries: int
    bytes: int
    quarantined: int
    links: int = 0  # of a process that has no store to keep them in
    principals: int = 0
    left: int = 0
    written: bool = True  # False: what was on its way to the store could not be written, so it may not be deleted yet


class ErasedThere(NamedTuple):
    """What went from the durable store, and whether anything is left there."""

    entries: int = 0
    bytes: int = 0
    quarantined: int = 0
    links: int = 0
    principals: int = 0
    left: int = 0
    done: bool = True  # False: the store failed


class Receipt(NamedTuple):
    """What an erasure came to."""

    fence: int
    durable: bool
    recorded: bool
    processes: tuple[ErasedHere, ...]
    store: ErasedThere
    everywhere: bool  # False: a process did not say in time that it is done

    @property
    def left(self) -> int:
        """Entries that are still there."""
        return self.store.left + sum(one.left for one in self.processes)

    @property
    def is_complete(self) -> bool:
        """Whether nothing of the person is left, and it is sure to stay so."""
        is_done = self.store.done and all(one.written for one in self.processes)
        return self.recorded and self.everywhere and is_done and not self.left


class Processes(Protocol):
    """All that serve."""

    async def principals(self, users: Collection[str]) -> tuple[set[str], bool]:
        """The partitions that they know to be these users'; and whether all said in time what they know."""

    async def erase(self, erasure: Erasure) -> tuple[list[ErasedHere], bool]:
        """Have each let go of what it holds; and whether all said in time that they did."""


class OwnProcess:
    """A process's own part in it."""

    def __init__(
        self,
        memory: MemoryStore,
        quarantine: Quarantine,
        learner: Learner,
        durable: DurableStore,
        let_go: Callable[[], None],
        process: int = 0,
    ) -> None:
        """`let_go` of what else it holds that was purged for good."""
        self._let_go = let_go
        self._memory = memory
        self._quarantine = quarantine
        self._learner = learner
        self._durable = durable
        self._process = process

    async def principals(self, users: Collection[str]) -> tuple[set[str], bool]:
        """The partitions that it knows to be these users'."""
        return self._learner.partitions_of(users), True

    async def erase(self, erasure: Erasure) -> tuple[list[ErasedHere], bool]:
        """Let go of what it holds; what is on its way to the store gets there, where it is deleted next."""
        quarantined = sum(self._quarantine.remove(tag) for tag in erasure.tags)
        entries, size = await self._memory.remove_under(erasure.tags)
        self._let_go()
        principals = await self._learner.forget(erasure.users)
        links, written = 0, True
        try:
            await self._durable.flush()
            if isinstance(self._durable, NoStore):
                links = (await self._durable.forget_person(erasure.upstream, erasure.users)).links
        except StoreError:
            written = False
        left = await self._memory.count_under(erasure.tags, erasure.fence)
        here = ErasedHere(self._process, entries, size, quarantined, links, principals, left, written)
        return [here], True


class Eraser:
    """Erases persons. `on_error` hears what the durable store could not do."""

    def __init__(
        self,
        processes: Processes,
        purger: Purger,
        durable: DurableStore,
        on_error: Callable[[str, StoreError], None],
    ) -> None:
        self._processes = processes
        self._purger = purger
        self._durable = durable
        self._on_error = on_error

    async def erase(self, upstream: str, person: Person) -> Receipt:
        """Purge for good, delete, and look whether anything is left. Never raises: the receipt tells."""
        learned, all_said = await self._processes.principals(person.ids)
        bound, is_known = await self._bound(person.ids)
        theirs = {*(f"{upstream}/{tag}" for tag in person.tags), *map(partition_tag, learned | bound)}
        tags = sorted(theirs | {replay_tag(upstream)})  # the first answer of a write may be about anybody
        purged = await self._purger.record(tags, Mode.HARD)
        erasure = Erasure(upstream, tuple(sorted(person.ids)), tuple(tags), purged.fence)
        here, everywhere = await self._processes.erase(erasure)
        there = await self._from_store(erasure)
        there = there._replace(done=there.done and is_known)
        return Receipt(purged.fence, purged.durable, purged.recorded, tuple(here), there, everywhere and all_said)

    async def _bound(self, users: Collection[str]) -> tuple[set[str], bool]:
        """The partitions that the store knows to be these users'; and whether it could say."""
        try:
            bound = await self._durable.bindings()
        except StoreError as error:
            self._on_error("bindings", error)
            return set(), False
        return {partition for partition, user in bound.items() if user in users}, True

    async def _from_store(self, erasure: Erasure) -> ErasedThere:
        entries, size, refused = 0, 0, 0
        try:
            for tag in erasure.tags:
                under = await self._under(tag)
                size += sum(one.size for one in under)
                refused += (waiting := sum(map(is_quarantined, under)))
                entries += max(0, await self._durable.delete(tag) - waiting)
            forgotten = await self._durable.forget_person(erasure.upstream, erasure.users)
            await self._durable.scrub()
            left = await self._left(erasure)
        except StoreError as error:
            self._on_error("erase", error)
            return ErasedThere(entries, size, refused, done=False)
        return ErasedThere(entries, size, refused, forgotten.links, forgotten.bindings, left)

    async def _left(self, erasure: Erasure) -> int:
        """Entries that the purge covers and that are there all the same; what was fetched since then is new."""
        found = {one.key for tag in erasure.tags for one in await self._under(tag) if one.fence < erasure.fence}
        return len(found)

    async def _under(self, tag: str) -> Collection[Summary]:
        return await self._durable.summaries(Filter(tag=tag, limit=_ALL))
