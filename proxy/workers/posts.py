"""Posts: places for workers. A worker that ends is replaced, after a while if it ends again and again.

empty ──hire──▶ starting ──serves──▶ serving ──ends──▶ waiting ──hire──▶ starting …
                                        └─ given up ──drained or killed──▶ gone
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol

from proxy.clocks import Clocks
from proxy.workers.hired import CannotServe, Worker
from proxy.workers.restarting import Restarts

Hire = Callable[[int], Awaitable[Worker]]
"""Starts a worker as the process of that number, and waits until it serves. Raises CannotServe."""


class Watching(Protocol):
    """Who wants to know of workers that end."""

    def ended(self, worker: Worker) -> None:
        """A worker is gone, whatever the reason."""

    def lost(self, process: int, how: str, wait: float) -> None:
        """A worker is gone that nobody told to go; it is replaced after `wait` seconds."""

    def not_started(self, process: int, reason: str, wait: float) -> None:
        """A worker could not be replaced; it is tried again after `wait` seconds."""

    def restarted(self, process: int) -> None:
        """A worker that was lost is replaced."""

    def not_drained(self, process: int) -> None:
        """A worker did not end in time, and is killed."""


class Post:
    """One place, known by the number of its process."""

    def __init__(self, process: int, hire: Hire, watching: Watching, clocks: Clocks, restarts: Restarts) -> None:
        self.process = process
        self.worker: Worker | None = None  # who serves there now
        self._hire = hire
        self._watching = watching
        self._clocks = clocks
        self._restarts = restarts
        self._keeping: asyncio.Task[None] | None = None
        self._is_given_up = False

    async def fill(self) -> None:
        """Have it filled for the first time, and from then on keep it so. Raises CannotServe."""
        self.worker = await self._hire(self.process)
        self._keeping = asyncio.create_task(self._keep(self.worker))

    async def give_up(self, *, within: float, hands_over: bool) -> None:
        """Let the worker finish what is under way, as long as `within` seconds; nobody follows it here."""
        self._is_given_up = True
        worker = self.worker
        if worker is None or self._keeping is None:
            await self._stop_keeping()
            return
        await worker.drain(hands_over=hands_over)
        try:
            async with asyncio.timeout(within):
                await asyncio.shield(self._keeping)
        except TimeoutError:
            self._watching.not_drained(self.process)
            worker.kill()
            await self._keeping

    def kill(self) -> None:
        """End the worker at once."""
        self._is_given_up = True
        if self.worker is not None:
            self.worker.kill()

    async def _stop_keeping(self) -> None:
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    async def _keep(self, worker: Worker) -> None:
        while True:
            began = self._clocks.monotonic()
            how = await worker.ended()
            self.worker = None
            self._watching.ended(worker)
            if self._is_given_up:
                return
            wait = self._restarts.wait_after(self._clocks.monotonic() - began)
            self._watching.lost(self.process, how, wait)
            worker = await self._filled_again(wait)

    async def _filled_again(self, wait: float) -> Worker:
        while True:
            await self._clocks.sleep(wait)
            began = self._clocks.monotonic()
            try:
                self.worker = await self._hire(self.process)
            except CannotServe as error:
                wait = self._restarts.wait_after(self._clocks.monotonic() - began)
                self._watching.not_started(self.process, str(error), wait)
            else:
                self._watching.restarted(self.process)
                return self.worker
