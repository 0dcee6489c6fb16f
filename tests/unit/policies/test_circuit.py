"""The circuit: when it opens, whom it lets through as a probe, and whose reports it believes."""

import pytest

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen

POLICY = BreakerPolicy(window=30, failure_ratio=0.5, minimum_calls=4, cooldown=10, probes=1)


@pytest.fixture
def breaker(clock):
    return CircuitBreaker(POLICY, clock)


def report(breaker, word):
    """One call after the other: `f` fails, `s` succeeds."""
    for letter in word:
        (breaker.failed if letter == "f" else breaker.succeeded)(breaker.check())


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


def test_failures_that_left_the_window_do_not_count(breaker, clock):
    report(breaker, "fff")
    clock.advance(30)
    report(breaker, "f")

    assert breaker.counts == (1, 1, 0)
    assert breaker.state is Circuit.CLOSED


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


def test_it_shows_how_it_stands(breaker):
    report(breaker, "fs")

    assert repr(breaker) == "<CircuitBreaker closed 1/2 failed, 0.0s left>"
