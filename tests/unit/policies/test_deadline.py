"""How long a caller will wait, and what cannot be had in that time."""

import math

import pytest

from policies.deadline import Quickest, caller_budget
from policies.demand import Demand, Priority, together


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"X-Request-Timeout": "2.5"}, 2.5),
        ({"X-Request-Timeout": " 2s "}, 2.0),
        ({"X-Request-Timeout": "800ms"}, 0.8),
        ({"X-Request-Timeout": "0"}, 0.0),
        ({"Prefer": "wait=10"}, 10.0),
        ({"Prefer": "respond-async, wait=10"}, 10.0),
        ({"Prefer": 'return=minimal; foo="wait=3"; wait="7"'}, 7.0),
        ({"Prefer": "WAIT = 4"}, 4.0),
        ({"X-Request-Timeout": "5", "Prefer": "wait=2"}, 2.0),
        ({"X-Request-Timeout": "1", "Prefer": "wait=2"}, 1.0),
    ],
)
def test_a_caller_says_how_long_it_waits_in_one_of_two_ways(headers, seconds):
    assert caller_budget(headers) == seconds


@pytest.mark.parametrize("value", ["soon", "-1", "1e3", "٣", "1;2", "", "99999999999", "nan", "inf", "1m"])
def test_what_cannot_be_read_is_not_said(value):
    assert caller_budget({"X-Request-Timeout": value}) is None


@pytest.mark.parametrize("value", ["wait", "wait=", "wait=-1", "wait=1.5", "await=3", "waits=3", "respond-async"])
def test_a_preference_that_is_no_wait_is_ignored(value):
    assert caller_budget({"Prefer": value}) is None


def test_nothing_is_known_of_an_endpoint_that_has_not_answered():
    assert Quickest(lambda: 0.0).seconds == 0.0


def test_the_quickest_of_the_recent_answers_counts():
    quickest = Quickest(lambda: 0.0)
    for seconds in (0.5, 0.2, 3.0):
        quickest.answered(seconds)

    assert quickest.seconds == 0.2


def test_what_was_quick_once_is_forgotten_after_others_and_after_a_while():
    now = [0.0]
    quickest = Quickest(lambda: now[0])
    quickest.answered(0.1)
    for _ in range(Quickest.RECENT):
        quickest.answered(2.0)
    assert quickest.seconds == 2.0

    assert quickest.forgotten_in == Quickest.FORGOTTEN

    now[0] = Quickest.FORGOTTEN
    assert quickest.seconds == quickest.forgotten_in == 0.0


def test_who_joins_a_call_makes_it_more_urgent_and_never_less():
    call = Demand(Priority.BEHIND, deadline=5.0, has_fallback=True)

    call.joined(Demand(Priority.WATCH, deadline=3.0, has_fallback=True))
    assert (call.priority, call.deadline, call.has_fallback) == (Priority.BEHIND, 5.0, True)

    call.joined(Demand(Priority.INTERACTIVE, deadline=9.0))
    assert (call.priority, call.deadline, call.has_fallback) == (Priority.INTERACTIVE, 9.0, False)
    assert call.left(now=4.0) == 5.0


def test_a_demand_that_names_no_deadline_has_none():
    assert Demand().left(now=1e12) == math.inf


def test_only_an_interactive_call_has_somebody_who_waits():
    assert [one.is_background for one in Priority] == [False, True, True, True]


def test_what_all_who_waited_gave_up_is_of_no_use_to_anybody():
    call = Demand(deadline=5.0)
    call.joined(Demand(deadline=9.0))
    call.given_up()
    assert call.left(now=1.0) == 8.0

    call.given_up()
    assert call.left(now=1.0) < 0
    call.joined(Demand(deadline=7.0))
    assert call.left(now=1.0) == 6.0


def test_a_call_for_many_is_of_use_as_long_as_any_of_them_is():
    first, second = Demand(Priority.BEHIND, deadline=5.0), Demand(deadline=3.0)
    call = together([first, second])
    assert (call.priority, call.left(now=1.0)) == (Priority.INTERACTIVE, 4.0)

    first.given_up()
    assert call.left(now=1.0) == 2.0
    second.joined(Demand(deadline=8.0))
    assert call.left(now=1.0) == 7.0
