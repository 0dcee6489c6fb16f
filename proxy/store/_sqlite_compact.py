"""Compaction: a SQLite store's file written anew, without what is free in it."""

import sqlite3
from pathlib import Path
from typing import NamedTuple

from proxy.store._sqlite_errors import store_error
from proxy.store._sqlite_lock import FileLock
from proxy.store._sqlite_replacing import replacement
from proxy.store._sqlite_schema import VERSION, version_of
from proxy.store.contract import StoreError


class Compacted(NamedTuple):
    """Bytes on disk, the log included."""

    before: int
    after: int


def compact(path: Path) -> Compacted:
    """Give free space back to the system; needs room for a second file meanwhile.

    Raises StoreError: a Larder has the file, it is none of ours or not of this version, or the disk is in the way.
    """
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        if not path.is_file():
            raise StoreError("there is no database file")
        lock.take()
        before = _bytes_on_disk(path)
        with replacement(path) as new:
            _write_anew(path, new)
        return Compacted(before, _bytes_on_disk(path))
    except (sqlite3.Error, OSError) as error:
        raise store_error(error) from error
    finally:
        lock.release()


def _write_anew(path: Path, new: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        version = version_of(connection)
        if version != VERSION:
            raise StoreError(f"the file has schema version {version}: this Larder makes it {VERSION} when it runs")
        connection.execute("VACUUM INTO ?", (str(new),))
    finally:
        connection.close()  # the last one: what is in the log goes into the file, and the log goes


def _bytes_on_disk(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}-wal"))
    return sum(file.stat().st_size for file in files if file.exists())
