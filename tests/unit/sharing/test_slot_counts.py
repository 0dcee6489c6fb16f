"""Slot counts: no more in the air than the limit, whoever takes; nothing is lost, and nothing stays taken."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sharing.slot_counts import PROBES, PROCESSES, SLOT_BYTES, SlotCounts
from tests.unit.sharing.pages import memory, name


@pytest.fixture
def counts():
    return SlotCounts(memory(64, SLOT_BYTES), nullcontext)


def test_the_limit_holds_over_all_processes_together(counts):
    assert [counts.try_take(name(1), 3, process) for process in (1, 2, 2, 1)] == [True, True, True, False]
    assert counts.in_flight(name(1)) == 3


def test_what_is_given_back_can_be_taken_by_another(counts):
    counts.try_take(name(1), 1, 1)
    counts.give_back(name(1), 1)
    assert counts.in_flight(name(1)) == 0
    assert counts.try_take(name(1), 1, 2)


def test_names_are_counted_apart(counts):
    assert counts.try_take(name(1), 1, 1)
    assert counts.try_take(name(2), 1, 1)
    assert counts.in_flight(name(3)) == 0


def test_what_a_dead_process_held_is_free_and_what_others_hold_is_not(counts):
    for process in (1, 1, 2):
        counts.try_take(name(1), 3, process)
    counts.forget_process(1)
    assert counts.in_flight(name(1)) == 1
    assert counts.try_take(name(1), 2, 3)


def test_giving_back_what_was_not_taken_takes_nothing_from_others(counts):
    counts.try_take(name(1), 5, 1)
    counts.give_back(name(1), 2)
    counts.give_back(name(2), 2)
    assert counts.in_flight(name(1)) == 1


def test_there_is_a_column_for_each_process_that_may_be_and_for_no_more(counts):
    assert all(counts.try_take(name(1), 1_000, process) for process in range(PROCESSES))
    assert counts.in_flight(name(1)) == PROCESSES
    assert counts.in_flight(name(2)) == 0
    with pytest.raises(IndexError):
        counts.try_take(name(1), 1_000, PROCESSES)


def test_a_name_that_nobody_uses_leaves_its_place_to_others(counts):
    for number in range(1_000):
        assert counts.try_take(crowded(number), 1, 1)
        assert not counts.try_take(crowded(number), 1, 2), "it is counted"
        counts.give_back(crowded(number), 1)


def test_where_there_is_no_room_to_count_slots_are_given(counts):
    for number in range(PROBES):
        counts.try_take(crowded(number), 1, 1)
    assert counts.try_take(crowded(PROBES), 1, 1)
    assert counts.try_take(crowded(PROBES), 1, 2)
    counts.give_back(crowded(PROBES), 1)
    assert all(counts.in_flight(crowded(number)) == 1 for number in range(PROBES))


def crowded(number):
    """Digests whose first place is the same."""
    return bytes(4) + number.to_bytes(12, "little")


steps = st.tuples(st.sampled_from(["take", "take", "give back", "die"]), st.integers(0, 5), st.integers(0, 3))


@given(st.lists(steps, max_size=60))
def test_in_whatever_order_they_take_give_back_and_die_it_counts_as_a_dict_does(done):
    counts, limit = SlotCounts(memory(8, SLOT_BYTES), nullcontext), 3
    taken = {(number, process): 0 for number in range(6) for process in range(4)}
    for verb, number, process in done:
        in_flight = sum(taken[number, other] for other in range(4))
        if verb == "take":
            assert counts.try_take(name(number), limit, process) == (in_flight < limit)
            taken[number, process] += in_flight < limit
        elif verb == "give back" and taken[number, process]:
            counts.give_back(name(number), process)
            taken[number, process] -= 1
        elif verb == "die":
            counts.forget_process(process)
            taken |= {(number, process): 0 for number in range(6)}
        for other in range(6):
            assert counts.in_flight(name(other)) == sum(taken[other, each] for each in range(4))
