"""What can be wrong with a SQLite store: each trouble is one clear line, and Larder goes on as far as it can."""

import os
import resource
import sqlite3
import tempfile
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path
from random import Random

import pytest

from proxy.store.contract import StoreError
from proxy.store.purges import Mode, Purge
from proxy.store.sqlite import SQLiteStore
from tests.house import ADA, STUDENT_COURSES, bearer, house
from tests.unit.store.samples import NOW, Clock, an_entry, key

PURGE = Purge("courseworks/course:565", Mode.SOFT, 3, NOW, 0.0)
NOBODY = 65_534


@pytest.fixture
def folder():
    """One that nobody may enter: pytest's own are root's alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder
        folder.chmod(0o777)


@pytest.fixture
def path(folder):
    return folder / "larder.db"


def make(path):
    return SQLiteStore(path, clock=Clock())


async def filled(path):
    store = make(path)
    await store.open()
    store.put(an_entry(1))
    await store.close()


@contextmanager
def as_nobody():
    """Root may write everywhere, so it becomes somebody else for a while."""
    if os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(os.getuid())


@contextmanager
def full_disk(largest=1):
    """No file of this process takes anything any more; with `largest`, those that are smaller take some."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@contextmanager
def held_exclusively(path):
    """Another program has the file for itself, readers kept out too."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    yield
    other.execute("ROLLBACK")
    other.close()


@contextmanager
def held_by_a_larder(path):
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    flock(lock, LOCK_EX)
    yield
    os.close(lock)


@contextmanager
def read_only_file(path):
    for file in path.parent.iterdir():
        file.chmod(0o444)
    path.with_name(f"{path.name}.lock").chmod(0o666)
    with as_nobody():
        yield


@contextmanager
def read_only_folder(path):
    path.parent.chmod(0o555)
    with as_nobody():
        yield


@contextmanager
def of_another_program(path):
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE grades (student, grade)")
    other.close()
    yield


@contextmanager
def of_a_newer_larder(path):
    with sqlite3.connect(path) as other:
        other.execute("PRAGMA user_version = 99")
    other.close()
    yield


@contextmanager
def a_folder(path):
    path.unlink()
    path.mkdir()
    yield
    path.rmdir()


AT_START = {
    "a read-only file": (read_only_file, "cannot be written: give Larder's user the right to write the file"),
    "a read-only folder": (read_only_folder, "cannot be written: give Larder's user the right to write the file"),
    "a full disk": (lambda _: full_disk(), "a disk that fails, or is full|finds no room on the disk"),
    "another Larder": (held_by_a_larder, "another process has the database file open: stop it first"),
    "another program at work": (held_exclusively, "is locked by another process"),
    "another program's file": (of_another_program, "another program's database: name a file of Larder's own"),
    "a newer Larder's file": (of_a_newer_larder, "schema version 99, and this Larder knows 2: run the newer Larder"),
    "a folder of that name": (a_folder, "cannot be used .IsADirectoryError"),
}


@pytest.mark.parametrize(("trouble", "said"), AT_START.values(), ids=AT_START)
async def test_what_is_wrong_at_the_start_is_said_in_one_line_and_harms_nothing(path, trouble, said, monkeypatch):
    monkeypatch.setattr("proxy.store._sqlite_file.SETTINGS", IMPATIENT)
    await filled(path)
    store = make(path)

    with trouble(path), pytest.raises(StoreError, match=said) as error:
        await store.open()

    line = str(error.value)
    assert "\n" not in line
    assert str(path.parent) not in line
    assert store.last_error == line
    assert not list(path.parent.glob("*.broken-*"))
    if trouble not in (of_another_program, of_a_newer_larder):
        await mended(path, store, is_new=trouble is a_folder)


IMPATIENT = (
    "PRAGMA busy_timeout = 50",
    "PRAGMA page_size = 1024",
    "PRAGMA secure_delete = ON",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
)


async def mended(path, store, *, is_new):
    """Once it is, the same store opens, with all that was kept."""
    path.parent.chmod(0o777)
    for file in path.parent.iterdir():
        file.chmod(0o600)
    found = await store.open()
    assert (found.opening, found.moved_aside) == (1 if is_new else 2, None)
    assert (await store.get(key(1)) is None) is is_new
    assert store.last_error is None
    await store.close()


async def test_a_disk_that_is_full_is_told_until_it_takes_something_again(path):
    """Reading works all the while, and does not make it good."""
    store = make(path)
    await store.open()
    store.put(an_entry(1))
    await store.flush()

    with full_disk(64 * 1024):
        store.put(an_entry(2, body=Random(1).randbytes(300_000)))
        with pytest.raises(StoreError, match="could not be written"):
            await store.flush()
        with pytest.raises(StoreError):
            await store.purge([Purge(f"courseworks/course:{number}", Mode.SOFT, 3, NOW, 0) for number in range(9_000)])
        assert await store.get(key(1)) == an_entry(1)
        assert "full" in store.last_error or "no room" in store.last_error
        assert (store.dropped, store.failures) == (1, 2)
    await store.sweep(NOW, 0)

    assert store.last_error is None
    await store.purge([PURGE])
    await store.close()


async def test_a_worker_that_could_not_write_finds_out_by_itself_that_it_can(path):
    await filled(path)
    store = SQLiteStore(path, clock=Clock(), role="attached")
    await store.open()
    with full_disk():
        with pytest.raises(StoreError):
            await store.purge([PURGE])
        assert store.last_error is not None

    await store.sweep(NOW, 0)

    assert store.last_error is None
    await store.close()


async def test_on_a_full_disk_larder_goes_on_from_memory_and_says_so(tmp_path):
    async with house(tmp_path) as home:
        with full_disk():
            answers = [await home.get(STUDENT_COURSES, headers=bearer(ADA)) for _ in range(2)]
            with pytest.raises(StoreError):
                await home.settled()
            ready = await home.get("/-/ready")
        calls = await home.calls("/courseworks/api/v1/courses")
        await home.larder._housekeeping.sweep()
        mended = await home.get("/-/ready")

    assert [answer.status for answer in answers] == [200, 200]
    assert calls == 1
    assert ready.status == 503
    assert "full" in str(ready.json["parts"]["store"]) or "no room" in str(ready.json["parts"]["store"])
    assert mended.status == 200
