"""Entries in SQLite: what is written, read and removed of them, in transactions small enough to let a purge by."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from proxy.messages import ALL, Entry, endpoint_tag, upstream_tag
from proxy.store._sqlite_schema import transaction
from proxy.store.codec import as_bytes, as_text, encode
from proxy.store.contract import Filter, Summary
from proxy.store.selection import key_of

_SLICE = 500  # rows removed in one transaction

_PUT = """
INSERT INTO entries
    (key, fence, sequence, upstream, endpoint, partition, tags, stored_at, fresh_until, gone_at, size, status, blob)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (key) DO UPDATE SET
    (fence, sequence, upstream, endpoint, partition, tags, stored_at, fresh_until, gone_at, size, status, blob) =
    (excluded.fence, excluded.sequence, excluded.upstream, excluded.endpoint, excluded.partition, excluded.tags,
     excluded.stored_at, excluded.fresh_until, excluded.gone_at, excluded.size, excluded.status, excluded.blob)
WHERE (excluded.fence, excluded.sequence) >= (entries.fence, entries.sequence)
"""

Tagged = tuple[bytes, bytes]  # a key, and the tags it is listed under


class _Row(NamedTuple):
    key: bytes
    fence: int
    sequence: int
    upstream: bytes
    endpoint: bytes
    partition: bytes
    tags: bytes
    stored_at: float
    fresh_until: float
    gone_at: float
    size: int
    status: int
    blob: bytes


def write(connection: sqlite3.Connection, entries: Iterable[Entry]) -> int:
    """Keep entries, each unless what is kept has a higher order; how many could not be written as bytes."""
    rows, unwritable = [], 0
    for entry in entries:
        try:
            rows.append(_row(entry))
        except (ValueError, OverflowError):
            unwritable += 1
    with transaction(connection):
        for row in rows:
            _write_row(connection, row)
    return unwritable


def _row(entry: Entry) -> _Row:
    return _Row(
        key=entry.key,
        fence=entry.fence,
        sequence=entry.sequence,
        upstream=as_bytes(entry.upstream),
        endpoint=as_bytes(entry.endpoint),
        partition=as_bytes(entry.partition),
        tags=as_bytes("\n".join(_listed_tags(entry))),
        stored_at=entry.stored_at,
        fresh_until=entry.life.fresh_until,
        gone_at=entry.life.gone_at,
        size=entry.size,
        status=entry.status,
        blob=encode(entry),
    )


def _listed_tags(entry: Entry) -> list[str]:
    """The tags that are looked up in entry_tags: all but the two that the entries table answers by itself."""
    return [tag for tag in dict.fromkeys(entry.tags) if tag != ALL and not tag.startswith("@key:")]


def _write_row(connection: sqlite3.Connection, row: _Row) -> None:
    held = connection.execute("SELECT tags FROM entries WHERE key = ?", (row.key,)).fetchone()
    if not connection.execute(_PUT, row).rowcount or (held is not None and held[0] == row.tags):
        return
    if held is not None:
        _unlist(connection, (row.key, held[0]))
    pairs = [(tag, row.key) for tag in row.tags.split(b"\n")]
    connection.executemany("INSERT OR IGNORE INTO entry_tags (tag, key) VALUES (?, ?)", pairs)


def _unlist(connection: sqlite3.Connection, row: Tagged) -> None:
    key, tags = row
    connection.executemany(
        "DELETE FROM entry_tags WHERE tag = ? AND key = ?", [(tag, key) for tag in tags.split(b"\n")]
    )


def read(connection: sqlite3.Connection, key: bytes) -> bytes | None:
    """The bytes kept under `key`."""
    row = connection.execute("SELECT blob FROM entries WHERE key = ?", (key,)).fetchone()
    return None if row is None else row[0]


def remove_under(connection: sqlite3.Connection, tag: str) -> list[bytes]:
    """Remove some of what is under `tag`; the keys that went. None went: none is left."""
    where, values = _where(Filter(tag=tag))
    with transaction(connection):
        return _remove(connection, _some(connection, where, values))


def remove_gone(connection: sqlite3.Connection, now: float) -> int:
    """Remove some of what has no right left at `now` (seconds since the epoch); how many went."""
    with transaction(connection):
        return len(_remove(connection, _some(connection, "gone_at <= ?", (now,))))


def remove_beyond(connection: sqlite3.Connection, max_bytes: int) -> int:
    """Remove some of the oldest while the file uses more than `max_bytes`; how many went."""
    excess = bytes_used(connection) - max_bytes
    if excess <= 0:
        return 0
    doomed: list[Tagged] = []
    oldest = connection.execute("SELECT key, tags, size FROM entries ORDER BY stored_at LIMIT ?", (_SLICE,))
    for key, tags, size in oldest:
        if excess <= 0:
            break
        doomed.append((key, tags))
        excess -= size
    oldest.close()
    with transaction(connection):
        return len(_remove(connection, doomed))


def bytes_used(connection: sqlite3.Connection) -> int:
    """Bytes of the file that hold something; the rest of it is free for what comes next."""
    pages, free, size = (
        connection.execute(f"PRAGMA {pragma}").fetchone()[0] for pragma in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def count(connection: sqlite3.Connection, wanted: Filter) -> int:
    """How many entries are kept of what is wanted."""
    where, values = _where(wanted)
    query = "SELECT count(*) FROM entries WHERE " + where  # noqa: S608 (made of the constants in _where)
    return int(connection.execute(query, values).fetchone()[0])


def keys(connection: sqlite3.Connection) -> list[bytes]:
    """Every key."""
    return [row[0] for row in connection.execute("SELECT key FROM entries")]


def summaries(connection: sqlite3.Connection, wanted: Filter) -> list[Summary]:
    """What an operator may see of them, newest first."""
    where, values = _where(wanted)
    query = (
        "SELECT key, upstream, endpoint, partition, tags, stored_at, fence, size, status, fresh_until, gone_at"  # noqa: S608 (made of the constants in _where)
        f" FROM entries WHERE {where} ORDER BY stored_at DESC LIMIT ?"
    )
    return [_summary(row) for row in connection.execute(query, (*values, wanted.limit))]


def _summary(row: tuple[bytes, bytes, bytes, bytes, bytes, float, int, int, int, float, float]) -> Summary:
    key, upstream, endpoint, partition, tags, *numbers = row
    own = tuple(tag for tag in as_text(tags).split("\n") if not tag.startswith("@"))
    names = (as_text(upstream), as_text(endpoint), as_text(partition))
    stored_at, fence, size, status, fresh_until, gone_at = numbers
    return Summary(key.hex(), *names, own, stored_at, int(fence), int(size), int(status), fresh_until, gone_at)


def _where(wanted: Filter) -> tuple[str, tuple[object, ...]]:
    """A condition of constant text, and the values for its question marks."""
    tags = [] if wanted.tag in (None, ALL) else [str(wanted.tag)]
    conditions, values = ["1"], list[object]()
    if wanted.upstream is not None and wanted.endpoint is not None:
        tags.append(endpoint_tag(wanted.upstream, wanted.endpoint))
    elif wanted.upstream is not None:
        tags.append(upstream_tag(wanted.upstream))
    elif wanted.endpoint is not None:
        conditions.append("endpoint = ?")
        values.append(as_bytes(wanted.endpoint))
    for tag in tags:
        key = key_of(tag)
        conditions.append("key IN (SELECT key FROM entry_tags WHERE tag = ?)" if key is None else "key = ?")
        values.append(as_bytes(tag) if key is None else key)
    return " AND ".join(conditions), tuple(values)


def _some(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Tagged]:
    query = f"SELECT key, tags FROM entries WHERE {where} LIMIT ?"  # noqa: S608 (made of the constants in _where)
    return connection.execute(query, (*values, _SLICE)).fetchall()


def _remove(connection: sqlite3.Connection, rows: Sequence[Tagged]) -> list[bytes]:
    for row in rows:
        _unlist(connection, row)
    connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key, _ in rows])
    return [key for key, _ in rows]
