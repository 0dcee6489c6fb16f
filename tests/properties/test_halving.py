"""Whatever is wrong with a call for many: the others are answered, and few calls find out which are to blame."""

import asyncio
from math import ceil, log2

from hypothesis import given
from hypothesis import strategies as st

from proxy.batches.halving import MOST_CULPRITS, Told, halved

SIZES = st.integers(1, 100)


def asked(size, culprits, fails=frozenset()):
    """What everybody is told, and what was asked after the first call. A group that holds one of `fails` fails."""
    calls: list[list[int]] = []

    def said(group):
        if not fails.isdisjoint(group):
            return "failed"
        return "answered" if culprits.isdisjoint(group) else "refused"

    async def ask(group):
        calls.append(list(group))
        return said(group)

    async def all_told() -> list[Told[int, str]]:
        every = range(size)
        return [told async for told in halved(every, said(every), ask, lambda what: what == "refused")]

    return asyncio.run(all_told()), calls


@given(data=st.data(), size=SIZES)
def test_of_any_few_that_are_wrong_all_others_are_answered_and_each_is_told_alone(data, size):
    culprits = data.draw(st.frozensets(st.integers(0, size - 1), max_size=MOST_CULPRITS))
    told, calls = asked(size, culprits)

    assert sorted(one for group, *_ in told for one in group) == list(range(size)), "each is told once"
    assert {one for group, what, _ in told if what == "answered" for one in group} == set(range(size)) - culprits
    assert all(len(group) == 1 for group, what, _ in told if what == "refused" and size > 1)
    assert not any(one.is_given_up for one in told)
    assert len(calls) <= 2 * ceil(log2(size)) * len(culprits)


@given(data=st.data(), size=SIZES)
def test_of_any_number_that_are_wrong_nobody_right_is_told_alone_that_it_is_not_and_the_calls_are_bounded(data, size):
    culprits = data.draw(st.frozensets(st.integers(0, size - 1)))
    told, calls = asked(size, culprits)

    assert sorted(one for group, *_ in told for one in group) == list(range(size))
    for group, what, is_given_up in told:
        assert (what == "refused") is not culprits.isdisjoint(group)
        assert is_given_up is (what == "refused" and len(group) > 1)
    assert len(calls) <= 2 * ceil(log2(size)) * min(len(culprits), MOST_CULPRITS)


@given(size=st.integers(20, 100))
def test_where_all_are_wrong_three_rounds_tell(size):
    told, calls = asked(size, frozenset(range(size)))

    assert len(calls) == 14
    assert sum(one.is_given_up for one in told) == 8


@given(data=st.data(), size=SIZES)
def test_what_fails_for_another_reason_is_never_asked_again(data, size):
    one = st.frozensets(st.integers(0, size - 1), max_size=3)
    culprits, fails = data.draw(one), data.draw(one)
    told, calls = asked(size, culprits, fails)

    asked_with = [group for group in calls if not fails.isdisjoint(group)]
    assert not [(group, other) for group in asked_with for other in calls if set(other) < set(group)], (
        "a group that failed is not halved"
    )
    assert sorted(one for group, *_ in told for one in group) == list(range(size))


def test_what_was_only_too_large_together_is_answered_in_parts():
    async def told():
        async def ask(group):
            return "too large" if len(group) > 30 else "answered"

        return [one async for one in halved(range(100), "too large", ask, lambda what: what == "too large")]

    found = asyncio.run(told())

    assert [len(one.group) for one in found] == [25] * 4
    assert {one.what for one in found} == {"answered"}
