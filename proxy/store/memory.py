"""The first tier: entries in memory, bounded in bytes, least recently used out first; a hit costs no await."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Collection
from heapq import nlargest

from proxy.messages import ALL, Entry
from proxy.store.contract import Filter, Summary
from proxy.store.selection import Wanted, key_of, matching, summary, under

Key = bytes  # spelled apart from MemoryStore.bytes

_SLICE = 2_000  # entries looked at before other tasks get their turn: about a millisecond
_CAREFUL_SLICE = 100  # the same, where each takes ten microseconds


class MemoryStore:
    """Entries by key. Not for threads: it belongs to the event loop.

    One table, in the order of use; no sizes are kept beside it, since each entry tells its own: two more tables are
    a tenth of what an entry takes.
    """

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` bounds the sum of Entry.size."""
        self.max_bytes = max_bytes
        self.bytes = 0  # the sum of Entry.size of all that is kept; never exceeds `max_bytes`
        self.evictions = 0  # how many entries had to make room for others
        self._entries: OrderedDict[Key, Entry] = OrderedDict()  # the least recently used first

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self)} entries, {self.bytes} of {self.max_bytes} bytes>"

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Key) -> Entry | None:
        """The entry kept under a key, or None. Its rights are the reader's to check."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def peek(self, key: Key) -> Entry | None:
        """The same, without that counting as use."""
        return self._entries.get(key)

    def takes(self, size: int) -> bool:
        """Whether an entry with a body of so many bytes is surely not too large."""
        return size <= self.max_bytes // 2

    def put(self, entry: Entry) -> bool:
        """Keep `entry`, unless what is kept has a higher order or the store is too small for it; whether it is kept.

        What a too large entry would have replaced goes too: it is no longer the latest answer.
        """
        held = self.peek(entry.key)
        if held is not None and held.order > entry.order:
            return False
        self.remove_key(entry.key)
        size = entry.size
        if size > self.max_bytes:
            return False
        while self.bytes + size > self.max_bytes:
            self.bytes -= self._entries.popitem(last=False)[1].size
            self.evictions += 1
        self._entries[entry.key] = entry
        self.bytes += size
        return True

    def remove_key(self, key: Key) -> bool:
        """Remove one entry; whether it was there."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return False
        self.bytes -= entry.size
        return True

    async def remove(self, tag: str) -> int:
        """Remove every entry under `tag` (any of Entry.tags); how many went."""
        if tag == ALL:
            return self.clear()
        key = key_of(tag)
        if key is not None:
            return int(self.remove_key(key))
        return await self._remove_all(under(tag))

    async def remove_under(self, tags: Collection[str]) -> tuple[int, int]:
        """Remove every entry under one of these tags; how many went, and their bytes."""
        doomed, gone, size = _under_any(tags), 0, 0
        async for found in self._slices(doomed, _CAREFUL_SLICE):
            for entry in found:
                if self.remove_key(entry.key):
                    gone, size = gone + 1, size + entry.size
        return gone, size

    async def count_under(self, tags: Collection[str], fence: int) -> int:
        """How many entries are under one of these tags that were fetched below a fence."""
        wanted = _under_any(tags)
        return sum([len(found) async for found in self._slices(lambda one: one.fence < fence and wanted(one))])

    async def sweep(self, now: float) -> int:
        """Remove what is GONE for good at `now` (seconds since the epoch); how many went."""
        return await self._remove_all(lambda entry: entry.life.gone_at <= now)

    async def remove_purged(self, is_purged: Wanted) -> int:
        """Remove what purges of other processes and machines have left nothing of; how many went."""
        return await self._remove_all(is_purged, _CAREFUL_SLICE)

    def clear(self) -> int:
        """Remove everything; how many went."""
        gone = len(self)
        self._entries.clear()
        self.bytes = 0
        return gone

    async def count(self, wanted: Filter) -> int:
        """How many entries `wanted` asks for (`limit` does not apply)."""
        return sum([len(found) async for found in self._slices(matching(wanted))])

    async def summaries(self, wanted: Filter) -> list[Summary]:
        """Entries, newest first."""
        newest: list[Entry] = []
        async for found in self._slices(matching(wanted)):
            newest = nlargest(wanted.limit, newest + found, key=lambda entry: entry.stored_at)
        return [summary(entry) for entry in newest]

    async def _remove_all(self, doomed: Wanted, at_once: int = _SLICE) -> int:
        gone = 0
        async for found in self._slices(doomed, at_once):
            gone += sum(self.remove_key(entry.key) for entry in found)
        return gone

    async def _slices(self, wanted: Wanted, at_once: int = _SLICE) -> AsyncIterator[list[Entry]]:
        """What is wanted of the entries kept now, some at a time; other tasks run in between, and may change any."""
        keys = list(self._entries)
        for start in range(0, len(keys), at_once):
            entries = map(self.peek, keys[start : start + at_once])
            yield [entry for entry in entries if entry is not None and wanted(entry)]
            await asyncio.sleep(0)


def _under_any(tags: Collection[str]) -> Wanted:
    wanted = [under(tag) for tag in tags]
    return lambda entry: any(is_under(entry) for is_under in wanted)
