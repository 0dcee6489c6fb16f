"""Entries on their way into SQLite: they wait a moment for each other, and one transaction takes many of them.

put ──▶ waits `write_after`, or until somebody is in a hurry ──▶ batch after batch, whatever else is asked in between
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from threading import Lock

from policies import MIB
from proxy.messages import Entry
from proxy.store._sqlite_thread import SQLiteThread
from proxy.store._write_behind import Kept, WriteBehind
from proxy.store.contract import StoreError, StoreUnavailable

_BATCH_BYTES = 8 * MIB

WriteEntries = Callable[[sqlite3.Connection, Sequence[Entry]], int]  # how many of them can never be written


class EntryWriter:
    """What is put is written soon, given up when the disk refuses it, and kept when the disk is somebody else's."""

    def __init__(
        self, thread: SQLiteThread, waiting: WriteBehind, write: WriteEntries, *, batch: int, write_after: float
    ) -> None:
        """`batch` bounds the entries of a transaction; `write_after` is how long, in seconds, one waits for others."""
        self.swamped = self.lost = 0  # not kept for want of room in the queue; for want of a disk
        self._thread = thread
        self._waiting = waiting
        self._write = write
        self._batch = batch
        self._write_after = write_after
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._lock = Lock()
        self._is_writing = False  # a write is due, or under way

    def start(self) -> None:
        """Write from now on, for the running loop."""
        self._loop = asyncio.get_running_loop()
        self._is_writing = False

    def stop(self) -> None:
        """What is still waiting will not be written."""
        if self._timer is not None:
            self._timer.cancel()
        self.swamped += len(self.discard(lambda _: True))

    def put(self, entry: Entry, kept: Kept | None) -> None:
        """Have `entry` written. Never raises and never waits."""
        if self._loop is None or not self._thread.is_running or not self._waiting.put(entry, kept):
            self.swamped += 1
            if kept is not None:
                kept()
            return
        with self._lock:
            if self._is_writing:
                return
            self._is_writing = True
        # Not at once: a transaction for many costs little more than for one, and nobody waits for it.
        self._wait(self._loop)

    def hurry(self) -> None:
        """Write what waits at once; what is put during that goes with the next batch."""
        if self._timer is not None:
            self._timer.cancel()
            self._begin()

    def discard(self, doomed: Callable[[Entry], bool]) -> set[bytes]:
        """Let what is `doomed` wait no longer; the keys of what it was."""
        gone = self._waiting.discard(doomed)
        self._tell(gone)
        return gone

    async def flush(self) -> None:
        """Wait until all that was put is written. Raises StoreError when some of it could not be."""
        lost = self.lost
        await self.settle()
        if self.lost > lost:
            raise StoreError(f"{self.lost - lost} entries could not be written: {self._thread.last_error}")

    async def settle(self) -> None:
        """Wait until what is pending now is written, or given up; purges may go between its transactions.

        Raises StoreUnavailable while another process has the file.
        """
        left = len(self._waiting)
        while written := await self._thread.run_aside(self._write_batch):
            left -= written
            if left <= 0:
                return

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._write_after, self._begin)

    def _begin(self) -> None:
        self._timer = None
        self._thread.submit(self._write_on)

    def _write_on(self) -> None:
        """On the thread: write one batch, then queue up again behind whoever came in the meantime."""
        try:
            self._write_batch()
        except StoreUnavailable:
            again = self._wait_again
        else:
            again = partial(self._thread.submit, self._write_on)
        with self._lock:
            self._is_writing = len(self._waiting) > 0
            if self._is_writing:
                again()

    def _wait_again(self) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._wait, self._loop)

    def _write_batch(self) -> int:
        """On the thread: how many entries have left the queue. Raises StoreUnavailable; then they wait again."""
        batch = self._waiting.take(self._batch, _BATCH_BYTES)
        if not batch:
            return 0
        try:
            self.lost += self._thread.attempt(lambda connection: self._write(connection, batch))
        except StoreUnavailable:
            self._waiting.give_back(batch)
            raise
        except StoreError:
            self.lost += len(batch)  # counted and told by the thread; the first tier has them still
        self._tell([entry.key for entry in batch])
        return len(batch)

    def _tell(self, keys: Iterable[bytes]) -> None:
        """From any thread: call, on the loop, who wanted to know."""
        for kept in self._waiting.finished(keys):
            if self._loop is not None:
                self._loop.call_soon_threadsafe(kept)
