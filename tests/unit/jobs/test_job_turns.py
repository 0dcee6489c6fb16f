"""Turns and room: how many jobs run, how many there may be."""

import asyncio

import pytest

from proxy.jobs.errors import JobsFull, TooManyJobs
from proxy.jobs.room import Room
from proxy.jobs.turns import Turns
from proxy.settings import JobsBlock


async def running(turns, count):
    """So many who want a turn; what lets each go on, and which of them have begun."""
    begun, ends = [], [asyncio.Event() for _ in range(count)]

    async def one(index):
        async with turns.taken():
            begun.append(index)
            await ends[index].wait()

    tasks = [asyncio.create_task(one(index)) for index in range(count)]
    await asyncio.sleep(0)
    return begun, ends, tasks


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_so_many_run_and_the_others_follow_in_their_order():
    begun, ends, tasks = await running(Turns(lambda: 2), 5)
    await settle()
    assert begun == [0, 1]

    ends[1].set()
    await settle()
    assert begun == [0, 1, 2]
    for end in ends:
        end.set()
    await asyncio.gather(*tasks)
    assert begun == [0, 1, 2, 3, 4]


async def test_who_leaves_the_line_or_its_turn_keeps_nobody_waiting():
    begun, ends, tasks = await running(Turns(lambda: 1), 4)
    await settle()
    tasks[1].cancel()
    tasks[0].cancel()
    await settle()
    assert begun == [0, 2]

    ends[2].set()
    ends[3].set()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert begun == [0, 2, 3]


async def test_who_leaves_just_when_its_turn_comes_gives_it_on():
    begun, ends, tasks = await running(Turns(lambda: 1), 3)
    await settle()
    ends[0].set()
    await asyncio.sleep(0)
    tasks[1].cancel()
    ends[2].set()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert begun[-1] == 2


async def test_how_many_may_change_while_they_wait():
    most = 1
    begun, ends, tasks = await running(Turns(lambda: most), 4)
    await settle()
    most = 3
    ends[0].set()
    await settle()
    assert begun == [0, 1, 2, 3]
    for end in ends:
        end.set()
    await asyncio.gather(*tasks)


def test_a_place_is_free_again_when_it_is_left():
    room, limits = Room(), JobsBlock(most=3, per_caller=2, max_bytes=100)
    first = room.take("a", 10, limits)
    room.take("a", 10, limits)
    with pytest.raises(TooManyJobs):
        room.take("a", 10, limits)
    with pytest.raises(JobsFull):
        room.take("b", 81, limits)
    room.take("b", 80, limits)
    with pytest.raises(JobsFull):
        room.take("c", 0, limits)

    room.leave(first)
    room.leave(first)
    assert room.take("a", 10, limits)
