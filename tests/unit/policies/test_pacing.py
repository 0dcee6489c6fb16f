"""The pacer: who may call, when, and who makes way, by the operator's rate and by what the upstream says."""

import pytest

from policies import Demand, PacingPolicy, Priority
from policies.pacing import Paced, Pacer
from policies.pacing_account import BELIEVED

WAITS = Demand()
HAS_STALE = Demand(has_fallback=True)
BEHIND = Demand(Priority.BEHIND)
QUOTA = PacingPolicy(low=200, reserve=100, refill=10, charge=50)


def refusal(pacer, demand, credential="me"):
    """Seconds and word with which a call is refused."""
    with pytest.raises(Paced) as paced:
        pacer.take(credential, demand)
    return pytest.approx(paced.value.retry_after), paced.value.word


def taken(pacer, calls, demand=WAITS, credential="me"):
    return [pacer.take(credential, demand) for _ in range(calls)]


# the operator's rate


def test_without_a_policy_nobody_waits_and_nothing_is_remembered(clock):
    pacer = Pacer(PacingPolicy(), clock)

    assert taken(pacer, 1_000, BEHIND) == [0.0] * 1_000
    assert repr(pacer) == "<Pacer of 0 credentials, 0 paused, least left None>"


def test_a_burst_goes_out_at_once_and_then_calls_follow_at_the_rate(clock):
    pacer = Pacer(PacingPolicy(rate=2, burst=3), clock)

    assert taken(pacer, 6) == pytest.approx([0, 0, 0, 0.5, 1, 1.5])


def test_a_quiet_time_fills_the_bucket_and_no_more(clock):
    pacer = Pacer(PacingPolicy(rate=2, burst=3), clock)
    taken(pacer, 3)
    clock.advance(100)

    assert taken(pacer, 4) == pytest.approx([0, 0, 0, 0.5])


def test_each_credential_has_a_bucket_of_its_own(clock):
    pacer = Pacer(PacingPolicy(rate=1, burst=1), clock)
    taken(pacer, 3)

    assert pacer.take("another", WAITS) == 0


def test_who_cannot_wait_so_long_is_refused_and_takes_nothing(clock):
    pacer = Pacer(PacingPolicy(rate=1, burst=1), clock)
    taken(pacer, 1)

    for _ in range(5):
        assert refusal(pacer, Demand(deadline=clock() + 0.9)) == (1, "paced")
    assert pacer.take("me", Demand(deadline=clock() + 1.1)) == pytest.approx(1)


def test_a_call_that_need_not_wait_is_not_refused_for_its_deadline(clock):
    assert Pacer(PacingPolicy(rate=1), clock).take("me", Demand(deadline=clock() - 1)) == 0


def test_nobody_waits_longer_than_an_hour(clock):
    pacer = Pacer(PacingPolicy(rate=1 / 3000, burst=1), clock)

    assert taken(pacer, 2) == pytest.approx([0, 3000])
    assert refusal(pacer, WAITS) == (6000, "paced")


def test_background_work_leaves_half_the_burst_to_those_who_wait(clock):
    pacer = Pacer(PacingPolicy(rate=1, burst=4), clock)

    taken(pacer, 3, BEHIND)
    assert refusal(pacer, BEHIND) == (1, "paced")
    assert taken(pacer, 1, HAS_STALE) == [0]
    assert refusal(pacer, BEHIND) == (2, "paced")
    clock.advance(2)
    assert taken(pacer, 1, BEHIND) == [0]


@pytest.mark.parametrize("demand", [HAS_STALE, BEHIND, Demand(Priority.NOTIFIED), Demand(Priority.WATCH)])
def test_who_need_not_call_does_not_wait_for_the_rate(clock, demand):
    pacer = Pacer(PacingPolicy(rate=2, burst=1), clock)
    taken(pacer, 1)

    assert refusal(pacer, demand) == (0.5, "paced")
    assert pacer.take("me", WAITS) == 0.5


@pytest.mark.parametrize("demand", [WAITS, HAS_STALE, BEHIND])
@pytest.mark.parametrize("burst", [1, 4])
def test_who_was_refused_may_call_when_it_was_told(clock, demand, burst):
    pacer = Pacer(PacingPolicy(rate=0.1, burst=burst, low=200, reserve=100, refill=10), clock)
    taken(pacer, burst + 2)
    pacer.told("me", 0, None)
    seconds, _ = refusal(pacer, Demand(demand.priority, clock(), demand.has_fallback))
    clock.advance(seconds.expected - 0.1)
    refusal(pacer, Demand(demand.priority, clock(), demand.has_fallback))
    clock.advance(0.1 + 1e-9)

    assert pacer.take("me", demand) == 0


# what is left of a quota


@pytest.mark.parametrize(
    ("left", "behind", "has_stale", "waits"),
    [
        (200, 0, 0, 0),
        (199, (0.1, "quota-low"), 0, 0),
        (100, (10, "quota-low"), 0, 0),
        (80, (12, "quota-low"), (2, "quota-low"), 2),
        (-20, (22, "quota-low"), (12, "quota-low"), 12),
    ],
)
def test_the_less_is_left_the_more_make_way(clock, left, behind, has_stale, waits):
    for demand, expected in ((BEHIND, behind), (HAS_STALE, has_stale), (WAITS, waits)):
        pacer = Pacer(QUOTA, clock)
        pacer.told("me", left, None)

        if isinstance(expected, tuple):
            assert refusal(pacer, demand) == expected
        else:
            assert pacer.take("me", demand) == pytest.approx(expected)


def test_who_cannot_wait_for_the_refill_is_refused(clock):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", 50, None)

    assert refusal(pacer, Demand(deadline=clock() + 4)) == (5, "quota-low")


def test_what_is_left_grows_as_it_refills_up_to_what_was_seen(clock):
    pacer = Pacer(QUOTA, clock)
    assert pacer.left("me") is None
    pacer.told("me", 300, None)
    pacer.told("me", 150, None)

    assert pacer.left("me") == 150
    clock.advance(5)
    assert pacer.left("me") == 200
    assert pacer.take("me", BEHIND) == 0
    clock.advance(500)
    assert pacer.left("me") == 300


def test_a_credential_of_which_only_little_was_ever_seen_is_called_for_again(clock):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", 10, None)
    clock.advance(19)

    assert pacer.take("me", BEHIND) == 0


def test_where_the_refill_is_not_known_who_waits_calls_and_others_make_way_for_a_while(clock):
    pacer = Pacer(PacingPolicy(low=20, reserve=10), clock)
    pacer.told("me", 5, None)
    clock.advance(BELIEVED - 1)

    assert pacer.take("me", WAITS) == 0
    assert refusal(pacer, BEHIND) == refusal(pacer, HAS_STALE) == (1, "quota-low")
    clock.advance(1)
    assert pacer.left("me") is None
    assert pacer.take("me", BEHIND) == pacer.take("me", HAS_STALE) == 0


def test_a_reserve_above_low_makes_background_work_yield_too(clock):
    pacer = Pacer(PacingPolicy(low=0, reserve=100, refill=10), clock)
    pacer.told("me", 90, None)

    assert refusal(pacer, BEHIND) == (1, "quota-low")


def test_the_least_that_any_credential_has_left_can_be_told(clock):
    pacer = Pacer(QUOTA, clock)
    assert pacer.lowest_left is None
    pacer.told("me", 300, None)
    pacer.told("you", 150, None)
    clock.advance(1)

    assert pacer.lowest_left == 160


def test_what_is_left_is_known_also_where_nothing_is_declared(clock):
    pacer = Pacer(PacingPolicy(), clock)
    pacer.told("me", 7, 1)

    assert pacer.left("me") == pacer.lowest_left == 7
    assert pacer.take("me", BEHIND) == 0


def test_while_little_is_left_calls_go_out_as_fast_as_their_cost_refills(clock):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", 150, 20)

    assert taken(pacer, 3) == pytest.approx([0, 2, 4])
    assert refusal(pacer, HAS_STALE) == (6, "quota-low")
    pacer.told("me", 400, 20)
    assert taken(pacer, 2) == [0, 0]


def test_what_calls_cost_is_what_they_cost_lately(clock):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", 150, 20)
    pacer.told("me", 150, 40)

    assert taken(pacer, 2) == pytest.approx([0, 2.5])


@pytest.mark.parametrize("cost", [0.0, None])
def test_calls_that_cost_nothing_are_not_spread(clock, cost):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", 150, cost)

    assert taken(pacer, 3) == [0, 0, 0]


def test_a_cost_without_a_word_on_what_is_left_means_nothing(clock):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", None, 20)

    assert taken(pacer, 3) == [0, 0, 0]


# a pause


@pytest.mark.parametrize(("asked", "pause"), [(7, 7), (None, 1), (0, 1), (0.2, 1), (3600, 300)])
def test_nobody_calls_for_as_long_as_the_upstream_asked(clock, asked, pause):
    pacer = Pacer(PacingPolicy(), clock)
    pacer.throttled("me", asked)

    assert refusal(pacer, BEHIND) == refusal(pacer, HAS_STALE) == (pause, "paused")
    assert pacer.take("me", WAITS) == pacer.rest("me") == pytest.approx(pause)
    assert refusal(pacer, Demand(deadline=clock() + pause - 0.1)) == (pause, "paused")
    assert pacer.paused == 1
    assert pacer.rest("another") == pacer.take("another", BEHIND) == 0

    clock.advance(pause)
    assert pacer.take("me", BEHIND) == pacer.rest("me") == pacer.paused == 0


def pauses(pacer, clock, times, asked=None):
    """How long each pause is, of some that follow each other."""
    lengths = []
    for _ in range(times):
        pacer.throttled("me", asked)
        lengths.append(pacer.rest("me"))
        clock.advance(lengths[-1])
    return lengths


@pytest.mark.parametrize(("asked", "lengths"), [(None, [1, 2, 4, 8, 16, 30, 30]), (5, [5, 5, 5, 8, 16, 30, 30])])
def test_pauses_that_follow_each_other_double(clock, asked, lengths):
    assert pauses(Pacer(PacingPolicy(), clock), clock, 7, asked) == lengths


def test_calls_that_were_under_way_do_not_make_a_pause_longer_each(clock):
    pacer = Pacer(PacingPolicy(), clock)
    for _ in range(10):
        pacer.throttled("me", None)
        clock.advance(0.05)

    assert pacer.rest("me") == pytest.approx(0.95)


def test_a_shorter_word_does_not_shorten_a_pause(clock):
    pacer = Pacer(PacingPolicy(), clock)
    pacer.throttled("me", 60)
    pacer.throttled("me", 2)

    assert pacer.rest("me") == 60


def test_a_success_makes_the_next_pause_a_first_one(clock):
    pacer = Pacer(PacingPolicy(), clock)
    pauses(pacer, clock, 4)
    pacer.succeeded("me")

    assert pauses(pacer, clock, 1) == [1]


def test_a_success_within_a_pause_is_of_a_call_from_before_and_says_nothing(clock):
    pacer = Pacer(PacingPolicy(), clock)
    pauses(pacer, clock, 2)
    pacer.throttled("me", None)
    pacer.succeeded("me")

    assert pacer.rest("me") == 4
    clock.advance(4)
    assert pauses(pacer, clock, 1) == [8]


@pytest.mark.parametrize(("left", "pause"), [(0, 5), (None, 5), (30, 2), (45, 1), (600, 1), (-100, 15)])
def test_a_pause_lasts_until_there_is_room_for_one_call(clock, left, pause):
    pacer = Pacer(PacingPolicy(refill=10, charge=50), clock)
    pacer.told("me", left, None)
    pacer.throttled("me", None)

    assert pacer.rest("me") == pytest.approx(pause)


def test_a_pause_can_be_told_of_an_earlier_instant(clock):
    pacer = Pacer(PacingPolicy(), clock)
    pacer.throttled("me", 10, at=clock() - 4)

    assert pacer.rest("me") == 6


def test_after_a_pause_calls_follow_at_the_rate(clock):
    pacer = Pacer(PacingPolicy(rate=1, burst=2), clock)
    pacer.throttled("me", 10)

    assert taken(pacer, 4) == pytest.approx([10, 10, 11, 12])


def test_the_longest_wait_names_the_word(clock):
    pacer = Pacer(PacingPolicy(rate=1, burst=1, low=200, reserve=100, refill=10), clock)
    taken(pacer, 1)
    assert refusal(pacer, BEHIND) == (1, "paced")
    pacer.told("me", 50, None)
    assert refusal(pacer, HAS_STALE) == (5, "quota-low")
    pacer.throttled("me", 60)
    assert refusal(pacer, HAS_STALE) == (60, "paused")


# bounds


def test_the_credential_that_was_out_of_use_longest_is_forgotten_first(clock):
    pacer = Pacer(PacingPolicy(rate=1, burst=1), clock, most=2)
    for credential in ("old", "new", "old", "newest"):
        pacer.take(credential, WAITS)

    assert pacer.take("old", WAITS) == 2
    assert pacer.take("new", WAITS) == 0


def test_it_shows_what_holds_calls_back(clock):
    pacer = Pacer(QUOTA, clock)
    pacer.told("me", 90, None)
    pacer.throttled("you", 5)

    assert repr(pacer) == "<Pacer of 2 credentials, 1 paused, least left 90.0>"
