"""The second tier on one machine: SQLite in WAL mode, on a thread of its own, off the hit path.

put ──▶ write-behind queue ──▶ one transaction for many entries ─┐
get, purge, delete, mark … ──▶ first come, first served ─────────┴─▶ the thread ─▶ disk

A purge waits for at most the one transaction under way, never for the queue: what is long is done in slices.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from os import PathLike
from pathlib import Path
from time import time

from policies import GIB, MIB
from proxy.messages import Entry
from proxy.store import _sqlite_entries as entry_rows
from proxy.store import _sqlite_records as record_rows
from proxy.store._sqlite_blobs import Blobs
from proxy.store._sqlite_check import Checked, check, facts
from proxy.store._sqlite_deletion import Scrubber, erase_keys
from proxy.store._sqlite_file import Role, SQLiteFile
from proxy.store._sqlite_keys import KeysFile
from proxy.store._sqlite_record_keeping import RecordKeeping
from proxy.store._sqlite_thread import SQLiteThread
from proxy.store._sqlite_writer import EntryWriter
from proxy.store._write_behind import WriteBehind
from proxy.store.codec import Codec
from proxy.store.contract import Filter, Opened, StoreError, Summary
from proxy.store.purges import Purge, TagDigest
from proxy.store.sealing import Sealing
from proxy.store.selection import under


class SQLiteStore(RecordKeeping):
    """A DurableStore in one file, for the processes of one machine. Opened and used from one event loop."""

    is_durable = True
    lists_keys = True

    def __init__(  # noqa: PLR0913 - a bound each
        self,
        path: str | PathLike[str],
        *,
        codec: Codec | None = None,
        sealing: Sealing = Sealing(),  # noqa: B008 - frozen
        role: Role = "sole",
        lock_fd: int | None = None,
        max_bytes: int = 2 * GIB,
        clock: Callable[[], float] = time,
        batch: int = 256,
        max_waiting: int = 10_000,
        max_waiting_bytes: int = 64 * MIB,
        write_after: float = 0.05,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tag_digest: TagDigest | None = None,
    ) -> None:
        """`max_bytes` bounds what the file holds, `max_waiting…` the queue, `batch` the entries of one transaction.

        The `owner` has the file for several processes, and hands its `lock_fd` to those that are `attached`: so nobody
        else gets the file while one of them lives. `write_after` is how long, in seconds, a put entry waits for others
        to be written with it. `tag_digest`: what records of purges keep of tags once nobody looks by them any more.
        """
        self._path, self._role, self._clock, self._max_bytes = Path(path), role, clock, max_bytes
        self.disk_bytes = 0  # what the file holds, as of the last write or sweep
        self._keys = KeysFile(self._path.with_name(f"{self._path.name}.keys"), sealing.masters, clock)
        self._blobs = Blobs(codec or Codec(), sealing, self._keys)
        self._file = SQLiteFile(self._path, clock, role, lock_fd)
        self._thread = SQLiteThread(self._file, self._keys.close)
        self._waiting = WriteBehind(max_entries=max_waiting, max_bytes=max_waiting_bytes)
        self._writer = EntryWriter(self._thread, self._waiting, self._write, batch=batch, write_after=write_after)
        self._scrubber = Scrubber(self._thread, clock, sleep, tag_digest)

    def __repr__(self) -> str:
        state = (self.last_error or "open") if self._thread.is_running else "closed"
        return f"<SQLiteStore {state}, {len(self._waiting)} waiting, {self.dropped} dropped>"

    @property
    def lock_fd(self) -> int | None:
        """The descriptor by which processes that inherit it hold the file too; None while it is not open."""
        return self._file.lock_fd

    @property
    def failures(self) -> int:
        """How often the disk refused a call, or entries written behind."""
        return self._thread.failures

    @property
    def unreadable(self) -> int:
        """Entries whose bytes could not be trusted when they were read."""
        return self._blobs.unreadable

    @property
    def last_error(self) -> str | None:
        """What is wrong now; None once something works again."""
        return self._thread.last_error or self._blobs.last_error

    @property
    def dropped(self) -> int:
        """Entries that were put and not kept."""
        return self._writer.swamped + self._writer.lost

    async def open(self) -> Opened:
        """Make it ready; a broken file is moved aside, an older Larder's migrated.

        Raises StoreError: another process has the file, it is somebody else's, or the disk is in the way.
        """
        opened = await self._thread.start()
        repairs = self._role != "attached"
        try:
            keys_aside = await self._thread.run_aside(partial(self._keys.open, repairs=repairs))
        except StoreError:
            await self._thread.stop()
            raise
        self._writer.start()
        return opened._replace(moved_aside=opened.moved_aside or keys_aside)

    async def close(self) -> None:
        """Write what is pending, then let go, also when it cannot be written: then StoreError says so at the end."""
        if not self._thread.is_running:
            return
        try:
            await self.flush()
            if self._role != "attached":
                await self._scrubber.veil(all_of_them=True)
        finally:
            await self._thread.stop()
            self._writer.stop()  # also what was put while it closed

    async def get(self, key: bytes) -> Entry | None:
        """The entry put last under `key`, pending or kept."""
        pending = self._waiting.get(key)
        kept = await self._thread.read(partial(self._read, key=key))
        pending = self._waiting.get(key) or pending  # it may have been under way to a disk that another process had
        if pending is None or (kept is not None and kept.order > pending.order):
            return kept
        return pending

    def put(self, entry: Entry, kept: Callable[[], None] | None = None) -> None:
        """Keep `entry` behind the answer. Never raises and never waits; what finds no room is counted in `dropped`.

        `kept` is called on the event loop once it is written, given up, or an older answer than what is kept.
        """
        self._writer.put(entry, kept)

    def hurry(self) -> None:
        """Write what waits at once: somebody waits for it."""
        self._writer.hurry()

    async def flush(self) -> None:
        """Wait until all that was put is kept. Raises StoreError when some of it could not be, or not now."""
        await self._writer.flush()

    async def delete(self, tag: str) -> int:
        """Remove every entry under `tag`, pending ones too; how many went.

        Whose partitions' keys are deleted with it loses what else is sealed with them: it is fetched again.
        """
        gone = self._writer.discard(under(tag))
        unsealed = await self._thread.write(partial(erase_keys, keys=self._keys, tag=tag))
        total = len(gone)
        while keys := await self._thread.write(partial(entry_rows.remove_under, tag=tag)):
            total += sum(key not in gone for key in keys)
        for partition in unsealed:
            while await self._thread.write(partial(entry_rows.remove_sealed, partition=partition)):
                continue
        return total

    async def scrub(self) -> None:
        """Leave nothing of what was deleted in writes under way, in the file's free pages and in its log.

        Raises StoreError when that could not be done within DELETED_WITHIN seconds, or when the disk is in the way.
        """
        await self._writer.settle()
        await self._scrubber.scrub()

    async def purge(self, records: Sequence[Purge]) -> None:
        """Make purges durable: on disk when this returns."""
        await self._thread.write(partial(record_rows.record_purges, records=records))

    async def keys(self) -> list[bytes]:
        """Every key that is kept, those that are pending by now included."""
        await self._writer.settle()
        return await self._thread.read(entry_rows.keys)

    async def entries(self) -> AsyncIterator[Entry]:
        """Every entry that can be read, those that are pending by now included, by key."""
        await self._writer.settle()
        after: bytes | None = b""
        while after is not None:
            read_on = partial(entry_rows.read_on, after=after, entry_of=self._blobs.entry)
            after, found = await self._thread.read(read_on)
            for entry in found:
                yield entry

    async def check(self) -> Checked:
        """Whether all that the file holds can be trusted."""
        await self._writer.settle()
        return await self._thread.read(partial(check, entry_of=self._blobs.entry, now=self._clock()))

    async def facts(self) -> dict[str, int]:
        """Numbers of what the file holds beside entries."""
        return await self._thread.read(facts)

    async def count(self, wanted: Filter) -> int:
        """How many entries are kept, those that are pending by now included."""
        await self._writer.settle()
        return await self._thread.read(partial(entry_rows.count, wanted=wanted))

    async def summaries(self, wanted: Filter) -> list[Summary]:
        """Entries, newest first."""
        await self._writer.settle()
        return await self._thread.read(partial(entry_rows.summaries, wanted=wanted, entry_of=self._blobs.entry))

    async def sweep(self, now: float, forget_purges_before: float) -> None:
        """Drop what is GONE (from the file's log too), the oldest beyond `max_bytes`, what has expired, and old purges,
        links and bindings. An attached process leaves that to the owner.
        """
        if not self._thread.is_writable:
            await self._thread.write(partial(record_rows.try_to_write, now=now))
        if self._role == "attached":
            return
        while await self._thread.write(partial(entry_rows.remove_gone, now=now)):
            self._scrubber.is_due = True
        for slice_ in (
            partial(entry_rows.remove_beyond, max_bytes=self._max_bytes),
            partial(record_rows.forget, now=now, before=forget_purges_before),
        ):
            while await self._thread.write(slice_):
                continue
        await self._scrubber.veil()
        await self._scrubber.clear_if_due()
        self.disk_bytes = await self._thread.read(entry_rows.bytes_used)

    def _write(self, connection: sqlite3.Connection, batch: Sequence[Entry]) -> int:
        rows, unwritable = self._blobs.rows(batch)
        entry_rows.write(connection, rows)
        entry_rows.remove_beyond(connection, self._max_bytes)
        self.disk_bytes = entry_rows.bytes_used(connection)
        return unwritable

    def _read(self, connection: sqlite3.Connection, key: bytes) -> Entry | None:
        kept = entry_rows.read(connection, key)
        return None if kept is None else self._blobs.entry(kept.blob, key, kept.partition)
