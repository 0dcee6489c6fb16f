"""Guard reports between machines that share one Redis: what befell calls here is told there, and the other way round.

page's ring ──▶ every 50 ms, in one batch ──▶ stream {P}:guards ──▶ the other machines' rings

It is a help, and nothing waits for it: while Redis is away, each machine's guards go by what they saw themselves.
Instants travel in Redis's time, since each machine has a monotonic clock of its own; how far apart the two are is
measured with every batch, and known to half the time that Redis took to answer.

How fast a credential may call is always shared so: an upstream counts what all machines ask it. Circuits and failed
refreshes are shared where that is wanted.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, TypeAlias

import msgspec

from policies.breaker import Happened
from policies.pacing_reports import Told
from proxy.sharing.digests import DIGEST_BYTES
from proxy.sharing.guard_reports import FOREIGN, Try
from proxy.sharing.holding import Sleep
from proxy.sharing.report_ring import Report, ReportRing
from proxy.store._redis_client import RedisServers
from proxy.store._redis_scripts import Script
from proxy.store.contract import StoreError

EVERY: Final = 0.05  # seconds between two batches
BLOCK: Final = 0.5  # seconds that one read waits
TIMEOUT: Final = 1.5  # seconds in which Redis has to answer, these included
OLDEST: Final = 60.0  # seconds after which a report is no news any more
MEASURED_EVERY: Final = 10.0  # seconds, where there is nothing to tell
LONGEST_REST: Final = 5.0  # seconds between two attempts while Redis is away
MOST_BATCHES: Final = 10_000
MOST_AT_ONCE: Final = 1_000  # reports in a batch

# ARGV who tells, a batch or nothing, how many batches are kept, for how many milliseconds. The time.
_SEND = Script("""
if ARGV[2] ~= '' then
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'from', ARGV[1], 'reports', ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return redis.call('TIME')
""")
_Row: TypeAlias = tuple[bytes, bytes, int, float, float]  # upstream, key, kind, a, b
_ROWS: Final = msgspec.msgpack.Decoder(list[_Row])
_OF_CALLS: Final = frozenset(Happened)
EVERYTHING: Final = frozenset({*Happened, *Try, *Told})
PACING: Final = frozenset(Told)


class RedisReports:
    """One for each machine, whatever its processes."""

    def __init__(  # noqa: PLR0913 (each is a thing of its own)
        self,
        servers: RedisServers,
        prefix: str,
        instance: str,
        ring: ReportRing,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
        on_error: Callable[[str, StoreError], None] = lambda *_: None,
        kinds: frozenset[int] = EVERYTHING,
    ) -> None:
        """`servers` have TIMEOUT for a call, and are the caller's to close. `instance` is this start of this machine.
        `on_error` hears of the first failure each time that Redis goes away. Reports of `kinds` are told and heard.
        """
        self._servers = servers
        self._stream = f"{{{prefix}}}:guards".encode()
        self._instance = instance
        self._ring = ring
        self._clock = clock
        self._sleep = sleep
        self._on_error = on_error
        self._kinds = kinds
        self._sent = ring.position  # up to where the ring was told
        self._ahead: float | None = None  # seconds by which Redis's clock is ahead of this machine's
        self._measured_at = -math.inf
        self._heard: bytes | None = None  # up to where the stream was
        self._tasks: list[asyncio.Task[None]] = []
        self._is_stopped = False
        self._errors: dict[str, str] = {}
        self.unreadable = 0  # batches or reports that Larder cannot have written

    def __repr__(self) -> str:
        return f"<RedisReports of {self._instance}, {self.last_error or 'in order'}>"

    @property
    def last_error(self) -> str | None:
        """Why guards go by what this machine saw alone; None while they do not."""
        return next(iter(self._errors.values()), None)

    def start(self) -> None:
        """Tell and hear, until stopped, which is for good."""
        works = (("telling", self._tell, EVERY), ("hearing", self._listen, 0.0))
        self._tasks = [asyncio.create_task(self._repeat(*work)) for work in works]

    async def stop(self) -> None:
        """End that; what is not told yet stays here."""
        self._is_stopped = True  # Python 3.11's wait_for, which redis-py sends by on a cluster, may swallow the rest
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    async def _repeat(self, name: str, work: Callable[[], Awaitable[None]], pause: float) -> None:
        """Until stopped; seldom while Redis is away."""
        rest = pause
        while not self._is_stopped:
            await self._sleep(rest)
            await asyncio.sleep(0)  # also where the sleep given takes no time
            try:
                await work()
            except StoreError as error:
                if not self._errors:
                    self._on_error("guards", error)
                self._errors[name] = str(error)
                rest = min(max(rest, EVERY) * 2, LONGEST_REST)
            else:
                self._errors.pop(name, None)
                rest = pause

    # telling

    async def _tell(self) -> None:
        """What this machine's processes reported since, unless it is no news any more."""
        now = self._clock()
        if self._ahead is None or now - self._measured_at > MEASURED_EVERY:
            await self._send(b"")
        if self._ahead is None or self._ring.position == self._sent:
            return
        reports, position = self._ring.since(self._sent)
        news = [one for one in reports if self._is_told(one) and one.b > now - OLDEST]
        for first in range(0, len(news), MOST_AT_ONCE):
            await self._send(_packed(news[first : first + MOST_AT_ONCE], self._ahead))
        self._sent = position

    def _is_told(self, report: Report) -> bool:
        return report.process != FOREIGN and report.kind in self._kinds

    async def _send(self, batch: bytes) -> None:
        asked = self._clock()
        args = (self._instance, batch, MOST_BATCHES, round(2 * OLDEST * 1000))
        seconds, microseconds = await self._servers.run(_SEND, self._stream, *args)
        self._measured_at = answered = self._clock()
        self._ahead = int(seconds) + int(microseconds) / 1e6 - (asked + answered) / 2

    # hearing

    async def _listen(self) -> None:
        """What other machines reported: in the last minute at first, and then what comes within BLOCK."""
        if self._ahead is None:
            await self._sleep(EVERY)
            return
        if self._heard is None:
            self._heard = f"{round((self._clock() + self._ahead - OLDEST) * 1000)}-0".encode()
        what = ("COUNT", 100, "BLOCK", round(BLOCK * 1000), "STREAMS", self._stream, self._heard)
        answer = await self._servers.call("XREAD", *what)
        for position, fields in answer[0][1] if answer else ():
            self._heard = position
            if fields.get(b"from") != self._instance.encode():
                self._hear(fields.get(b"reports", b""))

    def _hear(self, batch: bytes) -> None:
        try:
            rows = _ROWS.decode(batch)
        except msgspec.MsgspecError:
            self.unreadable += 1
            return
        for upstream, key, kind, a, b in rows:
            report = _moved(Report(upstream, key, kind, FOREIGN, a, b), -(self._ahead or 0.0))
            if not _is_sound(report):
                self.unreadable += 1
            elif report.kind in self._kinds and abs(report.b - self._clock()) < OLDEST:
                self._ring.publish(report.upstream, report.kind, report.a, report.b, report.key, FOREIGN)


def _packed(reports: list[Report], ahead: float) -> bytes:
    moved = (_moved(report, ahead) for report in reports)
    return msgspec.msgpack.encode([(one.upstream, one.key, one.kind, one.a, one.b) for one in moved])


def _moved(report: Report, seconds: float) -> Report:
    """The same in another clock: `a` is an instant for a breaker, and else a number, or of no use to other machines."""
    a = report.a + seconds if report.kind in _OF_CALLS else report.a
    return report._replace(a=a, b=report.b + seconds)


def _is_sound(report: Report) -> bool:
    has_digests = len(report.upstream) == len(report.key) == DIGEST_BYTES
    return has_digests and report.kind in EVERYTHING and math.isfinite(report.a) and math.isfinite(report.b)
