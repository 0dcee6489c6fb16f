"""The SQLite store's file: one process at a time, readable by its owner only, moved aside when it is broken."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import NamedTuple

from proxy.store._sqlite_records import load_purges
from proxy.store._sqlite_schema import file_identity, next_opening, prepare
from proxy.store.contract import Opened, StoreError

_CHECKED_UP_TO = 16 * 1024**2  # bytes that SQLite checks through in well under 0.2 s
_OWNER_ONLY = 0o600

_SETTINGS = (
    "PRAGMA busy_timeout = 2000",  # an operator's sqlite3 shell or backup may hold the file for a moment
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # in WAL mode: a commit is on disk when it returns
    "PRAGMA journal_size_limit = 67108864",
)


class _Damaged(sqlite3.DatabaseError):
    """What SQLite reads without complaint, but is no store of Larder's."""


class Found(NamedTuple):
    """A file made ready."""

    connection: sqlite3.Connection
    opened: Opened


class SQLiteFile:
    """A database file, its lock, and which file exactly it was when it was opened. For one thread."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._lock: int | None = None
        self._identity: tuple[int, bytes] | None = None
        self._inode: tuple[int, int] | None = None

    def open(self) -> Found:
        """Lock the file, make it ready and count the opening. Raises StoreError, OSError or sqlite3.Error."""
        self._take_lock()
        try:
            return self._open()
        except BaseException:
            self.release()
            raise

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
        self._beside(".suspect").touch(_OWNER_ONLY)

    def release(self) -> None:
        """Let other processes have the file."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _current_inode(self) -> tuple[int, int]:
        found = self._path.stat()
        return found.st_dev, found.st_ino

    def _take_lock(self) -> None:
        if not self._path.parent.is_dir():
            raise StoreError("the directory of the database file does not exist")
        descriptor = os.open(self._beside(".lock"), os.O_RDWR | os.O_CREAT, _OWNER_ONLY)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)  # the kernel lets go of it when the process dies, however it dies
        except BlockingIOError:
            os.close(descriptor)
            raise StoreError("another process has the database file open: each Larder needs one of its own") from None
        self._lock = descriptor

    def _open(self) -> Found:
        try:
            found = self._count_opening()
        except sqlite3.DatabaseError as error:
            if not _is_broken(error):
                raise
            moved_aside = self._move_aside()
            connection, opened = self._count_opening()
            found = Found(connection, opened._replace(moved_aside=moved_aside))
        self._beside(".suspect").unlink(missing_ok=True)
        self._inode = self._current_inode()
        self._sync_directory()
        return found

    def _count_opening(self) -> Found:
        connection = self._connect()
        try:
            prepare(connection)
            self._check(connection)
            self._identity = next_opening(connection)
            return Found(connection, Opened(self._identity[0], load_purges(connection)))
        except (TypeError, ValueError) as error:
            connection.close()
            raise _Damaged("what it holds is not what was written") from error
        except BaseException:
            connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        """SQLite gives its -wal and -shm files the permissions of the file itself."""
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, _OWNER_ONLY))
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._beside(suffix).chmod(_OWNER_ONLY)
        connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=64)
        try:
            for setting in _SETTINGS:
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
            raise _Damaged("quick_check found damage")

    def _sync_directory(self) -> None:
        """A new file's name has to be on disk too, or a power failure takes its purges with it."""
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _move_aside(self) -> str:
        when = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{self._path.name}.broken-{when}"
        taken = sum(1 for other in self._path.parent.glob(f"{name}*") if not other.name.endswith(("-wal", "-shm")))
        aside = self._path.with_name(f"{name}-{taken + 1}" if taken else name)
        for suffix in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                self._beside(suffix).rename(f"{aside}{suffix}")
        return str(aside)

    def _beside(self, suffix: str) -> Path:
        return self._path.with_name(self._path.name + suffix)


def _is_broken(error: sqlite3.DatabaseError) -> bool:
    """Damage, rather than a disk or another process in the way: only damaged files are moved aside."""
    return is_damage(error) or isinstance(error, _Damaged) or str(error).startswith("no such ")


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite says that the file is malformed, or no database at all."""
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
