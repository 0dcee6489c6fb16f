"""Breathing: others have their turn within long work, and short work makes no pause."""

import asyncio

import pytest

from proxy.breathing import breathing


@pytest.mark.parametrize(("count", "pauses"), [(0, 0), (1, 0), (10, 0), (11, 1), (35, 3)])
async def test_after_so_many_everybody_else_has_a_turn(count, pauses):
    turns = 0

    async def others():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    other = asyncio.create_task(others())
    await asyncio.sleep(0)
    went = [thing async for thing in breathing(range(count), at_once=10)]
    other.cancel()

    assert (went, turns) == (list(range(count)), pauses)
