"""The lease table against a plain dict, and what it does where it is full or its writers die."""

from contextlib import nullcontext

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from proxy.sharing.lease_table import PROBES, SLOT_BYTES, LeaseTable, Taken
from tests.unit.sharing.dying import Life, Mortal
from tests.unit.sharing.pages import a_fence_ring, a_lease_table, memory, name

THING, OTHER = name(1), name(2)
TTL = 2.0


def test_who_takes_first_has_it_and_the_others_hear_that():
    table = a_lease_table(64)
    token = table.take(THING, 10.0, TTL, 1)
    assert isinstance(token, int)
    assert table.take(THING, 11.0, TTL, 2) is Taken.HELD
    assert table.take(THING, 11.0, TTL, 1) is Taken.HELD
    assert not table.is_free(THING, 11.0)
    assert table.is_free(OTHER, 11.0)


def test_a_released_lease_is_free_at_once_and_the_next_token_is_higher():
    table = a_lease_table(64)
    first = table.take(THING, 10.0, TTL, 1)
    table.release(THING, first)
    assert table.is_free(THING, 10.0)
    assert table.take(THING, 10.0, TTL, 2) > first


def test_a_killed_holders_lease_is_free_after_its_ttl_and_not_before():
    table = a_lease_table(64)
    token = table.take(THING, 10.0, TTL, 1)
    assert not table.is_free(THING, 11.9)
    assert table.is_free(THING, 12.0)
    assert table.take(THING, 12.0, TTL, 2) > token
    assert not table.renew(THING, token, 12.1, TTL), "it is lost"


def test_a_renewed_lease_is_held_on():
    table = a_lease_table(64)
    token = table.take(THING, 10.0, TTL, 1)
    assert table.renew(THING, token, 11.5, TTL)
    assert table.take(THING, 13.0, TTL, 2) is Taken.HELD


def test_a_lapsed_lease_that_nobody_took_over_can_still_be_renewed():
    table = a_lease_table(64)
    token = table.take(THING, 10.0, TTL, 1)
    assert table.renew(THING, token, 15.0, TTL)
    assert table.take(THING, 16.0, TTL, 2) is Taken.HELD


def test_a_release_after_somebody_else_took_over_does_nothing():
    table = a_lease_table(64)
    token = table.take(THING, 10.0, TTL, 1)
    table.take(THING, 13.0, TTL, 2)
    table.release(THING, token, unshareable_until=99.0)
    assert table.take(THING, 13.0, TTL, 3) is Taken.HELD


def test_what_cannot_be_shared_is_told_so_until_an_instant_and_keeps_nobody_waiting():
    table = a_lease_table(64)
    token = table.take(THING, 10.0, TTL, 1)
    table.release(THING, token, unshareable_until=40.0)
    assert table.take(THING, 39.0, TTL, 2) is Taken.UNSHAREABLE
    assert table.is_free(THING, 39.0)
    table.forget_process(1)
    assert table.take(THING, 39.0, TTL, 2) is Taken.UNSHAREABLE, "that is still so though its teller died"
    assert isinstance(table.take(THING, 40.0, TTL, 2), int)


def test_what_a_dead_process_held_is_free_and_what_others_hold_is_not():
    table = a_lease_table(64)
    table.take(THING, 10.0, TTL, 1)
    table.take(OTHER, 10.0, TTL, 2)
    table.forget_process(1)
    assert table.is_free(THING, 10.0)
    assert not table.is_free(OTHER, 10.0)


def test_where_there_is_no_room_a_lease_is_good_for_its_taker_but_not_shared():
    table = a_lease_table(64)
    tokens = [table.take(crowded(number), 10.0, TTL, 1) for number in range(PROBES + 1)]
    assert len(set(tokens)) == PROBES + 1
    *shared, alone = [table.renew(crowded(number), token, 11.0, TTL) for number, token in enumerate(tokens)]
    assert all(shared)
    assert not alone
    assert isinstance(table.take(crowded(PROBES), 11.0, TTL, 2), int)

    table.release(crowded(3), tokens[3])
    assert table.renew(crowded(PROBES), table.take(crowded(PROBES), 11.0, TTL, 2), 11.0, TTL), "there is room now"


def crowded(number):
    """Digests whose first place is the same."""
    return bytes(4) + number.to_bytes(12, "little")


@pytest.mark.parametrize("half", [0.0, 0.3, 0.5, 0.8, 0.99])
def test_a_taker_that_dies_while_it_writes_holds_nothing_and_its_token_is_not_given_again(half):
    life, fences = Life(), a_fence_ring(1)
    table = LeaseTable(Mortal(memory(64, SLOT_BYTES), life), fences, nullcontext)
    table.release(THING, table.take(THING, 1.0, TTL, 2))
    with life.of(0, half):
        table.take(THING, 10.0, TTL, 1)

    table.forget_process(1)
    token = table.take(THING, 10.0, TTL, 2)
    assert token == fences.sequence == 3
    assert table.renew(THING, token, 11.0, TTL)


class Leases(RuleBasedStateMachine):
    """Three processes take, renew, give back, fall silent and die; a dict knows who has what."""

    whats = st.integers(0, 3).map(name)
    processes = st.integers(1, 3)

    def __init__(self):
        super().__init__()
        self.life = Life()
        self.table = LeaseTable(Mortal(memory(32, SLOT_BYTES), self.life), a_fence_ring(1), nullcontext)
        self.now = 100.0
        self.last_token = 0
        self.held = {}  # what: (token, until, process)
        self.unshareable = {}  # what: until
        self.tokens = {}  # (what, process): the last it was given

    def holder(self, what):
        return self.held[what] if what in self.held and self.now < self.held[what][1] else None

    @rule(seconds=st.floats(0.0, 3.0))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(what=whats, process=processes)
    def take(self, what, process):
        taken = self.table.take(what, self.now, TTL, process)
        if self.holder(what):
            assert taken is Taken.HELD
        elif self.now < self.unshareable.get(what, 0.0):
            assert taken is Taken.UNSHAREABLE
        else:
            assert taken > self.last_token
            self.last_token = taken
            self.held[what] = taken, self.now + TTL, process
            self.unshareable.pop(what, None)
            self.tokens[what, process] = taken

    @rule(what=whats, process=processes)
    def renew(self, what, process):
        token = self.tokens.get((what, process), 0)
        has_it = what in self.held and self.held[what][0] == token
        assert self.table.renew(what, token, self.now, TTL) == has_it
        if has_it:
            self.held[what] = token, self.now + TTL, process

    @rule(what=whats, process=processes, seconds=st.none() | st.floats(0.5, 3.0))
    def release(self, what, process, seconds):
        token = self.tokens.get((what, process), 0)
        until = 0.0 if seconds is None else self.now + seconds
        self.table.release(what, token, until)
        if what in self.held and self.held[what][0] == token:
            del self.held[what]
            self.unshareable[what] = until

    @rule(process=processes)
    def die(self, process):
        self.table.forget_process(process)
        self.held = {what: lease for what, lease in self.held.items() if lease[2] != process}

    @rule(what=whats, half=st.floats(0.0, 0.99))
    def die_while_renewing(self, what, half):
        if what in self.held:
            token, _, process = self.held[what]
            with self.life.of(0, half):
                self.table.renew(what, token, self.now, TTL)
            self.die(process)

    @rule(what=whats)
    def look(self, what):
        assert self.table.is_free(what, self.now) == (self.holder(what) is None)


TestLeases = Leases.TestCase
TestLeases.settings = settings(stateful_step_count=40)
