"""The SQLite store's file: whose it is, what becomes of a broken one, and how quickly it opens."""

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from time import perf_counter

import pytest

from proxy.store.contract import Filter, StoreError
from proxy.store.fences import Mode, Purge
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import NOW, Clock, an_entry, key

PURGE = Purge("courseworks/course:565", Mode.SOFT, 3, NOW, 0.0)
WHEN = "20261102T210733Z"  # NOW, as UTC


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


def make(path, **bounds):
    return SQLiteStore(path, clock=Clock(), **bounds)


async def filled(path, entries=200, **fields):
    """A store's file with entries and a purge in it, closed."""
    store = make(path)
    await store.open()
    for number in range(entries):
        store.put(an_entry(number, **fields))
    await store.purge([PURGE])
    await store.close()


async def contents(path):
    store = make(path)
    found = await store.open()
    kept = await store.count(Filter())
    await store.close()
    return found, kept


def overwrite(path, start, data):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)


# -- whose it is


async def test_only_the_owner_can_read_what_is_stored(path):
    path.touch(0o644)
    mask = os.umask(0)
    try:
        store = make(path)
        await store.open()
        store.put(an_entry(1))
        await store.flush()

        files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(mask)
    await store.close()

    assert files == dict.fromkeys(["larder.db", "larder.db-wal", "larder.db-shm", "larder.db.lock"], 0o600)


async def test_a_second_store_on_the_same_file_is_refused_and_the_first_goes_on(path):
    first, second = make(path), make(path)
    await first.open()

    with pytest.raises(StoreError, match="another process has the database file open"):
        await second.open()

    await first.purge([PURGE])
    await first.close()
    assert (await second.open()).purges == (PURGE,)
    await second.close()


HOLDS = """
import asyncio, sys
from proxy.store.sqlite import SQLiteStore

async def main():
    await SQLiteStore(sys.argv[1]).open()
    print("open", flush=True)
    sys.stdin.read()

asyncio.run(main())
"""


def holder_of(path):
    """Another process that has the file open."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    root = Path(__file__).parents[3]
    process = subprocess.Popen([sys.executable, "-c", HOLDS, str(path)], cwd=root, **pipes)
    assert process.stdout.readline() == b"open\n"
    return process


async def test_a_file_belongs_to_a_process_until_that_dies_however_it_dies(path):
    with holder_of(path) as process:
        with pytest.raises(StoreError, match="another process"):
            await make(path).open()
        process.send_signal(signal.SIGKILL)

    assert (await contents(path))[0].opening == 2


async def test_a_directory_that_is_not_there_is_refused_clearly(tmp_path):
    with pytest.raises(StoreError, match="directory of the database file does not exist"):
        await make(tmp_path / "nowhere" / "larder.db").open()


async def test_a_path_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(StoreError, match="IsADirectoryError"):
        await make(tmp_path).open()


async def test_a_store_that_could_not_be_opened_can_be_tried_again(tmp_path):
    store = make(tmp_path / "later" / "larder.db")
    with pytest.raises(StoreError):
        await store.open()
    (tmp_path / "later").mkdir()

    assert (await store.open()).opening == 1
    await store.close()


async def test_an_open_store_is_not_opened_twice(path):
    store = make(path)
    await store.open()

    with pytest.raises(StoreError, match="open already"):
        await store.open()

    await store.purge([PURGE])
    await store.close()


# -- other people's files


async def test_a_store_of_a_newer_larder_is_refused_and_left_alone(path):
    await filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 3")
    connection.close()
    before = path.read_bytes()

    with pytest.raises(StoreError, match="schema version 3"):
        await make(path).open()

    assert path.read_bytes() == before
    assert not list(path.parent.glob("*.broken-*"))


async def test_another_programs_database_is_refused_and_left_alone(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE grades (student, grade)")
    connection.close()

    with pytest.raises(StoreError, match="another program's database"):
        await make(path).open()

    assert not list(path.parent.glob("*.broken-*"))


async def test_an_empty_file_is_a_new_store(path):
    path.touch()

    assert (await make_and_close(path)).opening == 1


async def make_and_close(path):
    store = make(path)
    found = await store.open()
    await store.close()
    return found


# -- broken files


def not_a_database(path):
    path.write_bytes(b"upstreams:\n  courseworks: {}\n" * 40)


def header_lost(path):
    overwrite(path, 0, bytes(100))


def pages_lost(path):
    overwrite(path, 8 * 4096, os.urandom(20 * 4096))


def cut_off(path):
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def schema_lost(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE purges")
    connection.close()


def opening_forgotten(path):
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM meta")
    connection.close()


def a_mode_unheard_of(path):
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE purges SET mode = 'gentle'")
    connection.close()


def size_of(path):
    return Path(path).stat().st_size


BREAKAGES = [not_a_database, header_lost, pages_lost, cut_off, schema_lost, opening_forgotten, a_mode_unheard_of]


@pytest.mark.parametrize("damage", BREAKAGES)
async def test_a_broken_file_is_moved_aside_and_a_new_one_started(path, damage):
    await filled(path)
    damage(path)
    size = size_of(path)

    store = make(path)
    found = await store.open()

    assert found.moved_aside == f"{path}.broken-{WHEN}"
    assert size_of(found.moved_aside) == size
    assert (found.opening, found.purges) == (1, ())
    await store.purge([PURGE])
    store.put(an_entry(1))
    await store.close()

    found, kept = await contents(path)
    assert (found.opening, found.purges, found.moved_aside, kept) == (2, (PURGE,), None, 1)


async def test_a_second_broken_file_does_not_overwrite_the_first(path):
    asides = set()
    for _ in range(3):
        not_a_database(path)
        asides.add((await make_and_close(path)).moved_aside)

    assert asides == {f"{path}.broken-{WHEN}", f"{path}.broken-{WHEN}-2", f"{path}.broken-{WHEN}-3"}


async def test_a_whole_file_is_not_moved_aside(path):
    await filled(path)

    found, kept = await contents(path)

    assert (found.moved_aside, found.purges, kept) == (None, (PURGE,), 200)


async def test_damage_in_a_big_file_is_met_by_reads_and_the_next_opening_moves_it_aside(path):
    await filled(path, 600, body=os.urandom(40_000))
    size = path.stat().st_size
    assert size > 20_000_000, "bigger than what is checked through at every opening"
    overwrite(path, size // 2, b"\xff" * (size // 3))
    store = make(path)
    assert (await store.open()).moved_aside is None

    met = {"right": 0, "none": 0, "refused": 0}
    for number in range(600):
        try:
            entry = await store.get(key(number))
        except StoreError:
            met["refused"] += 1
        else:
            met["none" if entry is None else "right"] += 1
            assert entry is None or entry.key == key(number)

    assert met["right"] > 50
    assert met["none"] + met["refused"] > 150
    assert store.unreadable + store.failures >= met["none"] + met["refused"] - 1
    assert met["refused"] == store.failures > 0
    await store.close()
    assert (await make_and_close(path)).moved_aside is not None


async def test_ten_thousand_entries_open_quickly(path):
    await filled(path, 10_000, body=b"x" * 2_000)
    times = []

    for _ in range(3):
        store, began = make(path), perf_counter()
        await store.open()
        times.append(perf_counter() - began)
        await store.close()

    assert min(times) < 0.2
