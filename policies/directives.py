"""What a caller asks of the cache in its own Cache-Control: it can only tighten (RFC 9111 §5.2.1, DESIGN.md §4)."""

from typing import NamedTuple

from policies.freshness import Freshness, ShelfLife
from policies.storable import delta_seconds, parse_cache_control


class CallerDirectives(NamedTuple):
    """The request directives that matter, in seconds where they carry a time."""

    no_cache: bool = False  # a live read: nothing stored will do
    no_store: bool = False  # neither look up nor store
    only_if_cached: bool = False
    max_age: float | None = None
    min_fresh: float | None = None
    max_stale: float | None = None

    def tighten(self, freshness: Freshness, life: ShelfLife, age: float, now: float) -> Freshness:
        """What is left of an entry's rights for this caller; never more than before."""
        if freshness is Freshness.GONE or self.no_cache:
            return Freshness.GONE
        if self.max_age is not None and age > self.max_age:
            return Freshness.FALLBACK
        if self.min_fresh is not None and life.fresh_until - now < self.min_fresh:
            return Freshness.FALLBACK
        if freshness is Freshness.STALE and self.max_stale is not None and now - life.fresh_until > self.max_stale:
            return Freshness.FALLBACK
        return freshness


NO_DIRECTIVES = CallerDirectives()
LIVE = CallerDirectives(no_cache=True)


def caller_directives(cache_control: str | None, pragma: str | None = None) -> CallerDirectives:
    """Read a request's Cache-Control; Pragma counts only where that is missing (RFC 9111 §5.4)."""
    if cache_control is None:
        return LIVE if pragma is not None and "no-cache" in pragma.lower() else NO_DIRECTIVES
    directives = parse_cache_control(cache_control)
    return CallerDirectives(
        no_cache="no-cache" in directives,
        no_store="no-store" in directives,
        only_if_cached="only-if-cached" in directives,
        max_age=_seconds(directives.get("max-age"), "max-age" in directives),
        min_fresh=_seconds(directives.get("min-fresh"), "min-fresh" in directives),
        max_stale=delta_seconds(directives.get("max-stale")),
    )


def _seconds(text: str | None, present: bool) -> float | None:  # noqa: FBT001 - a private reader of one pair
    """An unreadable limit is the tightest one."""
    return (delta_seconds(text) or 0.0) if present else None
