"""Entries in SQLite: what is written, read and removed of them, in transactions small enough to let a purge by."""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from policies import MIB
from proxy.messages import ALL, Entry, endpoint_tag, partition_tag, upstream_tag
from proxy.store._sqlite_rows import Row, split_digests, text_of
from proxy.store._sqlite_schema import transaction
from proxy.store.codec import as_bytes
from proxy.store.contract import Filter, Summary
from proxy.store.purges import tag_digest
from proxy.store.selection import key_of

_SLICE = 500  # rows read, or removed in one transaction, at once
_SLICE_BYTES = 8 * MIB
_BESIDE_BLOB = 1_000  # bytes that an entry takes in the file for all but its blob, about

_COLUMNS = ", ".join(Row._fields)
_REST = ", ".join(Row._fields[1:])
_PUT = f"""
INSERT INTO entries ({_COLUMNS}) VALUES ({", ".join("?" for _ in Row._fields)})
ON CONFLICT (key) DO UPDATE SET ({_REST}) = ({", ".join(f"excluded.{name}" for name in Row._fields[1:])})
WHERE (excluded.fence, excluded.sequence) >= (entries.fence, entries.sequence)
"""  # noqa: S608 (made of the names of columns)

Tagged = tuple[bytes, bytes]  # a key, and the digests of the tags it is listed under
ReadEntry = Callable[[object, bytes, object], Entry | None]
"""From what the columns hold: the blob, the key, the partition."""


class Kept(NamedTuple):
    """What is kept under a key."""

    blob: object
    partition: object


def write(connection: sqlite3.Connection, rows: Iterable[Row]) -> None:
    """Keep entries, each unless what is kept has a higher order."""
    with transaction(connection):
        for row in rows:
            _write_row(connection, row)


def _write_row(connection: sqlite3.Connection, row: Row) -> None:
    held = connection.execute("SELECT tags FROM entries WHERE key = ?", (row.key,)).fetchone()
    if not connection.execute(_PUT, row).rowcount or (held is not None and held[0] == row.tags):
        return
    if held is not None:
        _unlist(connection, (row.key, held[0]))
    pairs = [(tag, row.key) for tag in split_digests(row.tags)]
    connection.executemany("INSERT OR IGNORE INTO entry_tags (tag, key) VALUES (?, ?)", pairs)


def _unlist(connection: sqlite3.Connection, row: Tagged) -> None:
    key, tags = row
    pairs = [(tag, key) for tag in split_digests(tags)]
    connection.executemany("DELETE FROM entry_tags WHERE tag = ? AND key = ?", pairs)


def read(connection: sqlite3.Connection, key: bytes) -> Kept | None:
    """What is kept under `key`."""
    row = connection.execute("SELECT blob, partition FROM entries WHERE key = ?", (key,)).fetchone()
    return None if row is None else Kept(*row)


def read_on(connection: sqlite3.Connection, after: bytes, entry_of: ReadEntry) -> tuple[bytes | None, list[Entry]]:
    """The next entries behind a key, and the key to go on behind; None: that was all."""
    found: list[Entry] = []
    room = _SLICE_BYTES
    last: bytes | None = None
    query = "SELECT key, blob, partition FROM entries WHERE key > ? ORDER BY key LIMIT ?"
    for key, blob, partition in connection.execute(query, (after, _SLICE)):
        last = key
        entry = entry_of(blob, key, partition)
        if entry is not None:
            found.append(entry)
            room -= entry.size
        if room <= 0:
            break
    return last, found


def remove_under(connection: sqlite3.Connection, tag: str) -> list[bytes]:
    """Remove some of what is under `tag`; the keys that went. None went: none is left."""
    where, values = _where(Filter(tag=tag))
    with transaction(connection):
        return _remove(connection, _some(connection, where, values))


def remove_purged(connection: sqlite3.Connection, tag: str, number: int) -> int:
    """Remove some of what is under `tag` and was fetched before its purge of that number; how many went."""
    where, values = _where(Filter(tag=tag))
    where, values = where + " AND fence < ?", (*values, number)
    if not _some(connection, where, values):
        return 0  # as nearly always: nobody has to wait for that
    with transaction(connection):
        return len(_remove(connection, _some(connection, where, values)))


def sealed_partitions(connection: sqlite3.Connection, tag: str) -> list[str]:
    """The partitions of which something under `tag` is sealed."""
    where, values = _where(Filter(tag=tag))
    query = f"SELECT DISTINCT partition FROM entries WHERE sealed_by IS NOT NULL AND {where}"  # noqa: S608 (made of the constants in _where)
    return [text_of(partition) for (partition,) in connection.execute(query, values)]


def remove_sealed(connection: sqlite3.Connection, partition: str) -> int:
    """Remove some of what is sealed in a partition; how many went."""
    where, values = _where(Filter(tag=partition_tag(partition)))
    with transaction(connection):
        return len(_remove(connection, _some(connection, where + " AND sealed_by IS NOT NULL", values)))


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
    oldest = connection.execute("SELECT key, tags, length(blob) FROM entries ORDER BY stored_at LIMIT ?", (_SLICE,))
    for key, tags, blob_bytes in oldest:
        if excess <= 0:
            break
        doomed.append((key, tags))
        excess -= blob_bytes + _BESIDE_BLOB
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


def summaries(connection: sqlite3.Connection, wanted: Filter, entry_of: ReadEntry) -> list[Summary]:
    """What an operator may see of them, newest first."""
    where, values = _where(wanted)
    query = (
        "SELECT key, upstream, endpoint, partition, stored_at, fence, size, status, fresh_until, gone_at, own,"  # noqa: S608 (made of the constants in _where)
        " CASE WHEN sealed_by IS NULL THEN NULL ELSE blob END"
        f" FROM entries WHERE {where} ORDER BY stored_at DESC LIMIT ?"
    )
    return [_summary(row, entry_of) for row in connection.execute(query, (*values, wanted.limit))]


def _summary(row: tuple[Any, ...], entry_of: ReadEntry) -> Summary:
    key, *names, stored_at, fence, size, status, fresh_until, gone_at, own, sealed = row
    upstream, endpoint, partition = map(text_of, names)
    tagged = text_of(own)
    if sealed is not None:
        entry = entry_of(sealed, key, names[2])
        tagged = entry.tagged if entry is not None else ""
    tags = tuple(f"{upstream}/{tag}" for tag in tagged.split("\n")) if tagged else ()
    return Summary(key.hex(), upstream, endpoint, partition, tags, stored_at, fence, size, status, fresh_until, gone_at)


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
        values.append(tag_digest(tag) if key is None else key)
    return " AND ".join(conditions), tuple(values)


def _some(connection: sqlite3.Connection, where: str, values: Sequence[object]) -> list[Tagged]:
    query = f"SELECT key, tags FROM entries WHERE {where} LIMIT ?"  # noqa: S608 (made of the constants in _where)
    return connection.execute(query, (*values, _SLICE)).fetchall()


def _remove(connection: sqlite3.Connection, rows: Sequence[Tagged]) -> list[bytes]:
    for row in rows:
        _unlist(connection, row)
    connection.executemany("DELETE FROM entries WHERE key = ?", [(key,) for key, _ in rows])
    return [key for key, _ in rows]
