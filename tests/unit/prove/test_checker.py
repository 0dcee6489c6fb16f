"""The checker of `make prove` finds what it is there to find: every kind of broken promise, planted in a history that
is otherwise in order. And it accuses nobody of what was never promised.
"""

from math import inf

import pytest

from tests.prove.checker import Rule, Terms, check
from tests.prove.history import Call, Herd, History, Purge, Read, Scope, Trouble

COURSE = "/courseworks/api/v1/courses/7"
THING = "/groups/things/1"
TAG = "courseworks/course:7"
TERMS = Terms(window=1.0)


class Observed:
    """A history in the making. Instants are seconds."""

    def __init__(self, terms=TERMS):
        self.history = History()
        self.terms = terms

    def call(self, at, version=0, *, key=COURSE, token="ada", sent=None):
        number = len(self.history.calls) + 1
        tags = frozenset({TAG, f"courseworks@{token}"} if key == COURSE else {key, "groups/group:shelf-1"})
        call = Call(number, key, token, version, tags, at, at + 0.01 if sent is None else sent)
        self.history.calls[number] = call
        return call

    def read(self, at, answer, said="larder; hit", *, token=None, on="a", life=1, **other):
        read = Read(
            start=at,
            end=at + 0.01,
            key=answer.key,
            token=answer.token if token is None else token,
            instance=on,
            life=life,
            said=said,
            call=answer.number,
            version=answer.version,
            seen_key=answer.key,
            seen_token=answer.token,
        )
        self.history.reads.append(read._replace(**other))

    def purge(self, at, *, end=None, tag=TAG, hard=False, on="a", life=1, scope=Scope.EVERYWHERE, how="flush"):
        number, end = len(self.history.purges) + 1, at + 0.01 if end is None else end
        self.history.purges.append(Purge(number, at, end, frozenset({tag}), hard, how, on, life, scope))

    def trouble(self, what, start, end, *, who="a", kills=0):
        self.history.troubles.append(Trouble(what, who, start, end, kills))

    @property
    def broken(self):
        return [violation.rule for violation in check(self.history, self.terms)]


@pytest.fixture
def observed():
    return Observed()


# what was purged


def test_a_purged_answer_that_is_served_as_current_is_found(observed):
    observed.read(2, observed.call(1))
    observed.purge(3)
    observed.read(4, observed.history.calls[1])

    assert observed.broken == [Rule.PURGED]


def test_an_answer_made_up_before_a_purge_that_arrives_after_it_is_a_late_fill(observed):
    late = observed.call(1, sent=4)
    observed.purge(2)
    observed.read(5, late)

    assert observed.broken == [Rule.LATE]


def test_a_purge_that_a_restart_undoes_is_lost(observed):
    old = observed.call(1)
    observed.purge(2)
    observed.trouble("an instance killed", 3, 4, kills=3)
    observed.read(5, old)

    assert observed.broken == [Rule.LOST]


def test_what_was_made_up_after_the_purge_began_may_be_served(observed):
    observed.purge(1, end=3)
    observed.read(4, observed.call(2))

    assert observed.broken == []


def test_who_asked_before_the_acknowledgement_may_get_the_old_answer(observed):
    old = observed.call(1)
    observed.purge(2, end=4)
    observed.read(3.9, old)

    assert observed.broken == []


@pytest.mark.parametrize(("at", "broken"), [(3.0, []), (3.2, [Rule.PURGED])])
def test_another_instance_has_the_coherence_window_to_hear_of_it(observed, at, broken):
    old = observed.call(1)
    observed.purge(2, end=2.1)
    observed.read(at, old, on="b")

    assert observed.broken == broken


def test_a_purge_of_another_tag_ends_nothing(observed):
    old = observed.call(1)
    observed.purge(2, tag="courseworks/course:8")
    observed.read(3, old)

    assert observed.broken == []


def test_a_tag_that_only_the_body_tells_counts_as_well(observed):
    old = observed.call(1, key=THING, token="")
    observed.purge(2, tag="groups/group:shelf-1")
    observed.read(3, old)

    assert observed.broken == [Rule.PURGED]


# how far a purge was promised


@pytest.mark.parametrize(
    ("on", "life", "broken"), [("a", 1, [Rule.PURGED]), ("a", 3, []), ("b", 1, []), ("a", None, [])]
)
def test_a_purge_that_could_not_be_recorded_holds_where_it_was_made_and_no_longer_than_that_life(
    observed, on, life, broken
):
    old = observed.call(1)
    observed.purge(2, scope=Scope.HERE)
    observed.read(9, old, on=on, life=life)

    assert observed.broken == broken


def test_a_purge_whose_sender_heard_nothing_is_no_promise(observed):
    old = observed.call(1)
    observed.purge(2, scope=Scope.UNKNOWN)
    observed.read(9, old)

    assert observed.broken == []


@pytest.mark.parametrize(("writes_tell", "broken"), [(True, [Rule.PURGED]), (False, [])])
def test_a_write_while_redis_was_away_is_held_to_its_own_instance(writes_tell, broken):
    observed = Observed(TERMS._replace(writes_tell=writes_tell))
    old = observed.call(1)
    observed.trouble("Redis killed", 2, 3, who="", kills=1)
    observed.purge(2.5, how="write")
    observed.read(9, old, on="b")

    assert observed.broken == broken


def test_a_write_while_all_was_well_holds_everywhere():
    observed = Observed(TERMS._replace(writes_tell=False))
    old = observed.call(1)
    observed.purge(2.5, how="write")
    observed.read(9, old, on="b")

    assert observed.broken == [Rule.PURGED]


# standing in


def test_a_softly_purged_answer_may_stand_in_while_the_upstream_fails_if_it_says_so(observed):
    old = observed.call(1)
    observed.purge(2)
    observed.trouble("upstream errs", 3, 5, who="courseworks")
    observed.read(4, old, "larder; fwd=stale; detail=purged")

    assert observed.broken == []


def test_one_that_does_not_say_so_is_found(observed):
    old = observed.call(1)
    observed.purge(2)
    observed.trouble("upstream errs", 3, 5, who="courseworks")
    observed.read(4, old, "larder; fwd=stale; detail=upstream-failed")

    assert observed.broken == [Rule.PURGED]


def test_one_that_stands_in_while_the_upstream_works_is_found(observed):
    old = observed.call(1)
    observed.purge(2)
    observed.trouble("upstream errs", 3, 5, who="groups")
    observed.read(20, old, "larder; hit; detail=purged")

    assert observed.broken == [Rule.NEEDLESS]


def test_a_failure_is_remembered_for_a_while(observed):
    old = observed.call(1)
    observed.purge(2)
    observed.trouble("upstream errs", 3, 5, who="courseworks")
    observed.read(5 + TERMS.grace - 0.1, old, "larder; hit; detail=purged")

    assert observed.broken == []


@pytest.mark.parametrize("detail", ["", "; detail=purged", "; detail=coherence-lost"])
def test_a_hard_purged_answer_is_found_whatever_it_says_of_itself(observed, detail):
    old = observed.call(1)
    observed.purge(2, hard=True)
    observed.trouble("upstream errs", 3, 5, who="courseworks")
    observed.read(4, old, f"larder; hit{detail}")

    assert observed.broken == [Rule.HARD]


def test_who_has_lost_coherence_and_says_so_cannot_know_of_a_hard_purge():
    observed = Observed(TERMS._replace(unsure_may_stand_in=True))
    old = observed.call(1)
    observed.purge(2, hard=True)
    observed.trouble("upstream errs", 3, 6, who="courseworks")
    observed.read(4, old, "larder; fwd=stale; detail=coherence-lost", on="b")
    observed.read(5, old, "larder; fwd=stale; detail=purged", on="b")

    assert observed.broken == [Rule.HARD]


# partitions, and answers to other questions


def test_an_answer_fetched_with_another_credential_is_found(observed):
    observed.read(2, observed.call(1, token="ada"), token="ben")

    assert observed.broken == [Rule.CROSSED]


def test_a_body_made_for_another_credential_is_found(observed):
    observed.read(2, observed.call(1, token="ada"), seen_token="ben")

    assert observed.broken == [Rule.CROSSED]


def test_what_is_for_everybody_crosses_nothing(observed):
    observed.read(2, observed.call(1, key=THING, token=""), token="ben")

    assert observed.broken == []


@pytest.mark.parametrize("other", [{"seen_key": THING}, {"key": THING}, {"version": 5}, {"call": 99}])
def test_another_keys_answer_a_body_of_another_version_and_an_answer_nobody_gave_are_found(observed, other):
    observed.read(2, observed.call(1), **other)

    assert observed.broken == [Rule.MIXED]


# by what was read alone


def test_a_version_that_goes_back_across_a_purge_is_found_whatever_the_upstream_says_of_its_instants(observed):
    observed.read(2, observed.call(1, version=2))
    observed.purge(3)
    observed.read(4, observed.call(3.5, version=1))

    assert observed.broken == [Rule.BACKWARDS]


def test_without_a_purge_two_processes_may_be_of_different_age(observed):
    older, newer = observed.call(1, version=1), observed.call(2, version=2)
    observed.read(3, newer)
    observed.read(4, older, on="b")

    assert observed.broken == []


# herds


@pytest.mark.parametrize(("calls", "broken"), [(1, []), (2, [Rule.TOO_MANY_CALLS])])
def test_more_calls_for_a_cold_key_than_promised_are_found(observed, calls, broken):
    for number in range(calls):
        observed.call(1 + number / 10, key=THING)
    observed.history.herds.append(Herd(THING, 0.5, 3, callers=100, answered=100, most_broken=0, most_calls=1))

    assert observed.broken == broken


@pytest.mark.parametrize(("answered", "broken"), [(75, []), (74, [Rule.UNANSWERED])])
def test_a_caller_of_a_living_process_who_gets_nothing_is_found(observed, answered, broken):
    observed.call(1, key=THING)
    observed.history.herds.append(Herd(THING, 0.5, 3, callers=100, answered=answered, most_broken=25, most_calls=2))

    assert observed.broken == broken


# what is shown


def test_a_violation_comes_with_the_least_that_shows_it(observed):
    observed.read(1.5, observed.call(0.5, version=8))
    old = observed.call(1)
    observed.trouble("Redis killed", 0, 0.5, who="")
    observed.purge(2)
    observed.trouble("a worker killed", 3, inf)
    observed.read(4, old)

    violation = check(observed.history, TERMS)[0]

    trouble = observed.history.troubles[1]
    assert violation.because == (old, observed.history.purges[0], trouble)
    assert violation.event == observed.history.reads[-1]
