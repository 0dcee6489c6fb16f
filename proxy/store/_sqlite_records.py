"""What the SQLite store remembers beside entries: purges, notifications seen, whom enrollments and principals mean."""

import sqlite3
from collections.abc import Collection, Iterable
from typing import Any

from adapters import Link
from policies import DAY
from proxy.store._sqlite_rows import text_of
from proxy.store._sqlite_schema import transaction
from proxy.store.codec import as_bytes
from proxy.store.contract import Forgotten
from proxy.store.purges import VEIL, Mode, Purge, TagDigest, is_veiled, veiled

_PURGED = "tag, mode, number, at, settle_until"
_PURGE = """
INSERT INTO purges (tag, mode, number, at, settle_until) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (tag, mode) DO UPDATE SET
    number = max(number, excluded.number),
    at = max(at, excluded.at),
    settle_until = max(settle_until, excluded.settle_until)
"""
_MARK = """
INSERT INTO marks (source, token, until) VALUES (?, ?, ?)
ON CONFLICT (source, token) DO UPDATE SET until = excluded.until WHERE until <= ?
"""
_CLAIM = """
INSERT INTO notes (key, note, until) VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET note = excluded.note, until = excluded.until WHERE until <= ?
"""
_NOTE = "INSERT OR REPLACE INTO notes (key, note, until) VALUES (?, ?, ?)"
_EXCHANGE = "UPDATE notes SET note = ?, until = ? WHERE key = ? AND note = ? AND until > ?"
_LEARN = """
INSERT INTO links (upstream, enrollment, user, course, at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (upstream, enrollment) DO UPDATE SET user = excluded.user, course = excluded.course, at = excluded.at
WHERE user != excluded.user OR course != excluded.course OR at < excluded.at - ?
"""
_BIND = """
INSERT INTO bindings (partition, user, at) VALUES (?, ?, ?)
ON CONFLICT (partition) DO UPDATE SET user = excluded.user, at = excluded.at
"""
_SLICE = 2_000  # rows read, or forgotten in one transaction, at once
_FORGET_MARKS = "DELETE FROM marks WHERE (source, token) IN (SELECT source, token FROM marks WHERE until <= ? LIMIT ?)"
_FORGET_NOTES = "DELETE FROM notes WHERE key IN (SELECT key FROM notes WHERE until <= ? LIMIT ?)"
_FORGET_OLD = (
    "DELETE FROM purges WHERE (tag, mode) IN (SELECT tag, mode FROM purges WHERE at < ? LIMIT ?)",
    "DELETE FROM links WHERE (upstream, enrollment) IN (SELECT upstream, enrollment FROM links WHERE at < ? LIMIT ?)",
    "DELETE FROM bindings WHERE partition IN (SELECT partition FROM bindings WHERE at < ? LIMIT ?)",
)

_OLD_HARD_PURGES = "SELECT EXISTS (SELECT 1 FROM purges WHERE at < ? AND mode = 'hard')"


def record_purges(connection: sqlite3.Connection, records: Iterable[Purge]) -> None:
    """Keep purges: on disk when this returns."""
    with transaction(connection):
        _record(connection, records)


def _record(connection: sqlite3.Connection, records: Iterable[Purge]) -> None:
    rows = [(as_bytes(tag), mode.value, number, at, settle) for tag, mode, number, at, settle in records]
    connection.executemany(_PURGE, rows)


def load_purges(connection: sqlite3.Connection) -> tuple[Purge, ...]:
    """All that are kept."""
    return tuple(_purge(row) for row in connection.execute(f"SELECT {_PURGED} FROM purges"))  # noqa: S608 - columns


def _purge(row: tuple[Any, ...]) -> Purge:
    """A row of purges. Raises ValueError for what is none."""
    tag, mode, number, at, settle = row
    name = text_of(tag)
    is_veiled(name)  # it can be read
    return Purge(name, Mode(mode), int(number), float(at), float(settle))


def hard_purges(connection: sqlite3.Connection, since: float) -> list[tuple[str, int]]:
    """Tags that were purged for good since an instant, and the numbers of their purges. Not those that are veiled:
    what they cover was deleted by then.
    """
    rows = connection.execute("SELECT tag, number FROM purges WHERE mode = ? AND at >= ?", (Mode.HARD.value, since))
    return [(tag, number) for name, number in rows if not (tag := text_of(name)).startswith(VEIL)]


def veil(connection: sqlite3.Connection, since: float, before: float, digest: TagDigest) -> int:
    """Put digests in place of some of the tags in records from `since` on and before an instant; how many. Tags of
    Larder's own (`@all`, one entry's, a partition's) say nothing of anybody.
    """
    query = f"SELECT {_PURGED} FROM purges WHERE at >= ? AND at < ? AND substr(tag, 1, 1) != x'40' LIMIT ?"  # noqa: S608 - columns
    found = [_purge(row) for row in connection.execute(query, (since, before, _SLICE))]
    if not found:
        return 0
    with transaction(connection):
        _record(connection, [purge._replace(tag=veiled(purge.tag, digest)) for purge in found])
        told = [(as_bytes(purge.tag), purge.mode.value) for purge in found]
        connection.executemany("DELETE FROM purges WHERE tag = ? AND mode = ?", told)
        if any(purge.mode is Mode.HARD for purge in found):
            _write_anew(connection, "purges")
    return len(found)


def mark(connection: sqlite3.Connection, source: str, token: str, now: float, until: float) -> bool:
    """Remember a notification; False if it is remembered already."""
    with transaction(connection):
        return connection.execute(_MARK, (as_bytes(source), as_bytes(token), until, now)).rowcount > 0


def marked(connection: sqlite3.Connection, source: str, token: str, now: float) -> bool:
    """Whether a notification is remembered."""
    query = "SELECT 1 FROM marks WHERE source = ? AND token = ? AND until > ?"
    return connection.execute(query, (as_bytes(source), as_bytes(token), now)).fetchone() is not None


def claim(connection: sqlite3.Connection, key: bytes, note: bytes, now: float, until: float) -> bytes | None:
    """Keep a note, unless one is kept that still counts: then that one."""
    with transaction(connection):
        if connection.execute(_CLAIM, (key, note, until, now)).rowcount > 0:
            return None
        (held,) = connection.execute("SELECT note FROM notes WHERE key = ?", (key,)).fetchone()
    return bytes(held)


def write_note(connection: sqlite3.Connection, key: bytes, note: bytes, until: float) -> None:
    """Keep a note in place of what is kept."""
    with transaction(connection):
        connection.execute(_NOTE, (key, note, until))


def noted(connection: sqlite3.Connection, key: bytes, now: float) -> bytes | None:
    """A note, if one is kept that still counts."""
    row = connection.execute("SELECT note FROM notes WHERE key = ? AND until > ?", (key, now)).fetchone()
    return None if row is None else bytes(row[0])


def exchange(connection: sqlite3.Connection, key: bytes, held: bytes, note: bytes, now: float, until: float) -> bool:
    """Keep a note in place of the one that is `held`, if it is."""
    with transaction(connection):
        return connection.execute(_EXCHANGE, (note, until, key, held, now)).rowcount > 0


def unclaim(connection: sqlite3.Connection, key: bytes) -> None:
    """Forget a note."""
    with transaction(connection):
        connection.execute("DELETE FROM notes WHERE key = ?", (key,))


def try_to_write(connection: sqlite3.Connection, now: float) -> None:
    """Write something that is over at once: after a failure, to know whether the disk takes anything again."""
    with transaction(connection):
        connection.execute("INSERT OR REPLACE INTO marks (source, token, until) VALUES (x'', x'', ?)", (now,))


def learn(connection: sqlite3.Connection, upstream: str, links: Iterable[Link], now: float) -> None:
    """Keep links. One that is known and young is not written again: rosters repeat them with every answer."""
    rows = [(as_bytes(upstream), *map(as_bytes, link), now, DAY) for link in links]
    with transaction(connection):
        connection.executemany(_LEARN, rows)


def find_link(connection: sqlite3.Connection, upstream: str, enrollment: str) -> Link | None:
    """The user and course of an enrollment."""
    query = "SELECT enrollment, user, course FROM links WHERE upstream = ? AND enrollment = ?"
    row = connection.execute(query, (as_bytes(upstream), as_bytes(enrollment))).fetchone()
    return None if row is None else Link(*map(text_of, row))


def bind(connection: sqlite3.Connection, partition: str, user: str, now: float) -> None:
    """Keep which upstream user a principal is."""
    with transaction(connection):
        connection.execute(_BIND, (as_bytes(partition), as_bytes(user), now))


def bindings(connection: sqlite3.Connection) -> dict[str, str]:
    """All principals and their users."""
    rows = connection.execute("SELECT partition, user FROM bindings")
    return {text_of(partition): text_of(user) for partition, user in rows}


def forget_person(connection: sqlite3.Connection, upstream: str, users: Collection[str]) -> Forgotten:
    """Drop the links of an upstream's users, and the bindings to them; nothing of those is left on any page."""
    rows = [as_bytes(user) for user in users]
    links, bindings = 0, 0
    with transaction(connection):
        for user in rows:
            of_upstream = (as_bytes(upstream), user)
            links += connection.execute("DELETE FROM links WHERE upstream = ? AND user = ?", of_upstream).rowcount
            bindings += connection.execute("DELETE FROM bindings WHERE user = ?", (user,)).rowcount
        for table, gone in (("links", links), ("bindings", bindings)):
            if gone:
                _write_anew(connection, table)
    return Forgotten(links, bindings)


def _write_anew(connection: sqlite3.Connection, table: str) -> None:
    """Put the rows of a small table on other pages: rearranging the tree leaves copies of rows in gaps, which deleting
    a row does not reach; deleting all of them zeroes whole pages.
    """
    connection.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM main.{table}")  # noqa: S608 - a name of our own
    connection.execute(f"DELETE FROM main.{table}")  # noqa: S608
    connection.execute(f"INSERT INTO main.{table} SELECT * FROM temp.kept")  # noqa: S608
    connection.execute("DROP TABLE temp.kept")


def marks_from(connection: sqlite3.Connection, after: tuple[str, str]) -> list[tuple[str, str, float]]:
    """The next notifications that are remembered behind one: source, token and until when."""
    query = "SELECT source, token, until FROM marks WHERE (source, token) > (?, ?) ORDER BY source, token LIMIT ?"
    rows = connection.execute(query, (*map(as_bytes, after), _SLICE))
    return [(text_of(source), text_of(token), until) for source, token, until in rows]


def notes_from(connection: sqlite3.Connection, after: bytes) -> list[tuple[bytes, bytes, float]]:
    """The next notes behind one's key: key, note and until when."""
    rows = connection.execute("SELECT key, note, until FROM notes WHERE key > ? ORDER BY key LIMIT ?", (after, _SLICE))
    return [(bytes(key), bytes(note), until) for key, note, until in rows]


def links_from(connection: sqlite3.Connection, after: tuple[str, str]) -> list[tuple[str, Link]]:
    """The next links behind one's upstream and enrollment."""
    query = (
        "SELECT upstream, enrollment, user, course FROM links"
        " WHERE (upstream, enrollment) > (?, ?) ORDER BY upstream, enrollment LIMIT ?"
    )
    rows = connection.execute(query, (*map(as_bytes, after), _SLICE))
    return [(text_of(upstream), Link(*map(text_of, link))) for upstream, *link in rows]


def forget(connection: sqlite3.Connection, now: float, before: float) -> int:
    """Drop some of what has expired, and of what was recorded `before` no entry can be left; how many went."""
    with transaction(connection):
        gone = connection.execute(_FORGET_MARKS, (now, _SLICE)).rowcount
        gone += connection.execute(_FORGET_NOTES, (now, _SLICE)).rowcount
        (named,) = connection.execute(_OLD_HARD_PURGES, (before,)).fetchone()
        gone += sum(connection.execute(statement, (before, _SLICE)).rowcount for statement in _FORGET_OLD)
        if named:  # whom they were for stands in them
            _write_anew(connection, "purges")
        return gone
