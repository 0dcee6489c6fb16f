"""A file of an older Larder, taken over: into a new file that takes its place, so that nothing old is left in it.

1   entries lay within SQLite's tree, with their tags as text
2   they lie on pages of their own, under digests of their tags
"""

import sqlite3
from pathlib import Path

from proxy.store._sqlite_replacing import replacement
from proxy.store._sqlite_rows import lead, tag_digests
from proxy.store._sqlite_schema import PAGE_BYTES, create, transaction
from proxy.store.codec import as_text
from proxy.store.contract import StoreError

_FIRST_TO_SECOND = (
    """
    INSERT INTO entries
    SELECT key, fence, sequence, NULL, upstream, endpoint, partition, digests(tags), stored_at, fresh_until, gone_at,
        size, status, lead(key, upstream, endpoint, partition, digests(tags)), own(upstream, tags), blob
    FROM old.entries ORDER BY key
    """,
    "INSERT INTO entry_tags SELECT digests(tag), key FROM old.entry_tags",
    "INSERT INTO purges SELECT tag, mode, number, at, settle_until FROM old.purges",
    "INSERT INTO marks SELECT source, token, until FROM old.marks",
    "INSERT INTO links SELECT upstream, enrollment, user, course, at FROM old.links",
    "INSERT INTO bindings SELECT partition, user, at FROM old.bindings",
    "UPDATE meta SET (opening, identity) = (SELECT opening, identity FROM old.meta)",
)


def migrate(path: Path, version: int) -> None:
    """Make the file one of this version; all of it or, when this raises, nothing.

    Raises StoreError, OSError or sqlite3.Error: the disk has to have room for both files for a while.
    """
    if version != 1:
        raise StoreError(f"the file has schema version {version}, which no Larder ever wrote")
    with replacement(path) as new:
        connection = sqlite3.connect(new, isolation_level=None)
        try:
            _take_over(connection, path)
        finally:
            connection.close()


def _take_over(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = OFF")  # what becomes of a file that is not finished is no matter
    connection.execute("PRAGMA synchronous = OFF")  # it is synced when it is
    connection.create_function("digests", 1, _digests, deterministic=True)
    connection.create_function("lead", 5, lead, deterministic=True)
    connection.create_function("own", 2, _own, deterministic=True)
    create(connection)
    connection.execute("ATTACH ? AS old", (str(path),))
    with transaction(connection):
        for statement in _FIRST_TO_SECOND:
            connection.execute(statement)
    connection.execute("DETACH old")


def _digests(tags: bytes) -> bytes:
    return tag_digests(map(as_text, tags.split(b"\n")))


def _own(upstream: bytes, tags: bytes) -> bytes:
    """Without the upstream's name, and without the tags that an entry's place implies."""
    prefix = upstream + b"/"
    return b"\n".join(tag.removeprefix(prefix) for tag in tags.split(b"\n") if not tag.startswith(b"@"))
