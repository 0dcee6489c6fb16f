"""A deterministic event loop: time passes only when nothing can run, and chance, from a seed, says who runs next.

A callback belongs to the process in whose context it was scheduled (`PROCESS`). A process can be held, as a suspended
machine is, and let go; one that is held for good is as dead as `kill -9` leaves it: no `finally` of it runs.
"""

import asyncio
from asyncio import events
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, copy_context
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import Any

PROCESS: ContextVar[str] = ContextVar("PROCESS", default="")  # nobody's: the network, and what the test itself does


class Scheduler(asyncio.AbstractEventLoop):
    """What asyncio needs of a loop without sockets, threads or signals."""

    def __init__(self, seed: int, now: float) -> None:
        """`now`: where the clock begins, in seconds. The same seed and calls make the same history."""
        self.random = Random(seed)
        self.troubles: list[dict[str, Any]] = []  # what nobody caught
        self.before_time_passes: Callable[[], None] = lambda: None
        self._now = now
        self._order = count()
        self._ready: list[tuple[str, asyncio.Handle]] = []
        self._timers: list[tuple[float, int, str, asyncio.TimerHandle]] = []
        self._held: dict[str, list[tuple[str, asyncio.Handle]]] = {}
        self._tasks: list[asyncio.Task[Any]] = []  # strongly held: what is dead is not even tidied up

    # -- for tests

    def start(self, process: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Begin some work of a process."""
        context = copy_context()
        context.run(PROCESS.set, process)
        return self.create_task(work, context=context)

    def run_for(self, seconds: float) -> None:
        """Run all that can run until so much time has passed."""
        end = self._now + seconds
        with self._running():
            while self._run_one(end):
                pass
        self._now = end

    def run_some(self, callbacks: int) -> None:
        """Run so many callbacks at most, without time passing."""
        with self._running():
            while callbacks and self._run_one(self._now):
                callbacks -= 1

    def hold(self, process: str) -> None:
        """Nothing of this process runs until it is let go."""
        self._held.setdefault(process, [])

    def let_go(self, process: str) -> None:
        """It goes on where it was."""
        self._ready += self._held.pop(process, [])

    def close(self) -> None:
        """End all tasks, the dead ones' too."""
        self._timers.clear()
        for task in self._tasks:
            task.cancel()
        for process in list(self._held):
            self.let_go(process)
        self.run_some(100_000)
        self._tasks.clear()

    def _run_one(self, end: float) -> bool:
        """Whether there was something to run, at `end` at the latest."""
        while True:
            while self._timers and self._timers[0][0] <= self._now:
                _, _, process, timer = heappop(self._timers)
                self._ready.append((process, timer))
            while self._ready:
                place = self.random.randrange(len(self._ready))
                self._ready[place], self._ready[-1] = self._ready[-1], self._ready[place]
                process, handle = self._ready.pop()
                if process in self._held:
                    self._held[process].append((process, handle))
                elif not handle.cancelled():
                    handle._run()
                    return True
            if not self._timers or self._timers[0][0] > end:
                return False
            self.before_time_passes()
            self._now = self._timers[0][0]

    @contextmanager
    def _running(self) -> Iterator[None]:
        before = events._get_running_loop()
        events._set_running_loop(self)
        try:
            yield
        finally:
            events._set_running_loop(before)

    # -- for asyncio

    def time(self) -> float:
        return self._now

    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> asyncio.Handle:
        context = context or copy_context()
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append((context.get(PROCESS, ""), handle))
        return handle

    def call_at(
        self, when: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        context = context or copy_context()
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heappush(self._timers, (when, next(self._order), context.get(PROCESS, ""), timer))
        return timer

    def call_later(
        self, delay: float, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._tasks.append(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.troubles.append(context)

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is left out when its time comes."""
