"""Slots: so many calls at a time, to the whole upstream and for one credential; few wait, the rest hear no."""

import asyncio

import pytest

from policies import ConcurrencyPolicy
from proxy.upstream.slots import QueueFull, Slots


class Calls:
    """Calls that hold their slot until told."""

    def __init__(self, slots):
        self.slots = slots
        self.running, self.most = 0, 0
        self.gate = asyncio.Event()
        self.tasks = []

    async def hold(self, credential, *, shared):
        async with self.slots.taken(credential, shared=shared):
            self.running += 1
            self.most = max(self.most, self.running)
            await self.gate.wait()
            self.running -= 1

    async def start(self, count, credential="a", *, shared=False):
        self.tasks += [asyncio.create_task(self.hold(credential, shared=shared)) for _ in range(count)]
        for _ in range(4):
            await asyncio.sleep(0)

    async def end(self):
        self.gate.set()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_no_more_calls_than_the_upstream_takes_are_in_the_air():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=3, credential=10, queue=10)))
    await calls.start(8)

    assert (calls.running, calls.slots.in_flight, calls.slots.waiting) == (3, 3, 5)
    assert await calls.end() == [None] * 8
    assert calls.most == 3
    assert (calls.slots.in_flight, calls.slots.waiting) == (0, 0)


async def test_one_credential_does_not_take_the_places_of_others():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=10, credential=2, queue=10)))
    await calls.start(5, "greedy")
    await calls.start(1, "modest")

    assert calls.running == 3
    assert await calls.end() == [None] * 6


async def test_a_credential_that_larder_holds_counts_against_the_whole_only():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=4, credential=1, queue=10)))
    await calls.start(4, "held", shared=True)

    assert calls.running == 4
    assert await calls.end() == [None] * 4


@pytest.mark.parametrize("queue", [0, 1, 5])
@pytest.mark.parametrize("policy", [{"upstream": 2, "credential": 50}, {"upstream": 50, "credential": 2}])
async def test_only_so_many_wait_and_the_rest_are_refused_at_once(queue, policy):
    calls = Calls(Slots(ConcurrencyPolicy(**policy, queue=queue)))
    await calls.start(10)

    assert calls.slots.waiting == queue
    refused = [task for task in calls.tasks if task.done()]
    assert len(refused) == 10 - 2 - queue
    results = await calls.end()
    assert sum(isinstance(result, QueueFull) for result in results) == 8 - queue
    assert calls.slots.waiting == calls.slots.in_flight == 0


async def test_one_who_stops_waiting_leaves_no_trace():
    calls = Calls(Slots(ConcurrencyPolicy(upstream=1, queue=1)))
    await calls.start(2)
    calls.tasks[1].cancel()
    await asyncio.gather(calls.tasks[1], return_exceptions=True)
    assert calls.slots.waiting == 0

    await calls.start(1)
    results = await calls.end()

    assert [result is None for result in results] == [True, False, True]


async def test_a_place_is_free_again_when_its_call_failed():
    slots = Slots(ConcurrencyPolicy(upstream=1, queue=0))
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with slots.taken("a", shared=False):
                raise ZeroDivisionError

    assert repr(slots) == "<Slots 0 in flight, 0 waiting>"
