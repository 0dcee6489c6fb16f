"""Holding: the leases a process has, renewed by one task as long as it has any."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from proxy.sharing.leases import Lease

Renew = Callable[[Sequence[Lease]], Awaitable[Iterable[Lease]]]
Sleep = Callable[[float], Awaitable[None]]


class Held:
    """Leases that are held. What was lost, somebody else may hold by now: it is not renewed again."""

    def __init__(self, renew: Renew, *, every: float, sleep: Sleep = asyncio.sleep) -> None:
        """`renew` is given all leases, `every` so many seconds, and answers which of them are lost."""
        self._renew = renew
        self._every = every
        self._sleep = sleep
        self._leases: set[Lease] = set()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._leases)

    def __contains__(self, lease: Lease) -> bool:
        return lease in self._leases

    def add(self, lease: Lease) -> None:
        """Hold a lease from now on."""
        self._leases.add(lease)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep_renewing())

    def remove(self, lease: Lease) -> bool:
        """Hold a lease no longer; False if it was not held, or is lost."""
        if lease not in self._leases:
            return False
        self._leases.remove(lease)
        return True

    async def close(self) -> None:
        """Renew nothing any more."""
        self._leases.clear()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _keep_renewing(self) -> None:
        """Ends with the last lease, but not before its turn: most leases come and go between two renewals."""
        await self._sleep(self._every)
        while self._leases:
            await asyncio.sleep(0)  # also where the sleep given takes no time
            self._leases.difference_update(await self._renew(tuple(self._leases)))
            await self._sleep(self._every)
