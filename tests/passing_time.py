"""Time that passes when told, for what sleeps in the background: who sleeps wakes in its turn, at its instant."""

import asyncio
from heapq import heappop, heappush
from itertools import count


class PassingTime:
    """Seconds, as a clock and as a sleep."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Until so much time has passed."""
        wakes: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self.now + seconds, next(self._order), wakes))
        await wakes

    async def advance(self, seconds: float) -> None:
        """Let so much time pass, and all that is due in it happen."""
        await turns()
        end = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, wakes = heappop(self._sleepers)
            if not wakes.done():
                wakes.set_result(None)
                await turns()
        self.now = end
        await turns()


async def turns(count: int = 8) -> None:
    """Let everything run that can."""
    for _ in range(count):
        await asyncio.sleep(0)
