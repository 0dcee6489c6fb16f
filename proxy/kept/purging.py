"""Purging: the one way anything loses its rights, for notifications, writes, operators and refused credentials."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from proxy.behind import Behind
from proxy.store.contract import DurableStore, StoreError
from proxy.store.ledger import Ledger, Purged
from proxy.store.purges import Mode

__all__ = ["Purged", "Purger"]


_WIDE = ("@all", "@upstream:", "@endpoint:")


class Memory(Protocol):
    """The first tier, of this process or of all that serve."""

    def remove(self, tag: str) -> Awaitable[int]:
        """Remove every entry under `tag`; how many went."""


class Purger:
    """Purges in the ledger first; then the bytes of what was purged for good go, wherever they are."""

    def __init__(
        self, ledger: Ledger, memory: Memory, durable: DurableStore, on_error: Callable[[str, StoreError], None]
    ) -> None:
        self._ledger = ledger
        self._memory = memory
        self._durable = durable
        self._on_error = on_error
        self._behind = Behind()

    async def purge(self, tags: Iterable[str], mode: Mode = Mode.SOFT, settle: float = 0) -> Purged:
        """Purge full tag names (`courseworks/course:565`, `@all`). Never raises: `durable` tells what is certain.

        `settle` is how long, in seconds, fills of the tags stay short-lived (DESIGN.md §5.4).
        """
        names = sorted(set(tags))
        purged = await self.record(names, mode, settle)
        if mode is Mode.HARD:
            for tag in names:
                await self._memory.remove(tag)
                if tag.startswith(_WIDE):  # may be a million: nobody waits for that, since none is served any more
                    self._behind.begin(self._delete(tag))
                else:
                    await self._delete(tag)
        return purged

    async def record(self, tags: Iterable[str], mode: Mode, settle: float = 0) -> Purged:
        """Purge, and leave the bytes to whoever asks."""
        return await self._ledger.purge(sorted(set(tags)), mode, settle)

    async def drain(self) -> None:
        """Wait until the bytes are gone of all that was purged for good."""
        await self._behind.drain()

    async def _delete(self, tag: str) -> None:
        """What a hard purge covers is unreachable already; now its bytes go too."""
        try:
            await self._durable.delete(tag)
        except StoreError as error:
            self._on_error("delete", error)
