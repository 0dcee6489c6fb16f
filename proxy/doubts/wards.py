"""Wards: the quarantine as operators work it, of all that serve and share a store.

What waits lies in the memory of processes, and in the store, which has more to tell: what other machines refused, what
was refused before a restart, and what was decided on elsewhere.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import NamedTuple, Protocol

import msgspec

from proxy.doubts.quarantine import Quarantine
from proxy.doubts.sightings import Decided, Fate, Quarantined
from proxy.doubts.stored import StoredDoubts
from proxy.store.contract import StoreError

# What is told where processes differ: the best that happened in any of them.
_BEST = (
    Fate.STORED,
    Fate.DISCARDED,
    Fate.BELIEVED,
    Fate.NEWER,
    Fate.PURGED,
    Fate.UNACCEPTABLE,
    Fate.UNREADABLE,
    Fate.UNKNOWN,
)
_OVER = frozenset({Fate.STORED, Fate.BELIEVED, Fate.DISCARDED, Fate.PURGED})


class Listing(NamedTuple):
    """What is in quarantine, the one seen last first."""

    answers: list[Quarantined]
    is_complete: bool = True  # False: the store, or a process, did not say what it has


class Processes(Protocol):
    """The quarantines of the processes of one machine."""

    async def listed(self) -> Listing:
        """All that they hold."""

    async def accept(self, change: str) -> Decided:
        """It is right: store it, where that may still be."""

    async def discard(self, change: str) -> Decided:
        """It is wrong: let go of it."""


class OwnWard:
    """That of a single process."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    async def listed(self) -> Listing:
        """All that it holds."""
        return Listing(self._quarantine.listed())

    async def accept(self, change: str) -> Decided:
        """It is right: store it, where that may still be."""
        return await self._quarantine.accept(change)

    async def discard(self, change: str) -> Decided:
        """It is wrong: let go of it."""
        return await self._quarantine.discard(change)


class Ward:
    """The quarantine of a Larder. Of several operators who decide on the same at the same time, one does."""

    def __init__(
        self,
        processes: Processes,
        stored: StoredDoubts,
        upstreams: Callable[[], Collection[str]],
        on_error: Callable[[str, StoreError], None],
    ) -> None:
        """`upstreams`: the names of those there are now. `on_error` hears what the store could not do."""
        self._processes = processes
        self._stored = stored
        self._upstreams = upstreams
        self._on_error = on_error

    async def listed(self) -> Listing:
        """All that wait."""
        here = await self._processes.listed()
        try:
            known = await self._stored.listed(self._upstreams())
            there = {one.id: one for each in known if (one := each.quarantined) is not None}
            decided = await self._stored.decided(one.id for one in here.answers if one.id not in there)
        except StoreError as error:
            self._on_error("quarantine", error)
            return Listing(here.answers, is_complete=False)
        return Listing(_newest_first(_beside(there, here.answers, decided)), here.is_complete)

    async def accept(self, held: Quarantined) -> Decided:
        """It is right: store it, where that may still be."""
        return await self._decide(held, self._processes.accept)

    async def discard(self, held: Quarantined) -> Decided:
        """It is wrong: let go of it."""
        return await self._decide(held, self._processes.discard)

    async def _decide(self, held: Quarantined, word: Callable[[str], Awaitable[Decided]]) -> Decided:
        try:
            if not await self._stored.claim(held.id):
                return Decided(Fate.TAKEN)
        except StoreError as error:
            self._on_error("quarantine", error)
            return Decided(Fate.UNREADABLE)
        try:
            decided = await word(held.id)
            return await self._ended(held, decided) if decided.fate in _OVER else decided
        finally:
            await self._let_go(held.id)

    async def _ended(self, held: Quarantined, decided: Decided) -> Decided:
        try:
            # a process may have met it again since it was listed
            self._stored.end(msgspec.structs.replace(held, order=max(held.order, decided.order)))
            await self._stored.written()
        except StoreError as error:
            self._on_error("quarantine", error)
            return decided._replace(recorded=False)
        return decided

    async def _let_go(self, change: str) -> None:
        try:
            await self._stored.let_go(change)
        except StoreError as error:
            self._on_error("quarantine", error)


def merged(told: Iterable[Quarantined]) -> list[Quarantined]:
    """What several processes hold, each change once: of the one that saw it last, with what all saw."""
    by_id: dict[str, Quarantined] = {}
    for one in told:
        other = by_id.get(one.id)
        by_id[one.id] = one if other is None else _together(one, other)
    return _newest_first(by_id.values())


def best(fates: Iterable[Fate]) -> Fate:
    """What is told of several fates."""
    return min(fates, key=_BEST.index, default=Fate.UNKNOWN)


def _beside(
    there: dict[str, Quarantined], here: Iterable[Quarantined], decided: dict[str, tuple[int, int]]
) -> list[Quarantined]:
    """What the store has and what processes hold, each change once: the store has counted what these saw, too, but for
    what is on its way there; what they saw before it was decided on they may hold still.
    """
    told = dict(there)
    for one in here:
        known = there.get(one.id)
        if known is not None and known.order < one.order:
            told[one.id] = msgspec.structs.replace(one, first_seen=known.first_seen, seen=known.seen + 1)
        elif known is None and (one.id not in decided or decided[one.id] < one.order):
            told[one.id] = one
    return list(told.values())


def _newest_first(told: Iterable[Quarantined]) -> list[Quarantined]:
    return sorted(told, key=lambda one: one.last_seen, reverse=True)


def _together(one: Quarantined, other: Quarantined) -> Quarantined:
    return msgspec.structs.replace(
        max(one, other, key=lambda each: each.last_seen),
        seen=one.seen + other.seen,
        first_seen=min(one.first_seen, other.first_seen),
        acceptable=one.acceptable or other.acceptable,
        order=max(one.order, other.order),
    )
