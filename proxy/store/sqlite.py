"""The second tier on one machine: SQLite in WAL mode, on a thread of its own, off the hit path.

put ──▶ write-behind queue ──▶ one transaction for many entries ─┐
get, purge, delete, mark … ──▶ first come, first served ─────────┴─▶ the thread ─▶ disk

A purge waits for at most the one transaction under way, never for the queue: what is long is done in slices.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from threading import Lock
from time import time

from adapters import Link
from policies import GIB, MIB
from proxy.messages import ALL, Entry
from proxy.store import _sqlite_entries as entry_rows
from proxy.store import _sqlite_records as record_rows
from proxy.store._sqlite_file import SQLiteFile
from proxy.store._sqlite_thread import SQLiteThread
from proxy.store._write_behind import WriteBehind
from proxy.store.codec import decode
from proxy.store.contract import Filter, Opened, StoreError, Summary
from proxy.store.fences import Purge
from proxy.store.selection import under

_BATCH_BYTES = 8 * MIB


class SQLiteStore:
    """A DurableStore in one file, for one process. Opened and used from one event loop."""

    is_durable = True

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        max_bytes: int = 2 * GIB,
        clock: Callable[[], float] = time,
        batch: int = 256,
        max_waiting: int = 10_000,
        max_waiting_bytes: int = 64 * MIB,
        write_after: float = 0.05,
    ) -> None:
        """`max_bytes` bounds what the file holds, `max_waiting…` the queue, `batch` the entries of one transaction.

        `write_after` is how long, in seconds, a put entry waits for others to be written with it.
        """
        self._write_after = write_after
        self.unreadable = 0  # entries whose bytes could not be trusted
        self.disk_bytes = 0  # what the file holds, as of the last write
        self._swamped = self._lost = 0  # not kept for want of room in the queue; for want of a disk
        self._max_bytes, self._clock, self._batch = max_bytes, clock, batch
        self._thread = SQLiteThread(SQLiteFile(Path(path), clock))
        self._waiting = WriteBehind(max_entries=max_waiting, max_bytes=max_waiting_bytes)
        self._lock = Lock()
        self._is_writing = False

    def __repr__(self) -> str:
        state = (self.last_error or "open") if self._thread.is_running else "closed"
        return f"<SQLiteStore {state}, {len(self._waiting)} waiting, {self.dropped} dropped>"

    @property
    def failures(self) -> int:
        """How often the disk refused a call, or entries written behind."""
        return self._thread.failures

    @property
    def last_error(self) -> str | None:
        """What is wrong now; None once something works again."""
        return self._thread.last_error

    @property
    def dropped(self) -> int:
        """Entries that were put and not kept."""
        return self._swamped + self._lost

    async def open(self) -> Opened:
        """Make it ready; a broken file is moved aside. Raises StoreError when another process has the file open."""
        self._loop = asyncio.get_running_loop()
        opened = await self._thread.start()
        self._is_writing = False
        return opened

    async def close(self) -> None:
        """Write what is pending, then let go, also when it cannot be written: then StoreError says so at the end."""
        if not self._thread.is_running:
            return
        try:
            await self.flush()
        finally:
            await self._thread.stop()
            self._swamped += len(self._waiting.discard(under(ALL)))  # put while it closed

    async def get(self, key: bytes) -> Entry | None:
        """The entry put last under `key`, pending or kept."""
        pending = self._waiting.get(key)
        kept = await self._thread.run(partial(self._read, key=key))
        if pending is None or (kept is not None and kept.order > pending.order):
            return kept
        return pending

    def put(self, entry: Entry) -> None:
        """Keep `entry` behind the answer. Never raises and never waits; what finds no room is counted in `dropped`."""
        if not self._thread.is_running or not self._waiting.put(entry):
            self._swamped += 1
            return
        with self._lock:
            if self._is_writing:
                return
            self._is_writing = True
        # Not at once: a transaction for many costs little more than for one, and nobody waits for it.
        self._loop.call_later(self._write_after, self._thread.submit, self._write_on)

    async def flush(self) -> None:
        """Wait until all that was put is kept. Raises StoreError when some of it could not be."""
        lost = self._lost
        await self._settle()
        if self._lost > lost:
            raise StoreError(f"{self._lost - lost} entries could not be written: {self.last_error}")

    async def delete(self, tag: str) -> int:
        """Remove every entry under `tag`, pending ones too; how many went."""
        gone = self._waiting.discard(under(tag))
        total = len(gone)
        while keys := await self._thread.run(partial(entry_rows.remove_under, tag=tag)):
            total += sum(key not in gone for key in keys)
        return total

    async def purge(self, records: Sequence[Purge]) -> None:
        """Make purges durable: on disk when this returns."""
        await self._thread.run(partial(record_rows.record_purges, records=records))

    async def keys(self) -> list[bytes]:
        """Every key that is kept, those that are pending by now included."""
        await self._settle()
        return await self._thread.run(entry_rows.keys)

    async def count(self, wanted: Filter) -> int:
        """How many entries are kept, those that are pending by now included."""
        await self._settle()
        return await self._thread.run(partial(entry_rows.count, wanted=wanted))

    async def summaries(self, wanted: Filter) -> list[Summary]:
        """Entries, newest first."""
        await self._settle()
        return await self._thread.run(partial(entry_rows.summaries, wanted=wanted))

    async def sweep(self, now: float, forget_purges_before: float) -> None:
        """Drop what is GONE, the oldest beyond `max_bytes`, expired marks, and old purges, links and bindings."""
        for slice_ in (
            partial(entry_rows.remove_gone, now=now),
            partial(entry_rows.remove_beyond, max_bytes=self._max_bytes),
            partial(record_rows.forget, now=now, before=forget_purges_before),
        ):
            while await self._thread.run(slice_):
                continue

    async def mark(self, source: str, token: str, until: float) -> bool:
        """Remember a notification, durably; False if it was remembered already."""
        return await self._thread.run(
            partial(record_rows.mark, source=source, token=token, now=self._clock(), until=until)
        )

    async def marked(self, source: str, token: str) -> bool:
        """Whether a notification is remembered."""
        return await self._thread.run(partial(record_rows.marked, source=source, token=token, now=self._clock()))

    async def learn(self, upstream: str, links: Sequence[Link]) -> None:
        """Remember which user and course an enrollment belongs to."""
        if links:
            await self._thread.run(partial(record_rows.learn, upstream=upstream, links=links, now=self._clock()))

    async def find_link(self, upstream: str, enrollment: str) -> Link | None:
        """The user and course of an enrollment."""
        return await self._thread.run(partial(record_rows.find_link, upstream=upstream, enrollment=enrollment))

    async def bind(self, partition: str, user: str) -> None:
        """Remember which upstream user a principal is."""
        await self._thread.run(partial(record_rows.bind, partition=partition, user=user, now=self._clock()))

    async def bindings(self) -> dict[str, str]:
        """All remembered principals and their users."""
        return await self._thread.run(record_rows.bindings)

    async def _settle(self) -> None:
        """Wait until what is pending now is written, or given up; purges may go between its transactions."""
        left = len(self._waiting)
        while written := await self._thread.run_aside(self._write_batch):
            left -= written
            if left <= 0:
                return

    def _write_on(self) -> None:
        """On the thread: write one batch, then queue up again behind whoever came in the meantime."""
        self._write_batch()
        with self._lock:
            self._is_writing = len(self._waiting) > 0
            if self._is_writing:
                self._thread.submit(self._write_on)

    def _write_batch(self) -> int:
        """On the thread: how many entries have left the queue."""
        batch = self._waiting.take(self._batch, _BATCH_BYTES)
        if batch:
            try:
                self._lost += self._thread.attempt(partial(self._write, batch=batch))
            except StoreError:
                self._lost += len(batch)  # counted and told by the thread; the first tier has them still
        return len(batch)

    def _write(self, connection: sqlite3.Connection, batch: Sequence[Entry]) -> int:
        unwritable = entry_rows.write(connection, batch)
        entry_rows.remove_beyond(connection, self._max_bytes)
        self.disk_bytes = entry_rows.bytes_used(connection)
        return unwritable

    def _read(self, connection: sqlite3.Connection, key: bytes) -> Entry | None:
        blob = entry_rows.read(connection, key)
        entry = None if blob is None else decode(blob, key)
        if blob is not None and entry is None:
            self.unreadable += 1
        return entry
