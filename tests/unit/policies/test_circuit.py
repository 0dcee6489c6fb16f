"""The circuit: when it opens, whom it lets through as a probe, and whose reports it believes."""

from dataclasses import replace

import pytest

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen
from policies.breaker import Happened, Report

POLICY = BreakerPolicy(window=30, failure_ratio=0.5, minimum_calls=4, cooldown=10, probes=1)


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(POLICY, clock)


SLOW = replace(POLICY, slow_after=2, slow_ratio=0.75)


@pytest.fixture
def minds_slowness(clock):
    return CircuitBreaker(SLOW, clock)


def report(breaker, word):
    """One call after the other: `f` fails, `s` succeeds, `l` is answered late."""
    for letter in word:
        began = breaker.check()
        if letter == "f":
            breaker.failed(began)
        else:
            breaker.succeeded(began, 2.5 if letter == "l" else 2.0)


def opened(breaker):
    report(breaker, "ffff")
    assert breaker.state is Circuit.OPEN


@pytest.mark.parametrize(
    ("history", "state"),
    [
        ("", Circuit.CLOSED),
        ("fff", Circuit.CLOSED),
        ("ffff", Circuit.OPEN),
        ("ssff", Circuit.OPEN),
        ("sssff", Circuit.CLOSED),
        ("sssfff", Circuit.OPEN),
        ("ffs", Circuit.CLOSED),
    ],
)
def test_it_opens_at_the_ratio_of_failures_once_enough_calls_were_made(breaker, history, state):
    report(breaker, history)

    assert breaker.state is state


@pytest.mark.parametrize(
    ("history", "counts", "state"),
    [
        ("lll", (3, 0, 3), Circuit.CLOSED),
        ("llll", (0, 0, 0), Circuit.OPEN),
        ("slll", (0, 0, 0), Circuit.OPEN),
        ("ssllll", (6, 0, 4), Circuit.CLOSED),
        ("fll", (3, 1, 2), Circuit.CLOSED),
        ("flll", (0, 0, 0), Circuit.OPEN),
        ("llf", (3, 1, 2), Circuit.CLOSED),
        ("llff", (0, 0, 0), Circuit.OPEN),
        ("sslf", (4, 1, 1), Circuit.CLOSED),
        ("slfl", (4, 1, 2), Circuit.CLOSED),
        ("lllf", (4, 1, 3), Circuit.CLOSED),
        ("lllfl", (0, 0, 0), Circuit.OPEN),
        ("fffl", (4, 3, 1), Circuit.CLOSED),
    ],
)
def test_it_opens_at_the_ratio_of_slow_answers_too_and_each_kind_has_its_own(minds_slowness, history, counts, state):
    report(minds_slowness, history)

    assert minds_slowness.state is state
    assert minds_slowness.counts == counts


def test_where_no_time_is_too_long_an_answer_is_an_answer(breaker):
    report(breaker, "llllll")

    assert breaker.state is Circuit.CLOSED
    assert breaker.counts == (6, 0, 0)


def test_slow_answers_that_left_the_window_do_not_count(minds_slowness, clock):
    report(minds_slowness, "lll")
    clock.advance(30)
    report(minds_slowness, "l")

    assert minds_slowness.counts == (1, 0, 1)
    assert minds_slowness.state is Circuit.CLOSED


def test_a_probe_that_is_answered_slowly_leaves_it_open_for_another_cooldown(minds_slowness, clock):
    opened(minds_slowness)
    clock.advance(10)
    began = minds_slowness.check()
    clock.advance(3)
    minds_slowness.succeeded(began, 3.0)

    assert minds_slowness.state is Circuit.OPEN
    assert minds_slowness.rest == pytest.approx(10)
    with pytest.raises(CircuitOpen):
        minds_slowness.check()


def test_a_slow_answer_to_a_call_begun_before_it_opened_says_nothing_now(minds_slowness, clock):
    early = minds_slowness.check()
    opened(minds_slowness)
    clock.advance(4)
    minds_slowness.succeeded(early, 4.0)

    assert minds_slowness.rest == pytest.approx(6)


def test_failures_that_left_the_window_do_not_count(breaker, clock):
    report(breaker, "fff")
    clock.advance(30)
    report(breaker, "f")

    assert breaker.counts == (1, 1, 0)
    assert breaker.state is Circuit.CLOSED


@pytest.mark.parametrize(("old", "new"), [("fff", "sssf"), ("lll", "sssl")])
def test_what_left_the_window_is_not_added_to_what_is_in_it(minds_slowness, clock, old, new):
    report(minds_slowness, old)
    clock.advance(30)
    report(minds_slowness, new)

    assert minds_slowness.state is Circuit.CLOSED


def test_an_open_circuit_says_how_long_it_rests(breaker, clock):
    opened(breaker)
    clock.advance(4)

    with pytest.raises(CircuitOpen) as resting:
        breaker.check()

    assert resting.value.retry_after == pytest.approx(6)
    assert breaker.rest == pytest.approx(6)


def test_after_the_cooldown_one_probe_goes_out_and_no_other(breaker, clock):
    opened(breaker)
    clock.advance(10)
    assert breaker.state is Circuit.HALF_OPEN

    breaker.check()

    with pytest.raises(CircuitOpen):
        breaker.check()


def test_as_many_probes_go_out_as_the_policy_says(clock):
    breaker = CircuitBreaker(BreakerPolicy(minimum_calls=1, cooldown=10, probes=3), clock)
    report(breaker, "f")
    clock.advance(10)

    for _ in range(3):
        breaker.check()

    with pytest.raises(CircuitOpen):
        breaker.check()


def test_within_no_cooldown_more_probes_go_out_though_the_last_ones_went_late(clock):
    breaker = CircuitBreaker(BreakerPolicy(minimum_calls=1, cooldown=10, probes=2), clock)
    report(breaker, "f")
    for wait in (10, 6):
        clock.advance(wait)
        breaker.check()
    clock.advance(5)  # more than a cooldown after the first of them

    with pytest.raises(CircuitOpen) as resting:
        breaker.check()
    assert resting.value.retry_after == pytest.approx(5)


def test_a_probe_of_another_machine_that_is_told_late_shortens_no_rest(clock):
    breaker = CircuitBreaker(BreakerPolicy(minimum_calls=1, cooldown=10, probes=2), clock)
    report(breaker, "f")
    clock.advance(12)
    breaker.check()
    breaker.told(Report(Happened.PROBED, clock.now - 1, clock.now - 1))

    assert breaker.rest == pytest.approx(10)


def test_a_probe_that_succeeds_closes_the_circuit_with_a_clean_slate(breaker, clock):
    opened(breaker)
    clock.advance(10)
    report(breaker, "s")

    assert breaker.state is Circuit.CLOSED
    assert breaker.counts == (0, 0, 0)
    report(breaker, "fff")
    assert breaker.state is Circuit.CLOSED


def test_a_probe_that_fails_opens_it_for_another_cooldown(breaker, clock):
    opened(breaker)
    clock.advance(10)
    period = breaker.check()
    clock.advance(3)
    breaker.failed(period)

    assert breaker.state is Circuit.OPEN
    assert breaker.rest == pytest.approx(10)


def test_a_probe_that_never_reports_back_does_not_wedge_the_circuit(breaker, clock):
    opened(breaker)
    clock.advance(10)
    breaker.check()
    clock.advance(10)

    report(breaker, "s")

    assert breaker.state is Circuit.CLOSED


def test_a_probe_that_was_given_up_is_free_again_at_once(breaker, clock):
    opened(breaker)
    clock.advance(10)
    breaker.abandoned(breaker.check())

    breaker.check()

    with pytest.raises(CircuitOpen):
        breaker.check()


def test_giving_up_one_of_several_probes_frees_one(clock):
    breaker = CircuitBreaker(BreakerPolicy(minimum_calls=1, cooldown=10, probes=2), clock)
    report(breaker, "f")
    clock.advance(10)
    period = breaker.check()
    breaker.check()
    breaker.abandoned(period)

    breaker.check()

    with pytest.raises(CircuitOpen):
        breaker.check()


@pytest.mark.parametrize("report_late", ["succeeded", "failed", "abandoned"])
def test_a_call_begun_before_the_circuit_opened_says_nothing_now(breaker, clock, report_late):
    early = breaker.check()
    opened(breaker)
    clock.advance(5)

    getattr(breaker, report_late)(early)

    assert breaker.state is Circuit.OPEN
    assert breaker.rest == pytest.approx(5)


def test_a_call_given_up_while_closed_counts_for_nothing(breaker):
    report(breaker, "fff")
    breaker.abandoned(breaker.check())

    assert breaker.counts == (3, 3, 0)
    assert breaker.state is Circuit.CLOSED


@pytest.mark.parametrize(("history", "failures"), [("ss", 1), ("sl", 1), ("sf", 2), ("ff", 3), ("", 1)])
def test_an_answer_that_broke_off_is_a_failure_and_not_a_good_answer_too(breaker, history, failures):
    report(breaker, history)
    breaker.broke_off()

    calls, failed, _ = breaker.counts
    assert (calls, failed) == (max(failures, len(history)), failures)


def test_it_shows_how_it_stands(breaker):
    report(breaker, "fs")

    assert repr(breaker) == "<CircuitBreaker closed 1/2 failed, 0.0s left>"
