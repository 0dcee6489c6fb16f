"""Leases and guard reports on a real cluster, where each key may lie on another server. One cluster for all of them."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from policies import Circuit
from proxy.sharing.leases import Lease
from tests.contracts.test_guards_everywhere import Machines, until
from tests.contracts.test_leases_everywhere import TTL, OnRedis
from tests.redis_cluster import redis_cluster


@pytest.fixture(scope="module")
def cluster():
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        yield runner.run(stack.enter_async_context(redis_cluster()))
        runner.run(stack.aclose())


async def test_each_lease_lies_where_its_key_does(cluster):
    there = OnRedis(cluster.url)
    async with there.stack:
        one, two = there.process(), there.process()
        whats = [bytes([number]) * 16 for number in range(20)]
        taken = [await one.take(what) for what in whats]
        assert all(isinstance(lease, Lease) for lease in taken)
        assert await asyncio.gather(*(two.wait(what, 1.5 * TTL) for what in whats)) == [False] * 20

        waits = [asyncio.create_task(two.wait(what, 5)) for what in whats]
        await asyncio.gather(*(one.release(lease) for lease in taken))
        assert await asyncio.gather(*waits) == [True] * 20
        assert all([isinstance(await two.take(what), Lease) for what in whats])
        assert (one.lost, two.lost) == (0, 0)


async def test_guards_hear_of_each_other(cluster):
    there = Machines(cluster.url)
    async with there.stack:
        one, two = there.start(), there.start()
        one.fail(4)
        await until(lambda: two.breaker.state is Circuit.OPEN)
        assert one.errors == two.errors == []
