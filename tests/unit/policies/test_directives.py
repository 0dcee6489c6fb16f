"""What a caller's Cache-Control asks: it can only tighten (RFC 9111 §5.2.1)."""

from math import inf

import pytest

from policies import Freshness, ShelfLife
from policies.directives import LIVE, NO_DIRECTIVES, CallerDirectives, caller_directives

# Stored at 0; fresh until 100, stale until 200, a fallback until 300.
LIFE = ShelfLife(100, 100, 200, 300)


@pytest.mark.parametrize(
    ("cache_control", "pragma", "read"),
    [
        (None, None, NO_DIRECTIVES),
        (None, "no-cache", LIVE),
        (None, "No-Cache", LIVE),
        (None, "something", NO_DIRECTIVES),
        ("max-age=5", "no-cache", CallerDirectives(max_age=5)),  # Pragma only where Cache-Control is missing (§5.4)
        ("", "no-cache", NO_DIRECTIVES),
        ("no-cache", None, LIVE),
        ("NO-CACHE", None, LIVE),
        ("no-store", None, CallerDirectives(no_store=True)),
        ("only-if-cached", None, CallerDirectives(only_if_cached=True)),
        ("max-age=0", None, CallerDirectives(max_age=0)),
        ('max-age="7"', None, CallerDirectives(max_age=7)),
        ("max-age=soon", None, CallerDirectives(max_age=0)),
        ("max-age", None, CallerDirectives(max_age=0)),
        ("min-fresh=9", None, CallerDirectives(min_fresh=9)),
        ("max-stale=9", None, CallerDirectives(max_stale=9)),
        ("max-stale", None, CallerDirectives(max_stale=inf)),  # any staleness the policy allows
        ("max-stale=soon", None, CallerDirectives(max_stale=0)),
        ("min-fresh=soon", None, CallerDirectives(min_fresh=inf)),
        ("stale-if-error=9", None, CallerDirectives(stale_if_error=9)),
        ("max-age=5, max-age=500", None, CallerDirectives(max_age=0)),  # which one is meant, nobody knows
        (None, "no-cache-please", NO_DIRECTIVES),
        ("no-cache, max-age=3 , min-fresh=4", None, CallerDirectives(no_cache=True, max_age=3, min_fresh=4)),
        ("what-is-this=1", None, NO_DIRECTIVES),
        ("max-age=5, \x00", None, CallerDirectives(no_store=True, max_age=5)),  # unreadable counts as no-store
    ],
)
def test_request_directives_are_read(cache_control, pragma, read):
    assert caller_directives(cache_control, pragma) == read


@pytest.mark.parametrize(
    ("asked", "now", "left"),
    [
        ("", 50, Freshness.FRESH),
        ("no-cache", 50, Freshness.GONE),
        ("max-age=50", 50, Freshness.FRESH),
        ("max-age=49", 50, Freshness.FALLBACK),
        ("max-age=1000", 150, Freshness.FALLBACK),
        ("max-age=1000, max-stale", 150, Freshness.STALE),
        ("min-fresh=50", 50, Freshness.FRESH),
        ("min-fresh=51", 50, Freshness.FALLBACK),
        ("min-fresh=0", 150, Freshness.FALLBACK),
        ("max-stale=50", 150, Freshness.STALE),
        ("max-stale=49", 150, Freshness.FALLBACK),
        ("max-stale", 150, Freshness.STALE),
        ("max-stale=1000", 250, Freshness.FALLBACK),
        ("max-stale=1000", 350, Freshness.GONE),
        ("max-age=0", 350, Freshness.GONE),
    ],
)
def test_what_a_caller_asks_takes_rights_from_an_entry_and_gives_none(asked, now, left):
    assert caller_directives(asked).tighten(LIFE.at(now), LIFE, age=now, now=now) is left


# As above, and kept for validating until 400.
KEPT = ShelfLife(100, 100, 200, 300, 400)


@pytest.mark.parametrize(
    ("asked", "now", "left"),
    [
        ("max-stale=1000", 250, Freshness.STALE),
        ("max-stale", 350, Freshness.STALE),
        ("max-stale=100", 350, Freshness.KEPT),
        ("max-stale", 450, Freshness.GONE),
        ("max-stale, no-cache", 250, Freshness.GONE),
        ("max-age=0, max-stale=300", 250, Freshness.STALE),
        ("max-age=0, max-stale=300", 350, Freshness.FALLBACK),
        ("max-stale, min-fresh=1", 150, Freshness.FALLBACK),
        ("stale-if-error=300", 350, Freshness.FALLBACK),
        ("stale-if-error=100", 350, Freshness.KEPT),
        ("stale-if-error=0", 250, Freshness.FALLBACK),
    ],
)
def test_where_nothing_else_decides_on_stale_use_the_caller_does(asked, now, left):
    assert caller_directives(asked).tighten(KEPT.at(now), KEPT, age=now, now=now, may_be_stale=True) is left
