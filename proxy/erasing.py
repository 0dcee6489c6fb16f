"""Erasing a person: everything that is kept of them goes from every tier, with a receipt of what went from where.

whose credentials are theirs? ─▶ purge for good, durably ─▶ each process: memory, quarantine, what was learned
                                                         ─▶ the store: entries, links, bindings, free pages ─▶ left?

The purge comes first: from then on nothing that was fetched before is served or stored, wherever it is on its way.

What lies under nobody's name may be theirs too, and goes with any person of its upstream: what was read with a
credential of which nobody knew whose it is, the first answers of writes, the requests of jobs that are not over.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

import msgspec

from adapters import Person
from proxy.doubts.quarantine import Quarantine
from proxy.doubts.stored import is_quarantined
from proxy.kept.purging import Purger
from proxy.learning import Learner
from proxy.messages import job_tag, partition_tag, replay_tag, unlearned_tag, whose_tags
from proxy.store.contract import DurableStore, Filter, StoreError, Summary
from proxy.store.fences import Mode
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore

_ALL = 1_000_000  # entries under one tag whose bytes are added up


class Erasure(NamedTuple):
    """What is to go."""

    upstream: str
    users: tuple[str, ...]  # the upstream's ids of the person
    tags: tuple[str, ...]  # full names, without that of what nobody knows to be whose
    fence: int  # of the purge: what was fetched under a lower one is not to be left

    @property
    def unlearned(self) -> str:
        """The tag of what was read with credentials of which nobody knew whose they are."""
        return unlearned_tag(self.upstream)

    @property
    def all_tags(self) -> tuple[str, ...]:
        """Of everything that is to go."""
        return *self.tags, self.unlearned


class ErasedHere(msgspec.Struct, frozen=True):
    """What went from one process, and whether anything is left there."""

    process: int
    entries: int
    bytes: int
    quarantined: int
    links: int = 0  # of a process that has no store to keep them in
    principals: int = 0
    left: int = 0
    unlearned: int = 0  # entries beside those: read with credentials of which nobody knew whose they are
    written: bool = True  # False: what was on its way to the store could not be written, so it may not be deleted yet


class ErasedThere(NamedTuple):
    """What went from the durable store, and whether anything is left there."""

    entries: int = 0
    bytes: int = 0
    quarantined: int = 0
    links: int = 0
    principals: int = 0
    left: int = 0
    unlearned: int = 0  # entries beside those: read with credentials of which nobody knew whose they are
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


class _Found(NamedTuple):
    """What a store holds of somebody."""

    entries: int
    unlearned: int
    bytes: int
    quarantined: int


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
        quarantined = sum(self._quarantine.remove(tag) for tag in erasure.all_tags)
        entries, size = await self._memory.remove_under(erasure.tags)
        unlearned, _ = await self._memory.remove_under((erasure.unlearned,))
        self._let_go()
        principals = await self._learner.forget(erasure.users)
        links, written = 0, True
        try:
            await self._durable.flush()
            if isinstance(self._durable, NoStore):
                links = (await self._durable.forget_person(erasure.upstream, erasure.users)).links
        except StoreError:
            written = False
        left = await self._memory.count_under(erasure.all_tags, erasure.fence)
        here = ErasedHere(self._process, entries, size, quarantined, links, principals, left, unlearned, written)
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
        about_anybody = {replay_tag(upstream), job_tag()}
        tags = sorted(theirs | whose_tags(upstream, person.ids) | about_anybody)
        found = await self._found(tags, unlearned_tag(upstream))
        purged = await self._purger.record([*tags, unlearned_tag(upstream)], Mode.HARD)
        erasure = Erasure(upstream, tuple(sorted(person.ids)), tuple(tags), purged.fence)
        here, everywhere = await self._processes.erase(erasure)
        there = await self._from_store(erasure, found)
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

    async def _found(self, tags: Collection[str], unlearned: str) -> _Found:
        """What the store holds, to be told. Looked at before the purge: from then on, whoever tidies up in the store
        deletes it too.
        """
        theirs, besides = dict[str, Summary](), 0
        try:
            for tag in tags:
                theirs |= {one.key: one for one in await self._under(tag)}
            besides = await self._durable.count(Filter(tag=unlearned))  # may be most of what is there: not looked at
            besides -= sum(unlearned in one.tags for one in theirs.values())
        except StoreError as error:  # nothing can be told of it, but it has to go
            self._on_error("erase", error)
        refused = sum(map(is_quarantined, theirs.values()))
        size = sum(one.size for one in theirs.values())
        return _Found(len(theirs) - refused, max(0, besides), size, refused)

    async def _from_store(self, erasure: Erasure, found: _Found) -> ErasedThere:
        deleted, unlearned, refused = 0, 0, found.quarantined
        try:
            for tag in erasure.tags:
                deleted += await self._durable.delete(tag)
            unlearned = await self._durable.delete(erasure.unlearned)
            forgotten = await self._durable.forget_person(erasure.upstream, erasure.users)
            await self._durable.scrub()
            left = await self._left(erasure)
        except StoreError as error:
            self._on_error("erase", error)
            size, deleted = found.bytes if deleted else 0, max(0, deleted - refused)
            return ErasedThere(deleted, size, refused, unlearned=unlearned, done=False)
        entries, unlearned = max(found.entries, deleted - refused), max(unlearned, found.unlearned)
        links, principals = forgotten.links, forgotten.bindings
        return ErasedThere(entries, found.bytes, refused, links, principals, left, unlearned)

    async def _left(self, erasure: Erasure) -> int:
        """Entries that the purge covers and that are there all the same; what was fetched since then is new."""
        found = {one.key for tag in erasure.all_tags for one in await self._under(tag) if one.fence < erasure.fence}
        return len(found)

    async def _under(self, tag: str) -> Collection[Summary]:
        return await self._durable.summaries(Filter(tag=tag, limit=_ALL))
