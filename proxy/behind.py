"""Behind: work that goes on while nobody waits for it, and that an orderly end waits for."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Behind:
    """Tasks, each until it is done: the event loop itself holds none of them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this, from the next turn of the loop on."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def begun(self) -> None:
        """Wait for what was begun by now."""
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    async def drain(self) -> None:
        """Wait until nothing is under way, with what is begun meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)
