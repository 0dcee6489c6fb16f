"""Making: everything that jobs take, put together for one process."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import NamedTuple

from proxy.clocks import Clocks
from proxy.jobs.book import Book
from proxy.jobs.callbacks import Callbacks, Send
from proxy.jobs.deferring import Deferred
from proxy.jobs.desk import JobDesk
from proxy.jobs.holding import Holding
from proxy.jobs.locking import Lock
from proxy.jobs.means import Means, Observer
from proxy.jobs.names import Names
from proxy.jobs.owed import Owed
from proxy.jobs.register import Register
from proxy.jobs.requests import Requests
from proxy.jobs.results import Results
from proxy.jobs.running import BEAT, Runner
from proxy.jobs.taking import LOOK_EVERY, Taker
from proxy.kept.shelf import Shelf
from proxy.settings import CallbackBlock
from proxy.store.sealing import MasterKeys
from proxy.typed.errands import Errands
from proxy.typed.routes import Handler, Route
from proxy.typed.table import CANCEL_JOB, JOB, JOB_RESULT, JOBS
from proxy.visits import Runtime


class Where(NamedTuple):
    """Where a process stands among others."""

    is_alone: bool  # no other process uses the same durable store
    has_common_store: bool  # what it writes down is known to all that the same callers may reach


class Jobs:
    """The jobs of one process."""

    def __init__(
        self,
        shelf: Shelf,
        runtime: Callable[[], Runtime],
        send: Send,
        observer: Observer,
        clocks: Clocks,
        where: Where,
    ) -> None:
        """`runtime`: what holds now."""
        self.holding = Holding(lambda: runtime().plans.settings.v1.jobs.max_bytes, lambda: shelf.fences, clocks.wall)
        self.means = means = self._made(shelf, runtime, send, observer, clocks)
        self.runner = Runner(means)
        self.taker = Taker(means, self.runner, is_alone=where.is_alone)
        self.deferred = Deferred(means, self.runner, lambda: where.has_common_store and not self.taker.is_stopping)
        desk = JobDesk(means, self.runner, self.taker)
        self.handlers: Mapping[Route, Handler] = {
            JOBS: desk.listed,
            JOB: desk.status,
            JOB_RESULT: desk.result,
            CANCEL_JOB: desk.end,
        }
        self._tasks: list[asyncio.Task[None]] = []

    def _made(
        self, shelf: Shelf, runtime: Callable[[], Runtime], send: Send, observer: Observer, clocks: Clocks
    ) -> Means:
        keys, names = runtime().plans.settings.store.encryption_keys, Names(runtime().asker.digester)
        lock = Lock(MasterKeys.parse(keys)) if keys else None
        on_error = observer.store_failed

        def listed() -> Iterable[CallbackBlock]:
            return runtime().plans.settings.v1.jobs.callbacks

        def max_entry() -> int:
            return runtime().plans.settings.store.max_entry

        owed = Owed(shelf.durable, lambda: shelf.fences, lock, names, on_error, clocks.wall)
        return Means(
            book=Book(shelf.durable, on_error),
            register=Register(shelf.durable, on_error),
            requests=Requests(shelf.durable, lambda: shelf.fences, lock, names, on_error),
            results=Results(shelf, self.holding, lock, names, on_error, max_entry),
            callbacks=Callbacks(send, listed, owed, observer, clocks.wall, clocks.sleep),
            names=names,
            observer=observer,
            fences=lambda: shelf.fences,
            runtime=runtime,
            clock=clocks.wall,
        )

    def start(self, errands: Errands) -> None:
        """Begin, in the running loop. `errands`: of all routes."""
        self.taker.errands = errands
        for work, every in ((self.runner.beat, BEAT), (self.taker.look, LOOK_EVERY)):
            self._tasks.append(asyncio.create_task(_repeat(work, every, self.means.observer)))

    async def drain(self, seconds: float) -> None:
        """Take no new ones; put back those under way, or give them so long to end."""
        self.taker.is_stopping = True
        await self.runner.drain(seconds)

    async def stop(self) -> None:
        """End at once."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.runner.stop()
        await self.means.callbacks.stop()


async def _repeat(work: Callable[[], Awaitable[None]], every: float, observer: Observer) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - said, and tried again: one odd job must not end all others' leases
            observer.broke(error)
        await asyncio.sleep(every)
