"""All workers' guards as one: the worst circuit, all calls in flight, the fullest window, the last error."""

import pytest

from proxy.workers.control import State, UpstreamState
from proxy.workers.guards import merged


def a_state(**fields):
    at_rest = {
        "name": "courseworks",
        "circuit": "closed",
        "rest": 0.0,
        "calls": 0,
        "failures": 0,
        "in_flight": 0,
        "waiting": 0,
        "retries_left": 0.0,
        "payloads_refused": 0,
    }
    return State(upstreams=(UpstreamState(**{**at_rest, **fields}),))


def as_one(*states):
    [upstream] = merged(states, ["courseworks"])
    return upstream


@pytest.mark.parametrize(
    ("circuits", "worst"),
    [
        (("closed", "closed"), "closed"),
        (("closed", "half-open"), "half-open"),
        (("open", "half-open", "closed"), "open"),
    ],
)
def test_the_worst_circuit_is_shown(circuits, worst):
    assert as_one(*[a_state(circuit=circuit) for circuit in circuits]).breaker.state == worst


def test_the_longest_rest_is_shown():
    assert as_one(a_state(circuit="open", rest=3.0), a_state(circuit="open", rest=7.0)).breaker.rest == 7.0


def test_what_each_has_under_way_adds_up():
    one = as_one(
        a_state(in_flight=2, waiting=1, retries_left=3.5, payloads_refused=1),
        a_state(in_flight=3, waiting=4, retries_left=1.0, payloads_refused=2),
    )

    assert (one.slots.in_flight, one.slots.waiting, one.budget.left, one.payloads_refused) == (5, 5, 4.5, 3)


def test_windows_that_all_count_the_same_calls_do_not_add_up():
    assert as_one(a_state(calls=20, failures=4), a_state(calls=21, failures=5)).breaker.counts == (21, 5)


def test_the_least_that_is_known_to_be_left_of_a_quota_is_shown():
    assert as_one(a_state(quota_left=5.0), a_state(), a_state(quota_left=3.0)).quota_left == 3.0
    assert as_one(a_state()).quota_left is None


def test_the_last_error_is_shown_whoever_met_it():
    one = as_one(
        a_state(last_error="timeout", last_error_at=10.0),
        a_state(last_error="unreachable", last_error_at=20.0),
        a_state(),
    )

    assert (one.last_error, one.last_error_at) == ("unreachable", 20.0)


def test_an_upstream_that_nobody_told_of_is_at_rest_and_one_that_is_not_configured_is_not_shown():
    [shown] = merged([a_state(in_flight=9)], ["mirror"])

    assert (shown.name, shown.breaker.state, shown.slots.in_flight) == ("mirror", "closed", 0)
    assert shown.last_error is None
