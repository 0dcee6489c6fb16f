"""Waiting: for what another process holds. Whoever waits holds no connection: one task asks for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

from proxy.sharing.holding import Sleep

FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.05  # seconds between two looks at the same thing
MOST_WAITED = 1_000  # things

Free = Callable[[Sequence[bytes]], Awaitable[Iterable[bytes]]]


class _Waited:
    """One thing, and those who wait for it."""

    __slots__ = ("due", "freed", "pause", "waiters")

    def __init__(self, now: float) -> None:
        self.freed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.pause = FIRST_PAUSE
        self.due = now + FIRST_PAUSE
        self.waiters = 0

    def put_off(self, now: float) -> None:
        self.pause = min(self.pause * 1.5, LONGEST_PAUSE)
        self.due = now + self.pause


class Waiting:
    """Those of a process who wait."""

    def __init__(
        self, free: Free, *, clock: Callable[[], float], sleep: Sleep = asyncio.sleep, most: int = MOST_WAITED
    ) -> None:
        """`free` is given what is waited for and answers what nobody holds any more. `clock`: monotonic seconds."""
        self._free = free
        self._clock = clock
        self._sleep = sleep
        self._most = most
        self._waited: dict[bytes, _Waited] = {}
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waited)

    async def wait(self, what: bytes, seconds: float) -> bool:
        """Wait until `what` is free. False: time is up, or too many things are waited for."""
        waited = self._waited.get(what)
        if waited is None:
            if len(self._waited) >= self._most:
                return False
            waited = self._waited[what] = _Waited(self._clock())
        waited.waiters += 1
        self._start()
        try:
            async with asyncio.timeout(seconds):
                await asyncio.shield(waited.freed)
        except TimeoutError:
            return waited.freed.done()
        finally:
            waited.waiters -= 1
            if not waited.waiters and self._waited.get(what) is waited:
                del self._waited[what]
        return True

    def wake(self, what: bytes) -> None:
        """It is free: all who wait for it go on."""
        waited = self._waited.pop(what, None)
        if waited is not None:
            waited.freed.set_result(None)

    async def close(self) -> None:
        """Let all go on, and ask no more."""
        for what in tuple(self._waited):
            self.wake(what)
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _start(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._ask())

    async def _ask(self) -> None:
        """Seldom for what was long in coming: a thousand things are no burden on who is asked."""
        while self._waited:
            await self._sleep(FIRST_PAUSE)
            await asyncio.sleep(0)  # also where the sleep given takes no time
            now = self._clock()
            due = [what for what, waited in self._waited.items() if waited.due <= now]
            for what in await self._free(due) if due else ():
                self.wake(what)
            for what in due:
                if what in self._waited:
                    self._waited[what].put_off(now)
