"""Sightings: answers that were refused, as the quarantine holds them and as operators see them."""

from enum import Enum
from typing import NamedTuple

import msgspec

from policies import DAY, MIB
from proxy.messages import Entry

MOST = 256  # answers
MOST_BYTES = 16 * MIB  # of their bodies
LONGEST = DAY  # seconds


class Sighting(NamedTuple):
    """An answer that was refused."""

    id: str  # of the change: the same one again has the same
    key: bytes
    upstream: str
    endpoint: str
    partition: str
    reason: str
    at: float  # seconds since the epoch
    keep: float  # seconds that anything of it may be kept
    apart: float = 0.0  # seconds within which several count as one
    rows: tuple[int | None, int | None] = (None, None)  # before and after
    sizes: tuple[int | None, int] = (None, 0)  # bytes, before and after
    entry: Entry | None = None  # as it would be stored; None: it cannot be
    tags: tuple[str, ...] = ()  # what a purge for good has to name to reach it
    base: tuple[int, int] = (0, 0)  # the order of the stored answer that it was compared with
    fetch: tuple[int, int] = (0, 0)  # the fence and the sequence of its own fetch
    may_be_kept: bool = True  # whether its endpoint keeps anything, for who asked

    @property
    def order(self) -> tuple[int, int]:
        """Its place among the sightings of its change, and among the fills of its key."""
        return self.entry.order if self.entry is not None else self.fetch

    @property
    def ends(self) -> float:
        """From here on nothing of it may be kept any more, in seconds since the epoch."""
        made_at = self.entry.stored_at if self.entry is not None else self.at
        return min(self.at + LONGEST, min(made_at, self.at) + self.keep)


class Quarantined(msgspec.Struct, frozen=True):
    """What an operator may see of one: no body, path, query or id of anybody."""

    id: str
    upstream: str
    endpoint: str
    partition: str
    reason: str
    acceptable: bool
    first_seen: float  # seconds since the epoch
    last_seen: float
    seen: int
    rows_before: int | None
    rows_after: int | None
    bytes_before: int | None
    bytes_after: int
    order: tuple[int, int] = (0, 0)  # of the last sighting

    @classmethod
    def of(cls, last: Sighting, first_seen: float, seen: int) -> "Quarantined":
        """What is told of a change that was seen so often."""
        return cls(
            id=last.id,
            upstream=last.upstream,
            endpoint=last.endpoint,
            partition=last.partition,
            reason=last.reason,
            acceptable=last.entry is not None,
            first_seen=first_seen,
            last_seen=last.at,
            seen=seen,
            rows_before=last.rows[0],
            rows_after=last.rows[1],
            bytes_before=last.sizes[0],
            bytes_after=last.sizes[1],
            order=last.order,
        )


class Fate(Enum):
    """What became of an operator's word."""

    STORED = "stored"  # it is kept as the answer now
    BELIEVED = "believed"  # too old to be kept; the next one that is the same will be
    UNACCEPTABLE = "unacceptable"  # it does not parse, or may not be kept: nothing could be served
    NEWER = "newer"  # a later answer lies in its place
    PURGED = "purged"  # it was purged since it came
    DISCARDED = "discarded"
    TAKEN = "taken"  # somebody else is deciding on it at this moment
    UNREADABLE = "unreadable"  # the store could not say what is there: nothing was decided
    UNKNOWN = "unknown"  # there is none of that id


class Decided(NamedTuple):
    """What became of an operator's word, and how far it came."""

    fate: Fate
    everywhere: bool = True  # False: a process did not say in time that it heard
    recorded: bool = True  # False: the store did not take it, so a restart, or another machine, may not know of it
    order: tuple[int, int] = (0, 0)  # of the last sighting, where it is over: it may be later than what was listed
