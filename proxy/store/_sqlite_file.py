"""The SQLite store's file: readable by its owner only, migrated when it is old, moved aside when it is broken.

sole, owner   has the lock, makes the file ready and counts the opening
attached      another process of the owner's: uses the file as it is, and holds on to the lock it was handed
"""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NamedTuple

from proxy.store._sqlite_errors import Damaged, is_broken
from proxy.store._sqlite_lock import OWNER_ONLY, FileLock
from proxy.store._sqlite_migration import migrate
from proxy.store._sqlite_records import load_purges
from proxy.store._sqlite_replacing import discard_unfinished, sync
from proxy.store._sqlite_schema import (
    PAGE_BYTES,
    VERSION,
    WAIT_FOR_OTHERS,
    create,
    file_identity,
    next_opening,
    version_of,
)
from proxy.store.contract import Opened, StoreError

Role = Literal["sole", "owner", "attached"]

_CHECKED_UP_TO = 16 * 1024**2  # bytes that SQLite checks through in well under 0.2 s

SETTINGS = (
    f"PRAGMA busy_timeout = {round(WAIT_FOR_OTHERS * 1000)}",
    f"PRAGMA page_size = {PAGE_BYTES}",  # of a file that is still empty
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA cache_size = -8000",  # KiB: with small pages the tree is deep, and its upper levels are wanted each time
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",  # nothing of what is kept lies in files that nobody scrubs
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode: a commit is on disk when it returns
    "PRAGMA wal_autocheckpoint = 4000",  # pages: 4 MiB
    "PRAGMA journal_size_limit = 67108864",
)


class Found(NamedTuple):
    """A file made ready."""

    connection: sqlite3.Connection
    opened: Opened


class SQLiteFile:
    """A database file, its lock, and which file exactly it was when it was opened. For one thread."""

    def __init__(
        self, path: Path, clock: Callable[[], float], role: Role = "sole", inherited_lock: int | None = None
    ) -> None:
        """`inherited_lock` is the descriptor that the owner handed to an attached process."""
        self._path = path
        self._clock = clock
        self._role = role
        self._inherited_lock = inherited_lock
        self._lock = FileLock(self._beside(".lock"))
        self._identity: tuple[int, bytes] | None = None
        self._inode: tuple[int, int] | None = None

    @property
    def lock_fd(self) -> int | None:
        """The lock's descriptor, for processes that are to hold it too; None while it is not held."""
        return self._lock.descriptor

    def open(self) -> Found:
        """Make the file ready, or take it as its owner made it. Raises StoreError, OSError or sqlite3.Error."""
        if self._role == "attached":
            if self._inherited_lock is not None:
                self._lock.inherit(self._inherited_lock)
        else:
            self._lock.take()
        try:
            found = self._attach() if self._role == "attached" else self._open()
        except BaseException:
            self.release()
            raise
        self._inode = self._current_inode()
        return found

    def reopen(self) -> sqlite3.Connection:
        """Connect again after a failure, to the very same file. Raises StoreError, OSError or sqlite3.Error.

        A file that took its place knows neither the purges nor the opening that this process builds upon.
        """
        if not self._path.exists():
            raise StoreError("the database file is gone: put it back, or restart Larder")
        connection = self._connect()
        try:
            self._require_identity(connection)
        except BaseException:
            connection.close()
            raise
        self._inode = self._current_inode()
        return connection

    def _require_identity(self, connection: sqlite3.Connection) -> None:
        if file_identity(connection) != self._identity:
            raise StoreError("the database file was replaced: put it back, or restart Larder")

    def is_in_place(self) -> bool:
        """Whether what is written still goes to the file that the next process will find. Raises OSError."""
        try:
            return self._current_inode() == self._inode
        except FileNotFoundError:
            return False

    def suspect(self) -> None:
        """Have the next opening check the whole file, however big: it was found damaged. Raises OSError."""
        self._beside(".suspect").touch(OWNER_ONLY)

    def release(self) -> None:
        """Let other processes have the file."""
        self._lock.release()

    def _current_inode(self) -> tuple[int, int]:
        found = os.stat(self._path)  # noqa: PTH116 - Path.stat costs a hit twice as much
        return found.st_dev, found.st_ino

    def _open(self) -> Found:
        try:
            found = self._count_opening()
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            moved_aside = str(move_aside(self._path, self._clock()))
            connection, opened = self._count_opening()
            found = Found(connection, opened._replace(moved_aside=moved_aside))
        self._beside(".suspect").unlink(missing_ok=True)
        discard_unfinished(self._path)
        sync(self._path.parent)  # a new file's name has to be on disk too, or a power failure takes its purges with it
        return found

    def _count_opening(self) -> Found:
        connection = self._connect()
        try:
            version = version_of(connection)
            if version == 0:
                create(connection)
            self._check(connection)
            if 0 < version < VERSION:
                connection.close()
                migrate(self._path, version)
                connection = self._connect()
            self._identity = next_opening(connection)
            return Found(connection, Opened(self._identity[0], load_purges(connection)))
        except (TypeError, ValueError) as error:
            connection.close()
            raise Damaged("what it holds is not what was written") from error
        except BaseException:
            connection.close()
            raise

    def _attach(self) -> Found:
        if not self._path.exists():
            raise StoreError("there is no database file yet: the process that owns it makes it")
        connection = self._connect()
        try:
            _require_version(connection)
            self._identity = file_identity(connection)
            return Found(connection, Opened(self._identity[0], load_purges(connection)))
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        """SQLite gives its -wal and -shm files the permissions of the file itself."""
        make_private(self._path)
        connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=64)
        try:
            for setting in SETTINGS:
                connection.execute(setting)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        """Small files are checked through at every opening; big ones, for which that takes long, on suspicion."""
        if self._path.stat().st_size > _CHECKED_UP_TO and not self._beside(".suspect").exists():
            return
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise Damaged("quick_check found damage")

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)


def _require_version(connection: sqlite3.Connection) -> None:
    version = version_of(connection)
    if version != VERSION:
        raise StoreError(f"the file has schema version {version}: the process that owns it makes it {VERSION}")


def make_private(path: Path) -> None:
    """An empty file, if there is none; readable by its owner only, with what SQLite has beside it. Raises OSError.

    One that is there is not opened: to close it again would take this process's locks on it from SQLite.
    """
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).chmod(OWNER_ONLY)


def move_aside(path: Path, now: float) -> Path:
    """Out of the way of a new one, for whoever wants to know what happened; where it is now. Raises OSError."""
    when = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    name = f"{path.name}.broken-{when}"
    taken = sum(1 for other in path.parent.glob(f"{name}*") if not other.name.endswith(("-wal", "-shm")))
    aside = path.with_name(f"{name}-{taken + 1}" if taken else name)
    for suffix in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(f"{aside}{suffix}")
    return aside
