"""Shared guards: limits, circuits and remembered failures that hold over all processes of a machine."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from policies import BreakerPolicy, CircuitBreaker, ConcurrencyPolicy, PacingPolicy, RetryBudget, RetryPolicy
from policies.failure_memory import FailureMemory
from policies.pacing import Pacer
from proxy.plan import UpstreamPlan
from proxy.sharing.guard_reports import GuardReports
from proxy.sharing.holding import Sleep
from proxy.sharing.page import Page
from proxy.sharing.shared_slots import SharedSlots
from proxy.upstream.guards import OwnGuards
from proxy.upstream.slots import Slots


class SharedGuards:
    """One process's guards. `start` them once its event loop runs."""

    def __init__(
        self,
        page: Page,
        processes: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`processes` is how many call upstreams; `clock` is one that they all read alike."""
        self._page = page
        self._processes = processes
        self._clock = clock
        self._sleep = sleep
        self._reports = GuardReports(page, clock=clock, sleep=sleep)
        self.failures: FailureMemory = self._reports.failures

    def start(self) -> None:
        """Follow what the others report, also while nothing is called."""
        self._reports.start()

    async def stop(self) -> None:
        """End that."""
        await self._reports.stop()

    def breaker(self, name: str, base_url: str, policy: BreakerPolicy) -> CircuitBreaker:
        """A circuit that all processes' calls open and close."""
        return self._reports.breaker(name, base_url, policy)

    def keep_only(self, used: Iterable[CircuitBreaker | Pacer]) -> None:
        """No other circuits and pacers are followed, but by calls that are under way."""
        self._reports.keep_only(used)

    def slots(self, policy: ConcurrencyPolicy, name: str) -> Slots:
        """Slots for all processes' calls under that name together."""
        return SharedSlots(policy, name, self._page, self._sleep, self._clock)

    def budget(self, policy: RetryPolicy) -> RetryBudget:
        """This process's part: of the floor, which time earns, an equal one. What demand earns needs no dividing: each
        process earns by the calls it makes itself, and shares of parts add up to the share of the whole.
        """
        return RetryBudget(replace(policy, floor=policy.floor / self._processes), self._clock)

    def pacer(self, plan: UpstreamPlan, policy: PacingPolicy, apart: str = "") -> Pacer:
        """A pacer of all processes' calls together."""
        return self._reports.pacer(plan.name, plan.base_urls[0], policy, apart)


class SharedPacing(OwnGuards):
    """For the only process of a machine that shares no more than its pacing, with other machines. `start` it too."""

    def __init__(
        self, page: Page, *, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        super().__init__(clock)
        self._reports = GuardReports(page, clock=clock, sleep=sleep)

    def start(self) -> None:
        """Follow what the other machines report, also while nothing is called."""
        self._reports.start()

    async def stop(self) -> None:
        """End that."""
        await self._reports.stop()

    def keep_only(self, used: Iterable[CircuitBreaker | Pacer]) -> None:
        """No other pacers are followed, but by calls that are under way."""
        self._reports.keep_only(used)

    def pacer(self, plan: UpstreamPlan, policy: PacingPolicy, apart: str = "") -> Pacer:
        """A pacer of all machines' calls together."""
        return self._reports.pacer(plan.name, plan.base_urls[0], policy, apart)
