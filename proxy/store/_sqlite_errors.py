"""What SQLite and the system say when they cannot, as one line that tells what to do. No path, no data."""

import errno
import sqlite3

from proxy.store._sqlite_schema import is_busy
from proxy.store.contract import StoreError, StoreUnavailable

_NOT_ALLOWED = "cannot be written: give Larder's user the right to write the file and its directory"
_FULL = "finds no room on the disk: until there is some, entries are kept in memory only"

_SAID = {
    sqlite3.SQLITE_BUSY: "is locked by another process",
    sqlite3.SQLITE_LOCKED: "is locked by another process",
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _NOT_ALLOWED,
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: it or its directory is missing, or Larder's user may not write there",
    sqlite3.SQLITE_IOERR: "meets a disk that fails, or is full",
    sqlite3.SQLITE_CORRUPT: "is damaged: at the next start it is moved aside",
    sqlite3.SQLITE_NOTADB: "is damaged: at the next start it is moved aside",
}
_SAID_OF_SYSTEM = {
    errno.EACCES: _NOT_ALLOWED,
    errno.EPERM: _NOT_ALLOWED,
    errno.EROFS: _NOT_ALLOWED,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}


class Damaged(sqlite3.DatabaseError):
    """What SQLite reads without complaint, but is no store of Larder's."""


def store_error(error: Exception, what: str = "the database file") -> StoreError:
    """What `error` becomes, told of `what`; StoreUnavailable where another process is merely in the way."""
    if isinstance(error, OSError):
        said = _SAID_OF_SYSTEM.get(error.errno or 0, "cannot be used")
        reason = f"{type(error).__name__}: {error.strerror}"
    else:
        said = _SAID.get(primary_code(error), "cannot be used")
        reason = f"{type(error).__name__}: {error}"
    kind = StoreUnavailable if is_busy(error) else StoreError
    return kind(f"{what} {said} ({reason})")


def primary_code(error: BaseException | None) -> int:
    """SQLite's code for it, without what it adds in detail; 0 when it is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_damage(error: BaseException | None) -> bool:
    """Whether SQLite says that the file is malformed, or no database at all."""
    return primary_code(error) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_broken(error: BaseException | None) -> bool:
    """Damage, rather than a disk or another process in the way: only broken files are moved aside."""
    lacks_a_table = isinstance(error, sqlite3.OperationalError) and str(error).startswith("no such ")
    return is_damage(error) or isinstance(error, Damaged) or lacks_a_table
