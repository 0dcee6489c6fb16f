"""Sealed: what is written down of jobs where the operator's keys are there to seal it, or not at all."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import Generic, NamedTuple, TypeVar

import msgspec

from policies import ShelfLife
from proxy.jobs.locking import Lock
from proxy.messages import JOBS, Entry, key_tag
from proxy.store.contract import DurableStore, Filter, StoreError
from proxy.store.fences import Fences, Validity
from proxy.store.none import NoStore

KEPT_WITHIN = 2.0  # seconds that somebody waits until it is on disk
OWNER = JOBS  # whose entries they are
MOST_LISTED = 1000

S = TypeVar("S", bound=msgspec.Struct)


def writes_down(durable: DurableStore) -> bool:
    """Whether anything that is put there outlives this process."""
    return not isinstance(durable, NoStore)


class Listed(NamedTuple):
    """Something that is there, unread."""

    key: bytes
    at: float  # when it was written down, in seconds since the epoch


class Place(NamedTuple):
    """Where something lies, and until when."""

    key: bytes
    endpoint: str
    partition: str
    at: float  # seconds since the epoch
    ends: float  # likewise


class Sealed(Generic[S]):
    """Things of one kind, each an entry of its own."""

    def __init__(
        self,
        kind: type[S],
        tag: str,
        durable: DurableStore,
        fences: Callable[[], Fences],
        lock: Lock | None,
        on_error: Callable[[str, StoreError], None],
    ) -> None:
        """`tag`: under which all of the kind lie."""
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._tag = tag
        self._durable = durable
        self._fences = fences
        self._lock = lock if writes_down(durable) else None
        self._on_error = on_error

    @property
    def can_keep(self) -> bool:
        """Whether anything is ever written down."""
        return self._lock is not None

    async def keep(self, thing: S, place: Place) -> bool:
        """Write something down, if it may be; whether it is on disk now."""
        if self._lock is None:
            return False
        fences = self._fences()
        entry = Entry(
            key=place.key,
            status=200,
            head="",
            body=self._lock.sealed(msgspec.msgpack.encode(thing), place.key.hex()),
            stored_at=place.at,
            life=ShelfLife(inf, place.ends, place.ends, place.ends),
            fence=fences.number,
            sequence=fences.next_sequence(),
            upstream=OWNER,
            endpoint=place.endpoint,
            partition=place.partition,
            tagged=self._tag,
        )
        self._durable.put(entry)
        self._durable.hurry()
        try:
            async with asyncio.timeout(KEPT_WITHIN):
                await self._durable.flush()
        except (StoreError, TimeoutError) as error:
            self._on_error("job", error if isinstance(error, StoreError) else StoreError("timeout"))
            return False
        return True

    async def listed(self) -> list[Listed]:
        """Those that are there, unread. Raises StoreError."""
        if self._lock is None:
            return []
        found = await self._durable.summaries(Filter(tag=f"{OWNER}/{self._tag}", limit=MOST_LISTED))
        return [Listed(bytes.fromhex(one.key), one.stored_at) for one in found]

    async def read(self, key: bytes) -> S | None:
        """What lies there; None: nothing, or nobody can open it. Raises StoreError."""
        entry = await self._durable.get(key) if self._lock is not None else None
        if entry is None or self._lock is None:
            return None
        if self._fences().validity(entry.tags, entry.fence) is Validity.HARD:
            return None
        plain = self._lock.opened(entry.body, key.hex())
        try:
            return None if plain is None else self._decoder.decode(plain)
        except msgspec.DecodeError:  # of another version
            return None

    async def drop(self, key: bytes) -> None:
        """Delete something. What could not be deleted goes with its lifetime."""
        if self._lock is None:
            return
        try:
            await self._durable.delete(key_tag(key))
        except StoreError as error:
            self._on_error("job", error)
