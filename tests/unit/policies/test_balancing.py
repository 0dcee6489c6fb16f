"""Balancing: calls go where least is under way, away from places that rest, and a place that is due gets its probe."""

from collections import Counter

import pytest

from policies import Circuit
from policies.balancing import Balancer, Host


def closed(name, in_flight=0):
    return Host(name, in_flight, Circuit.CLOSED)


def resting(name, rest, in_flight=0):
    return Host(name, in_flight, Circuit.OPEN, rest)


def due(name, in_flight=0):
    return Host(name, in_flight, Circuit.HALF_OPEN)


@pytest.mark.parametrize(
    ("hosts", "picked"),
    [
        ([closed("a")], "a"),
        ([closed("a", 2), closed("b", 1), closed("c", 3)], "b"),
        ([resting("a", 5), closed("b", 9)], "b"),
        ([closed("a", 9), resting("b", 0.1)], "a"),
        ([closed("a"), due("b", 9)], "b"),
        ([due("a", 2), due("b", 1)], "b"),
        ([resting("a", 5), due("b")], "b"),
        ([resting("a", 5), resting("b", 3, 7), resting("c", 4)], "b"),
    ],
)
def test_where_a_call_goes(hosts, picked):
    balancer = Balancer()

    assert [balancer.pick(hosts) for _ in range(3)] == [picked] * 3


@pytest.mark.parametrize("others", [[], [resting("x", 5)], [closed("x", 1)], [resting("x", 5), closed("y", 1)]])
def test_equals_have_their_turn_and_no_neighbour_of_another_has_more(others):
    balancer = Balancer()
    hosts = [*others, closed("a"), closed("b"), closed("c")]

    picked = [balancer.pick(hosts) for _ in range(9)]

    assert Counter(picked) == {"a": 3, "b": 3, "c": 3}
    assert picked[:3] * 3 == picked


def test_whose_turn_it_is_does_not_depend_on_calls_that_had_no_choice():
    balancer = Balancer()
    picked = []
    for _ in range(4):
        picked.append(balancer.pick([closed("a"), closed("b")]))
        balancer.pick([closed("a")])

    assert Counter(picked) == {"a": 2, "b": 2}
