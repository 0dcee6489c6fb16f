"""Turns: so many jobs run at once, the others wait in line; how many, the config may say anew at any time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager


class Turns:
    """First come, first served."""

    def __init__(self, at_once: Callable[[], int]) -> None:
        self._at_once = at_once
        self._running = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(mine)
        self._next()
        try:
            await mine
            yield
        finally:
            if mine in self._line:
                self._line.remove(mine)
            else:
                self._running -= 1
            self._next()

    def _next(self) -> None:
        while self._line and self._running < self._at_once():
            turn = self._line.popleft()
            self._running += 1  # also where it was given up a moment ago: then it is given back in another
            if not turn.done():
                turn.set_result(None)
