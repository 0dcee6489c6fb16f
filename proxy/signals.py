"""Signals: what an operator tells a running Larder by them. SIGHUP: read the config again; SIGTERM, SIGINT: end."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

ENDING = (signal.SIGTERM, signal.SIGINT)


async def until_told(reload: Callable[[], Awaitable[object]]) -> None:
    """Reload on SIGHUP, return on SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    reloads: set[asyncio.Future[object]] = set()

    def begin() -> None:
        task = asyncio.ensure_future(reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, begin)
    for number in ENDING:
        loop.add_signal_handler(number, told.set)
    await told.wait()


def when_told_again(hurry: Callable[[], None]) -> None:
    """From now on, SIGTERM and SIGINT mean that it has to be at once."""
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, hurry)
