"""Deletion that leaves nothing: in the file, its free pages, its log, and what backups can be read with.

A partition's key goes before its entries do: from then on nobody reads a copy of them. SQLite zeroes what is freed
(`secure_delete`, and what _sqlite_schema.LEAD_BYTES says of rows), first in its log; the log is copied into the file
and cut to nothing as soon as no other process is in the middle of it.
"""

import sqlite3
from collections.abc import Awaitable, Callable
from functools import partial
from math import inf

from proxy.messages import ALL
from proxy.store._sqlite_entries import remove_purged, sealed_partitions
from proxy.store._sqlite_keys import KeysFile
from proxy.store._sqlite_records import hard_purges, veil
from proxy.store._sqlite_schema import waiting
from proxy.store._sqlite_thread import SQLiteThread
from proxy.store.contract import StoreUnavailable
from proxy.store.purges import TagDigest

DELETED_WITHIN = 10.0
"""Seconds in which `scrub` has cleared the log, or says that it could not."""

_PAUSE = 0.2  # seconds between attempts
_PATIENCE = 0.05  # seconds for which one waits for others; what is asked of the store waits too
_OVERLAP = 300.0  # seconds: a purge may be recorded a little later than it happened

VEILED_AFTER = 300.0
"""Seconds that a record names the tag that was purged: until then another process may look by it for what it was about
to write. The next sweep puts a keyed digest in its place.
"""

Sleep = Callable[[float], Awaitable[None]]


def erase_keys(connection: sqlite3.Connection, keys: KeysFile, tag: str) -> list[str]:
    """Delete the keys of the partitions that hold something under `tag`; which they were.

    Not for what names one entry or one endpoint: nobody is deleted with that, and a partition holds more.
    """
    if not keys.exists or tag.startswith(("@key:", "@endpoint:")):
        return []
    if tag == ALL:
        keys.erase_all()
        return []
    partitions = sealed_partitions(connection, tag)
    kind, _, name = tag.partition(":")
    if kind == "@partition" and name not in partitions:
        partitions.append(name)
    keys.erase(partitions)
    return partitions


class Scrubber:
    """Of one open store."""

    def __init__(
        self, thread: SQLiteThread, clock: Callable[[], float], sleep: Sleep, tag_digest: TagDigest | None
    ) -> None:
        """`tag_digest`: what records keep of purged tags in the end; None: them."""
        self._thread = thread
        self._clock = clock
        self._sleep = sleep
        self._tag_digest = tag_digest
        self._veiled = 0.0  # records before that name no tag
        self._since = 0.0  # purges before that were seen to
        self.is_due = False  # what has expired was dropped, and may lie in the log yet

    async def scrub(self) -> None:
        """Raises StoreError, when it has to be tried again."""
        since = self._clock() - _OVERLAP
        await self._remove_purged(self._since)
        await self._clear_log()
        self._since = since

    async def veil(self, *, all_of_them: bool = False) -> None:
        """Have older records name no tag any more; also those of a process that died before it had deleted what they
        cover. What that leaves in the log is cleared with the next `clear_if_due`. `all_of_them`: nobody else looks by
        them either.
        """
        if self._tag_digest is None:
            return
        since, before = self._veiled - _OVERLAP, inf if all_of_them else self._clock() - VEILED_AFTER
        if await self._remove_purged(since):
            self.is_due = True
        while await self._thread.write(partial(veil, since=since, before=before, digest=self._tag_digest)):
            self.is_due = True
        self._veiled = before

    async def _remove_purged(self, since: float) -> int:
        """Remove what was on its way to the disk when its purge came, and has landed since; how many went."""
        gone = 0
        for tag, number in await self._thread.read(partial(hard_purges, since=since)):
            while some := await self._thread.write(partial(remove_purged, tag=tag, number=number)):
                gone += some
        return gone

    async def clear_if_due(self) -> None:
        """Clear the log of what has expired, without waiting for others: where they are in the way, the next time."""
        if self.is_due:
            self.is_due = not await self._thread.write(clear_log)

    async def _clear_log(self) -> None:
        for _ in range(round(DELETED_WITHIN / (_PAUSE + 2 * _PATIENCE))):
            if await self._thread.write(clear_log):
                return
            await self._sleep(_PAUSE)
        raise StoreUnavailable("what was deleted is still in the log of the database: another program reads from it")


def clear_log(connection: sqlite3.Connection) -> bool:
    """Copy the log into the file and leave nothing in it; False when others are in the way."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()  # the long part, during which others may write
    with waiting(connection, _PATIENCE):
        (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return not busy
