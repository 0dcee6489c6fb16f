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
        decisive = await _decisive(tries)
    except BaseException:
        await _end(tries, let_go)
        raise
    tries.remove(decisive)
    try:
        await _end(tries, let_go)
    except BaseException:
        await _end([decisive], let_go)  # its caller is gone, so nobody else would close what it brought
        raise
    return decisive.result()


async def _is_slow(task: asyncio.Task[Reply], after: float, sleep: Callable[[float], Awaitable[None]]) -> bool:
    timer = asyncio.ensure_future(sleep(after))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        timer.cancel()
    return not task.done()


async def _decisive(tries: list[asyncio.Task[Reply]]) -> asyncio.Task[Reply]:
    """The first that brought anything but the upstream's failure; where all failed, the first of them."""
    pending = set(tries)
    while pending:
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in tries:
            if task in done and not isinstance(task.exception(), UpstreamFailure):
                return task
    return tries[0]


async def _end(tries: list[asyncio.Task[Reply]], let_go: Callable[[Reply], Awaitable[None]]) -> None:
    """None of them stays under way. Who is cancelled meanwhile sees to that first."""
    if not tries:
        return
    ending = asyncio.ensure_future(_ended(tries, let_go))
    cancelled: asyncio.CancelledError | None = None
    while not ending.done():
        try:
            await asyncio.wait({ending})
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled from ending.exception()
    ending.result()


async def _ended(tries: list[asyncio.Task[Reply]], let_go: Callable[[Reply], Awaitable[None]]) -> None:
    for task in tries:
        task.cancel()
    for ended in await asyncio.gather(*tries, return_exceptions=True):
        if isinstance(ended, Reply):
            await let_go(ended)
