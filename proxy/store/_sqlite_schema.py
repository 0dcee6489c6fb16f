"""The tables of the SQLite store. Texts that come from outside are blobs: ids may hold what no UTF-8 can say."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from proxy.store.contract import StoreError

APPLICATION_ID = 0x4C415244  # "LARD", in the file's header: what tells our files from another program's
VERSION = 1

_TABLES = """
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
INSERT INTO meta VALUES (0, randomblob(16))
"""


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: committed, and so on disk, when the block ends; undone when it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK")
        raise


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none.

    Raises StoreError for another program's database and for one of a newer Larder, sqlite3.DatabaseError for a broken
    one.
    """
    application, version = _number(connection, "application_id"), _number(connection, "user_version")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and application in (0, APPLICATION_ID):
        _create(connection)
    elif application != APPLICATION_ID:
        raise StoreError("the file is another program's database: name a file of Larder's own")
    elif version > VERSION:
        raise StoreError(
            f"the file has schema version {version}, and this Larder knows {VERSION}: run the newer Larder"
        )


def next_opening(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Count this opening, durably; its number, and the identity of the file."""
    with transaction(connection):
        connection.execute("UPDATE meta SET opening = opening + 1")
    return file_identity(connection)


def file_identity(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """How often this file was opened, and its identity, which tells it from a file that took its place.

    Raises ValueError when the file has lost them.
    """
    row = connection.execute("SELECT opening, identity FROM meta").fetchone()
    if row is None:
        raise ValueError("the database has lost count of its openings")
    return int(row[0]), bytes(row[1])


def _create(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
