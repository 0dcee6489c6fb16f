"""Guard reports: what befell one process's calls, told to the guards of all processes of its machine.

Every report, also a process's own, goes through the page's ring, and each process tells its guards what it reads there.
So all breakers of an upstream hear the same reports in the same order, and come to the same end: also on who gets a
half-open circuit's probe. Who wants one writes that down, and has it if one was left when its turn in the ring came.
So it is with the calls of a credential that is paced: each has the place that its turn in the ring gave it.
A lease or a count per probe would be as exact, but would be a second place that may disagree with the ring; and here a
probe that never reports back is over with the cooldown, as in a breaker that one process has for itself.

Other machines' reports (proxy/store/redis_reports.py) come in like another process's, some milliseconds late. So for
that long two machines may each send their probes; then the earlier one's report re-arms the other. And for that long
each machine may give a credential the places that the other gave it already.
"""

import asyncio
import math
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from enum import IntEnum
from typing import Final
from weakref import WeakValueDictionary

from policies.breaker import BreakerPolicy, CircuitBreaker, Happened, Report
from policies.failure_memory import FailureMemory
from policies.pacing import Pacer
from policies.pacing_account import PacingPolicy
from policies.pacing_reports import Report as PacingReport
from policies.pacing_reports import Told
from proxy.sharing.digests import DIGEST_BYTES, digest_of
from proxy.sharing.holding import Sleep
from proxy.sharing.page import Page
from proxy.sharing.report_ring import Report as Written

FOREIGN: Final = 0xFFFF_FFFF  # the process of reports by other machines
NOTHING: Final = bytes(DIGEST_BYTES)
REPEATED: Final = 1.0  # seconds after which it is said again that a circuit is not closed


class Try(IntEnum):
    """What became of a key's refresh; beside `Happened`, with numbers of its own."""

    FAILED = 16  # a: seconds the upstream asked for
    DISCONNECTED = 17
    SUCCEEDED = 18
    DECLINED = 19  # nobody was asked


class GuardReports:
    """One process's end of it."""

    def __init__(
        self, page: Page, *, clock: Callable[[], float] = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        """`clock` is one that all processes of the machine read alike."""
        self._ring = page.reports
        self._process = page.process
        self._clock = clock
        self._sleep = sleep
        self._breakers: dict[bytes, CircuitBreaker] = {}
        self._pacers: dict[bytes, Pacer] = {}
        self._leaving: WeakValueDictionary[bytes, CircuitBreaker | Pacer] = WeakValueDictionary()
        self._rests_said: dict[bytes, float] = {}
        self._answer: float | None = None  # of the guard that was told what this process wrote last; None: no
        self._task: asyncio.Task[None] | None = None
        self.failures: Final = SharedFailures(self, clock)
        reports, self._position = self._ring.since(0)
        for written in reports:
            self.failures.told(written)

    def breaker(self, upstream: str, base_url: str, policy: BreakerPolicy) -> CircuitBreaker:
        """This process's breaker of a circuit that all processes share. It knows what the ring still holds, so that a
        process that was started again does not call an upstream that rests.
        """
        name = digest_of(upstream, base_url)
        breaker = CircuitBreaker(policy, self._clock, _Journal(self, name))
        for written in self._read_before():
            if written.upstream == name:
                _tell(breaker, written)
        self._breakers[name] = breaker
        return breaker

    def pacer(self, upstream: str, base_url: str, policy: PacingPolicy, apart: str = "") -> Pacer:
        """This process's pacer of an upstream, or of an endpoint that is paced apart; it knows what the ring holds."""
        name = digest_of("pacing", upstream, base_url, apart)
        pacer = Pacer(policy, self._clock, _PacingJournal(self, name, upstream))
        for written in self._read_before():
            if written.upstream == name:
                _tell_pacer(pacer, written)
        self._pacers[name] = pacer
        return pacer

    def keep_only(self, used: Iterable[CircuitBreaker | Pacer]) -> None:
        """Let go of guards that no new call will meet: nobody hears of their circuits any more, and who is under way
        under one hears the end of it.
        """
        kept = {id(guard) for guard in used}
        for guards in (self._breakers, self._pacers):
            for name in [name for name, guard in guards.items() if id(guard) not in kept]:
                self._leaving[name] = guards.pop(name)
                self._rests_said.pop(name, None)

    def read(self) -> None:
        """Tell the guards what was written since. Takes next to no time where that is nothing."""
        if self._ring.position == self._position:
            return
        reports, self._position = self._ring.since(self._position)
        for written in reports:
            self.failures.told(written)
            answer = self._tell(written)
            if written.process == self._process:
                self._answer = answer
            if written.kind == Happened.RESTS:
                self._rests_said[written.upstream] = self._clock()

    def write(self, upstream: bytes, kind: int, a: float, b: float, key: bytes = NOTHING) -> float | None:
        """Tell all processes; what this one's guard said to it. None is no, also if it could not be read back."""
        self._ring.publish(upstream, kind, a, b, key, self._process)
        self._answer = None
        self.read()  # ends with what was just written: nothing else of this process is unread
        return self._answer

    def _tell(self, written: Written) -> float | None:
        name = written.upstream
        guard = self._breakers.get(name) or self._pacers.get(name) or self._leaving.get(name)
        if isinstance(guard, CircuitBreaker):
            return _tell(guard, written) or None
        return None if guard is None else _tell_pacer(guard, written)

    def _read_before(self) -> list[Written]:
        """What the ring still holds of what was read."""
        while True:
            self.read()
            reports, position = self._ring.since(0)
            if position == self._position:
                return reports

    def start(self) -> None:
        """Read on while nobody asks, and say now and then which circuits are not closed: who was held up for long
        missed that they opened.
        """
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """End that."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def say_who_rests(self) -> None:
        """Once a second is enough, whoever says it."""
        self.read()
        for name, breaker in self._breakers.items():
            resting = breaker.resting
            if resting is not None and self._clock() - self._rests_said.get(name, -math.inf) >= REPEATED:
                self.write(name, resting.what, resting.began, resting.at)

    async def _follow(self) -> None:
        while True:
            await self._sleep(REPEATED / 4)
            await asyncio.sleep(0)  # also where the sleep given takes no time
            self.say_who_rests()


class SharedFailures(FailureMemory):
    """The failure memory of all processes. Keys are digests in it, since they are in the ring."""

    def __init__(self, reports: GuardReports, clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._reports = reports

    def is_due(self, key: Hashable) -> bool:
        """Whether the upstream may be asked for `key` again."""
        self._reports.read()
        return super().is_due(digest_of(key))

    def is_disconnected(self, key: Hashable) -> bool:
        """Whether the last try for `key`, by any process, brought no answer at all."""
        self._reports.read()
        return super().is_disconnected(digest_of(key))

    def failed(self, key: Hashable, asked: float | None = None, *, disconnected: bool = False) -> None:
        """A try failed; all processes wait."""
        kind = Try.DISCONNECTED if disconnected else Try.FAILED
        self._reports.write(NOTHING, kind, asked or 0.0, self._clock(), digest_of(key))

    def declined(self, key: Hashable) -> None:
        """Nobody was asked; all processes put it off."""
        self._reports.write(NOTHING, Try.DECLINED, 0.0, self._clock(), digest_of(key))

    def succeeded(self, key: Hashable) -> None:
        """A try succeeded. That is news only where one failed before."""
        self._reports.read()
        digest = digest_of(key)
        if digest in self._waits:
            self._reports.write(NOTHING, Try.SUCCEEDED, 0.0, self._clock(), digest)

    def told(self, written: Written) -> None:
        """Count what a process wrote, if it is about a key."""
        if written.kind == Try.SUCCEEDED:
            super().succeeded(written.key)
        elif written.kind == Try.DECLINED:
            self.put_off(written.key, at=written.b)
        elif written.kind in (Try.FAILED, Try.DISCONNECTED):
            disconnected = written.kind == Try.DISCONNECTED
            self.remember(written.key, written.a, disconnected=disconnected, at=written.b)


class _Journal:
    """A breaker's way into the ring."""

    def __init__(self, reports: GuardReports, upstream: bytes) -> None:
        self._reports = reports
        self._upstream = upstream

    def write(self, report: Report) -> bool:
        return self._reports.write(self._upstream, report.what, report.began, report.at) is not None

    def read(self) -> None:
        self._reports.read()


class _PacingJournal:
    """A pacer's way into the ring. Credentials are digests in it."""

    def __init__(self, reports: GuardReports, name: bytes, upstream: str) -> None:
        self._reports = reports
        self._name = name
        self._upstream = upstream

    def named(self, credential: str) -> bytes:
        return digest_of(self._upstream, credential)

    def write(self, report: PacingReport) -> float | None:
        key = report.credential
        if not isinstance(key, bytes):
            raise TypeError(f"{key!r} is not what this journal calls a credential")
        return self._reports.write(self._name, report.what, report.number, report.at, key)

    def read(self) -> None:
        self._reports.read()


_HAPPENED = frozenset(Happened)
_TOLD = frozenset(Told)


def _tell(breaker: CircuitBreaker, written: Written) -> bool:
    return written.kind in _HAPPENED and breaker.told(Report(Happened(written.kind), written.a, written.b))


def _tell_pacer(pacer: Pacer, written: Written) -> float | None:
    """A call of another machine is out already, whatever this one would have said."""
    if written.kind not in _TOLD:
        return None
    is_out = written.kind == Told.TAKEN and written.process == FOREIGN
    number = math.inf if is_out else written.a
    return pacer.hear(PacingReport(Told(written.kind), written.key, number, written.b))
