"""Slots: at most so many calls in the air, to the upstream and for one credential; few wait, the rest are refused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from policies import ConcurrencyPolicy


class QueueFull(Exception):
    """Too many calls wait already."""


class Slots:
    """The places for calls to one upstream."""

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
        if shared:
            async with self._slot(self._all):
                yield
            return
        semaphore, users = self._of_credential.get(credential, (asyncio.Semaphore(self.policy.credential), 0))
        self._of_credential[credential] = (semaphore, users + 1)
        try:
            async with self._waiting_for(semaphore), self._slot(self._all):
                yield
        finally:
            semaphore, users = self._of_credential.pop(credential)
            if users > 1:
                self._of_credential[credential] = (semaphore, users - 1)

    @asynccontextmanager
    async def _slot(self, semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
        async with self._waiting_for(semaphore):
            self.in_flight += 1
            try:
                yield
            finally:
                self.in_flight -= 1

    @asynccontextmanager
    async def _waiting_for(self, semaphore: asyncio.Semaphore) -> AsyncIterator[None]:
        if semaphore.locked():
            if self.waiting >= self.policy.queue:
                raise QueueFull
            self.waiting += 1
            try:
                await semaphore.acquire()
            finally:
                self.waiting -= 1
        else:
            await semaphore.acquire()
        try:
            yield
        finally:
            semaphore.release()
