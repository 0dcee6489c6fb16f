"""What a caller asks of the cache in its own Cache-Control (RFC 9111 §5.2.1, DESIGN.md §4).

It can tighten. What it allows beyond the stored answer's own rights (`max-stale`, `stale-if-error`) holds only where
neither the policy nor the upstream forbids it: the answers of declared caches keep to their windows.
"""

from math import inf
from typing import NamedTuple

from policies.freshness import Freshness, ShelfLife
from policies.http.cache_control import Directives, delta_seconds, parse_cache_control


class CallerDirectives(NamedTuple):
    """The request directives that matter, in seconds where they carry a time."""

    no_cache: bool = False  # a live read: nothing stored will do
    no_store: bool = False  # neither look up nor store
    only_if_cached: bool = False
    max_age: float | None = None
    min_fresh: float | None = None
    max_stale: float | None = None
    stale_if_error: float | None = None

    @property
    def is_live(self) -> bool:
        """Whether the caller wants what the upstream says from now on."""
        return self.no_cache or self.max_age == 0

    def tighten(
        self, freshness: Freshness, life: ShelfLife, age: float, now: float, *, may_be_stale: bool = False
    ) -> Freshness:
        """What is left of an entry's rights for this caller.

        Never more than before, unless `may_be_stale` says that nothing but the caller's wish decides on stale use.
        """
        if freshness is Freshness.GONE or self.no_cache:
            return Freshness.GONE
        staleness = now - life.fresh_until
        if may_be_stale:
            freshness = self._allowed(freshness, staleness)
        usable = freshness.value <= Freshness.STALE.value
        if usable and self._is_too_old(life, age, now):
            return max(freshness, Freshness.FALLBACK, key=lambda one: one.value)
        if freshness is Freshness.STALE and not self._takes_stale(staleness):
            return Freshness.FALLBACK
        return freshness

    def _takes_stale(self, staleness: float) -> bool:
        """§5.2.1.1: who names a `max-age` takes nothing stale, unless `max-stale` says so too."""
        if self.max_stale is not None:
            return staleness <= self.max_stale
        return self.max_age is None

    def _allowed(self, freshness: Freshness, staleness: float) -> Freshness:
        """What the caller itself allows of an answer that lost its freshness."""
        if freshness.value <= Freshness.STALE.value:
            return freshness
        if self.max_stale is not None and staleness <= self.max_stale:
            return Freshness.STALE
        if self.stale_if_error is not None and staleness <= self.stale_if_error:
            return Freshness.FALLBACK
        return freshness

    def _is_too_old(self, life: ShelfLife, age: float, now: float) -> bool:
        """§5.2.1.1: with `max-stale` beside it, `max-age` may be exceeded by as much."""
        if self.max_age is not None and age > self.max_age + (self.max_stale or 0.0):
            return True
        return self.min_fresh is not None and life.fresh_until - now < self.min_fresh


NO_DIRECTIVES = CallerDirectives()
LIVE = CallerDirectives(no_cache=True)


def caller_directives(cache_control: str | None, pragma: str | None = None) -> CallerDirectives:
    """Read a request's Cache-Control; Pragma counts only where that is missing (RFC 9111 §5.4)."""
    if cache_control is None:
        return LIVE if pragma is not None and _says_no_cache(pragma) else NO_DIRECTIVES
    directives = parse_cache_control(cache_control)
    return CallerDirectives(
        no_cache="no-cache" in directives,
        no_store="no-store" in directives,
        only_if_cached="only-if-cached" in directives,
        max_age=_limit(directives, "max-age", unreadable=0.0),
        min_fresh=_limit(directives, "min-fresh", unreadable=inf),
        max_stale=_limit(directives, "max-stale", unreadable=0.0, alone=inf),
        stale_if_error=_limit(directives, "stale-if-error", unreadable=0.0),
    )


def _says_no_cache(pragma: str) -> bool:
    return any(member.strip().lower() == "no-cache" for member in pragma.split(","))


def _limit(directives: Directives, name: str, *, unreadable: float, alone: float | None = None) -> float | None:
    """A limit in seconds; an unreadable one is the tightest there is."""
    if name not in directives:
        return None
    argument = directives[name]
    if argument is None and alone is not None:
        return alone
    seconds = delta_seconds(argument)
    return unreadable if seconds is None else seconds
