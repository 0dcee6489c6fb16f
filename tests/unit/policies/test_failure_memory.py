"""Failure memory: after a failed refresh nobody asks again at once, and later and later."""

import pytest

from policies.failure_memory import FIRST_WAIT, LONGEST_WAIT, FailureMemory


@pytest.fixture
def failures(clock):
    return FailureMemory(clock)


def test_what_never_failed_is_due(failures):
    assert failures.is_due("key")


def test_after_a_failure_the_next_try_waits(failures, clock):
    failures.failed("key")
    assert not failures.is_due("key")
    assert failures.is_due("another key")

    clock.advance(FIRST_WAIT)
    assert failures.is_due("key")


def test_each_further_failure_waits_twice_as_long_up_to_an_end(failures, clock):
    waits = []
    for _ in range(8):
        failures.failed("key")
        waits.append(next(seconds for seconds in range(1, 100) if _is_due_after(failures, clock, seconds)))

    assert waits == [1, 2, 4, 8, 16, 30, 30, 30]
    assert LONGEST_WAIT == 30


def _is_due_after(failures, clock, seconds):
    before = clock.now
    clock.advance(seconds)
    due = failures.is_due("key")
    clock.now = before
    return due


def test_the_wait_an_upstream_asks_for_is_kept(failures, clock):
    failures.failed("key", asked=45)
    clock.advance(44)
    assert not failures.is_due("key")

    clock.advance(1)
    assert failures.is_due("key")


def test_an_upstream_that_asks_for_less_does_not_shorten_the_wait(failures):
    failures.failed("key", asked=0)

    assert not failures.is_due("key")


def test_a_success_forgets_everything(failures, clock):
    for _ in range(5):
        failures.failed("key")
    failures.succeeded("key")
    assert failures.is_due("key")

    failures.failed("key")
    clock.advance(FIRST_WAIT)
    assert failures.is_due("key")


def test_success_without_failure_is_no_news(failures):
    failures.succeeded("key")

    assert len(failures) == 0


def test_its_memory_is_bounded(clock):
    failures = FailureMemory(clock, most=3)
    for number in range(10):
        failures.failed(number)

    assert len(failures) == 3
    assert failures.is_due(0)
    assert not failures.is_due(9)


def test_what_was_declined_is_due_soon_however_often_and_makes_no_later_wait_longer():
    now = [0.0]
    memory = FailureMemory(lambda: now[0])
    for _ in range(10):
        memory.declined("key")
        assert not memory.is_due("key")
        assert memory.is_disconnected("key")
        now[0] += FIRST_WAIT
        assert memory.is_due("key")

    memory.failed("key")
    now[0] += FIRST_WAIT
    assert memory.is_due("key")
