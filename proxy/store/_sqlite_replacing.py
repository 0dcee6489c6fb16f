"""A new file in the place of an old one: whole or not at all, whenever the power fails."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from proxy.store._sqlite_lock import OWNER_ONLY
from proxy.store.contract import StoreError


@contextmanager
def replacement(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, which takes its place when the block ends; when that raises, nothing has changed.

    The block has to close every connection. Raises OSError; StoreError where another process still has the old file.
    """
    beside = discard_unfinished(path)
    os.close(os.open(beside, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    try:
        yield beside
        sync(beside)
        if path.with_name(f"{path.name}-wal").exists():  # SQLite would take it for the new file's
            raise StoreError("another program has the database file open: end it first")
        beside.replace(path)
        sync(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def discard_unfinished(path: Path) -> Path:
    """Remove what a process left that died over a replacement: it holds what may be deleted since. Where it was.

    Raises OSError.
    """
    beside = path.with_name(f"{path.name}.new")
    beside.unlink(missing_ok=True)
    return beside


def sync(path: Path) -> None:
    """Have a file, or a directory with the names in it, on disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
