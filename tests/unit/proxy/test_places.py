"""The places of an upstream: which one a call goes to, which rest, and what is known of how many."""

import pytest

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen
from proxy.upstream.hosts import MOST, OTHERS, Hosts

POLICY = BreakerPolicy(minimum_calls=1, cooldown=10)
A, B, C = PLACES = ("http://a", "http://b", "http://c")


@pytest.fixture
def hosts(clock):
    return Hosts(PLACES, POLICY, lambda _: CircuitBreaker(POLICY, clock), clock)


def fail(hosts, *bases):
    for base in bases:
        hosts.circuit(base).failed(hosts.circuit(base).check())


def under_way(hosts, *bases):
    for base in bases:
        hosts.began(base)


def test_those_that_are_known_have_a_circuit_from_the_start_and_those_of_an_api_from_its_first_call(clock):
    bases = ("http://a", "http://{api}.b")
    hosts = Hosts(bases, POLICY, lambda _: CircuitBreaker(POLICY, clock), clock)
    assert set(hosts.circuits) == {"http://a"}

    hosts.choose(("http://maps.b",))

    assert set(hosts.circuits) == {"http://a", "http://maps.b"}
    assert len(list(hosts)) == 2


def test_a_call_goes_where_least_is_under_way(hosts):
    under_way(hosts, A, A, B, C, C)
    assert hosts.choose(PLACES).base == B

    under_way(hosts, B, B)
    hosts.ended(A)

    assert hosts.choose(PLACES).base == A


def test_what_ended_is_not_remembered(hosts):
    under_way(hosts, A, A)
    for _ in range(2):
        hosts.ended(A)

    assert not hosts._in_flight


def test_it_says_since_when_by_the_breakers_clock_and_with_which_breaker(hosts, clock):
    clock.advance(5)

    assert hosts.choose((B,)) == (B, hosts.circuit(B), clock.now, False)


def test_another_one_than_was_tried_is_chosen_however_much_is_under_way_there(hosts):
    under_way(hosts, C, C)

    assert hosts.choose(PLACES, {A, B}).base == C


def test_once_all_were_tried_all_are_there_to_choose_from(hosts):
    under_way(hosts, A, C)

    assert hosts.choose(PLACES, set(PLACES)).base == B


def test_where_all_others_rest_the_one_that_was_tried_is_chosen(hosts):
    fail(hosts, A, C)

    assert hosts.choose(PLACES, {B}).base == B


def test_one_that_rests_is_not_chosen_and_one_that_is_due_has_one_probe(hosts, clock):
    fail(hosts, A)
    under_way(hosts, B, B, C, C)
    assert hosts.choose(PLACES).base != A

    clock.advance(10)

    assert hosts.choose(PLACES).base == A
    assert hosts.choose(PLACES).base != A


def test_where_all_rest_it_says_so_whatever_was_tried(hosts, clock):
    fail(hosts, A)
    clock.advance(4)
    fail(hosts, B, C)

    for tried in ((), {B}, set(PLACES)):
        with pytest.raises(CircuitOpen):
            hosts.choose(PLACES, tried)


def test_where_all_rest_it_says_how_long_the_first_of_them_does(hosts, clock):
    fail(hosts, B)
    clock.advance(4)
    fail(hosts, A, C)

    with pytest.raises(CircuitOpen) as resting:
        hosts.choose(PLACES)

    assert resting.value.retry_after == 6


def test_held_closed_the_circuit_is_not_asked_and_no_probe_is_used_up(hosts, clock):
    fail(hosts, A)
    assert hosts.choose((A,), forced=True) == (A, hosts.circuit(A), clock.now, True)
    clock.advance(10)
    hosts.choose((A,), forced=True)

    assert hosts.choose((A,)).base == A
    with pytest.raises(CircuitOpen):
        hosts.choose((A,))


def test_held_closed_one_that_fails_is_still_the_last_to_be_asked(hosts):
    fail(hosts, A, B)
    under_way(hosts, C)

    assert hosts.choose(PLACES, forced=True).base == C


def test_what_is_not_safe_to_repeat_probes_nothing_where_another_place_is_well(hosts, clock):
    fail(hosts, A)
    clock.advance(10)
    under_way(hosts, B, C)

    assert hosts.choose(PLACES, is_safe=False).base != A
    assert hosts.choose(PLACES).base == A


def test_where_no_place_is_well_a_write_may_be_the_probe(hosts, clock):
    fail(hosts, *PLACES)
    clock.advance(10)

    assert {hosts.choose(PLACES, is_safe=False).base for _ in PLACES} == set(PLACES)


def test_there_is_no_rest_while_one_place_may_be_called_else_it_is_the_shortest(hosts, clock):
    fail(hosts, A)
    assert (hosts.rest(PLACES), hosts.rest((A,))) == (None, 10)
    clock.advance(4)
    fail(hosts, B, C)

    assert (hosts.rest(PLACES), hosts.rest((B, C))) == (6, 10)

    clock.advance(6)
    assert hosts.rest(PLACES) is None


def test_the_worst_is_one_that_is_open_and_of_those_the_one_that_rests_longest(hosts, clock):
    assert hosts.worst.state is Circuit.CLOSED

    fail(hosts, B)
    assert hosts.worst is hosts.circuit(B)

    clock.advance(5)
    fail(hosts, A)
    assert hosts.worst is hosts.circuit(A)

    clock.advance(5)
    assert (hosts.circuit(B).state, hosts.worst) == (Circuit.HALF_OPEN, hosts.circuit(A))


def test_where_nobody_called_yet_the_worst_is_well(clock):
    hosts = Hosts(("http://{api}.a",), POLICY, lambda _: CircuitBreaker(POLICY, clock), clock)

    assert hosts.worst.state is Circuit.CLOSED


def test_more_places_than_are_known_share_a_circuit_and_none_loses_its_own(hosts):
    fail(hosts, A)
    for number in range(2 * MOST):
        hosts.circuit(f"http://{number}")

    assert len(hosts.circuits) == MOST + 1
    assert hosts.circuit("http://one more") is hosts.circuit("http://another") is hosts.circuits[OTHERS]
    assert hosts.rest((A,)) == 10
