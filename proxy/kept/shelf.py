"""The shelf: what is stored, memory first, the durable store behind it, and what the fences leave of it."""

import asyncio
from collections.abc import Callable, Iterable

from policies import BreakerPolicy, CircuitBreaker, CircuitOpen
from proxy.messages import Entry
from proxy.sharing.page import Page
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences, Validity
from proxy.store.key_filter import KeyFilter
from proxy.store.many_tags import MANY, marks_of, may_hold
from proxy.store.memory import MemoryStore

RECALL_TIMEOUT = 0.25  # seconds: a slow disk costs a miss, never more
RECALL_BREAKER = BreakerPolicy(window=10.0, minimum_calls=1, failure_ratio=0.5, cooldown=1.0)


class Shelf:
    """Memory is asked without waiting; the durable store only after a miss, once for all who ask, and not at all for a
    while after it failed or took too long.
    """

    def __init__(
        self,
        memory: MemoryStore,
        durable: DurableStore,
        fences: Fences,
        on_error: Callable[[str, StoreError], None],
        *,
        monotonic: Callable[[], float],
        page: Page | None = None,
    ) -> None:
        """`monotonic` tells seconds; `page` is what the processes share that serve from the same durable store."""
        self.memory = memory
        self.durable = durable
        self.fences = fences
        self.breaker = CircuitBreaker(RECALL_BREAKER, monotonic)
        self.on_error = on_error
        self._page = page
        self._filter = KeyFilter(page.keys if page is not None else None)
        self._writes: dict[bytes, asyncio.Future[None]] = {}
        self._recalls: dict[bytes, asyncio.Task[Entry | None]] = {}

    async def open(self) -> None:
        """Learn which keys the durable store holds; until then, or where others add to them, all are asked for."""
        if not self.durable.lists_keys:
            return
        try:
            await self._list_keys()
        except StoreError as error:
            self.on_error("keys", error)

    async def _list_keys(self) -> None:
        """Once for all processes that share a page: by the supervisor, which opens before there are others."""
        page = self._page
        if page is None or page.process == 0:
            self._filter.fill(await self.durable.keys())
            if page is not None:
                page.list_keys()
        elif page.are_keys_listed:
            self._filter.fill(())

    def look(self, key: bytes) -> Entry | None:
        """What memory has. Does not wait."""
        return self.memory.get(key)

    def may_recall(self, key: bytes) -> bool:
        """Whether the durable store may have something; where not, nobody needs to ask it."""
        return self._filter.may_hold(key)

    def may_hold(self, key: bytes) -> bool:
        """Whether something may lie under a key, in any tier."""
        return self._filter.may_hold(key) or self.memory.get(key) is not None

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
            entry = await self._guarded(key)
        finally:
            del self._recalls[key]
        if entry is None:
            return self.memory.get(key)
        self.fences.meet(entry.fence, entry.sequence)
        if self.validity(entry) is Validity.HARD:
            return self.memory.get(key)
        self.memory.put(entry)  # unless something newer got there first
        return self.memory.get(key) or entry

    async def behind(self, key: bytes) -> Entry | None:
        """What the durable store has, which stays out of memory. None also when the store is slow or broken."""
        return await self._guarded(key)

    async def _guarded(self, key: bytes) -> Entry | None:
        try:
            period = self.breaker.check()
        except CircuitOpen:
            return None
        try:
            async with asyncio.timeout(RECALL_TIMEOUT):
                entry = await self.durable.get(key)
        except (TimeoutError, StoreError) as error:
            self.breaker.failed(period)
            self.on_error("get", error if isinstance(error, StoreError) else StoreError("timeout"))
            return None
        except BaseException:
            self.breaker.abandoned(period)
            raise
        self.breaker.succeeded(period)
        return entry

    def keep(self, entry: Entry) -> bool:
        """Keep an entry in every tier, unless a later fetch's answer is there already, or it was purged for good while
        it was on its way. Does not wait.
        """
        if self.fences.validity(entry.tags, entry.fence) is Validity.HARD:
            return False
        kept = self.memory.put(entry)
        self._filter.add(entry.key)
        self.durable.put(entry, self._write(entry.key)) if self._page is not None else self.durable.put(entry)
        return kept

    async def written(self, keys: Iterable[bytes]) -> None:
        """Wait until what was kept under these keys is where other processes find it, or is not to be waited for."""
        writes = [self._writes[key] for key in keys if key in self._writes]
        if writes:
            self.durable.hurry()
            await asyncio.wait(writes, timeout=RECALL_TIMEOUT)

    def _write(self, key: bytes) -> Callable[[], None]:
        """Note a write that is under way; what ends it."""
        write = self._writes[key] = asyncio.get_running_loop().create_future()

        def ended() -> None:
            if not write.done():
                write.set_result(None)
            if self._writes.get(key) is write:
                del self._writes[key]

        return ended

    def validity(self, entry: Entry) -> Validity:
        """What the purges leave of an entry: one comparison, unless something was purged since it was last asked."""
        if entry.checked >= self.fences.horizon:
            return Validity.CURRENT
        revision = self.fences.revision  # first: what is purged while the tags are looked at is looked at next time
        validity = self._last_left(entry)
        if validity is None:
            validity = self._by_all_tags(entry)
        if validity is Validity.CURRENT:
            entry.checked = revision
            return Validity.CURRENT if self.fences.is_coherent else Validity.UNSURE
        if validity is Validity.SOFT and entry.marks:
            entry.softened = revision
        return validity

    def _last_left(self, entry: Entry) -> Validity | None:
        """What was left of an entry with many tags when these were last looked at, if none of them was purged since."""
        if not entry.marks:
            return None
        purged = self.fences.purged_from(max(entry.checked, entry.softened))
        if purged is None or any(may_hold(entry.marks, tag) for tag in purged):
            return None
        return Validity.SOFT if entry.softened > entry.checked else Validity.CURRENT

    def _by_all_tags(self, entry: Entry) -> Validity:
        if entry.fence >= self.fences.number or entry.tagged.count("\n") < MANY:
            return self.fences.validity(entry.tags, entry.fence)
        digests = [self.fences.digest(tag) for tag in entry.tags]
        entry.marks = entry.marks or marks_of(digests)
        return self.fences.validity_by(digests, entry.fence)
