"""Coherence, by its rules alone: who may serve from memory until when, and what is said again after writes are lost."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.store._redis_durability import is_durable, questions
from proxy.store.coherence import (
    GAP,
    LOST,
    TICKS,
    UNSENT,
    Change,
    Coherence,
    Known,
    Position,
    Skew,
    State,
    back_off,
    change,
    is_local,
    pauses,
    risen,
    to_resend,
    unsent,
)
from proxy.store.purges import Heard, Mode

NOW = 1_793_653_653.0
DAY = 86_400.0
A, B = b"a" * 16, b"b" * 16


class Bound:
    coherent_until = float("inf")


def a_purge(number, tag=A, mode=Mode.SOFT):
    return Heard(number * GAP, mode, tag, NOW, 0.0)


def a_local_purge(number, tag=A, mode=Mode.SOFT, nth=1):
    return Heard(number * GAP + nth, mode, tag, NOW, 0.0)


def said(**fields):
    at = int(NOW) * TICKS
    return State(
        **{"run": "r1", "epoch": 1, "number": at, "soft": 0, "hard": 0, "at": NOW, "top": Position(at, 0), **fields}
    )


@pytest.fixture
def bound():
    return Bound()


@pytest.fixture
def coherence(bound):
    return Coherence(bound, window=1.0, now=100.0)


def test_nothing_is_current_before_the_first_grant(coherence, bound):
    assert bound.coherent_until == LOST
    assert coherence.lost_since == 100.0
    assert coherence.lost_total == 0, "what never was there cannot be lost"


def test_a_grant_counts_from_when_the_poll_was_sent_not_from_when_it_was_answered(coherence, bound):
    assert coherence.grant(sent=100.0, lag=0.0, now=100.4)

    assert bound.coherent_until == 101.0
    assert coherence.lost_since is None


def test_a_grant_is_shorter_by_what_has_not_been_heard_yet(coherence, bound):
    coherence.grant(sent=100.0, lag=0.25, now=100.1)

    assert bound.coherent_until == 100.75


@pytest.mark.parametrize(("lag", "now"), [(0.0, 101.0), (0.0, 4_000.0), (1.0, 100.1)], ids=["late", "asleep", "behind"])
def test_an_answer_that_is_a_window_old_grants_nothing(coherence, bound, lag, now):
    assert not coherence.grant(sent=100.0, lag=lag, now=now)

    assert bound.coherent_until == LOST


def test_a_machine_that_was_stopped_finds_on_waking_that_it_has_lost_coherence(coherence):
    coherence.grant(sent=100.0, lag=0.0, now=100.1)
    assert not coherence.look(100.9)

    assert coherence.look(500.0)
    assert (coherence.lost_since, coherence.lost_total) == (101.0, 1)
    assert not coherence.look(501.0), "a loss is told once"
    assert coherence.grant(sent=501.0, lag=0.0, now=501.1), "and so is its end"


def test_a_purge_that_redis_has_not_got_ends_coherence_at_once(coherence, bound):
    coherence.grant(sent=100.0, lag=0.0, now=100.1)
    bound.coherent_until = UNSENT  # as any process of the machine does

    assert coherence.has_unsent
    assert coherence.look(100.2)
    coherence.start_sending()
    assert not coherence.has_unsent


def test_who_gives_up_serves_nothing_as_current(coherence, bound):
    coherence.grant(sent=100.0, lag=0.0, now=100.1)
    coherence.give_up()

    assert bound.coherent_until == LOST


@given(
    sent=st.floats(0, 1e6),
    travel=st.floats(0, 5),
    behind=st.floats(0, 5),
    asleep=st.floats(0, 1e6),
)
def test_a_machine_is_never_coherent_past_a_window_after_the_last_moment_of_which_it_knows_all(
    sent, travel, behind, asleep
):
    """A purge it has not heard came after `sent - behind`: whoever waits a window from there waits long enough."""
    bound = Bound()
    Coherence(bound, window=1.0, now=0.0).grant(sent, behind, sent + travel + asleep)

    assert bound.coherent_until == LOST or bound.coherent_until <= sent - behind + 1.0 + 1e-6


def test_a_server_that_goes_on_counting_has_not_changed():
    before, after = said(), said(number=said().number + 5 * GAP, soft=3)

    assert change(before, before.top, after, keep=DAY) is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"run": "r2"}, Change.SERVER),
        ({"epoch": 2}, Change.EPOCH),
        ({"top": Position(0, 0)}, Change.RECORDS),
        ({"top": Position(int(NOW) * TICKS - GAP, 3)}, Change.RECORDS),
    ],
)
def test_a_server_that_may_have_lost_writes_is_seen(fields, expected):
    assert change(said(), said().top, said(**fields), keep=DAY) is expected


def test_records_that_have_had_their_time_are_not_lost():
    heard = Position(int(NOW - 2 * DAY) * TICKS, 0)

    assert change(said(), heard, said(top=Position(0, 0)), keep=DAY) is None


def test_a_floor_is_taken_over_once():
    first, second = said(soft=5), said(soft=5, hard=7)

    assert risen(None, first) == [(Mode.SOFT, 5)]
    assert risen(first, second) == [(Mode.HARD, 7)]
    assert risen(second, second) == []


def test_numbers_between_two_steps_of_redis_are_a_machine_s_own():
    assert not is_local(7 * GAP)
    assert is_local(7 * GAP + 1)


def test_what_redis_lost_is_said_again_and_nothing_else():
    known = Known([a_purge(5), a_purge(6, B), a_purge(7, mode=Mode.HARD)], is_all=True)
    there = {(A, Mode.SOFT): 5 * GAP, (B, Mode.SOFT): 6 * GAP}

    assert to_resend(known, there, 7 * GAP) == [a_purge(7, mode=Mode.HARD)]
    assert to_resend(known, {**there, (A, Mode.HARD): 7 * GAP}, 7 * GAP) == []


def test_a_later_hard_purge_covers_a_soft_one_but_not_the_other_way_round():
    assert to_resend(Known([a_purge(5)], is_all=True), {(A, Mode.HARD): 6 * GAP}, 5 * GAP) == []

    hard = Known([a_purge(5, mode=Mode.HARD)], is_all=True)
    assert to_resend(hard, {(A, Mode.SOFT): 6 * GAP}, 5 * GAP) == [a_purge(5, mode=Mode.HARD)]


def test_what_another_server_numbered_below_what_was_known_here_is_purged_under_a_new_number():
    """Entries fetched here under 9 may be older than that purge, which got a lower number from a server that lagged."""
    known = Known([a_purge(9)], is_all=True)
    there = {(A, Mode.SOFT): 9 * GAP, (B, Mode.SOFT): 8 * GAP}

    assert [(heard.tag, heard.number) for heard in to_resend(known, there, 9 * GAP)] == [(B, 8 * GAP)]
    assert to_resend(known, {**there, (B, Mode.SOFT): 10 * GAP}, 9 * GAP) == []


def test_purges_older_than_those_remembered_are_not_taken_for_unheard():
    known = Known([a_purge(9)], is_all=False)

    assert to_resend(known, {(A, Mode.SOFT): 9 * GAP, (B, Mode.SOFT): 8 * GAP}, 9 * GAP) == []


def test_purges_that_were_never_sent_are_not_taken_for_lost():
    assert to_resend(Known([a_local_purge(5)], is_all=True), {}, 6 * GAP) == []


def test_unsent_are_the_machine_s_own_purges_since_the_last_that_were_sent():
    known = Known([a_local_purge(5), a_purge(7), a_local_purge(8, B)], is_all=True)

    assert unsent(known, 7 * GAP, most=10, is_told=True) == ([a_local_purge(8, B)], None)
    assert unsent(Known([], is_all=True), 0, most=10, is_told=False) == ([], None)


@pytest.mark.parametrize("mode", Mode)
def test_too_many_unsent_purges_are_sent_as_one_of_everything(mode):
    recent = [a_local_purge(5, nth=nth) for nth in range(1, 4)] + [a_local_purge(5, mode=mode, nth=4)]

    assert unsent(Known(recent, is_all=True), 0, most=3, is_told=True).floor is mode


def test_unsent_purges_that_may_have_been_forgotten_count_as_hard_ones_of_everything():
    known = Known([a_purge(number) for number in range(3, 7)], is_all=False)

    assert unsent(known, GAP, most=4, is_told=True).floor is Mode.HARD
    assert unsent(known, GAP, most=4, is_told=False).floor is None, "nobody said that there are any"
    assert unsent(known, 3 * GAP, most=4, is_told=True).floor is None, "all since the last sent are there"


@pytest.mark.parametrize(
    ("store", "expected"),
    [(100.05, 0.0), (97.0, 3.0), (103.0, -2.9)],
    ids=["no more than the travel time", "ahead", "behind"],
)
def test_skew_is_what_the_travel_time_does_not_explain(store, expected):
    skew = Skew()
    told = skew.measure(store, before=100.0, after=100.1)

    assert skew.seconds == pytest.approx(expected)
    assert told is (expected != 0.0)


def test_skew_is_told_when_it_grows_beyond_a_second_and_not_at_every_poll():
    skew = Skew()

    assert [skew.measure(store, 100.0, 100.0) for store in (99.5, 98.5, 98.4, 99.5, 98.5)] == [
        False,
        True,
        False,
        False,
        True,
    ]


def test_who_has_confirmed_is_looked_at_soon_and_then_less_often():
    assert list(islice(pauses(), 6)) == [0.002, 0.004, 0.008, 0.016, 0.02, 0.02]


@given(failures=st.integers(1, 10_000), window=st.floats(0.2, 60), random=st.floats(0, 1))
def test_tries_to_reach_redis_are_spread_out_and_never_further_apart_than_a_window_or_a_second(
    failures, window, random
):
    assert 0.02 < back_off(failures, window, random) <= max(window, 1.0)


ALWAYS = {"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "no"}
OLD, NEW = (7, 0), (7, 2)


@pytest.mark.parametrize(
    ("version", "replicas", "answers", "expected"),
    [
        (OLD, 0, [ALWAYS], True),
        (OLD, 0, [{name.encode(): value.encode() for name, value in ALWAYS.items()}], True),
        (OLD, 0, [{**ALWAYS, "appendonly": "no"}], False),
        (OLD, 0, [{**ALWAYS, "appendfsync": "everysec"}], False),
        (OLD, 0, [{**ALWAYS, "no-appendfsync-on-rewrite": "yes"}], False),
        (OLD, 0, [{}], False),
        (OLD, 0, [PermissionError("CONFIG")], False),
        (OLD, 1, [ALWAYS, 1], True),
        (OLD, 2, [ALWAYS, 1], False),
        (OLD, 1, [{**ALWAYS, "appendonly": "no"}, 1], False),
        (NEW, 0, [[1, 0]], True),
        (NEW, 0, [[0, 0]], False),
        (NEW, 1, [[1, 0]], False),
        (NEW, 1, [[1, 1]], True),
        (NEW, 0, [RuntimeError("appendonly is disabled")], False),
    ],
)
def test_durable_is_what_the_server_s_answers_make_certain(version, replicas, answers, expected):
    assert len(answers) == len(questions(version, replicas))
    assert is_durable(version, replicas, answers) is expected
