"""The register: which jobs a caller has begun lately. A note in the durable store for each caller and its credentials.

Nobody can read a note but who comes with those credentials again: it lies under a digest of them, and is sealed with a
key that is made of them.
"""

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary

import msgspec

from proxy.jobs.names import Owner
from proxy.store.contract import DurableStore, StoreError
from proxy.store.sealing import seal, unseal

MOST = 100  # jobs of one owner, the newest
MOST_TRIES = 100  # to write a note that other processes write, too; of two who do, one always can

_encode, _decoder = msgspec.msgpack.encode, msgspec.msgpack.Decoder(list[str])


class Register:
    """Writes down whose a job is, and tells an owner which are its own."""

    def __init__(self, durable: DurableStore, on_error: Callable[[str, StoreError], None]) -> None:
        self._durable = durable
        self._on_error = on_error
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def add(self, owner: Owner, job_id: str, until: float) -> None:
        """Write a job down, until then (seconds since the epoch). One that cannot be is a job all the same, known by
        its id alone; `on_error` has heard of it.
        """
        async with self._locks.setdefault(owner.key, asyncio.Lock()):
            try:
                await self._added(owner, job_id, until)
            except StoreError as error:
                self._on_error("job", error)

    async def ids(self, owner: Owner) -> list[str]:
        """Those that were begun, the newest first, over and forgotten ones among them. Raises StoreError."""
        try:
            return _opened(owner, await self._durable.noted(owner.key))
        except StoreError as error:
            self._on_error("job", error)
            raise

    async def _added(self, owner: Owner, job_id: str, until: float) -> None:
        for _ in range(MOST_TRIES):
            held = await self._durable.noted(owner.key)
            ids = [job_id, *_opened(owner, held)][:MOST]
            note = seal(owner.secret, b"", _encode(ids), owner.key)
            if held is None:
                is_written = await self._durable.claim(owner.key, note, until) is None
            else:
                is_written = await self._durable.exchange(owner.key, held, note, until)
            if is_written:
                return
        raise StoreError("written by too many at once")


def _opened(owner: Owner, note: bytes | None) -> list[str]:
    plain = None if note is None else unseal(owner.secret, note, 0, owner.key)
    try:
        return [] if plain is None else _decoder.decode(plain)
    except msgspec.DecodeError:  # of another version
        return []
