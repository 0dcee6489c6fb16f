"""Housekeeping: what has to be looked after now and then, behind everything else."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from policies import EgressPolicy
from policies.egress import may_lead_to
from proxy.kept.shelf import Shelf
from proxy.observing import Observing
from proxy.plan import Plans, UpstreamPlan
from proxy.store.contract import StoreError
from proxy.store.fences import Fences, Validity, keep_records_for
from proxy.telemetry.traces import current_trace
from proxy.upstream.registry import Upstreams

SWEEP_EVERY = 60.0  # seconds
SCRUB_EVERY = 5.0  # seconds
TRY_EVERY = 5.0  # seconds, while the durable store does not work
KNOCK_EVERY = 10.0  # seconds, while an upstream was never reached
KNOCK_TIMEOUT = 2.0  # seconds


class Housekeeping:
    """Sweeps the stores, and knocks at upstreams that nobody has reached yet, so that readiness can tell."""

    def __init__(  # noqa: PLR0913 - what each kind of process has of its own
        self,
        shelf: Shelf,
        upstreams: Upstreams,
        observing: Observing,
        plans: Callable[[], Plans],
        clock: Callable[[], float],
        besides: Sequence[Callable[[], None]] = (),
        tidy: Callable[[], Awaitable[None]] | None = None,
        forget: Callable[[Fences], Awaitable[None]] | None = None,
    ) -> None:
        """`besides`: let go of what else a process holds that nobody may have any more. `tidy`: the same of the durable
        store; raises StoreError. `forget`: what it has learned that was purged for good.
        """
        self._tidy = tidy
        self._besides = besides
        self._forget = forget
        self._shelf = shelf
        self._memory, self._durable, self._fences = shelf.memory, shelf.durable, shelf.fences
        self._scrubbed = -1  # once at start: an earlier process may have died before it was done
        self._upstreams = upstreams
        self._observing = observing
        self._plans = plans
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin, in the running loop."""
        for work, every in (
            (self.sweep, SWEEP_EVERY),
            (self.scrub, SCRUB_EVERY),
            (self.try_again, TRY_EVERY),
            (self.knock, KNOCK_EVERY),
        ):
            self._tasks.append(asyncio.create_task(_repeat(work, every, self._observing)))

    async def stop(self) -> None:
        """End at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def sweep(self) -> None:
        """Drop what is over, and purge records that nothing stored can be older than (DESIGN.md §5.5)."""
        now = self._clock()
        for let_go in self._besides:
            let_go()
        horizon = now - keep_records_for(self._plans().longest_kept)
        try:
            await self._memory.sweep(now)
            await self._durable.sweep(now, horizon)
            if self._tidy is not None:
                await self._tidy()
        except StoreError as error:
            self._observing.store_failed("sweep", error)
            return  # what could not be swept may still need the records of its purges
        self._fences.forget_before(horizon)

    async def try_again(self) -> None:
        """Use a durable store that failed, so that readiness tells when it works again also while nobody asks for
        anything.
        """
        if self._durable.last_error is not None:
            await self.sweep()

    async def scrub(self) -> None:
        """After purges that leave nothing, wherever they were ordered: what they covered goes from memory, and what was
        deleted from where bytes may still lie.
        """
        heard = self._fences.hard_purges
        if heard == self._scrubbed:
            return
        await self._memory.remove_purged(lambda entry: self._shelf.validity(entry) is Validity.HARD)
        for let_go in self._besides:
            let_go()
        if self._forget is not None:
            await self._forget(self._fences)
        try:
            await self._durable.scrub()
        except StoreError as error:
            self._observing.store_failed("scrub", error)
            return  # tried again
        self._scrubbed = heard

    async def knock(self) -> None:
        """Open and close a connection to each upstream that was not reached yet; no request is sent."""
        for upstream in list(self._upstreams):
            plan = self._plans().upstreams.get(upstream.name)
            if not upstream.reached and plan is not None:
                upstream.reached = await reachable(plan)


async def reachable(plan: UpstreamPlan) -> bool:
    """Whether something listens where an upstream should be, if only at one of its places."""
    for base_url in plan.base_urls:
        if await _answers(plan.guards.egress, *knock_at(plan, base_url)):
            return True
    return False


async def _answers(egress: EgressPolicy, host: str, port: int) -> bool:
    """Whether one of its addresses does, of those that calls may go to."""
    try:
        async with asyncio.timeout(KNOCK_TIMEOUT):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
            for *_, address in found:
                if not may_lead_to(egress, host, ip_address(address[0])):
                    continue
                _, writer = await asyncio.open_connection(*address[:2])
                writer.close()
                return True
    except (OSError, TimeoutError):
        pass
    return False


def knock_at(plan: UpstreamPlan, base_url: str) -> tuple[str, int]:
    """Host and port of a base URL; of several APIs, of the first that the upstream's endpoints name."""
    if "{api}" in base_url and plan.adapter.api_of is not None and plan.endpoints:
        chosen = plan.adapter.api_of(plan.endpoints[0].name.partition(" ")[2])
        base_url = base_url.replace("{api}", chosen[0] if chosen is not None else "")
    parts = urlsplit(base_url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


async def _repeat(work: Callable[[], Coroutine[Any, Any, None]], every: float, observing: Observing) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - said, and tried again: one odd host must not end all sweeping
            observing.failed(current_trace.get(), error)
        await asyncio.sleep(every)
