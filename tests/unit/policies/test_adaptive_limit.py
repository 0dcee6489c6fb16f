"""The adaptive limit: it falls while answers get slower, and comes back as they recover."""

import pytest

from policies.adaptive_limit import BACKOFF, AdaptiveLimit

FAST, SLOW = 0.1, 0.5  # seconds


def calls(limit, seconds, count, *, in_flight=None):
    """So many calls ended that took so long, with as many under way as the limit lets."""
    for _ in range(count):
        limit.finished(seconds, limit.limit if in_flight is None else in_flight, failed=False)


@pytest.fixture
def settled():
    limit = AdaptiveLimit(4, 100)
    calls(limit, FAST, 200)
    return limit


def test_it_begins_with_the_most_and_stays_there_while_latency_does():
    limit = AdaptiveLimit(4, 100)
    assert limit.limit == 100

    calls(limit, FAST, 500)
    assert limit.limit == 100


def test_a_little_slower_is_no_reason_to_fall(settled):
    calls(settled, FAST * 1.4, 100)

    assert settled.limit == 100


def test_slower_answers_lower_it(settled):
    calls(settled, SLOW, 15)

    assert settled.limit < 60


def test_the_slower_they_are_the_lower_it_falls(settled):
    worse = AdaptiveLimit(4, 100)
    calls(worse, FAST, 200)
    calls(settled, FAST * 2, 30)
    calls(worse, FAST * 4, 30)

    assert worse.limit < settled.limit < 100


def test_it_leaves_room_for_a_queue_so_that_slow_answers_alone_never_end_it():
    """Half of what it is and its root is more than what it is, below 4: there the limit stays."""
    lowest = AdaptiveLimit(1, 100)
    calls(lowest, FAST, 200)
    for seconds in (FAST * 10**power for power in range(12)):
        calls(lowest, seconds, 20)

    assert 3 <= lowest.limit <= 5


def test_one_slow_answer_among_fast_ones_hardly_matters(settled):
    calls(settled, SLOW, 1)
    assert settled.limit > 90

    calls(settled, FAST, 30)
    assert settled.limit == 100


def test_latencies_that_were_always_mixed_do_not_lower_it(settled):
    for _ in range(200):
        for seconds in (FAST, FAST, SLOW):
            calls(settled, seconds, 1)

    assert settled.limit == 100


def test_no_answer_takes_more_than_a_tenth_of_it(settled):
    for _ in range(30):
        before = settled.limit
        calls(settled, SLOW * 10, 1)
        assert settled.limit >= before * 0.9 - 1

    assert settled.limit < 60


def test_it_comes_back_as_answers_recover(settled):
    calls(settled, SLOW, 30)
    low = settled.limit
    calls(settled, FAST, 100)

    assert low < 60
    assert settled.limit == 100


def test_a_latency_that_stays_is_got_used_to(settled):
    calls(settled, FAST, 2_000)
    calls(settled, SLOW, 500)

    assert settled.limit == 100


def test_bad_times_are_soon_forgotten_as_the_measure_of_what_is_fast(settled):
    calls(settled, SLOW, 3_000)
    calls(settled, FAST, 40)
    calls(settled, SLOW, 15)

    assert settled.limit < 80


def test_it_does_not_grow_while_it_is_not_what_holds_calls_back(settled):
    calls(settled, SLOW, 15)
    low = settled.limit
    calls(settled, FAST, 100, in_flight=low // 2 - 1)

    assert settled.limit == low


def test_a_failure_takes_a_tenth_of_it_however_few_calls_are_under_way(settled):
    settled.finished(5.0, 1, failed=True)

    assert settled.limit == 100 * BACKOFF == 90


def test_how_long_a_failure_took_is_no_latency(settled):
    for _ in range(5):
        settled.finished(60.0, 100, failed=True)
    calls(settled, FAST, 50)

    assert settled.limit == 100


@pytest.mark.parametrize(("least", "most", "lowest"), [(4, 100, 4), (1, 3, 1), (10, 5, 5)])
def test_it_never_leaves_its_bounds(least, most, lowest):
    limit = AdaptiveLimit(least, most)
    for _ in range(200):
        limit.finished(1.0, most, failed=True)
    assert limit.limit == lowest

    calls(limit, FAST, 500)
    assert limit.limit == most


def test_answers_that_take_no_time_at_all_are_fast():
    limit = AdaptiveLimit(4, 100)
    calls(limit, 0.0, 10)

    assert repr(limit) == "<AdaptiveLimit 100 of 100>"
