"""Shared slots: the limits of one upstream hold over all processes of the machine, exactly.

Within a process the first to come is the first served. Between processes a slot goes to whoever looks first after it
was given back. While others wait, a process looks only when it is its turn, also if it gave one back itself, and lets
every other turn pass: or one that is busy would keep all slots to itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from policies import ConcurrencyPolicy
from proxy.sharing.digests import digest_of
from proxy.sharing.holding import Sleep
from proxy.sharing.page import Page
from proxy.upstream.slots import QueueFull

TICK = 0.005  # seconds between two looks at slots that another process may have given back
_ANY = 1 << 16  # processes that may wait


class _Line:
    """The calls of this process that want a slot of one kind, in the order they came."""

    def __init__(self, upstream: str, credential: str | None, limit: int) -> None:
        self.slots = digest_of("slots", upstream, credential)
        self.queue = digest_of("queue", upstream, credential)  # counts the processes in which somebody waits
        self.limit = limit
        self.taken = 0  # by this process
        self.waiters: deque[asyncio.Future[None]] = deque()
        self.is_queued = False  # whether this process counts in `queue`
        self.was_served = False  # when it was its turn last
        self.users = 0


class SharedSlots:
    """The places for calls to one upstream; as `Slots`, but over processes."""

    def __init__(self, policy: ConcurrencyPolicy, upstream: str, page: Page, sleep: Sleep = asyncio.sleep) -> None:
        self.policy = policy
        self.waiting = 0  # in this process, as is what is in flight
        self.in_flight = 0
        self._upstream = upstream
        self._counts = page.slots
        self._process = page.process
        self._sleep = sleep
        self._all = _Line(upstream, None, policy.upstream)
        self._of_credential: dict[str, _Line] = {}
        self._queued: set[_Line] = set()
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<SharedSlots {self.in_flight} in flight, {self.waiting} waiting>"

    @asynccontextmanager
    async def taken(self, credential: str, *, shared: bool) -> AsyncIterator[None]:
        """Hold a slot. `shared` credentials, which Larder holds, only count against the whole. Raises QueueFull."""
        own = None if shared else self._join(credential)
        held: list[_Line] = []
        try:
            for line in (self._all,) if own is None else (own, self._all):
                await self._take(line)
                held.append(line)
            self.in_flight += 1
            try:
                yield
            finally:
                self.in_flight -= 1
        finally:
            for line in reversed(held):
                self._give_back(line)
            if own is not None:
                self._leave(credential, own)

    async def _take(self, line: _Line) -> None:
        if not line.waiters and not self._others_wait(line) and self._try(line):
            return
        if self.waiting >= self.policy.queue:
            raise QueueFull
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiters.append(waiter)
        self.waiting += 1
        self._queue(line)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():  # it was given to one who has left
                self._give_back(line)
            raise
        finally:
            self.waiting -= 1
            if waiter in line.waiters:
                line.waiters.remove(waiter)
            self._queue(line)

    def _try(self, line: _Line) -> bool:
        if line.taken >= line.limit or not self._counts.try_take(line.slots, line.limit, self._process):
            return False
        line.taken += 1
        return True

    def _give_back(self, line: _Line) -> None:
        line.taken -= 1
        self._counts.give_back(line.slots, self._process)
        if not self._others_wait(line):
            self._serve(line)

    def _serve(self, line: _Line) -> bool:
        """Give what slots there are to those who came first; whether there was one."""
        was_served = False
        while line.waiters and (line.waiters[0].done() or self._try(line)):
            waiter = line.waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                was_served = True
        return was_served

    def _others_wait(self, line: _Line) -> bool:
        return self._counts.in_flight(line.queue) > line.is_queued

    def _queue(self, line: _Line) -> None:
        """Say whether somebody waits here, and look at what others give back as long as somebody does."""
        if line.waiters and not line.is_queued:
            line.is_queued = self._counts.try_take(line.queue, _ANY, self._process)
            self._queued.add(line)
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look())
        elif not line.waiters and line.is_queued:
            line.is_queued = False
            self._counts.give_back(line.queue, self._process)
            self._queued.discard(line)

    async def _look(self) -> None:
        while self._queued:
            await self._sleep(TICK)
            await asyncio.sleep(0)  # also where the sleep given takes no time
            for line in tuple(self._queued):
                may_take = not (line.was_served and self._others_wait(line))
                line.was_served = may_take and self._serve(line)

    def _join(self, credential: str) -> _Line:
        """The slots of a credential, kept as long as somebody wants one."""
        line = self._of_credential.get(credential)
        if line is None:
            line = self._of_credential[credential] = _Line(self._upstream, credential, self.policy.credential)
        line.users += 1
        return line

    def _leave(self, credential: str, line: _Line) -> None:
        line.users -= 1
        if not line.users:
            del self._of_credential[credential]
