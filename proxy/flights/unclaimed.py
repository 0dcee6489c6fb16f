"""Unclaimed: what nobody waits for any more is seen to its end, and its body is let go of."""

import asyncio

from proxy.answers import Answer
from proxy.errors import by_itself
from proxy.flights.flights import Flight, seen
from proxy.flights.landing import Landing
from proxy.lists.pages import NotWhole


async def let_go(task: asyncio.Future[Answer]) -> None:
    """Nobody waits for this answer any more."""
    await asyncio.wait([task])
    seen(task)
    stream = None if task.cancelled() or task.exception() is not None else task.result().stream
    if stream is not None:
        await stream.close()


async def unclaimed(flight: Flight[Landing]) -> None:
    """Nobody takes what this flight brings."""
    try:
        landing = await flight.landed()
    except NotWhole as apart:  # it is known by now, and the next who wants a page of it goes by that
        by_itself(apart)
        return
    await landing.unclaimed()
