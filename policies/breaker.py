"""Circuit breaker: stop calling an upstream that keeps failing.

closed ──failure_ratio of minimum_calls within window──▶ open ──cooldown──▶ half-open ──a probe succeeds──▶ closed
                                                          ▲                     │
                                                          └────a probe fails────┘

Several processes may share a circuit. Then each has a breaker of its own, and a journal hands every report to all of
them in one order: what they say follows from the reports alone, so they agree, also on who gets a probe.
"""

import math
from collections import Counter, deque
from collections.abc import Callable
from enum import IntEnum, StrEnum
from typing import NamedTuple, Protocol

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import MINUTE, SECOND, STRICT, Duration, Ratio


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BreakerPolicy:
    """When a circuit opens and how it closes again. Durations in seconds."""

    window: Duration = 30 * SECOND
    failure_ratio: Ratio = 0.5
    minimum_calls: int = Field(default=20, ge=1)
    cooldown: Duration = 30 * SECOND
    probes: int = Field(default=1, ge=1)
    slow_after: Duration = 0.0  # an answer that took longer is a slow one; 0: none is
    slow_ratio: Ratio = 0.8  # so many slow ones among the window's calls open it as well
    credential_cooldown: Duration = 5 * MINUTE  # rest of a credential that the upstream refused


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


class Happened(IntEnum):
    """What a report tells. The numbers are those that go from process to process."""

    SUCCEEDED = 1
    FAILED = 2
    BROKE_OFF = 3  # an answer that was counted as good ended before its end
    PROBED = 4  # somebody wants to send a probe
    ABANDONED = 5  # a call was given up before it could tell anything
    SLOW = 7  # answered, but later than the policy takes for well
    RESTS = 6  # the circuit is not closed: said again for those who missed the turn


class Report(NamedTuple):
    """What a breaker is told. Instants are seconds of a clock that is the same for all who share the circuit."""

    what: Happened
    began: float  # the call; RESTS: the period
    at: float


class Counts(NamedTuple):
    """Calls of a window, and how many of them failed or were slow."""

    calls: int
    failures: int
    slow: int


class Journal(Protocol):
    """Hands reports to every breaker of a shared circuit, in one order."""

    def write(self, report: Report) -> bool:
        """Hand a report to all; what this process's breaker answered when it was told."""

    def read(self) -> None:
        """Tell this process's breaker what the others have written since."""


class CircuitBreaker:
    """One upstream's circuit. Does no I/O: told what happened, it says what may happen next.

    `check` hands out the instant a call began, and the report on the call brings it back: a call that began in an
    earlier period says nothing about the present one and is not counted.
    """

    def __init__(self, policy: BreakerPolicy, clock: Callable[[], float], journal: Journal | None = None) -> None:
        self.policy = policy
        self._clock = clock
        self._journal = journal
        self._calls: deque[tuple[float, Happened]] = deque()  # (when it ended, how), oldest first
        self._sums: Counter[Happened] = Counter()  # how many ended how
        self._turned_at = -math.inf  # when the present period began
        self._opened_at: float | None = None  # since when it rests: it opened, or the last probe went out
        self._free_probes = 0

    def __repr__(self) -> str:
        state, failed = self.state, self._sums[Happened.FAILED]
        return f"<CircuitBreaker {state} {failed}/{len(self._calls)} failed, {self.rest:.1f}s left>"

    @property
    def state(self) -> Circuit:
        """Where the circuit stands now."""
        self._catch_up()
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
    def counts(self) -> Counts:
        """What the window holds."""
        self._catch_up()
        oldest = self._clock() - self.policy.window
        recent = [how for ended, how in self._calls if ended > oldest]
        return Counts(len(recent), recent.count(Happened.FAILED), recent.count(Happened.SLOW))

    @property
    def resting(self) -> Report | None:
        """What those who missed that the circuit opened have to be told; None while it is closed."""
        return None if self._opened_at is None else Report(Happened.RESTS, self._turned_at, self._opened_at)

    def check(self) -> float:
        """The instant at which a call may go out: now. Raises CircuitOpen when none may."""
        self._catch_up()
        now = self._clock()
        if self._opened_at is None:
            return now
        may_probe = self._free_probes or self.rest == 0
        if not may_probe or not self._report(Report(Happened.PROBED, now, now)):
            raise CircuitOpen(self.rest)
        return now

    def succeeded(self, began: float, seconds: float = 0.0) -> None:
        """A call that began then was answered, after so long."""
        is_slow = 0 < self.policy.slow_after < seconds
        self._report(Report(Happened.SLOW if is_slow else Happened.SUCCEEDED, began, self._clock()))

    def failed(self, began: float) -> None:
        """A call that began then failed."""
        self._report(Report(Happened.FAILED, began, self._clock()))

    def broke_off(self) -> None:
        """An answer that was counted as good ended before its end: while the circuit is closed, it counts as a failure
        instead.
        """
        now = self._clock()
        self._report(Report(Happened.BROKE_OFF, now, now))

    def abandoned(self, began: float) -> None:
        """A call that began then was given up before it could tell anything: if it was a probe, that is free again."""
        if self._opened_at is not None:  # else it was no probe, and nobody needs to hear
            self._report(Report(Happened.ABANDONED, began, self._clock()))

    def told(self, report: Report) -> bool:
        """Count one report. For a journal to call; False: there is no probe for who asked for one."""
        match report.what:
            case Happened.PROBED:
                return self._take_probe(report.at)
            case Happened.RESTS:
                if self._opened_at is None and report.began > self._turned_at:
                    self._turn(report.began, opened_at=report.at)
            case Happened.BROKE_OFF:
                if self._opened_at is None:
                    self._forget_success()
                    self._fail(report.at)
            case _ if not self._is_of_now(report.began):
                pass
            case Happened.SUCCEEDED:
                self._succeed(report.at)
            case Happened.FAILED | Happened.SLOW:
                self._fail(report.at, report.what)
            case Happened.ABANDONED if self._opened_at is not None:
                self._free_probes = min(self.policy.probes, self._free_probes + 1)
        return True

    def _report(self, report: Report) -> bool:
        return self.told(report) if self._journal is None else self._journal.write(report)

    def _catch_up(self) -> None:
        if self._journal is not None:
            self._journal.read()

    def _is_of_now(self, began: float) -> bool:
        """Whether a call began in the present period. While it rests, only probes did, a cooldown after it opened; half
        of that leaves room for clocks of other machines, which are known to some milliseconds only.
        """
        if self._opened_at is None:
            return began >= self._turned_at
        return began >= self._turned_at + self.policy.cooldown / 2

    def _take_probe(self, at: float) -> bool:
        if self._opened_at is None:
            return True
        if at >= self._opened_at + self.policy.cooldown:
            # Re-armed a cooldown after the last probe: probes that never report back cannot wedge the circuit.
            self._free_probes = self.policy.probes
        if not self._free_probes:
            return False
        self._free_probes -= 1
        self._opened_at = max(self._opened_at, at)  # another machine's word may come late
        return True

    def _succeed(self, at: float) -> None:
        if self._opened_at is None:
            self._count(at, Happened.SUCCEEDED)
        else:
            self._turn(at, opened_at=None)

    def _fail(self, at: float, how: Happened = Happened.FAILED) -> None:
        """One that failed, or was slow: a probe that was either tells that the upstream is not well yet."""
        if self._opened_at is not None:
            self._turn(at, opened_at=at)
            return
        self._count(at, how)
        policy, calls = self.policy, len(self._calls)
        too_many = self._sums[Happened.FAILED] >= calls * policy.failure_ratio and how is Happened.FAILED
        too_slow = self._sums[Happened.SLOW] >= calls * policy.slow_ratio and how is Happened.SLOW
        if calls >= policy.minimum_calls and (too_many or too_slow):
            self._turn(at, opened_at=at)

    def _forget_success(self) -> None:
        """Count one good answer less, the last there was: it may not be the one, but is as good as any."""
        for place in reversed(range(len(self._calls))):
            if self._calls[place][1] is Happened.SUCCEEDED:
                del self._calls[place]
                self._sums[Happened.SUCCEEDED] -= 1
                return

    def _turn(self, at: float, opened_at: float | None) -> None:
        self._turned_at = at
        self._opened_at = opened_at
        self._free_probes = 0
        self._calls.clear()
        self._sums.clear()

    def _count(self, at: float, how: Happened) -> None:
        """Forgets by the reports' own instants: all who share the circuit forget the same."""
        self._calls.append((at, how))
        self._sums[how] += 1
        oldest = at - self.policy.window
        while self._calls and self._calls[0][0] <= oldest:
            self._sums[self._calls.popleft()[1]] -= 1
