"""Whose a database file is: the process that has its lock, and those that it handed the lock to."""

import os
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

from proxy.store.contract import StoreError

OWNER_ONLY = 0o600


_TAKEN = "another process has the database file open: stop it first, or give each Larder a file of its own"


class FileLock:
    """A lock beside a file, until the last process that holds its descriptor lets go of it or dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor: int | None = None  # what a process inherits that is to hold the lock too

    def take(self) -> None:
        """Raises StoreError where another process has it, OSError where there can be none."""
        if not self._path.parent.is_dir():
            raise StoreError("the directory of the database file does not exist")
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, OWNER_ONLY)
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreError(_TAKEN) from None
        self.descriptor = descriptor

    def inherit(self, descriptor: int) -> None:
        """Hold on to what the owner handed down. Raises StoreError or OSError where that is not the lock."""
        if not os.path.samestat(os.fstat(descriptor), self._path.stat()):
            raise StoreError("what was handed down is not the lock of the database file")
        self.descriptor = descriptor

    def release(self) -> None:
        """Let others have it, unless a process that inherited it still lives."""
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
