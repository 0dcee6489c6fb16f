"""Whether what a SQLite store holds can be trusted, all of it: every page, every entry, every list, every purge."""

import sqlite3
from collections import Counter
from typing import NamedTuple

from policies import DAY
from proxy.messages import Entry
from proxy.store._sqlite_entries import ReadEntry
from proxy.store._sqlite_rows import listed_tags, split_digests, tag_digests

_ALL = """
SELECT
    key, fence, sequence, sealed_by, upstream, endpoint, partition, tags, stored_at, fresh_until, gone_at, status, blob
FROM entries
"""
_STRAY = "SELECT count(*) FROM entry_tags WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entries.key = entry_tags.key)"
_ODD_PURGES = (
    "SELECT count(*) FROM purges WHERE mode NOT IN ('soft', 'hard') OR typeof(number) != 'integer' OR number < 1"
    " OR typeof(at) != 'real' OR typeof(tag) != 'blob'"
)

_SAID = {
    "unreadable": "{} of the entries cannot be read: damaged, or written by something else",
    "locked": "{} of the entries are sealed, and no key opens them: look at store.encryption_keys and the .keys file",
    "differing": "{} of the entries are found under something else than they hold",
    "unlisted": "{} of the entries are missing in the list of a tag: a purge would not delete them",
    "stray": "{} names in the lists of tags are of no entry",
    "odd purges": "{} records of purges make no sense",
    "later purges": "{} records of purges are of a time to come: was the clock set back?",
}


class Checked(NamedTuple):
    """How many entries were looked at, and what is wrong with them, a line each."""

    entries: int
    findings: list[str]


def check(connection: sqlite3.Connection, entry_of: ReadEntry, now: float) -> Checked:
    """All that can be looked at. Changes nothing; takes about half a minute for a million entries."""
    damage = [verdict for (verdict,) in connection.execute("PRAGMA integrity_check(5)") if verdict != "ok"]
    if damage:
        return Checked(0, [f"the database file is damaged: {line}" for line in damage])
    found, entries = Counter[str](), 0
    for key, *columns, blob in connection.execute(_ALL):
        entries += 1
        found.update(_of_entry(connection, key, columns, entry_of(blob, key, columns[5])))
    found["stray"] = _count(connection, _STRAY)
    found["odd purges"] = _count(connection, _ODD_PURGES)
    found["later purges"] = _count(connection, "SELECT count(*) FROM purges WHERE at > ?", now + DAY)
    return Checked(entries, [said.format(found[what]) for what, said in _SAID.items() if found[what]])


def facts(connection: sqlite3.Connection) -> dict[str, int]:
    """What there is beside entries."""
    pages, free, size = (_count(connection, f"PRAGMA {name}") for name in ("page_count", "freelist_count", "page_size"))
    return {
        "sealed entries": _count(connection, "SELECT count(*) FROM entries WHERE sealed_by IS NOT NULL"),
        "purge records": _count(connection, "SELECT count(*) FROM purges"),
        "notifications": _count(connection, "SELECT count(*) FROM marks"),
        "enrollments": _count(connection, "SELECT count(*) FROM links"),
        "bindings": _count(connection, "SELECT count(*) FROM bindings"),
        "file bytes": pages * size,
        "free bytes": free * size,
        "free pages": free,
    }


def _of_entry(connection: sqlite3.Connection, key: bytes, columns: list[object], entry: Entry | None) -> list[str]:
    sealed_by, tags = columns[2], columns[6]
    if entry is None:
        return ["unreadable" if sealed_by is None else "locked"]
    found = [] if columns == _columns_of(entry, sealed_by) else ["differing"]
    if not isinstance(tags, bytes) or not _is_listed(connection, key, tags):
        found.append("unlisted")
    return found


def _columns_of(entry: Entry, sealed_by: object) -> list[object]:
    names = [name.encode("utf-8", "surrogatepass") for name in (entry.upstream, entry.endpoint, entry.partition)]
    tags = tag_digests(listed_tags(entry))
    instants = (entry.stored_at, entry.life.fresh_until, entry.life.gone_at)
    return [entry.fence, entry.sequence, sealed_by, *names, tags, *instants, entry.status]


def _is_listed(connection: sqlite3.Connection, key: bytes, tags: bytes) -> bool:
    query = "SELECT 1 FROM entry_tags WHERE tag = ? AND key = ?"
    return all(connection.execute(query, (tag, key)).fetchone() for tag in split_digests(tags))


def _count(connection: sqlite3.Connection, query: str, *values: object) -> int:
    return int(connection.execute(query, values).fetchone()[0])
