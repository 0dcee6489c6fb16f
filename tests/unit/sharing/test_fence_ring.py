"""The fence ring: who reads it knows every purge, or knows that it does not, however its writers end."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.sharing.fence_ring import NUMBER, POSITION, SLOT_BYTES, FenceRing, Kind, Note, Overrun
from tests.unit.sharing.dying import Life, Mortal
from tests.unit.sharing.pages import a_fence_ring, cells, memory, name

NOTES = 8


def publish(ring, *tags, number=None):
    return ring.publish([name(tag) for tag in tags], Kind.SOFT, 1.5, 31.5, number)


def tags_since(ring, position=0):
    return [note.tag for note in ring.since(position)[0]]


def test_a_note_says_what_was_published():
    ring = a_fence_ring(NOTES)
    ring.raise_to(6)
    assert ring.publish([name(1)], Kind.FLOOR_HARD, 1.5, 31.5) == 7
    assert ring.since(0) == ([Note(7, Kind.FLOOR_HARD, name(1), 1.5, 31.5)], 1)


def test_all_tags_of_a_purge_share_a_number_and_the_next_purge_has_the_next():
    ring = a_fence_ring(NOTES)
    assert publish(ring, 1, 2, 3) == 1
    assert publish(ring, 4) == 2
    assert [note.number for note in ring.since(0)[0]] == [1, 1, 1, 2]
    assert (ring.number, ring.position) == (2, 4)


def test_a_purge_of_no_tag_takes_a_number_and_leaves_no_note():
    ring = a_fence_ring(NOTES)
    assert publish(ring) == 1
    assert (ring.number, ring.position) == (1, 0)


def test_a_number_given_elsewhere_is_kept_and_the_counter_goes_on_from_the_highest():
    ring = a_fence_ring(NOTES)
    assert publish(ring, 1, number=100) == 100
    assert publish(ring, 2, number=50) == 50
    assert ring.number == 100
    assert publish(ring, 3) == 101
    assert [note.number for note in ring.since(0)[0]] == [100, 50, 101]


def test_counters_are_raised_never_lowered():
    ring = a_fence_ring(NOTES)
    ring.raise_to(10, 20)
    ring.raise_to(5, 30)
    ring.raise_to(15)
    assert (ring.number, ring.sequence) == (15, 30)
    assert ring.next_sequence() == ring.sequence == 31


def test_a_reader_reads_on_where_it_was():
    ring = a_fence_ring(NOTES)
    publish(ring, 1)
    notes, position = ring.since(0)
    assert len(notes) == 1
    assert ring.since(position) == ([], position)
    publish(ring, 2)
    assert tags_since(ring, position) == [name(2)]


def test_a_reader_that_is_a_whole_ring_behind_still_reads_all_and_one_note_further_it_is_told():
    ring = a_fence_ring(NOTES)
    for tag in range(NOTES):
        publish(ring, tag)
    assert tags_since(ring) == [name(tag) for tag in range(NOTES)]

    publish(ring, NOTES)
    with pytest.raises(Overrun) as told:
        ring.since(0)
    assert (told.value.upto, told.value.position) == (NOTES + 1, NOTES + 1)
    assert ring.since(told.value.position) == ([], NOTES + 1)


def test_a_purge_of_more_tags_than_there_are_notes_is_an_overrun():
    ring = a_fence_ring(NOTES)
    publish(ring, *range(NOTES + 1))
    with pytest.raises(Overrun) as told:
        ring.since(0)
    assert told.value.upto == 1
    assert publish(ring, 1) == 2


def test_the_oldest_position_stays_readable_while_more_is_published():
    ring = a_fence_ring(NOTES)
    assert ring.oldest == 0
    for tag in range(3 * NOTES):
        publish(ring, tag)
        oldest = ring.oldest
    publish(ring, 101, 102)
    assert tags_since(ring, oldest)[-2:] == [name(101), name(102)]


def test_a_number_is_not_seen_before_its_notes_and_notes_not_before_they_are_whole():
    """At each write, in order: what a reader would find if it came just then."""
    found = []

    class Watched(Mortal):
        def __setitem__(self, where, value):
            super().__setitem__(where, value)
            found.append((ring.number, ring.position, len(ring.since(0)[0])))

    life = Life()
    watched = Watched(cells(3), life), Watched(memory(NOTES, SLOT_BYTES), life)
    ring = FenceRing(*watched, nullcontext)
    publish(ring, 1, 2)
    assert found == [(0, 0, 0), (0, 0, 0), (0, 0, 0), (0, 2, 2), (1, 2, 2)]


def test_the_number_of_a_writer_that_died_before_it_counted_is_not_given_again():
    life, counters = Life(), cells(3)
    ring = FenceRing(Mortal(counters, life), Mortal(memory(NOTES, SLOT_BYTES), life), nullcontext)
    with life.of(writes=3, half=0.0):  # the counter as it was, a note, the position
        publish(ring, 1)
    assert (counters[NUMBER], counters[POSITION]) == (0, 1)

    assert publish(ring, 2) == 2
    assert [note.number for note in ring.since(0)[0]] == [1, 2]


publishes = st.tuples(
    st.integers(0, 11),  # tags
    st.none() | st.integers(-3, 3),  # given elsewhere: beside the counter
    st.none() | st.integers(0, 14),  # the write at which the writer dies
    st.floats(0, 0.99),  # how much of it is done
    st.booleans(),  # whether a reader looks afterwards
)


@given(st.lists(publishes, max_size=30))
def test_whatever_is_published_and_whoever_dies_a_reader_knows_all_or_is_told_that_it_does_not(steps):
    life = Life()
    ring = FenceRing(Mortal(cells(3), life), Mortal(memory(NOTES, SLOT_BYTES), life), nullcontext)
    noted, known, somebody_died = [], 0, False
    for step, (count, beside, dies_at, half, looks) in enumerate(steps):
        tags = [name(step * 100 + tag) for tag in range(count)]
        given_number = None if beside is None else max(0, ring.number + beside)
        highest, position, number = max(noted, default=(0,))[0], ring.position, None
        with life.of(dies_at, half):
            number = ring.publish(tags, Kind.HARD, 0.0, 0.0, given_number)

        somebody_died |= number is None
        assert ring.position in ({position + count} if number is not None else {position, position + count})
        if ring.position > position:
            told = number or ring.since(ring.position - 1)[0][0].number
            noted += [(told, tag) for tag in tags]
            assert told == given_number if given_number is not None else told > highest
        if number is not None:
            assert ring.number >= max(noted, default=(0,))[0], "an acknowledged purge counts, and all before it"
        if looks:
            known = look(ring, noted, known, must_succeed=not somebody_died)


def look(ring, noted, known, *, must_succeed):
    """What a reader that knew so many notes does; how many it knows now."""
    try:
        notes, position = ring.since(known)
    except Overrun as told:
        overrun = told
    else:
        assert [(note.number, note.tag) for note in notes] == noted[known:]
        assert position == len(noted)
        return position
    assert not (must_succeed and len(noted) - known <= NOTES)
    assert overrun.upto >= max(noted)[0]
    assert overrun.position == len(noted)
    return overrun.position
