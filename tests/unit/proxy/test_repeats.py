"""How often in a row a change came is counted in common, wherever it comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.doubts.repeats import ACCEPTED, REMEMBERED, Repeats, Tally, counted
from proxy.store.contract import StoreUnavailable
from proxy.store.none import NoStore
from tests.unit.store.samples import Clock

KEY, OTHER, BASE = b"k" * 32, b"o" * 32, (7, 3)


class Broken(NoStore):
    """A store that takes no notes."""

    async def claim(self, key, note, until):
        raise StoreUnavailable("away")

    async def unclaim(self, key):
        raise StoreUnavailable("away")

    async def note(self, key, note, until):
        raise StoreUnavailable("away")


class Counters:
    """Two processes over one store."""

    def __init__(self, store=None):
        self.clock = Clock()
        self.store = store or NoStore(self.clock)
        self.failed = []
        one, two = (Repeats(self.store, self.clock, lambda *told: self.failed.append(told[0])) for _ in range(2))
        self.one, self.two = one, two

    async def seen(self, by, change="a", base=BASE, apart=10.0, after=60.0, key=KEY):
        self.clock.advance(after)
        return await by.count(key, change, base, apart)


@pytest.fixture
def there():
    return Counters()


async def test_what_comes_to_one_process_and_then_to_another_came_twice(there):
    assert [await there.seen(by) for by in (there.one, there.two, there.one)] == [1, 2, 3]


async def test_within_seconds_it_is_one_piece_of_evidence_wherever_it_comes(there):
    assert [await there.seen(by, after=1.0) for by in (there.one, there.two, there.one)] == [1, 1, 1]


async def test_another_change_begins_anew(there):
    await there.seen(there.one)

    assert await there.seen(there.two, "b") == 1
    assert await there.seen(there.one) == 1


async def test_a_good_answer_in_between_begins_anew_though_this_process_did_not_see_it(there):
    await there.seen(there.one)
    await there.seen(there.one)

    assert await there.seen(there.two, base=(7, 4)) == 1
    assert await there.seen(there.one, base=BASE) == 2, "a copy from before it is compared with no other answer"


async def test_each_thing_is_counted_by_itself(there):
    await there.seen(there.one)

    assert await there.seen(there.one, key=OTHER) == 1


async def test_what_is_forgotten_is_the_first_again(there):
    await there.seen(there.one)
    await there.two.forget(KEY)

    assert await there.seen(there.one) == 1


async def test_a_day_later_nothing_is_known(there):
    await there.seen(there.one)

    assert await there.seen(there.two, after=REMEMBERED) == 1


async def test_a_note_of_another_larder_is_none(there):
    await there.seen(there.one)
    [key] = there.store._notes
    await there.store.note(key, b"\xc1", there.clock() + 1_000)

    assert await there.seen(there.one) == 1


async def test_a_store_that_fails_is_told_of_and_counts_nothing():
    there = Counters(Broken(Clock()))

    assert await there.seen(there.one) == 0
    await there.one.forget(KEY)
    await there.one.accept(KEY, "a", BASE)
    assert there.failed == ["repeats", "repeats", "repeats"]


ORDERS = st.tuples(st.integers(0, 3), st.integers(0, 3))
TALLIES = st.builds(Tally, st.sampled_from("ab"), ORDERS, st.integers(1, 9), st.floats(0, 100))


@given(st.none() | TALLIES, TALLIES, st.floats(0, 50))
def test_one_sighting_counts_one_at_most_and_never_compares_with_an_older_answer(before, now, apart):
    now = Tally(now.change, now.base, 1, now.at)
    tally = counted(before, now, apart)

    assert tally.change == now.change
    assert tally.times <= (before.times if before is not None else 0) + 1
    assert tally.base >= now.base or before is None or tally.base == now.base
    assert before is None or before.change != now.change or tally.base >= before.base


async def test_an_operators_word_holds_for_all_until_something_newer_is_there(there):
    await there.seen(there.one)
    await there.one.accept(KEY, "a", BASE)

    assert await there.seen(there.two, after=1.0) == ACCEPTED
    assert await there.seen(there.two) == ACCEPTED
    assert await there.seen(there.two, base=(8, 0)) == 1


async def test_an_operators_word_is_about_one_change(there):
    await there.one.accept(KEY, "a", BASE)

    assert await there.seen(there.two, "b") == 1
