"""Restarting: a worker that ends once is replaced at once, one that cannot live ever later, and a steady life heals."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.workers.restarting import RestartPolicy, Restarts

POLICY = RestartPolicy(first=0.5, most=30, steady=60)


def waits(*lives):
    restarts = Restarts(POLICY)
    return [restarts.wait_after(lived) for lived in lives]


def test_a_worker_that_ends_for_the_first_time_is_replaced_at_once():
    assert waits(3600) == [0]
    assert waits(0.1) == [0]


def test_a_crash_loop_waits_twice_as_long_each_time_up_to_a_bound():
    assert waits(*[0.1] * 10) == [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_steady_life_is_a_new_beginning():
    assert waits(1, 1, 1, 1, 60, 1, 1) == [0, 0.5, 1, 2, 0, 0.5, 1]


def test_a_life_that_was_not_quite_steady_changes_nothing():
    assert waits(1, 1, 59.9, 1) == [0, 0.5, 1, 2]


def test_a_place_that_fails_for_days_still_knows_how_long_to_wait():
    assert waits(*[0.0] * 5000)[-1] == 30


@given(st.lists(st.floats(0, 10_000), max_size=50))
def test_no_wait_is_negative_or_longer_than_the_longest(lives):
    assert all(0 <= wait <= POLICY.most for wait in waits(*lives))
