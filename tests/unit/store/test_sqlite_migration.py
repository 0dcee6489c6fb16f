"""A file that an older Larder wrote is taken over whole; one of a newer Larder is left alone."""

import sqlite3
import stat

import pytest

from adapters import Link
from proxy.messages import implied_tags
from proxy.store.contract import Filter, StoreError
from proxy.store.purges import Mode, Purge
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.attached import no_sleep
from tests.unit.store.blobs import body_of, framed_as_once
from tests.unit.store.raw import on_disk
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE = "courseworks/course:565"

FIRST = """
CREATE TABLE entries (
    key BLOB PRIMARY KEY NOT NULL,
    fence INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    upstream BLOB NOT NULL,
    endpoint BLOB NOT NULL,
    partition BLOB NOT NULL,
    tags BLOB NOT NULL,          -- those in entry_tags, a line each
    stored_at REAL NOT NULL,
    fresh_until REAL NOT NULL,
    gone_at REAL NOT NULL,
    size INTEGER NOT NULL,
    status INTEGER NOT NULL,
    blob BLOB NOT NULL           -- last, so that the columns before it are read without it
);
CREATE INDEX entries_by_age ON entries (stored_at);
CREATE INDEX entries_by_end ON entries (gone_at);
CREATE TABLE entry_tags (tag BLOB NOT NULL, key BLOB NOT NULL, PRIMARY KEY (tag, key)) WITHOUT ROWID;
CREATE TABLE purges (
    tag BLOB NOT NULL,
    mode TEXT NOT NULL,
    number INTEGER NOT NULL,
    at REAL NOT NULL,
    settle_until REAL NOT NULL,
    PRIMARY KEY (tag, mode)
) WITHOUT ROWID;
CREATE INDEX purges_by_age ON purges (at);
CREATE TABLE marks (
    source BLOB NOT NULL, token BLOB NOT NULL, until REAL NOT NULL, PRIMARY KEY (source, token)
) WITHOUT ROWID;
CREATE INDEX marks_by_end ON marks (until);
CREATE TABLE links (
    upstream BLOB NOT NULL,
    enrollment BLOB NOT NULL,
    user BLOB NOT NULL,
    course BLOB NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (upstream, enrollment)
) WITHOUT ROWID;
CREATE INDEX links_by_age ON links (at);
CREATE TABLE bindings (partition BLOB PRIMARY KEY NOT NULL, user BLOB NOT NULL, at REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (opening INTEGER NOT NULL, identity BLOB NOT NULL);
INSERT INTO meta VALUES (0, randomblob(16));
PRAGMA application_id = 1279349316;
PRAGMA user_version = 1;
"""  # as version 1 made it


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


def make(path):
    return SQLiteStore(path, clock=Clock(), sleep=no_sleep)


def write_as_once(connection, entry):
    """What version 1 wrote of an entry."""
    own = [f"{entry.upstream}/{tag}" for tag in entry.tagged.split("\n")] if entry.tagged else []
    implied = implied_tags(entry.upstream, entry.endpoint, entry.partition)
    tags = [tag.encode("utf-8", "surrogatepass") for tag in (*own, *implied) if tag != "@all"]
    names = (name.encode() for name in (entry.upstream, entry.endpoint, entry.partition))
    life = entry.life
    row = (*names, b"\n".join(tags), entry.stored_at, life.fresh_until, life.gone_at, entry.size, entry.status)
    values = (entry.key, entry.fence, entry.sequence, *row, framed_as_once(body_of(entry)))
    connection.execute(f"INSERT INTO entries VALUES ({', '.join('?' * len(values))})", values)
    connection.executemany("INSERT INTO entry_tags VALUES (?, ?)", [(tag, entry.key) for tag in tags])


@pytest.fixture
def entries():
    return [an_entry(number, body=b"body of %d" % number, tags=tags_of(number)) for number in range(300)]


def tags_of(number):
    return (COURSE, f"courseworks/user:{number}\udcff") if number % 2 else ()


@pytest.fixture
def first(path, entries):
    """A file as version 1 left it: opened three times, with something in every table."""
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(FIRST)
        connection.execute("UPDATE meta SET opening = 3")
        connection.execute("BEGIN")
        for entry in entries:
            write_as_once(connection, entry)
        connection.execute("INSERT INTO purges VALUES (?, 'soft', 7, ?, ?)", (COURSE.encode(), NOW, NOW + 30))
        connection.execute("INSERT INTO marks VALUES (x'61', x'62', ?)", (NOW + 60,))
        connection.execute("INSERT INTO links VALUES (?, x'31', x'32', x'33', ?)", (b"courseworks", NOW))
        connection.execute("INSERT INTO bindings VALUES (?, x'32', ?)", (b"principal:a", NOW))
        connection.execute("COMMIT")
    connection.close()
    return path


async def test_an_older_larders_file_is_taken_over_whole(first, entries):
    store = make(first)

    found = await store.open()

    assert (found.opening, found.moved_aside) == (4, None)
    assert found.purges == (Purge(COURSE, Mode.SOFT, 7, NOW, NOW + 30),)
    assert [await store.get(entry.key) for entry in entries] == entries
    assert await store.count(Filter(tag=COURSE)) == 150
    assert await store.count(Filter(tag="courseworks/user:1\udcff")) == 1
    assert (await store.summaries(Filter(tag="courseworks/user:1\udcff")))[0].tags == tags_of(1)
    assert await store.marked("a", "b")
    assert await store.find_link("courseworks", "1") == Link("1", "2", "3")
    assert await store.bindings() == {"principal:a": "2"}
    assert (await store.check()).findings == []
    await store.close()


async def test_what_was_taken_over_lives_on_like_anything_else(first):
    store = make(first)
    await store.open()

    store.put(an_entry(1, order=(9, 1), body=b"newer", tags=()))
    await store.flush()
    assert await store.delete(COURSE) == 149
    await store.close()

    assert (await store.open()).opening == 5
    assert (await store.get(key(1))).body == b"newer"
    await store.close()


async def test_nothing_that_is_deleted_later_is_left_of_the_old_file(first):
    store = make(first)
    await store.open()
    await store.delete("@all")
    await store.scrub()

    assert b"body of" not in on_disk(first)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    await store.close()


async def test_a_migration_that_died_half_way_is_begun_anew(first, entries):
    unfinished = first.with_name("larder.db.new")
    unfinished.write_bytes(b"half a file")
    store = make(first)

    await store.open()

    assert await store.count(Filter()) == len(entries)
    assert not unfinished.exists()
    await store.close()


async def test_a_file_that_another_program_reads_is_not_taken_over_under_its_hands(first, entries):
    other = sqlite3.connect(first)
    other.execute("SELECT count(*) FROM entries").fetchone()
    with pytest.raises(StoreError, match="another program has the database file open"):
        await make(first).open()

    assert other.execute("SELECT count(*) FROM entries").fetchone() == (len(entries),)
    other.close()
    store = make(first)
    assert (await store.open()).opening == 4
    await store.close()


async def test_a_worker_leaves_an_older_file_to_its_owner(first):
    with pytest.raises(StoreError, match="schema version 1: the process that owns it makes it 2"):
        await SQLiteStore(first, clock=Clock(), role="attached").open()


async def test_a_damaged_older_file_is_moved_aside(first):
    with first.open("r+b") as file:
        file.seek(2 * 4_096)
        file.write(bytes(20 * 4_096))
    store = make(first)

    assert (await store.open()).moved_aside is not None
    assert (await store.check()).entries == 0
    await store.close()
