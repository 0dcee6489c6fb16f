"""What was refused is held within bounds, and stored on a word only where it still may be."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.doubts.quarantine import HeldHere, Quarantine
from proxy.doubts.sightings import LONGEST, Fate, Sighting
from proxy.kept.shelf import Shelf
from proxy.messages import key_tag
from proxy.store.fences import Fences, Mode, Validity
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from tests.unit.store.samples import Clock, an_entry


class Ward:
    """A quarantine over a shelf."""

    def __init__(self, durable=None, clock=None, **bounds):
        self.clock = clock or Clock()
        self.fences = Fences(self.clock)
        self.memory = MemoryStore(10**8)
        self.failed = []
        self.durable = durable or NoStore(self.clock)
        self.shelf = Shelf(
            self.memory,
            self.durable,
            self.fences,
            lambda operation, _: self.failed.append(operation),
            monotonic=self.clock,
        )
        self.quarantine = Quarantine(self.shelf, self.clock, **bounds)

    def see(self, number=1, change="a", **told):
        return self.quarantine.see(self.sighting(number, change, **told))

    def sighting(self, number=1, change="a", *, body=b"x", apart=10.0, entry=True, sequence=5, keep=1e9, base=(0, 0)):
        held = an_entry(number, body=body, fence=self.fences.number, sequence=sequence) if entry else None
        key = an_entry(number).key
        return Sighting(
            f"{number}{change}",
            key,
            "courseworks",
            "GET /",
            "shared",
            "collection-shrank",
            self.clock(),
            keep,
            apart,
            entry=held,
            tags=tuple(held.tags) if held is not None else (),
            base=base,
        )


@pytest.fixture
def ward():
    return Ward()


def test_sightings_close_together_count_as_one(ward):
    counted = []
    for _ in range(4):
        counted.append(ward.see())
        ward.clock.advance(6)

    assert counted == [1, 1, 2, 2]
    assert ward.quarantine.listed()[0].seen == 4


def test_another_change_of_the_same_thing_begins_the_count_anew(ward):
    ward.see(apart=0)
    ward.see(change="b", apart=0)

    assert ward.see(apart=0) == 1


async def test_what_is_accepted_is_stored(ward):
    ward.see()

    assert (await ward.quarantine.accept("1a")).fate is Fate.STORED
    assert ward.memory.get(an_entry(1).key).body == b"x"
    assert (len(ward.quarantine), ward.quarantine.bytes) == (0, 0)


async def test_nothing_newer_is_overwritten(ward):
    ward.see(sequence=5)
    ward.memory.put(an_entry(1, body=b"newer", fence=0, sequence=6))

    assert (await ward.quarantine.accept("1a")).fate is Fate.NEWER
    assert ward.memory.get(an_entry(1).key).body == b"newer"


@pytest.mark.parametrize("mode", list(Mode))
async def test_nothing_comes_back_that_was_purged_since(ward, mode):
    ward.see()
    ward.fences.purge([next(iter(an_entry(1).tags))], mode)

    assert (await ward.quarantine.accept("1a")).fate is Fate.PURGED
    assert ward.memory.get(an_entry(1).key) is None
    assert len(ward.quarantine) == 0


async def test_what_is_too_old_to_be_stored_is_believed_when_it_comes_again(ward):
    ward.see()
    ward.clock.now = 1e12

    assert (await ward.quarantine.accept("1a")).fate is Fate.BELIEVED
    assert ward.quarantine.is_believed("1a")
    await ward.quarantine.let_in(ward.sighting())
    assert not ward.quarantine.is_believed("1a")


async def test_what_cannot_be_stored_cannot_be_accepted(ward):
    ward.see(entry=False)

    assert (await ward.quarantine.accept("1a")).fate is Fate.UNACCEPTABLE
    assert len(ward.quarantine) == 1


async def test_a_word_about_what_another_process_holds_is_kept_for_a_day(ward):
    assert (await ward.quarantine.accept("8a")).fate is Fate.UNKNOWN
    assert not ward.quarantine.is_believed("8a")
    assert (await ward.quarantine.accept("9a", elsewhere=True)).fate is Fate.UNKNOWN
    assert ward.quarantine.is_believed("9a")
    ward.clock.advance(LONGEST)
    assert not ward.quarantine.is_believed("9a")


async def test_what_is_discarded_is_held_anew(ward):
    for _ in range(2):
        await ward.quarantine.count(ward.sighting(apart=0))

    assert (await ward.quarantine.discard("1a")).fate is Fate.DISCARDED
    assert (await ward.quarantine.discard("1a")).fate is Fate.UNKNOWN
    assert await ward.quarantine.count(ward.sighting(apart=0)) == 1


async def test_a_hard_purge_reaches_it(ward):
    ward.see()
    ward.see(number=2)

    await HeldHere(ward.memory, ward.quarantine).remove(key_tag(an_entry(1).key))

    assert [one.id for one in ward.quarantine.listed()] == ["2a"]


@pytest.mark.parametrize(("keep", "held"), [(60.0, 0), (1e9, 1)])
def test_nothing_is_held_longer_than_it_may_be_kept(ward, keep, held):
    ward.see(keep=keep)
    ward.clock.advance(60)
    ward.quarantine.sweep()

    assert len(ward.quarantine) == held


def test_nothing_is_held_longer_than_a_day(ward):
    ward.see()
    ward.clock.advance(LONGEST)
    ward.quarantine.sweep()

    assert len(ward.quarantine) == 0


def test_what_others_purged_for_good_goes_with_the_next_sweep(ward):
    ward.see()
    ward.fences.purge(["@all"], Mode.HARD)
    ward.quarantine.sweep()

    assert ward.quarantine.bytes == 0


@given(
    st.lists(
        st.tuples(st.integers(1, 6), st.sampled_from("abc"), st.integers(0, 4000), st.booleans(), st.booleans()),
        max_size=40,
    )
)
def test_number_and_bytes_are_bounded_and_reckoned_right(steps):
    ward = Ward(most=5, most_bytes=8_000)
    for number, change, size, entry, drops in steps:
        if drops:
            asyncio.run(ward.quarantine.discard(f"{number}{change}"))
        else:
            ward.see(number, change, body=b"x" * size, entry=entry)
        assert len(ward.quarantine) <= 5
        assert ward.quarantine.bytes <= 8_000
    for one in ward.quarantine.listed():
        asyncio.run(ward.quarantine.discard(one.id))
    assert ward.quarantine.bytes == 0


@given(st.lists(st.sampled_from(["fetch", "doubt", "accept", "soft", "hard"]), max_size=30))
async def test_whatever_happens_nothing_older_or_purged_takes_the_place_of_what_lies_there(steps):
    ward = Ward()
    latest = (-1, -1)
    for sequence, step in enumerate(steps):
        lay = ward.memory.get(an_entry(1).key)
        if step == "fetch":
            ward.shelf.keep(an_entry(1, fence=ward.fences.number, sequence=sequence))
        elif step == "doubt":
            ward.see(sequence=sequence)
        elif step == "accept":
            fate = (await ward.quarantine.accept("1a")).fate
            lies = ward.memory.get(an_entry(1).key)
            assert (fate is Fate.STORED) == (lies is not lay)
            assert lies is lay or ward.shelf.validity(lies) is Validity.CURRENT
        else:
            ward.fences.purge(["courseworks/course:565"], Mode(step))
        lies = ward.memory.get(an_entry(1).key)
        assert lies is None or lies.order >= latest
        latest = lies.order if lies is not None else latest


def test_what_an_operator_can_accept_outlasts_what_nobody_can():
    ward = Ward(most=3)
    ward.see(1)
    for number in range(2, 9):
        ward.see(number, entry=False)

    assert [one.acceptable for one in ward.quarantine.listed()] == [False, False, True]


def test_one_that_is_larger_than_all_may_be_is_told_without_its_body():
    ward = Ward(most_bytes=2_000)
    ward.see(body=b"x" * 5_000)

    assert [one.acceptable for one in ward.quarantine.listed()] == [False]
