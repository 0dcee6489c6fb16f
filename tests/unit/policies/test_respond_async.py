"""What a caller would like, and how little it takes to be understood, or not to be."""

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
