"""Ledgers: who gives purges their numbers and makes them durable, before anybody is told that they hold."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences
from proxy.store.purges import Mode


class Purged(NamedTuple):
    """What a purge came to."""

    fence: int
    mode: Mode
    durable: bool  # False: a restart of what holds it may forget it
    recorded: bool = True  # False: it holds on this machine only, for now


class Ledger(Protocol):
    """Where purges are written down."""

    async def purge(self, tags: Sequence[str], mode: Mode, settle: float) -> Purged:
        """Carry out a purge of full tag names. When this returns, every instance that could serve what it covers has
        heard of it, or serves nothing as current. Never raises: what could not be made durable holds in memory.

        `settle` is how long, in seconds, fills of the tags stay short-lived (DESIGN.md §5.4).
        """


class LocalLedger:
    """One machine: numbers from its own counter, records in its own durable store."""

    def __init__(self, fences: Fences, durable: DurableStore, on_error: Callable[[str, StoreError], None]) -> None:
        self._fences = fences
        self._durable = durable
        self._on_error = on_error

    async def purge(self, tags: Sequence[str], mode: Mode, settle: float) -> Purged:
        """In memory at once, and on disk before this returns."""
        records = self._fences.purge(tags, mode, settle)
        number = records[0].number if records else self._fences.number
        try:
            await self._durable.purge(records)
        except StoreError as error:
            self._on_error("purge", error)
            return Purged(number, mode, durable=False, recorded=False)
        return Purged(number, mode, durable=self._durable.is_durable)
