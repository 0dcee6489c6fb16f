"""Guards: what stands before an upstream, made as its plan says; by each process for itself, or over several."""

from collections.abc import Callable, Iterable
from typing import Protocol

from policies import BreakerPolicy, CircuitBreaker, ConcurrencyPolicy, PacingPolicy, RetryBudget, RetryPolicy
from policies.failure_memory import FailureMemory
from policies.pacing import Pacer
from proxy.plan import UpstreamPlan
from proxy.upstream.slots import Slots


class Guards(Protocol):
    """Makes the guards of a process."""

    @property
    def failures(self) -> FailureMemory:
        """Of refreshes, whatever the upstream."""

    def breaker(self, name: str, base_url: str, policy: BreakerPolicy) -> CircuitBreaker:
        """The circuit of one place of an upstream, or of an endpoint that has one of its own."""

    def keep_only(self, used: Iterable[CircuitBreaker | Pacer]) -> None:
        """After a reload: no other circuits and pacers are needed, but by calls that are under way."""

    def slots(self, policy: ConcurrencyPolicy, name: str) -> Slots:
        """How many calls may be under way at a time, under a name: an upstream's, or an endpoint's of one."""

    def budget(self, policy: RetryPolicy) -> RetryBudget:
        """How many retries it may get."""

    def pacer(self, plan: UpstreamPlan, policy: PacingPolicy, apart: str = "") -> Pacer:
        """How fast each credential may call an upstream, or the endpoint of that name, which is paced apart."""


class OwnGuards:
    """For a process that shares its guards with nobody."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._clock = clock
        self.failures = FailureMemory(clock)

    def breaker(self, _name: str, _base_url: str, policy: BreakerPolicy) -> CircuitBreaker:
        """A circuit that only this process's calls open and close."""
        return CircuitBreaker(policy, self._clock)

    def keep_only(self, used: Iterable[CircuitBreaker | Pacer]) -> None:
        """Nothing to do: what nobody uses goes by itself."""

    def slots(self, policy: ConcurrencyPolicy, name: str) -> Slots:  # noqa: ARG002 (the contract's signature)
        """Slots for this process's calls."""
        return Slots(policy, self._clock)

    def budget(self, policy: RetryPolicy) -> RetryBudget:
        """All of the policy's budget."""
        return RetryBudget(policy, self._clock)

    def pacer(self, plan: UpstreamPlan, policy: PacingPolicy, apart: str = "") -> Pacer:  # noqa: ARG002 (the same)
        """A pacer of this process's calls."""
        return Pacer(policy, self._clock)
