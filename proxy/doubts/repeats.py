"""Repeats: in how many refreshes in a row a thing came changed in the same way, counted by all who share a store.

A note for each thing says which change it was, beside which stored answer, how often and when. It holds digests and
numbers only, and a day later it is gone. Two who count at the same moment may count one: then it takes one more.
"""

import asyncio
from collections.abc import Callable
from hashlib import blake2b

import msgspec

from policies import DAY
from proxy.store.contract import DurableStore, StoreError

WITHIN = 1.0  # seconds: whose answer it is waits for the count
REMEMBERED = DAY  # seconds
ACCEPTED = 1 << 20  # as often as that: an operator's word


class Tally(msgspec.Struct, frozen=True, array_like=True):
    """What is known of the last change of a thing."""

    change: str
    base: tuple[int, int]  # the order of the stored answer that it was compared with
    times: int
    at: float  # when it was counted last, in seconds since the epoch


def counted(before: Tally | None, now: Tally, apart: float) -> Tally:
    """The tally with one more sighting. Another change, or a newer stored answer to compare with, begins it anew; an
    older one is a copy that its process still holds. Those within `apart` seconds of each other count as one.
    """
    if before is None or before.change != now.change or now.base > before.base:
        return now
    if now.at - before.at < apart:
        return before
    return Tally(now.change, before.base, min(before.times + 1, ACCEPTED), now.at)


class Repeats:
    """Counts in the notes of a durable store. `clock` tells seconds since the epoch."""

    def __init__(
        self, durable: DurableStore, clock: Callable[[], float], on_error: Callable[[str, StoreError], None]
    ) -> None:
        self._durable = durable
        self._clock = clock
        self._on_error = on_error

    async def count(self, key: bytes, change: str, base: tuple[int, int], apart: float) -> int:
        """One more sighting of a change of what is kept under `key`; how many there are in a row. 0: nobody can say."""
        now = self._clock()
        seen, until = Tally(change, base, 1, now), now + REMEMBERED
        try:
            async with asyncio.timeout(WITHIN):
                held = await self._durable.claim(_note_of(key), _encode(seen), until)
                tally = counted(_decoded(held), seen, apart) if held is not None else seen
                if held is not None and _encode(tally) != held:
                    await self._durable.note(_note_of(key), _encode(tally), until)
        except (StoreError, TimeoutError) as error:
            self._failed("repeats", error)
            return 0
        return tally.times

    async def accept(self, key: bytes, change: str, base: tuple[int, int]) -> bool:
        """An operator's word: wherever this change is met next, it is right. It holds for a day, and until something
        newer than `base` is there to compare with. Whether it could be noted.
        """
        now = self._clock()
        try:
            async with asyncio.timeout(WITHIN):
                said = _encode(Tally(change, base, ACCEPTED, now))
                await self._durable.note(_note_of(key), said, now + REMEMBERED)
        except (StoreError, TimeoutError) as error:
            self._failed("repeats", error)
            return False
        return True

    async def forget(self, key: bytes) -> bool:
        """Whatever comes next is the first. Whether it could be forgotten."""
        try:
            async with asyncio.timeout(WITHIN):
                await self._durable.unclaim(_note_of(key))
        except (StoreError, TimeoutError) as error:
            self._failed("repeats", error)
            return False
        return True

    def _failed(self, operation: str, error: StoreError | TimeoutError) -> None:
        self._on_error(operation, error if isinstance(error, StoreError) else StoreError("timeout"))


_encode, _decoder = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Tally)


def _decoded(held: bytes) -> Tally | None:
    try:
        return _decoder.decode(held)
    except msgspec.DecodeError:  # of another Larder
        return None


def _note_of(key: bytes) -> bytes:
    return blake2b(key, digest_size=32, person=b"repeats").digest()
