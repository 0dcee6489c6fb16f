"""The first tier: bounded in bytes, and never in the way of the event loop."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.messages import ALL
from proxy.store.contract import Filter
from proxy.store.memory import MemoryStore
from proxy.store.selection import under
from tests.unit.store.samples import NOW, an_entry, any_entries, key

MANY = 10_000


def filled(count=MANY, **fields):
    store = MemoryStore(1 << 30)
    for number in range(count):
        store.put(an_entry(number, **fields))
    return store


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3_000), st.integers(1, 9))))
def test_it_never_holds_more_bytes_than_it_may(puts):
    store = MemoryStore(4_000)

    for number, length, sequence in puts:
        store.put(an_entry(number, body=bytes(length), order=(1, sequence)))

        assert store.bytes <= 4_000
        held = [entry for each in range(6) if (entry := store.get(key(each))) is not None]
        assert store.bytes == sum(entry.size for entry in held)
        assert len(store) == len(held)


def test_the_least_recently_read_makes_room():
    store = MemoryStore(3 * an_entry().size)
    for number in (1, 2, 3):
        store.put(an_entry(number))
    store.get(key(1))

    store.put(an_entry(4))

    assert [number for number in (1, 2, 3, 4) if store.get(key(number))] == [1, 3, 4]
    assert store.evictions == 1


async def test_being_looked_over_is_not_being_read():
    store = MemoryStore(2 * an_entry().size)
    store.put(an_entry(1))
    store.put(an_entry(2))

    await store.count(Filter(tag="courseworks/course:565"))
    await store.summaries(Filter(limit=1))
    store.put(an_entry(1, order=(0, 0)))  # an older fill is no use of it either
    store.put(an_entry(3))

    assert store.get(key(1)) is None
    assert store.get(key(2)) is not None


def test_a_too_large_entry_is_refused_and_takes_the_outdated_one_with_it():
    store = MemoryStore(2_000)
    assert store.put(an_entry(1))

    assert not store.put(an_entry(1, body=bytes(2_000), order=(2, 2)))

    assert store.get(key(1)) is None
    assert store.bytes == 0


def test_a_too_large_older_fill_changes_nothing():
    store = MemoryStore(2_000)
    store.put(an_entry(1, order=(2, 2)))

    assert not store.put(an_entry(1, body=bytes(2_000), order=(1, 1)))

    assert store.get(key(1)).order == (2, 2)


async def test_removing_by_tag_lets_other_tasks_run():
    store = filled()
    turns = 0

    async def others():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert await store.remove("courseworks/course:565") == MANY
    task.cancel()

    assert turns >= MANY // 2_000
    assert len(store) == 0


async def test_entries_that_go_and_come_during_a_removal_do_not_disturb_it():
    store = filled(6_000)
    removal = asyncio.create_task(store.remove("courseworks/course:565"))
    await asyncio.sleep(0)

    store.remove_key(key(5_999))
    store.put(an_entry(70_000, tags=("courseworks/course:1",)))

    assert await removal == 5_999
    assert store.get(key(70_000)) is not None


async def test_what_is_gone_is_swept_and_what_is_a_fallback_stays():
    store = MemoryStore(1 << 20)
    store.put(an_entry(1, lives=100))
    store.put(an_entry(2, lives=101))

    assert await store.sweep(NOW + 100) == 1

    assert store.get(key(1)) is None
    assert store.get(key(2)) is not None


async def test_everything_goes_at_once():
    store = filled(10)

    assert await store.remove(ALL) == 10
    assert store.bytes == len(store) == 0


@pytest.mark.parametrize("tag", ["@key:zz", "@key:", "@nonsense", "@", "", "courseworks/course:56", "@upstream:"])
async def test_a_tag_that_nothing_has_removes_nothing(tag):
    store = filled(3)

    assert await store.remove(tag) == 0
    assert len(store) == 3


@given(any_entries, any_entries)
def test_an_entry_is_under_exactly_the_tags_that_it_names(entry, other):
    tags, foreign = set(entry.tags), set(other.tags)

    assert all(under(tag)(entry) for tag in tags)
    assert not any(under(tag)(entry) for tag in foreign - tags if "\n" not in tag)


def test_what_is_kept_anew_makes_no_more_room_than_it_needs():
    store = MemoryStore(2 * an_entry().size)
    store.put(an_entry(1))
    store.put(an_entry(2))

    assert store.put(an_entry(1, order=(2, 2)))

    assert len(store) == 2
    assert store.evictions == 0
    assert store.bytes == 2 * an_entry().size
