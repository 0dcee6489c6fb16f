"""Freshness: what may still be done with a stored answer as it ages.

stored ── ttl ──▶ FRESH ends ── stale_while_revalidate ──▶ STALE ends
             │               ├─ stale_if_error ───────────▶ FALLBACK ends
             │               └─ stale_if_disconnected ────▶ KEPT ends, GONE
             └ refresh_after: still fresh, but a read from here on refreshes behind

keep_at_most is a hard end that nothing extends. RFC 9111 §4.2, RFC 5861.
"""

from collections.abc import Callable
from dataclasses import replace
from enum import Enum, StrEnum
from math import inf
from typing import Self

import msgspec
from pydantic.dataclasses import dataclass

from policies.declaring import DAY, SECOND, STRICT, Duration

JITTER = 0.1  # the share of a lifetime that jitter may take away, never add
SETTLED_TTL = 5 * SECOND  # how long a fill lives while the upstream's replicas may still lag


class Freshness(Enum):
    """What an entry may be used for; from best to worst, so that ageing only ever moves down the list."""

    FRESH = 0  # serve it
    STALE = 1  # serve it, and refresh it behind
    FALLBACK = 2  # serve it only if the upstream fails
    KEPT = 3  # validate it; serve it only if the upstream cannot be reached at all (RFC 9111 §4.2.4)
    GONE = 4  # forget it


class Partition(StrEnum):
    """The part of the cache an answer is kept in (DESIGN.md §4)."""

    AUTO = "auto"  # as the credential says: the table of DESIGN.md §4
    PRINCIPAL = "principal"  # one for each upstream credential
    CALLER = "caller"  # one for each internal service
    SHARED = "shared"  # one for all
    NONE = "none"  # never stored


class RefreshBehind(StrEnum):
    """Whether an upstream may be asked without a caller waiting for that answer (Google's terms 3.2.3 forbid it)."""

    ALLOWED = "allowed"
    FORBIDDEN = "forbidden"


class ShelfLife(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """The instants (seconds since the epoch) at which an entry loses its rights. Kept with the entry, and by a million
    entries: so it is smaller than a tuple.
    """

    refresh_at: float
    fresh_until: float
    stale_until: float
    fallback_until: float
    kept_until: float = 0.0  # no longer than `fallback_until`, where it is earlier

    @property
    def gone_at(self) -> float:
        """From here on the entry is of no use at all."""
        return max(self.fallback_until, self.kept_until)

    def at(self, now: float) -> Freshness:
        """What may be done with the entry now."""
        if now < self.fresh_until:
            return Freshness.FRESH
        if now < self.stale_until:
            return Freshness.STALE
        if now < self.fallback_until:
            return Freshness.FALLBACK
        return Freshness.KEPT if now < self.kept_until else Freshness.GONE

    def wants_refresh(self, now: float) -> bool:
        """Whether a read now should refresh the entry behind."""
        return self.refresh_at <= now < self.stale_until

    def no_longer_than(self, other: Self) -> "ShelfLife":
        """Each right ends at the earlier of the two instants."""
        return self._each(min, other)

    def no_shorter_than(self, other: Self) -> "ShelfLife":
        """Each right ends at the later of the two instants."""
        return self._each(max, other)

    def _each(self, chosen: Callable[[float, float], float], other: Self) -> "ShelfLife":
        pairs = zip(msgspec.structs.astuple(self), msgspec.structs.astuple(other), strict=True)
        return ShelfLife(*(chosen(mine, theirs) for mine, theirs in pairs))


UNLIMITED = ShelfLife(inf, inf, inf, inf, inf)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CachePolicy:
    """How long the answers of an endpoint keep their rights. All lifetimes in seconds."""

    ttl: Duration
    refresh_after: Duration | None = None
    stale_while_revalidate: Duration = 0
    stale_if_error: Duration = 0
    stale_if_disconnected: Duration = 0  # for failures without any answer, and for validating
    negative_ttl: Duration = 30
    keep_at_most: Duration = 90 * DAY
    settle: Duration = 30
    partition: Partition = Partition.AUTO
    refresh_behind: RefreshBehind = RefreshBehind.ALLOWED

    def shelf_life(self, stored_at: float, jitter: float = 0) -> ShelfLife:
        """The rights of an answer stored at `stored_at`; `jitter` from 0 to 1 shortens its lifetime by up to 10 %."""
        may_refresh_behind = self.refresh_behind is RefreshBehind.ALLOWED
        end = stored_at + self.keep_at_most
        fresh_until = stored_at + self.ttl * (1 - JITTER * jitter)
        stale_until = fresh_until + (self.stale_while_revalidate if may_refresh_behind else 0)
        fallback_until = max(stale_until, fresh_until + self.stale_if_error)
        refresh_at = fresh_until
        if self.refresh_after is not None:
            refresh_at = min(refresh_at, stored_at + self.refresh_after * (1 - JITTER * jitter))
        return ShelfLife(
            min(refresh_at, end) if may_refresh_behind else inf,
            min(fresh_until, end),
            min(stale_until, end),
            min(fallback_until, end),
            min(fresh_until + self.stale_if_disconnected, end) if self.stale_if_disconnected else 0.0,
        )

    def negative(self) -> "CachePolicy":
        """For 404 and 410: an answer, but one that may change any minute, and never a fallback."""
        return replace(
            self,
            ttl=self.negative_ttl,
            refresh_after=None,
            stale_while_revalidate=0,
            stale_if_error=0,
            stale_if_disconnected=0,
        )

    def ending_after(self, seconds: float) -> "CachePolicy":
        """The same, kept no longer than so many seconds: a provider's terms for what an answer holds."""
        return self if self.keep_at_most <= seconds else replace(self, keep_at_most=seconds)

    def settling(self) -> "CachePolicy":
        """For fills just after a change: the upstream's replicas may lag, so the next read but few asks again."""
        ttl = min(self.ttl, SETTLED_TTL)
        return replace(self, ttl=ttl, refresh_after=None, stale_while_revalidate=0)
