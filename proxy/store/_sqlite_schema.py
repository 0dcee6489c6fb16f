"""The tables of the SQLite store. Texts that come from outside are blobs: ids may hold what no UTF-8 can say."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from proxy.store.contract import StoreError

APPLICATION_ID = 0x4C415244  # "LARD", in the file's header: what tells our files from another program's
VERSION = 2

PAGE_BYTES = 1024
"""Small, since a body lies on pages of its own and leaves some of the last one empty."""

LEAD_BYTES = (PAGE_BYTES - 12) * 64 // 255 - 23
"""What SQLite keeps of a row in the tree itself, at most (https://www.sqlite.org/fileformat2.html, "cell payload
overflow"); the rest is on pages of its own. The tree is rearranged now and then, and leaves copies of rows in gaps that
`secure_delete` does not know of; pages of a row's own are never copied, and zeroed when the row goes. So what has to be
gone when it is deleted begins behind this many bytes.
"""

WAIT_FOR_OTHERS = 2.0  # seconds; another process, an operator's sqlite3 shell or a backup may write for a moment
_LOOK_AGAIN = 0.001  # seconds

_TABLES = """
CREATE TABLE entries (
    key BLOB PRIMARY KEY NOT NULL,
    fence INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    sealed_by BLOB,              -- the id of the partition key, or NULL
    upstream BLOB NOT NULL,
    endpoint BLOB NOT NULL,
    partition BLOB NOT NULL,
    tags BLOB NOT NULL,          -- those in entry_tags, 16 bytes each
    stored_at REAL NOT NULL,
    fresh_until REAL NOT NULL,
    gone_at REAL NOT NULL,
    size INTEGER NOT NULL,
    status INTEGER NOT NULL,
    lead BLOB NOT NULL,          -- zeros, as many as it takes to have the columns behind it outside the tree
    own BLOB NOT NULL,           -- its own tags as text, a line each, unless it is sealed
    blob BLOB NOT NULL
) WITHOUT ROWID;
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


_NOTES = (
    "CREATE TABLE IF NOT EXISTS notes (key BLOB PRIMARY KEY NOT NULL, note BLOB NOT NULL, until REAL NOT NULL)"
    " WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS notes_by_end ON notes (until)",
)  # came later, and an older Larder does not mind them: no version of its own


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing: committed, and so on disk, when the block ends; undone when it raises."""
    _begin(connection)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK")
        raise


def _begin(connection: sqlite3.Connection) -> None:
    """Wait for those who write just now, but not for ever. Raises sqlite3.OperationalError.

    SQLite's own waiting sleeps longer and longer, and those who come later get in between.
    """
    patience = monotonic() + WAIT_FOR_OTHERS
    with waiting(connection, 0):
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or monotonic() >= patience:
                    raise
                sleep(_LOOK_AGAIN)
            else:
                return


@contextmanager
def waiting(connection: sqlite3.Connection, seconds: float) -> Iterator[None]:
    """For a while, have SQLite itself wait so long for others."""
    connection.execute(f"PRAGMA busy_timeout = {round(seconds * 1000)}")
    try:
        yield
    finally:
        connection.execute(f"PRAGMA busy_timeout = {round(WAIT_FOR_OTHERS * 1000)}")


def is_busy(error: Exception) -> bool:
    """Whether another process holds the file just now."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def version_of(connection: sqlite3.Connection) -> int:
    """The version of the tables in a file; 0 when there are none yet.

    Raises StoreError for another program's database and for one of a newer Larder, sqlite3.DatabaseError for a broken
    one.
    """
    application, version = _number(connection, "application_id"), _number(connection, "user_version")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if not tables and application in (0, APPLICATION_ID):
        return 0
    if application != APPLICATION_ID:
        raise StoreError("the file is another program's database: name a file of Larder's own")
    if version > VERSION:
        raise StoreError(
            f"the file has schema version {version}, and this Larder knows {VERSION}: run the newer Larder"
        )
    return version


def create(connection: sqlite3.Connection) -> None:
    """Make the tables in an empty file."""
    with transaction(connection):
        for statement in _TABLES.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def next_opening(connection: sqlite3.Connection) -> tuple[int, bytes]:
    """Count this opening, durably; its number, and the identity of the file."""
    with transaction(connection):
        for statement in _NOTES:
            connection.execute(statement)
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


def _number(connection: sqlite3.Connection, pragma: str) -> int:
    return int(connection.execute(f"PRAGMA {pragma}").fetchone()[0])
