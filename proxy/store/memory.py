"""The first tier: entries in memory, bounded in bytes, least recently used out first; a hit costs no await."""

import asyncio
from collections.abc import AsyncIterator, Collection
from heapq import nlargest

from cachetools import Cache, LRUCache

from proxy.messages import ALL, Entry
from proxy.store.contract import Filter, Summary
from proxy.store.selection import Wanted, key_of, matching, summary, under

Key = bytes  # spelled apart from MemoryStore.bytes

_SLICE = 2_000  # entries looked at before other tasks get their turn: about a millisecond
_CAREFUL_SLICE = 100  # the same, where each takes ten microseconds


class _Shelf(LRUCache[bytes, Entry]):
    """An LRU that counts what it pushes out, and can be looked over without that counting as use."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(max_bytes, getsizeof=lambda entry: entry.size)
        self.evictions = 0

    def popitem(self) -> tuple[bytes, Entry]:
        self.evictions += 1
        return super().popitem()

    def peek(self, key: bytes) -> Entry | None:
        return Cache.__getitem__(self, key) if key in self else None


class MemoryStore:
    """Entries by key. Not for threads: it belongs to the event loop."""

    def __init__(self, max_bytes: int) -> None:
        """`max_bytes` bounds the sum of Entry.size."""
        self._shelf = _Shelf(max_bytes)
        self.get = self._shelf.get  # bound once: the hit path pays for no call in between
        """The entry kept under a key, or None. Its rights are the reader's to check."""

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self)} entries, {self.bytes} of {self.max_bytes} bytes>"

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def bytes(self) -> int:
        """The sum of Entry.size of all that is kept."""
        return int(self._shelf.currsize)

    @property
    def max_bytes(self) -> int:
        """What `bytes` never exceeds."""
        return int(self._shelf.maxsize)

    @property
    def evictions(self) -> int:
        """How many entries had to make room for others."""
        return self._shelf.evictions

    def takes(self, size: int) -> bool:
        """Whether an entry with a body of so many bytes is surely not too large."""
        return size <= self.max_bytes // 2

    def put(self, entry: Entry) -> bool:
        """Keep `entry`, unless what is kept has a higher order or the store is too small for it; whether it is kept.

        What a too large entry would have replaced goes too: it is no longer the latest answer.
        """
        held = self._shelf.peek(entry.key)
        if held is not None and held.order > entry.order:
            return False
        if entry.size > self._shelf.maxsize:
            self.remove_key(entry.key)
            return False
        self._shelf[entry.key] = entry
        return True

    def peek(self, key: Key) -> Entry | None:
        """The entry kept under a key, without that counting as use."""
        return self._shelf.peek(key)

    def remove_key(self, key: Key) -> bool:
        """Remove one entry; whether it was there."""
        return self._shelf.pop(key, None) is not None

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
        gone = len(self._shelf)
        self._shelf.clear()
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
        keys = list(self._shelf)
        for start in range(0, len(keys), at_once):
            entries = map(self._shelf.peek, keys[start : start + at_once])
            yield [entry for entry in entries if entry is not None and wanted(entry)]
            await asyncio.sleep(0)


def _under_any(tags: Collection[str]) -> Wanted:
    wanted = [under(tag) for tag in tags]
    return lambda entry: any(is_under(entry) for is_under in wanted)
