"""Entries on their way into SQLite: who wants to know is told, who is in a hurry is served, and no lock loses any."""

import asyncio
import sqlite3
from contextlib import contextmanager

import pytest

from proxy.store.contract import Filter, StoreError, StoreUnavailable
from proxy.store.purges import Mode, Purge
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE = "courseworks/course:565"
LONG = 3_600.0  # seconds: nothing is written unless somebody is in a hurry


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


async def opened(path, **options):
    store = SQLiteStore(path, clock=Clock(), **options)
    await store.open()
    return store


@pytest.fixture
async def patient(path):
    """A store that waits very long for more to write."""
    store = await opened(path, write_after=LONG)
    yield store
    await store.close()


class Told:
    """Somebody who wants to know when an entry is where others find it."""

    def __init__(self, path=None):
        """`path`: the file in which to look how many there are then."""
        self._path = path
        self.times = 0
        self.found = None
        self.event = asyncio.Event()

    def __call__(self):
        self.times += 1
        self.event.set()
        if self._path is None:
            return
        with sqlite3.connect(f"file:{self._path}?mode=ro", uri=True) as other:
            self.found = other.execute("SELECT count(*) FROM entries").fetchone()[0]
        other.close()


@contextmanager
def locked(path):
    """Another program writes meanwhile."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    yield
    other.execute("ROLLBACK")
    other.close()


async def test_who_wants_to_know_is_told_once_the_entry_is_written(path):
    store, told = await opened(path), Told(path)

    store.put(an_entry(1), told)
    assert told.times == 0
    await told.event.wait()

    assert (told.times, told.found) == (1, 1)
    await store.close()
    assert told.times == 1


async def test_who_is_in_a_hurry_does_not_wait_for_more(patient, path):
    told = Told(path)
    patient.put(an_entry(1), told)
    patient.put(an_entry(2))

    patient.hurry()
    await told.event.wait()

    assert told.found == 2
    patient.hurry()


async def test_what_is_put_after_a_hurry_waits_again(patient, path):
    for number in (1, 2):
        told = Told(path)
        patient.put(an_entry(number), told)
        patient.hurry()
        await told.event.wait()

        assert told.found == number
        await asyncio.sleep(0)
        while patient._writer._is_writing:
            await asyncio.sleep(0)


async def test_whoever_waits_is_told_when_something_newer_took_its_place(patient, path):
    first, second = Told(path), Told(path)
    patient.put(an_entry(1, order=(1, 1)), first)
    patient.put(an_entry(1, order=(1, 2)), second)
    assert (first.times, second.times) == (0, 0)

    await patient.flush()
    await second.event.wait()

    assert (first.times, second.times) == (1, 1)


async def test_whoever_waits_for_an_older_answer_is_told_with_the_newer(patient, path):
    older = Told(path)
    patient.put(an_entry(1, order=(1, 2)))
    patient.put(an_entry(1, order=(1, 1)), older)

    await patient.flush()
    await older.event.wait()

    assert (older.times, older.found) == (1, 1)


async def test_whoever_waits_is_told_when_it_is_older_than_what_is_kept(patient, path):
    patient.put(an_entry(1, order=(2, 1), body=b"newer"))
    await patient.flush()
    told = Told(path)

    patient.put(an_entry(1, order=(1, 1), body=b"older"), told)
    patient.hurry()
    await told.event.wait()

    assert (await patient.get(key(1))).body == b"newer"


async def test_whoever_waits_is_told_when_there_is_no_room(path):
    store, told = await opened(path, max_waiting=1, write_after=LONG), Told(path)
    store.put(an_entry(1))

    store.put(an_entry(2), told)

    assert told.times == 1
    assert store.dropped == 1
    await store.close()
    store.put(an_entry(3), told)
    assert told.times == 2


async def test_whoever_waits_is_told_when_it_was_deleted_meanwhile(patient, path):
    told = Told(path)
    patient.put(an_entry(1), told)

    await patient.delete(COURSE)
    await told.event.wait()

    assert (told.times, told.found) == (1, 0)


async def test_whoever_waits_is_told_when_the_disk_refuses(patient, path):
    told = Told()
    path.rename(path.with_name("elsewhere.db"))
    patient.put(an_entry(1), told)

    patient.hurry()
    await told.event.wait()

    assert (told.times, patient.dropped) == (1, 1)
    path.with_name("elsewhere.db").rename(path)


async def test_entries_wait_while_another_program_has_the_file(path, monkeypatch):
    monkeypatch.setattr("proxy.store._sqlite_schema.WAIT_FOR_OTHERS", 0.05)
    store, told = await opened(path, write_after=0.2), Told(path)
    with locked(path):
        store.put(an_entry(1), told)
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.flush()
        with pytest.raises(StoreError, match="locked"):
            await store.purge([Purge(COURSE, Mode.SOFT, 1, NOW, 0)])
        assert "locked by another process" in store.last_error
        assert (told.times, store.dropped) == (0, 0)
        assert await store.get(key(1)) == an_entry(1)

    await told.event.wait()
    assert (told.found, store.dropped, store.last_error) == (1, 0, None)
    await store.close()


async def test_what_cannot_wait_any_longer_is_counted_and_told(path, monkeypatch):
    monkeypatch.setattr("proxy.store._sqlite_schema.WAIT_FOR_OTHERS", 0.05)
    store, told = await opened(path, write_after=LONG), Told(path)
    store.put(an_entry(1), told)

    with locked(path):
        with pytest.raises(StoreUnavailable, match="locked"):
            await store.close()
    await told.event.wait()

    assert (told.found, store.dropped) == (0, 1)
    again = await opened(path)
    assert await again.count(Filter()) == 0
    await again.close()
