"""Patience: how long somebody waits for something."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class TimeIsUp(Exception):
    """It took longer than whoever waited had time."""


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """What comes of some work, waited for so many seconds; None: however long it takes, without a timer.

    Raises TimeIsUp, which is none of the TimeoutErrors that the work itself may raise.
    """
    if seconds is None:
        return await work
    try:
        async with asyncio.timeout(seconds) as timer:
            return await work
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise TimeIsUp from error
