"""Slots: at most so many calls in the air, to the upstream and for one credential; few wait, the rest are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from policies import ConcurrencyPolicy


class QueueFull(Exception):
    """Too many calls wait already."""


class AnySlots(Protocol):
    """The places for calls to one upstream, whether one process has them all or several share them."""

    policy: ConcurrencyPolicy
    waiting: int  # calls of this process
    in_flight: int

    def taken(self, credential: str, *, shared: bool) -> AbstractAsyncContextManager[None]:
        """Hold a slot. `shared` credentials, which Larder holds, only count against the whole. Raises QueueFull."""


class Slots:
    """The places for calls to one upstream, all of them this process's."""

    def __init__(self, policy: ConcurrencyPolicy) -> None:
        self.policy = policy
        self._all = asyncio.Semaphore(policy.upstream)
        self._of_credential: dict[str, tuple[asyncio.Semaphore, int]] = {}
        self.waiting = 0
        self.in_flight = 0

    def __repr__(self) -> str:
        return f"<Slots {self.in_flight} in flight, {self.waiting} waiting>"

    @asynccontextmanager
    async def taken(self, credential: str, *, shared: bool) -> AsyncIterator[None]:
        """Hold a slot. `shared` credentials, which Larder holds, only count against the whole. Raises QueueFull."""
        own = None if shared else self._join(credential)
        try:
            if own is not None:
                await self._acquire(own)
            try:
                await self._acquire(self._all)
            except BaseException:
                if own is not None:
                    own.release()
                raise
        except BaseException:
            if own is not None:
                self._leave(credential)
            raise
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._all.release()
            if own is not None:
                own.release()
                self._leave(credential)

    async def _acquire(self, semaphore: asyncio.Semaphore) -> None:
        if not semaphore.locked():
            await semaphore.acquire()
            return
        if self.waiting >= self.policy.queue:
            raise QueueFull
        self.waiting += 1
        try:
            await semaphore.acquire()
        finally:
            self.waiting -= 1

    def _join(self, credential: str) -> asyncio.Semaphore:
        """The slots of a credential, kept as long as somebody wants one."""
        semaphore, users = self._of_credential.get(credential) or (asyncio.Semaphore(self.policy.credential), 0)
        self._of_credential[credential] = (semaphore, users + 1)
        return semaphore

    def _leave(self, credential: str) -> None:
        semaphore, users = self._of_credential.pop(credential)
        if users > 1:
            self._of_credential[credential] = (semaphore, users - 1)
