"""Purging: the one way anything loses its rights, for notifications, writes, operators and refused credentials."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences, Mode, Purge
from proxy.store.memory import MemoryStore


class Purged(NamedTuple):
    """What a purge came to."""

    fence: int
    mode: Mode
    durable: bool  # False: applied in memory, but a restart may forget it


class Purger:
    """Takes the next fence for tags, at once in memory, and on disk before it returns."""

    def __init__(
        self, fences: Fences, memory: MemoryStore, durable: DurableStore, on_error: Callable[[str, StoreError], None]
    ) -> None:
        self._fences = fences
        self._memory = memory
        self._durable = durable
        self._on_error = on_error

    async def purge(self, tags: Iterable[str], mode: Mode = Mode.SOFT, settle: float = 0) -> Purged:
        """Purge full tag names (`courseworks/course:565`, `@all`). Never raises: `durable` tells what is certain.

        `settle` is how long, in seconds, fills of the tags stay short-lived (DESIGN.md §5.4).
        """
        records = self._fences.purge(tags, mode, settle)
        durable = await self._make_durable(records)
        if mode is Mode.HARD:
            for record in records:
                await self._remove_bytes(record.tag)
        return Purged(self._fences.number if not records else records[0].number, mode, durable)

    async def _make_durable(self, records: list[Purge]) -> bool:
        try:
            await self._durable.purge(records)
        except StoreError as error:
            self._on_error("purge", error)
            return False
        return self._durable.is_durable

    async def _remove_bytes(self, tag: str) -> None:
        """What a hard purge covers is unreachable already; now its bytes go too."""
        await self._memory.remove(tag)
        try:
            await self._durable.delete(tag)
        except StoreError as error:
            self._on_error("delete", error)
