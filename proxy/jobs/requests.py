"""Requests of jobs that are not over: written down sealed, or not at all, so that another process can take them up."""

import asyncio
from collections.abc import Callable
from math import inf
from typing import NamedTuple

import msgspec

from policies import ShelfLife
from proxy.jobs.locking import Lock
from proxy.jobs.names import Names
from proxy.messages import Entry, key_tag
from proxy.store.contract import DurableStore, Filter, StoreError
from proxy.store.fences import Fences, Validity
from proxy.store.none import NoStore

KEPT_WITHIN = 2.0  # seconds that a caller waits until its request is on disk
OWNER = "v1"  # whose entries they are; no upstream has this name

_TAG = "job"
_ALL = Filter(tag=f"{OWNER}/{_TAG}", limit=1000)

Pairs = tuple[tuple[str, str], ...]


class Request(msgspec.Struct, frozen=True, array_like=True):
    """Everything that it takes to carry out a request again: a token and whole addresses may be in it."""

    job: bytes  # the key of its record
    id: str
    route: str
    caller: str
    way: str
    headers: Pairs
    query: tuple[tuple[str, str | None], ...]
    params: dict[str, str]
    body: bytes
    base: str
    at: float  # when it was written down, in seconds since the epoch
    callback: str | None = None

    def __repr__(self) -> str:
        return f"<Request of {self.route}>"


def writes_down(durable: DurableStore) -> bool:
    """Whether anything that is put there outlives this process."""
    return not isinstance(durable, NoStore)


class Listed(NamedTuple):
    """A request that is there, unread."""

    key: bytes
    at: float  # when it was written down, in seconds since the epoch


_encode, _decoder = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Request)


class Requests:
    """Keeps requests, where the operator's keys are there to seal them."""

    def __init__(
        self,
        durable: DurableStore,
        fences: Callable[[], Fences],
        lock: Lock | None,
        names: Names,
        on_error: Callable[[str, StoreError], None],
    ) -> None:
        self._durable = durable
        self._fences = fences
        self._lock = lock if writes_down(durable) else None
        self._names = names
        self._on_error = on_error

    @property
    def can_keep(self) -> bool:
        """Whether anything is ever written down."""
        return self._lock is not None

    async def keep(self, request: Request, partition: str, ends: float) -> bool:
        """Write a request down, if it may be; whether it is on disk now. `ends`: when nobody needs it any more."""
        if self._lock is None:
            return False
        key, fences = self._names.request(request.job), self._fences()
        entry = Entry(
            key=key,
            status=200,
            head="",
            body=self._lock.sealed(_encode(request), key.hex()),
            stored_at=request.at,
            life=ShelfLife(inf, ends, ends, ends),
            fence=fences.number,
            sequence=fences.next_sequence(),
            upstream=OWNER,
            endpoint=request.route,
            partition=partition,
            tagged=_TAG,
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

    async def fetch(self, job: bytes) -> Request | None:
        """The request of a job; None: it is not there, or nobody can open it. Raises StoreError."""
        return await self.read(self._names.request(job))

    async def listed(self) -> list[Listed]:
        """Those that are there, unread. Raises StoreError."""
        if self._lock is None:
            return []
        return [Listed(bytes.fromhex(one.key), one.stored_at) for one in await self._durable.summaries(_ALL)]

    async def drop(self, job: bytes) -> None:
        """Delete a job's request. What could not be deleted goes with its lifetime."""
        if self._lock is None:
            return
        try:
            await self._durable.delete(key_tag(self._names.request(job)))
        except StoreError as error:
            self._on_error("job", error)

    async def read(self, key: bytes) -> Request | None:
        """The request that lies there; None: nobody can open it. Raises StoreError."""
        entry = await self._durable.get(key) if self._lock is not None else None
        if entry is None or self._lock is None:
            return None
        if self._fences().validity(entry.tags, entry.fence) is Validity.HARD:
            return None
        plain = self._lock.opened(entry.body, key.hex())
        try:
            return None if plain is None else _decoder.decode(plain)
        except msgspec.DecodeError:  # of another version
            return None
