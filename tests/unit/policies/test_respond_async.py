"""What a caller would like, and how little it takes to be understood, or not to be."""

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.preferences import NO_PREFERENCES, Preferences, preferences


@pytest.mark.parametrize(
    ("values", "meant"),
    [
        (["respond-async"], Preferences(respond_async=True)),
        (["Respond-Async, wait=10"], Preferences(respond_async=True, wait=10)),
        (["respond-async", "wait=10"], Preferences(respond_async=True, wait=10)),
        (['wait="10"'], Preferences(wait=10)),
        (["respond-async;foo=bar, wait = 3 ; x"], Preferences(respond_async=True, wait=3)),
        (["wait=1, wait=2"], Preferences(wait=1)),
        (['return="a, respond-async, b"'], NO_PREFERENCES),
        (['respond-async=""'], Preferences(respond_async=True)),
        (["respond-async=yes"], NO_PREFERENCES),
        (["wait=soon"], NO_PREFERENCES),
        (["wait=-1"], NO_PREFERENCES),
        (["wait=1.5, respond-async"], Preferences(respond_async=True)),
        (["wait=9999999"], NO_PREFERENCES),
        (['"', ",,;="], NO_PREFERENCES),
        ([], NO_PREFERENCES),
    ],
)
def test_preferences_are_read_as_rfc_7240_writes_them(values, meant):
    assert preferences(values) == meant


@given(st.lists(st.text(max_size=40), max_size=4))
def test_nothing_that_anybody_sends_is_an_error(values):
    preferences(values)


@pytest.mark.parametrize("value", ["a=" + " " * 30_000 + "=", '"\\' * 15_000, "respond-async, " + '="\\"' * 10_000])
def test_what_is_long_and_means_nothing_costs_next_to_nothing(value):
    began = process_time()
    preferences([value])

    assert process_time() - began < 1.0  # milliseconds; tried in all the ways that it can be cut, many seconds


def test_a_quote_that_nobody_ends_hides_what_is_behind_it_alone():
    assert preferences(['wait=3, a="b, respond-async']) == Preferences(wait=3)
