"""Circuit breaker: stop calling an upstream that keeps failing.

closed ──failure_ratio of minimum_calls within window──▶ open ──cooldown──▶ half-open ──a probe succeeds──▶ closed
                                                          ▲                     │
                                                          └────a probe fails────┘
"""

from collections import deque
from collections.abc import Callable
from enum import StrEnum

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import SECOND, STRICT, Duration, Ratio


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BreakerPolicy:
    """When a circuit opens and how it closes again. `window` and `cooldown` in seconds."""

    window: Duration = 30 * SECOND
    failure_ratio: Ratio = 0.5
    minimum_calls: int = Field(default=20, ge=1)
    cooldown: Duration = 30 * SECOND
    probes: int = Field(default=1, ge=1)


class Circuit(StrEnum):
    """The three states of a circuit."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitOpen(Exception):
    """The upstream is resting; ask again in `retry_after` seconds."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"circuit open for another {retry_after:.1f}s")
        self.retry_after = retry_after


class CircuitBreaker:
    """One upstream's circuit. Does no I/O: told what happened, it says what may happen next.

    `check` hands out the period a call belongs to; a report from a call begun in an earlier period says nothing
    about the present one and is not counted.
    """

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float]) -> None:
        self.policy = policy
        self._clock = clock
        self._calls: deque[tuple[float, bool]] = deque()  # (when it ended, whether it failed), oldest first
        self._failures = 0  # how many of them failed
        self._opened_at: float | None = None
        self._free_probes = 0
        self._period = 0

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.state} {self._failures}/{len(self._calls)} failed, {self.rest:.1f}s left>"

    @property
    def state(self) -> Circuit:
        """Where the circuit stands now."""
        if self._opened_at is None:
            return Circuit.CLOSED
        return Circuit.OPEN if self.rest > 0 and not self._free_probes else Circuit.HALF_OPEN

    @property
    def rest(self) -> float:
        """Seconds until a probe may go out; 0 when one may, or when the circuit is closed."""
        if self._opened_at is None:
            return 0.0
        return min(self.policy.cooldown, max(0.0, self._opened_at + self.policy.cooldown - self._clock()))

    @property
    def counts(self) -> tuple[int, int]:
        """Calls and failures within the window."""
        self._forget_old()
        return len(self._calls), self._failures

    def check(self) -> int:
        """The period a call may go out in. Raises CircuitOpen when none may go out now."""
        if self._opened_at is None:
            return self._period
        if self.rest == 0:
            # Re-armed as the first probe goes out: probes that never report back cannot wedge the circuit.
            self._free_probes = self.policy.probes
            self._opened_at = self._clock()
        if not self._free_probes:
            raise CircuitOpen(self.rest)
        self._free_probes -= 1
        return self._period

    def succeeded(self, period: int) -> None:
        """A call of `period` was answered."""
        if period != self._period:
            return
        if self._opened_at is None:
            self._count(failed=False)
        else:
            self._turn(opened_at=None)

    def failed(self, period: int) -> None:
        """A call of `period` failed."""
        if period != self._period:
            return
        if self._opened_at is not None:
            self._turn(opened_at=self._clock())
            return
        self._count(failed=True)
        calls, failures = self.counts
        if calls >= self.policy.minimum_calls and failures >= calls * self.policy.failure_ratio:
            self._turn(opened_at=self._clock())

    def broke_off(self) -> None:
        """An answer that was counted as good ended before its end: while the circuit is closed, that counts too."""
        if self._opened_at is None:
            self.failed(self._period)

    def abandoned(self, period: int) -> None:
        """A call of `period` was given up before it could tell anything: its probe, if it was one, is free again."""
        if period == self._period and self._opened_at is not None:
            self._free_probes = min(self.policy.probes, self._free_probes + 1)

    def _turn(self, opened_at: float | None) -> None:
        self._opened_at = opened_at
        self._period += 1
        self._free_probes = 0
        self._calls.clear()
        self._failures = 0

    def _count(self, *, failed: bool) -> None:
        self._calls.append((self._clock(), failed))
        self._failures += failed
        self._forget_old()

    def _forget_old(self) -> None:
        oldest = self._clock() - self.policy.window
        while self._calls and self._calls[0][0] <= oldest:
            self._failures -= self._calls.popleft()[1]
