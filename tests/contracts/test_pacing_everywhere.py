"""Pacing over machines that share a real Redis: always together, whether or not circuits are."""

import asyncio
import time
from contextlib import AsyncExitStack

import pytest

from policies import BreakerPolicy, Demand, PacingPolicy
from policies.pacing import Paced
from proxy.sharing.guard_reports import GuardReports
from proxy.sharing.page import Page
from proxy.store._redis_client import RedisServers
from proxy.store.redis_reports import EVERYTHING, PACING, TIMEOUT, RedisReports
from tests.redis_server import redis_server

POLICY = PacingPolicy(rate=0.01, burst=4, low=200, reserve=100, refill=10, charge=50)


class Machine:
    """One process, whose monotonic clock is its own."""

    def __init__(self, url, number, kinds):
        self.ahead = number * 10_000.0
        page = Page.anonymous()
        self.servers = RedisServers(url, timeout=TIMEOUT)
        guards = GuardReports(page, clock=self.clock)
        self.pacer = guards.pacer("there", "http://there", POLICY)
        self.breaker = guards.breaker("there", "http://there", BreakerPolicy())
        self.bridge = RedisReports(
            self.servers, "pacing", f"machine{number}", page.reports, clock=self.clock, kinds=kinds
        )

    def clock(self):
        return time.monotonic() + self.ahead

    async def close(self):
        await self.bridge.stop()
        await self.servers.close()


@pytest.fixture
async def machines():
    async with redis_server() as server, AsyncExitStack() as stack:
        started = []

        def start(kinds=PACING):
            machine = Machine(server.socket_url, len(started) + 1, kinds)
            stack.push_async_callback(machine.close)
            machine.bridge.start()
            started.append(machine)
            return machine

        yield start


async def until(condition):
    """A condition becomes true, within what no test should need."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_calls_of_one_machine_are_taken_from_the_rate_of_all(machines):
    one, two = machines(), machines()
    for _ in range(4):
        assert one.pacer.take("me", Demand()) == 0

    await until(lambda: two.pacer.paused == 0 and two.pacer._accounts)
    with pytest.raises(Paced) as paced:
        two.pacer.take("me", Demand(deadline=two.clock()))
    assert 95 < paced.value.retry_after <= 101, "instants are translated from clock to clock"


async def test_what_one_machine_hears_of_a_quota_or_a_pause_all_go_by(machines):
    one, two = machines(), machines()
    one.pacer.told("me", 120, None)
    await until(lambda: two.pacer.left("me") is not None)
    assert 120 <= two.pacer.left("me") < 200

    one.pacer.throttled("me", 60)
    await until(lambda: two.pacer.paused == 1)
    assert 50 < two.pacer.rest("me") <= 60.1


async def test_where_only_pacing_is_shared_circuits_are_not_told_and_not_heard(machines):
    one, two, shares_all = machines(), machines(), machines(EVERYTHING)
    await until(lambda: all(each.bridge._heard is not None for each in (one, two, shares_all)))
    for each in (one, shares_all):
        each.breaker.failed(each.breaker.check())
        each.pacer.throttled("me", 60)
    await until(lambda: two.pacer.paused == 1)
    two.pacer.throttled("you", 60)
    await until(lambda: all(each.pacer.paused == 2 for each in (one, shares_all)))

    assert [each.breaker.counts[:2] for each in (one, two, shares_all)] == [(1, 1), (0, 0), (1, 1)]
    assert [each.bridge.unreadable for each in (one, two, shares_all)] == [0, 0, 0]
