"""Leases over the processes of one machine, in the page they map: nothing here waits for anybody but a holder."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence

from proxy.sharing.holding import Held, Sleep
from proxy.sharing.lease_table import Taken
from proxy.sharing.leases import LEASE_TTL, Lease, Refusal
from proxy.sharing.page import Page
from proxy.sharing.waiting import Waiting

_REFUSALS = {Taken.HELD: Refusal.HELD, Taken.UNSHAREABLE: Refusal.UNSHAREABLE}


class PageLeases:
    """One process's view of them."""

    def __init__(
        self,
        page: Page,
        *,
        ttl: float = LEASE_TTL,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`clock` is one that all processes of the machine read alike; `ttl` in seconds."""
        self._table = page.leases
        self._process = page.process
        self._ttl = ttl
        self._clock = clock
        self._held = Held(self._renew, every=ttl / 3, sleep=sleep)
        self._waiting = Waiting(self._free, clock=clock, sleep=sleep)

    async def take(self, what: bytes) -> Lease | Refusal:
        """Take the lease on `what`, if nobody has it. Does not wait."""
        taken = self._table.take(what, self._clock(), self._ttl, self._process)
        if isinstance(taken, Taken):
            return _REFUSALS[taken]
        lease = Lease(what, taken)
        self._held.add(lease)
        return lease

    async def release(self, lease: Lease, *, unshareable_for: float = 0) -> None:
        """Let others fetch, those of this process at once."""
        if self._held.remove(lease):
            until = self._clock() + unshareable_for if unshareable_for else 0.0
            self._table.release(lease.what, lease.token, until)
            self._waiting.wake(lease.what)

    async def wait(self, what: bytes, seconds: float) -> bool:
        """Wait until nobody holds `what` any more. False: time is up, or too many things are waited for."""
        return await self._waiting.wait(what, seconds)

    async def close(self) -> None:
        """End what runs in the background."""
        await self._held.close()
        await self._waiting.close()

    async def _free(self, whats: Sequence[bytes]) -> Iterable[bytes]:
        now = self._clock()
        return [what for what in whats if self._table.is_free(what, now)]

    async def _renew(self, leases: Sequence[Lease]) -> Iterable[Lease]:
        now = self._clock()
        return [lease for lease in leases if not self._table.renew(lease.what, lease.token, now, self._ttl)]
