"""The book of jobs: their records, as notes in the durable store, where every process that shares it finds them."""

from collections.abc import Callable
from typing import NamedTuple

from proxy.jobs.record import Record, decode, encode
from proxy.store.contract import DurableStore, StoreError


class Held(NamedTuple):
    """A record, and the very bytes that it was read or written as."""

    record: Record
    note: bytes


class Book:
    """Reads and writes records. Whoever changes one says which one it read; of two who do, one hears that it came too
    late. Everything raises StoreError, which `on_error` has heard of then.
    """

    def __init__(self, durable: DurableStore, on_error: Callable[[str, StoreError], None]) -> None:
        self._durable = durable
        self._on_error = on_error

    async def read(self, key: bytes) -> Held | None:
        """The record of a job; None: there is none that counts, or can be read."""
        try:
            note = await self._durable.noted(key)
        except StoreError as error:
            self._on_error("job", error)
            raise
        record = None if note is None else decode(note)
        return None if note is None or record is None else Held(record, note)

    async def begin(self, key: bytes, record: Record) -> Held:
        """Write a first record down, under a key that nobody had before."""
        held = Held(record, encode(record))
        try:
            await self._durable.note(key, held.note, record.expires_at)
        except StoreError as error:
            self._on_error("job", error)
            raise
        return held

    async def change(self, key: bytes, held: Held, record: Record) -> Held | None:
        """Write a record in place of the one that is `held`; None: somebody else did before. One that was written,
        but its answer was lost, is known again by its bytes.
        """
        changed = Held(record, encode(record))
        try:
            done = await self._durable.exchange(key, held.note, changed.note, record.expires_at)
            done = done or await self._durable.noted(key) == changed.note
        except StoreError as error:
            self._on_error("job", error)
            raise
        return changed if done else None

    async def drop(self, key: bytes) -> None:
        """Forget a record."""
        try:
            await self._durable.unclaim(key)
        except StoreError as error:
            self._on_error("job", error)
            raise
