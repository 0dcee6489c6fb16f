"""The shelf: what is stored, memory first, the durable store behind it, and what the fences leave of it."""

import asyncio
from collections.abc import Callable

from proxy.messages import Entry
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences, Validity
from proxy.store.key_filter import KeyFilter
from proxy.store.memory import MemoryStore

RECALL_TIMEOUT = 0.25  # seconds: a slow disk costs a miss, never more


class Shelf:
    """Memory is asked without waiting; the durable store only after a miss, once for all who ask."""

    def __init__(
        self,
        memory: MemoryStore,
        durable: DurableStore,
        fences: Fences,
        on_error: Callable[[str, StoreError], None],
    ) -> None:
        self.memory = memory
        self.durable = durable
        self.fences = fences
        self._on_error = on_error
        self._filter = KeyFilter()
        self._recalls: dict[bytes, asyncio.Task[Entry | None]] = {}

    async def open(self) -> None:
        """Learn which keys the durable store holds; until then it is asked for all of them."""
        try:
            self._filter.fill(await self.durable.keys())
        except StoreError as error:
            self._on_error("keys", error)

    def look(self, key: bytes) -> Entry | None:
        """What memory has. Does not wait."""
        return self.memory.get(key)

    async def recall(self, key: bytes) -> Entry | None:
        """What the durable store has; from then on it is in memory. None also when the store is slow or broken."""
        if not self._filter.may_hold(key):
            return None
        recall = self._recalls.get(key)
        if recall is None:
            recall = self._recalls[key] = asyncio.create_task(self._recall(key))
        return await asyncio.shield(recall)

    async def _recall(self, key: bytes) -> Entry | None:
        try:
            async with asyncio.timeout(RECALL_TIMEOUT):
                entry = await self.durable.get(key)
        except TimeoutError:
            self._on_error("get", StoreError("timeout"))
            return None
        except StoreError as error:
            self._on_error("get", error)
            return None
        finally:
            del self._recalls[key]
        if entry is None:
            return self.memory.get(key)
        self.memory.put(entry)  # unless something newer got there first
        return self.memory.get(key) or entry

    def keep(self, entry: Entry) -> bool:
        """Keep an entry in every tier, unless a later fetch's answer is there already, or it was purged for good while
        it was on its way. Does not wait.
        """
        if self.validity(entry) is Validity.HARD:
            return False
        kept = self.memory.put(entry)
        self._filter.add(entry.key)
        self.durable.put(entry)
        return kept

    def validity(self, entry: Entry) -> Validity:
        """What the purges leave of an entry: one comparison, unless something was purged since it was last asked."""
        if entry.checked >= self.fences.number:
            return Validity.CURRENT
        validity = self.fences.validity(entry.tags, entry.fence)
        if validity is Validity.CURRENT:
            entry.checked = self.fences.number
        return validity
