"""The retry budget: repeats are earned by demand and by time, and never beyond what can be saved up."""

import pytest

from policies import RetryBudget, RetryPolicy


def spent(budget, most=1_000):
    """How many retries are to be had at once."""
    return next((count for count in range(most) if not budget.spend()), most)


@pytest.mark.parametrize(("floor", "saved"), [(0, 0), (0.05, 1), (1, 10), (2.5, 25)])
def test_it_begins_with_what_its_floor_saves_up(clock, floor, saved):
    assert spent(RetryBudget(RetryPolicy(floor=floor), clock)) == saved


@pytest.mark.parametrize(("seconds", "earned"), [(0, 0), (0.9, 0), (1, 1), (3.5, 3), (10, 10), (1_000, 10)])
def test_time_earns_the_floor_up_to_ten_seconds_of_it(clock, seconds, earned):
    budget = RetryBudget(RetryPolicy(floor=1), clock)
    spent(budget)
    clock.advance(seconds)

    assert spent(budget) == earned


@pytest.mark.parametrize(("calls", "earned"), [(0, 0), (4, 0), (5, 1), (50, 10), (500, 10)])
def test_each_first_call_earns_its_share(clock, calls, earned):
    budget = RetryBudget(RetryPolicy(budget=0.2, floor=1), clock)
    spent(budget)
    for _ in range(calls):
        budget.demand()

    assert spent(budget) == pytest.approx(earned, abs=1 if calls in (5, 50) else 0)  # a fifth is no exact float


def test_without_a_floor_demand_alone_earns(clock):
    budget = RetryBudget(RetryPolicy(budget=0.25, floor=0), clock)
    clock.advance(1_000)
    assert not budget.spend()
    for _ in range(4):
        budget.demand()

    assert spent(budget) == 1


def test_without_budget_and_floor_nothing_is_ever_repeated(clock):
    budget = RetryBudget(RetryPolicy(budget=0, floor=0), clock)
    for _ in range(100):
        budget.demand()
        clock.advance(10)

    assert not budget.spend()


def test_it_shows_what_is_left(clock):
    budget = RetryBudget(RetryPolicy(floor=1), clock)
    budget.spend()

    assert budget.left == 9
    assert repr(budget) == "<RetryBudget 9.0 left>"
