"""Shelf life: where each right of a stored answer ends."""

from math import inf

import pytest
from msgspec.structs import astuple

from policies import DAY, UNLIMITED, CachePolicy, Freshness, RefreshBehind, ShelfLife
from policies.freshness import SETTLED_TTL

FULL = CachePolicy(ttl=100, refresh_after=40, stale_while_revalidate=50, stale_if_error=200)


@pytest.mark.parametrize(
    ("age", "right"),
    [
        (0, Freshness.FRESH),
        (99.9, Freshness.FRESH),
        (100, Freshness.STALE),
        (149.9, Freshness.STALE),
        (150, Freshness.FALLBACK),
        (299.9, Freshness.FALLBACK),
        (300, Freshness.GONE),
    ],
)
def test_an_answer_loses_one_right_after_the_other(age, right):
    assert FULL.shelf_life(1_000).at(1_000 + age) is right


@pytest.mark.parametrize(("age", "wanted"), [(39.9, False), (40, True), (149.9, True), (150, False)])
def test_a_read_refreshes_behind_from_refresh_after_until_stale_ends(age, wanted):
    assert FULL.shelf_life(1_000).wants_refresh(1_000 + age) is wanted


def test_both_stale_windows_are_measured_from_the_end_of_freshness():
    life = CachePolicy(ttl=10, stale_while_revalidate=30, stale_if_error=20).shelf_life(0)

    assert (life.fresh_until, life.stale_until, life.fallback_until) == (10, 40, 40)


@pytest.mark.parametrize(("jitter", "fresh_until"), [(0, 100), (0.5, 95), (1, 90)])
def test_jitter_takes_away_up_to_a_tenth(jitter, fresh_until):
    assert CachePolicy(ttl=100).shelf_life(0, jitter).fresh_until == pytest.approx(fresh_until)


def test_jitter_moves_the_refresh_too():
    assert FULL.shelf_life(0, 1).refresh_at == pytest.approx(36)


def test_keep_at_most_ends_every_right():
    life = CachePolicy(
        ttl=100, refresh_after=90, stale_while_revalidate=9, stale_if_error=9, keep_at_most=60
    ).shelf_life(1_000)

    assert life == ShelfLife(1_060, 1_060, 1_060, 1_060)


def test_refresh_after_beyond_the_ttl_means_the_ttl():
    assert CachePolicy(ttl=10, refresh_after=60).shelf_life(0).refresh_at == 10


def test_where_refreshing_behind_is_forbidden_nothing_is_stale_and_nothing_asks_for_it():
    forbidden = CachePolicy(
        ttl=10,
        refresh_after=5,
        stale_while_revalidate=30,
        stale_if_error=20,
        refresh_behind=RefreshBehind.FORBIDDEN,
    )
    life = forbidden.shelf_life(0)

    assert life == ShelfLife(inf, 10, 10, 30)
    assert not any(life.wants_refresh(now) for now in (0, 5, 10, 29, 1e12))


def test_an_answer_that_something_is_missing_is_short_and_never_a_fallback():
    life = FULL.negative().shelf_life(0)

    assert life == ShelfLife(30, 30, 30, 30)


def test_a_missing_answer_is_not_kept_beyond_keep_at_most_either():
    assert CachePolicy(ttl=1, negative_ttl=30, keep_at_most=3).negative().shelf_life(0).fallback_until == 3


def test_a_fill_that_settles_is_fresh_for_seconds_but_may_still_cover_a_failure():
    life = FULL.settling().shelf_life(0)

    assert (life.fresh_until, life.stale_until, life.fallback_until) == (SETTLED_TTL, SETTLED_TTL, SETTLED_TTL + 200)


def test_settling_never_lengthens():
    assert CachePolicy(ttl=2).settling().shelf_life(0).fresh_until == 2


@pytest.mark.parametrize("other", [UNLIMITED, ShelfLife(1, 2, 3, 4), ShelfLife(50, 50, 50, 50)])
def test_of_two_lives_each_right_ends_at_the_earlier_instant_or_at_the_later(other):
    life = FULL.shelf_life(0)

    assert astuple(life.no_longer_than(other)) == tuple(map(min, astuple(life), astuple(other)))
    assert astuple(life.no_shorter_than(other)) == tuple(map(max, astuple(life), astuple(other)))


def test_nothing_is_kept_for_longer_than_ninety_days_unless_said():
    assert CachePolicy(ttl=1000 * DAY).shelf_life(0).fallback_until == 90 * DAY
