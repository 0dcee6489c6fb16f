"""An operator's orders on an upstream hold for their time, and no longer."""

import pytest

from policies import Circuit
from proxy.upstream.orders import Order, Orders
from tests.unit.store.samples import Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def orders(clock):
    return Orders(clock)


def test_where_nobody_ordered_anything_nothing_is_held(orders):
    assert (orders.forced, orders.forced_left, orders.is_draining, orders.drain_left) == (None, 0.0, False, 0.0)


@pytest.mark.parametrize("state", ["open", "closed"])
def test_a_circuit_is_held_until_its_time_is_over(orders, clock, state):
    orders.force(state, 60.0)
    clock.advance(59)
    assert (orders.forced, orders.forced_left) == (Circuit(state), 1.0)

    clock.advance(1)
    assert (orders.forced, orders.forced_left) == (None, 0.0)


def test_a_later_order_takes_the_place_of_the_one_before(orders, clock):
    orders.force("open", 600.0)
    orders.force("closed", 10.0)
    assert (orders.forced, orders.forced_left) == (Circuit.CLOSED, 10.0)

    clock.advance(10)
    assert orders.forced is None


def test_a_circuit_is_released_and_background_work_goes_on_when_told_so(orders):
    orders.force("open", 600.0)
    orders.drain(600.0)

    orders.release()
    assert (orders.forced, orders.is_draining) == (None, True)

    orders.resume()
    assert orders.is_draining is False


def test_background_work_is_stopped_until_its_time_is_over(orders, clock):
    orders.drain(30.0)
    clock.advance(29)
    assert (orders.is_draining, orders.drain_left) == (True, 1.0)

    clock.advance(1)
    assert (orders.is_draining, orders.drain_left) == (False, 0.0)


@pytest.mark.parametrize("order", [Order("open", 9.0), Order("closed", 9.0), Order("auto")])
def test_what_was_taken_of_the_circuit_is_told_as_it_was_said(orders, order):
    orders.force("open", 1.0)
    orders.take(order)

    assert (orders.of_circuit, orders.of_background) == (order, Order("resume"))


@pytest.mark.parametrize("order", [Order("drain", 9.0), Order("resume")])
def test_what_was_taken_of_background_work_is_told_as_it_was_said(orders, order):
    orders.drain(1.0)
    orders.take(order)

    assert (orders.of_circuit, orders.of_background) == (Order("auto"), order)


@pytest.mark.parametrize(
    ("order", "later"),
    [
        (Order("open", 10.0), Order("open", 6.0)),
        (Order("closed", 4.0), Order("auto")),
        (Order("drain", 10.0), Order("drain", 6.0)),
        (Order("drain", 3.0), Order("resume")),
        (Order("auto"), Order("auto")),
        (Order("resume"), Order("resume")),
    ],
)
def test_of_an_order_that_is_left_of_it_later_which_its_time_says(order, later):
    assert order.after(4.0) == later


def test_how_it_is_is_seen_at_a_glance(orders):
    orders.force("open", 600.0)

    assert repr(orders) == "<Orders open 600.0s, draining 0.0s>"
