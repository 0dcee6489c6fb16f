"""Breathing: long work over many things lets others in now and then; a hit elsewhere does not wait for all of it."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = 100  # things: about ten milliseconds of what is done with each


async def breathing(things: Iterable[T], at_once: int = AT_ONCE) -> AsyncIterator[T]:
    """Each of these, with a turn for everybody else after so many; fewer are gone through without a pause."""
    for count, thing in enumerate(things):
        if count and count % at_once == 0:
            await asyncio.sleep(0)
        yield thing
