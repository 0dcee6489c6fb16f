"""Wards: the quarantine as operators work it, of this process or of all that serve."""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

import msgspec

from proxy.doubts.quarantine import Fate, Quarantine, Quarantined

# What is told where processes differ: the best that happened in any of them.
_BEST = (Fate.STORED, Fate.DISCARDED, Fate.BELIEVED, Fate.NEWER, Fate.PURGED, Fate.UNACCEPTABLE, Fate.UNKNOWN)


class Decided(NamedTuple):
    """What became of an operator's word."""

    fate: Fate
    everywhere: bool = True  # False: a process did not say in time that it heard


class Ward(Protocol):
    """The quarantine of a Larder."""

    async def listed(self) -> list[Quarantined]:
        """All there are, the one seen last first."""

    async def accept(self, change: str) -> Decided:
        """It is right: store it, where that may still be."""

    async def discard(self, change: str) -> Decided:
        """It is wrong: let go of it."""


class OwnWard:
    """That of a single process."""

    def __init__(self, quarantine: Quarantine) -> None:
        self._quarantine = quarantine

    async def listed(self) -> list[Quarantined]:
        """All there are, the one seen last first."""
        return self._quarantine.listed()

    async def accept(self, change: str) -> Decided:
        """It is right: store it, where that may still be."""
        return Decided(await self._quarantine.accept(change))

    async def discard(self, change: str) -> Decided:
        """It is wrong: let go of it."""
        return Decided(await self._quarantine.discard(change))


def merged(told: Iterable[Quarantined]) -> list[Quarantined]:
    """What several processes hold, each change once: of the one that saw it last, with what all saw."""
    by_id: dict[str, Quarantined] = {}
    for one in told:
        other = by_id.get(one.id)
        by_id[one.id] = one if other is None else _together(one, other)
    return sorted(by_id.values(), key=lambda one: one.last_seen, reverse=True)


def best(fates: Iterable[Fate]) -> Fate:
    """What is told of several fates."""
    return min(fates, key=_BEST.index, default=Fate.UNKNOWN)


def _together(one: Quarantined, other: Quarantined) -> Quarantined:
    last = max(one, other, key=lambda seen: seen.last_seen)
    return msgspec.structs.replace(
        last,
        seen=one.seen + other.seen,
        first_seen=min(one.first_seen, other.first_seen),
        acceptable=one.acceptable or other.acceptable,
    )
