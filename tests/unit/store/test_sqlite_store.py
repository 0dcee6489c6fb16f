"""The SQLite store at work: bounded, patient with a failing disk, and never between a purge and the disk."""

import asyncio
import resource
import sqlite3
from contextlib import contextmanager
from random import Random

import pytest

from adapters import Link
from proxy.store.contract import Filter, StoreError
from proxy.store.fences import Mode, Purge
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import NOW, Clock, an_entry, key

MANY = 300
HEAD = 40 * 4_096  # the pages that tables and indexes begin with
COURSE = "courseworks/course:565"
PURGE = Purge(COURSE, Mode.SOFT, 3, NOW, 0.0)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


@pytest.fixture
async def store(path, clock):
    store = SQLiteStore(path, clock=clock)
    await store.open()
    yield store
    await store.close()


@contextmanager
def full_disk(path):
    """No file of this process grows any more: SQLite meets the same errors as on a full or failing disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(file.stat().st_size for file in path.parent.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def big(number, **fields):
    """One that compression makes no smaller."""
    return an_entry(number, body=Random(number).randbytes(200_000), **fields)


def overwrite(path, start, data):
    """The same file, other bytes: as a disk that lost some would give them back."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


# -- a failing disk


async def test_on_a_full_disk_nothing_is_acknowledged_and_everything_recovers_with_it(store, path):
    store.put(an_entry(0))
    await store.flush()

    with full_disk(path):
        for number in range(1, 31):
            store.put(big(number))
        with pytest.raises(StoreError, match="could not be written"):
            await store.flush()
        with pytest.raises(StoreError):
            await store.purge([Purge(f"courseworks/course:{number}", Mode.SOFT, 3, NOW, 0) for number in range(9_000)])
        assert store.last_error is not None
        assert store.failures >= 2
        assert store.dropped >= 1

    await store.purge([PURGE])
    assert store.last_error is None
    assert await store.get(key(0)) == an_entry(0)
    store.put(big(1))
    await store.flush()
    assert await store.get(key(1)) == big(1)
    await store.close()
    found = await store.open()
    assert found.purges == (PURGE,)
    assert found.moved_aside is None


async def test_a_batch_that_failed_is_counted_entry_by_entry(store, path):
    with full_disk(path):
        for number in range(30):
            store.put(big(number))
        with pytest.raises(StoreError):
            await store.flush()

        assert store.dropped == 30 - sum([await store.get(key(number)) is not None for number in range(30)])
    assert store.dropped > 0


async def test_closing_on_a_full_disk_lets_go_and_says_what_was_lost(path, clock):
    store = SQLiteStore(path, clock=clock)
    await store.open()
    with full_disk(path):
        for number in range(30):
            store.put(big(number))
        with pytest.raises(StoreError, match="could not be written"):
            await store.close()

    again = SQLiteStore(path, clock=clock)
    assert (await again.open()).opening == 2
    await again.close()


async def test_a_file_that_is_moved_away_is_noticed_before_a_purge_is_acknowledged(store, path):
    elsewhere = path.with_name("elsewhere.db")
    path.rename(elsewhere)

    with pytest.raises(StoreError, match="moved, replaced or removed"):
        await store.purge([PURGE])
    store.put(an_entry(1))
    with pytest.raises(StoreError):
        await store.flush()
    assert store.dropped == 1

    elsewhere.rename(path)
    await store.purge([PURGE])
    assert store.last_error is None


async def test_a_file_that_took_its_place_is_not_trusted(store, path, clock):
    await store.purge([PURGE])
    path.rename(path.with_name("elsewhere.db"))
    path.touch()

    with pytest.raises(StoreError, match="replaced"):
        await store.purge([PURGE])
    with pytest.raises(StoreError, match="replaced"):
        await store.get(key(1))


async def test_another_program_that_holds_the_file_makes_a_purge_fail_and_not_hang(store, path, monkeypatch):
    monkeypatch.setattr("proxy.store._sqlite_schema.WAIT_FOR_OTHERS", 0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="locked"):
        await store.purge([PURGE])

    other.execute("ROLLBACK")
    other.close()
    await store.purge([PURGE])


async def test_an_entry_that_cannot_be_written_does_not_take_others_with_it(store):
    store.put(an_entry(1))
    store.put(an_entry(2, upstream="\ud800"))
    store.put(an_entry(3))

    with pytest.raises(StoreError):
        await store.flush()

    assert store.dropped == 1
    assert [number for number in (1, 2, 3) if await store.get(key(number))] == [1, 3]


async def test_bytes_that_cannot_be_trusted_are_a_miss_that_is_counted(store, path):
    store.put(an_entry(1))
    store.put(an_entry(2))
    await store.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("UPDATE entries SET blob = (SELECT blob FROM entries WHERE key = ?)", (key(2),))
    other.close()

    assert await store.get(key(1)) is None
    assert await store.get(key(2)) == an_entry(2)
    assert store.unreadable == 1
    assert store.failures == 0


async def damaged(store, path):
    """The open store, after a read that met damage made it let go of its connection; what was there."""
    for number in range(MANY):
        store.put(an_entry(number, body=Random(number).randbytes(35_000)))  # more than SQLite has in its page cache
    await store.close()
    whole = path.read_bytes()[HEAD:]
    await store.open()
    overwrite(path, HEAD, b"\xff" * len(whole))
    with pytest.raises(StoreError, match="malformed"):
        await get_all(store)
    return whole


async def get_all(store):
    return [await store.get(key(number)) for number in range(MANY)]


async def test_damage_that_is_repaired_is_not_remembered(store, path):
    whole = await damaged(store, path)

    overwrite(path, HEAD, whole)

    assert None not in await get_all(store)
    assert store.last_error is None


async def test_after_a_failure_only_the_very_same_file_is_connected_to_again(store, path, clock):
    await damaged(store, path)
    path.unlink()

    with pytest.raises(StoreError, match="gone"):
        await store.purge([PURGE])
    other = SQLiteStore(path.with_name("other.db"), clock=clock)
    await other.open()
    await other.close()
    path.with_name("other.db").rename(path)
    with pytest.raises(StoreError, match="replaced"):
        await store.purge([PURGE])
    assert not await find_purges(path)


async def find_purges(path):
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT * FROM purges").fetchall()
    connection.close()
    return found


# -- what still waits for its disk


@contextmanager
def busy(path):
    """Another program writes meanwhile: the store's thread waits, and with it all that is asked of it."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


@pytest.fixture
async def one_by_one(path, clock):
    """A store that writes one entry at a time, so that all but the first of those put while it is busy are pending."""
    store = SQLiteStore(path, clock=clock, batch=1)
    await store.open()
    yield store
    await store.close()


async def asked(coroutine):
    """Under way: the store's thread has been asked already."""
    task = asyncio.create_task(coroutine)
    await asyncio.sleep(0)
    return task


async def test_a_pending_entry_is_got_before_it_is_written(one_by_one, path):
    with busy(path):
        one_by_one.put(an_entry(1))
        one_by_one.put(an_entry(2))
        getting = await asked(one_by_one.get(key(2)))

    assert await getting == an_entry(2)


async def test_an_older_pending_entry_is_not_got_in_place_of_a_newer_one_that_is_written(one_by_one, path):
    one_by_one.put(an_entry(2, order=(7, 3), body=b"new"))
    await one_by_one.flush()
    with busy(path):
        one_by_one.put(an_entry(1))
        one_by_one.put(an_entry(2, order=(7, 2), body=b"old"))
        getting = await asked(one_by_one.get(key(2)))

    assert (await getting).body == b"new"


async def test_a_pending_entry_goes_with_its_tag(one_by_one, path):
    with busy(path):
        one_by_one.put(an_entry(1, tags=("courseworks/course:1",)))
        one_by_one.put(an_entry(2))
        one_by_one.put(an_entry(3))
        deleting = await asked(one_by_one.delete(COURSE))

    assert await deleting == 2
    await one_by_one.flush()
    assert [number for number in (1, 2, 3) if await one_by_one.get(key(number))] == [1]


# -- bounds


async def test_a_flood_is_bounded_and_what_found_no_room_is_counted(path, clock):
    store = SQLiteStore(path, clock=clock, max_waiting=100)
    await store.open()

    for number in range(1_000):  # the thread takes some meanwhile: how many depends on the machine
        store.put(an_entry(number))
    await store.flush()

    kept = await store.count(Filter())
    assert kept + store.dropped == 1_000
    assert kept >= 100
    await store.close()


async def test_what_waits_is_bounded_in_bytes(path, clock):
    store = SQLiteStore(path, clock=clock, max_waiting_bytes=1_000_000)
    await store.open()

    store.put(an_entry(1, body=bytes(2_000_000)))
    store.put(an_entry(2, body=bytes(500_000)))
    await store.flush()

    assert store.dropped == 1
    assert await store.get(key(1)) is None
    assert await store.get(key(2)) is not None
    await store.close()


async def test_beyond_its_bound_the_oldest_go_first(path, clock):
    store = SQLiteStore(path, clock=clock, max_bytes=2_000_000)
    await store.open()
    for number in range(60):
        store.put(big(number, age=600 - number))

    await store.flush()
    await store.sweep(NOW, forget_purges_before=0)

    kept = [number for number in range(60) if await store.get(key(number))]
    assert 5 <= len(kept) <= 10
    assert kept == list(range(60 - len(kept), 60))
    assert await store.count(Filter(tag=COURSE)) == len(kept)
    assert store.disk_bytes < 4_000_000
    await store.close()


async def test_between_sweeps_the_file_does_not_outgrow_its_bound_either(path, clock):
    store = SQLiteStore(path, clock=clock, max_bytes=2_000_000, batch=5)
    await store.open()

    for number in range(60):
        store.put(big(number, age=600 - number))
        if number % 5 == 0:
            await store.flush()
            assert store.disk_bytes <= 2_400_000

    await store.close()
    assert path.stat().st_size < 6_000_000


# -- the sweep


async def test_a_sweep_drops_what_is_gone_and_nothing_else(store):
    store.put(an_entry(1, lives=100))
    store.put(an_entry(2, lives=101))
    for number in range(10, 1_500):
        store.put(an_entry(number, lives=5, tags=("courseworks/course:1",)))
    await store.flush()

    await store.sweep(NOW + 100, forget_purges_before=0)

    assert await store.get(key(1)) is None
    assert await store.get(key(2)) is not None
    assert await store.count(Filter()) == 1
    assert await store.delete("courseworks/course:1") == 0


async def test_a_sweep_forgets_what_no_entry_can_be_left_of(store, clock):
    await store.purge([Purge("old", Mode.SOFT, 1, NOW - 10, 0), Purge("young", Mode.SOFT, 2, NOW, 0)])
    await store.learn("courseworks", [Link("old", "1", "1"), Link("again", "1", "1")])
    await store.bind("principal:old", "1")
    await store.mark("canvas", "old", NOW + 5)
    clock.advance(2 * 86_400)
    await store.learn("courseworks", [Link("again", "1", "1")])
    await store.bind("principal:young", "2")

    await store.sweep(clock.now, forget_purges_before=NOW)
    await store.close()
    assert [purge.tag for purge in (await store.open()).purges] == ["young"]
    await store.sweep(clock.now, forget_purges_before=NOW + 1)

    assert await store.find_link("courseworks", "old") is None
    assert await store.find_link("courseworks", "again") is not None
    assert await store.bindings() == {"principal:young": "2"}
    assert await store.mark("canvas", "old", NOW + 10**9)


# -- a purge does not wait for what is long


async def test_a_purge_does_not_wait_for_the_queue(store):
    for number in range(9_000):
        store.put(an_entry(number))
    last = asyncio.create_task(store.flush())
    await asyncio.sleep(0)

    await store.purge([PURGE])

    assert not last.done()
    await last


async def test_a_purge_does_not_wait_for_a_long_removal(store):
    for number in range(9_000):
        store.put(an_entry(number))
    await store.flush()
    removal = asyncio.create_task(store.delete(COURSE))
    await asyncio.sleep(0)

    await store.purge([PURGE])

    assert not removal.done()
    assert await removal == 9_000


async def test_a_caller_that_gives_up_waiting_does_not_disturb_the_store(store):
    store.put(an_entry(1))
    task = asyncio.create_task(store.get(key(1)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await store.get(key(1)) == an_entry(1)


async def test_puts_while_the_store_closes_are_kept_or_counted_and_nothing_is_left_open(path, clock):
    store = SQLiteStore(path, clock=clock)
    await store.open()
    put = 0
    closing = asyncio.create_task(store.close())
    while not closing.done():
        store.put(an_entry(put))
        put += 1
        await asyncio.sleep(0)
    await closing

    again = SQLiteStore(path, clock=clock)
    await again.open()
    assert await again.count(Filter()) + store.dropped == put
    await again.close()
    assert repr(store).startswith("<SQLiteStore closed")
