"""All workers' guards as one: the worst circuit, all calls in flight, the fullest window, the last error."""

import pytest

from proxy.upstream.view import CircuitState, UpstreamState
from proxy.workers.control import State
from proxy.workers.guards import merged

HOST, OTHER = "https://canvas.example", "https://mirror.example"


def a_state(**fields):
    return State(upstreams=(UpstreamState(**{"name": "courseworks", **fields}),))


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
    assert as_one(*[a_state(circuit=circuit) for circuit in circuits]).circuit == worst


def test_the_longest_rest_is_shown():
    assert as_one(a_state(circuit="open", rest=3.0), a_state(circuit="open", rest=7.0)).rest == 7.0


def test_what_each_has_under_way_adds_up():
    one = as_one(
        a_state(in_flight=2, waiting=1, retries_left=3.5, payloads_refused=1, queue={"interactive": 1, "behind": 0}),
        a_state(in_flight=3, waiting=4, retries_left=1.0, payloads_refused=2, queue={"interactive": 3, "watch": 1}),
    )

    assert (one.in_flight, one.waiting, one.retries_left, one.payloads_refused) == (5, 5, 4.5, 3)
    assert one.queue == {"interactive": 4, "behind": 0, "watch": 1}


def test_windows_that_all_count_the_same_calls_do_not_add_up():
    one = as_one(a_state(calls=20, failures=4, slow=9), a_state(calls=21, failures=5, slow=2))

    assert (one.calls, one.failures, one.slow) == (21, 5, 2)


def test_the_circuits_of_each_place_are_one_and_those_of_endpoints_stay_apart():
    one = as_one(
        a_state(circuits=(CircuitState(HOST, calls=9), CircuitState(HOST, "GET /a", state="half-open"))),
        a_state(circuits=(CircuitState(HOST, state="open", rest=5.0, calls=3), CircuitState(OTHER))),
    )

    assert one.circuits == (
        CircuitState(HOST, state="open", rest=5.0, calls=9),
        CircuitState(HOST, "GET /a", state="half-open"),
        CircuitState(OTHER),
    )


def test_an_order_holds_as_long_as_anybody_says_so():
    one = as_one(a_state(), a_state(forced="open", forced_left=9.0, draining=3.0), a_state(draining=4.0))

    assert (one.forced, one.forced_left, one.draining) == ("open", 9.0, 4.0)
    assert (as_one(a_state()).forced, as_one(a_state()).draining) == (None, None)


def test_what_all_have_in_common_does_not_add_up():
    one = as_one(
        a_state(limit=100, credentials_resting=2, credentials_paused=1),
        a_state(limit=80, credentials_resting=1, credentials_paused=3),
        a_state(),
    )

    assert (one.limit, one.credentials_resting, one.credentials_paused) == (100, 2, 3)


def test_failures_of_a_kind_add_up_and_the_last_one_is_whosever_it_was():
    one = as_one(
        a_state(failures_by_kind={"timeout": (2, 10.0), "unreachable": (1, 5.0)}),
        a_state(failures_by_kind={"timeout": (3, 8.0)}),
    )

    assert one.failures_by_kind == {"timeout": (5, 10.0), "unreachable": (1, 5.0)}


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

    assert (shown.name, shown.circuit, shown.in_flight) == ("mirror", "closed", 0)
    assert shown.last_error is None
