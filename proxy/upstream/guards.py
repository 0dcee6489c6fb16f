"""Guards: what stands before an upstream, made as its plan says; by each process for itself, or over several."""

from collections.abc import Callable
from typing import Protocol

from policies import CircuitBreaker, RetryBudget, RetryPolicy
from policies.failure_memory import FailureMemory
from proxy.plan import UpstreamPlan
from proxy.upstream.slots import AnySlots, Slots


class Guards(Protocol):
    """Makes the guards of a process."""

    @property
    def failures(self) -> FailureMemory:
        """Of refreshes, whatever the upstream."""

    def breaker(self, plan: UpstreamPlan) -> CircuitBreaker:
        """The circuit of an upstream."""

    def slots(self, plan: UpstreamPlan) -> AnySlots:
        """How many calls it may get at a time."""

    def budget(self, policy: RetryPolicy) -> RetryBudget:
        """How many retries it may get."""


class OwnGuards:
    """For a process that shares its guards with nobody."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._clock = clock
        self.failures = FailureMemory(clock)

    def breaker(self, plan: UpstreamPlan) -> CircuitBreaker:
        """A circuit that only this process's calls open and close."""
        return CircuitBreaker(plan.breaker, self._clock)

    def slots(self, plan: UpstreamPlan) -> AnySlots:
        """Slots for this process's calls."""
        return Slots(plan.concurrency)

    def budget(self, policy: RetryPolicy) -> RetryBudget:
        """All of the policy's budget."""
        return RetryBudget(policy, self._clock)
