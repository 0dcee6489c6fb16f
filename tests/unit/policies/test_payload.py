"""What may take the place of a stored answer, and what is doubted first."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from policies import Doubt, Holding, PayloadPolicy
from policies.payload import doubted, is_earlier

POLICY = PayloadPolicy()
INSTANTS = st.integers(10**9, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC).isoformat())


def rows(count, said=None, first=0):
    return Holding(rows=count, versions={str(first + one): said for one in range(count)})


def one(number, said=None, asked=()):
    return Holding(versions={str(number): said}, asked=asked)


def doubt(before, after, policy=POLICY):
    found = doubted(before, after, policy)
    return found and found.doubt


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (10, 5, None),
        (10, 4, Doubt.SHRANK),
        (5, 3, None),
        (5, 2, Doubt.SHRANK),
        (4, 1, None),
        (4, 0, Doubt.SHRANK),
        (2, 0, Doubt.SHRANK),
        (1, 0, None),
        (100, 0, Doubt.SHRANK),
        (100, 1000, None),
    ],
)
def test_a_collection_may_lose_half_of_its_rows_and_a_small_one_all_but_one(before, after, expected):
    assert doubt(rows(before), rows(after)) is expected


def test_rows_may_be_others_where_there_are_as_many():
    assert doubt(rows(10), rows(10, first=50)) is None


def test_nothing_stored_leaves_nothing_to_lose():
    assert doubt(None, rows(0)) is None


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (one(1), one(1), None),
        (one(1), one(2), Doubt.OTHER_ID),
        (None, one(2, asked=("1",)), Doubt.OTHER_ID),
        (None, one(2, asked=("2", "10000000000002")), None),
        (None, one(2), None),
        (Holding(), one(2), None),
        (one(1), Holding(), None),
        (rows(9), one(1), None),
    ],
)
def test_an_object_keeps_its_id(before, after, expected):
    assert doubt(before, after) is expected


@pytest.mark.parametrize("make", [one, rows])
def test_nothing_gets_older(make):
    newer, older = make(7, "2026-08-20T10:00:00Z"), make(7, "2026-08-20T11:59:59+02:00")

    assert doubt(newer, older) is Doubt.OLDER
    assert doubt(older, newer) is None
    assert doubt(newer, newer) is None
    assert doubt(newer, older, PayloadPolicy(newer=False)) is None


@pytest.mark.parametrize("odd", [None, "", "yesterday", "2026-13-01T00:00:00Z"])
def test_an_instant_that_is_none_says_nothing(odd):
    assert not is_earlier(odd, "2026-08-20T10:00:00Z")
    assert not is_earlier("2026-08-20T10:00:00Z", odd)


def test_an_instant_without_a_zone_is_utc():
    assert is_earlier("2026-08-20T10:00:00", "2026-08-20T10:00:01Z")


@given(INSTANTS, INSTANTS)
def test_of_two_instants_at_most_one_is_earlier(one_instant, other):
    assert not (is_earlier(one_instant, other) and is_earlier(other, one_instant))
    assert is_earlier(one_instant, other) == (datetime.fromisoformat(one_instant) < datetime.fromisoformat(other))


@given(st.integers(0, 300), st.integers(0, 300), st.floats(0, 1), st.integers(1, 50))
def test_a_collection_is_doubted_exactly_when_it_is_large_enough_and_lost_too_much(before, after, share, floor):
    policy = PayloadPolicy(shrink=share, floor=floor)

    is_looked_at = before >= floor or (before >= 2 and after == 0)
    expected = is_looked_at and before - after > before * share

    assert (doubt(rows(before), rows(after), policy) is Doubt.SHRANK) == expected


@given(st.integers(0, 300), INSTANTS)
def test_an_answer_never_speaks_against_itself(count, said):
    assert doubt(rows(count, said), rows(count, said)) is None
    assert doubt(one(count, said), one(count, said)) is None


def test_the_same_change_has_the_same_parts_whatever_the_order_of_its_rows():
    told = [Holding(rows=2, versions=dict.fromkeys(ids)) for ids in (("1", "2"), ("2", "1"))]

    assert doubted(rows(10), told[0], POLICY) == doubted(rows(10), told[1], POLICY)
    assert doubted(rows(10), told[0], POLICY) != doubted(rows(10), rows(1), POLICY)


@pytest.mark.parametrize("wrong", [{"shrink": "150%"}, {"floor": 0}, {"repeats": -1}, {"apart": "soon"}, {"shrnk": 1}])
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        PayloadPolicy(**wrong)


def test_seconds_and_shares_are_written_as_everywhere():
    policy = PayloadPolicy(shrink="80%", apart="1m")

    assert (policy.shrink, timedelta(seconds=policy.apart)) == (0.8, timedelta(minutes=1))
