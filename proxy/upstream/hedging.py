"""Hedging: a second call beside the first, once that is slow; whichever answers first is taken, the other let go."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Reply

Try = Callable[[], Coroutine[Any, Any, Reply]]


async def hedged(
    first: Try,
    second: Try,
    after: float,
    *,
    may: Callable[[], bool],
    sleep: Callable[[float], Awaitable[None]],
    let_go: Callable[[Reply], Awaitable[None]],
) -> Reply:
    """The first good answer. `after` seconds without one, `second` begins if it `may`. Where both fail, the failure of
    the first. Raises UpstreamFailure.
    """
    tries = [asyncio.create_task(first())]
    try:
        if await _is_slow(tries[0], after, sleep) and may():
            tries.append(asyncio.create_task(second()))
        return await _first_good(tries)
    finally:
        await _end(tries, let_go)


async def _is_slow(task: asyncio.Task[Reply], after: float, sleep: Callable[[float], Awaitable[None]]) -> bool:
    timer = asyncio.ensure_future(sleep(after))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
    return not task.done()


async def _first_good(tries: list[asyncio.Task[Reply]]) -> Reply:
    pending = set(tries)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tries:
            if task in done and not isinstance(task.exception(), UpstreamFailure):
                tries.remove(task)  # taken: not to be let go
                return task.result()
    return tries[0].result()


async def _end(tries: list[asyncio.Task[Reply]], let_go: Callable[[Reply], Awaitable[None]]) -> None:
    """Nothing of those that were not taken stays under way."""
    for task in tries:
        task.cancel()
    for ended in await asyncio.gather(*tries, return_exceptions=True):
        if isinstance(ended, Reply):
            await let_go(ended)
