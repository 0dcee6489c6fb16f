"""Requests of jobs that are not over: written down sealed, or not at all, so that another process can take them up."""

from collections.abc import Callable

import msgspec

from proxy.jobs.locking import Lock
from proxy.jobs.names import Names
from proxy.jobs.sealed import Listed, Place, Sealed
from proxy.messages import JOB
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences

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
        self._sealed = Sealed(Request, JOB, durable, fences, lock, on_error)
        self._names = names

    @property
    def can_keep(self) -> bool:
        """Whether anything is ever written down."""
        return self._sealed.can_keep

    async def keep(self, request: Request, partition: str, ends: float) -> bool:
        """Write a request down, if it may be; whether it is on disk now. `ends`: when nobody needs it any more."""
        key = self._names.request(request.job)
        return await self._sealed.keep(request, Place(key, request.route, partition, request.at, ends))

    async def fetch(self, job: bytes) -> Request | None:
        """The request of a job; None: it is not there, or nobody can open it. Raises StoreError."""
        return await self.read(self._names.request(job))

    async def listed(self) -> list[Listed]:
        """Those that are there, unread. Raises StoreError."""
        return await self._sealed.listed()

    async def read(self, key: bytes) -> Request | None:
        """The request that lies there; None: nobody can open it. Raises StoreError."""
        return await self._sealed.read(key)

    async def drop(self, job: bytes) -> None:
        """Delete a job's request. What could not be deleted goes with its lifetime."""
        await self._sealed.drop(self._names.request(job))
