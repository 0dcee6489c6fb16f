"""Guards over machines that share a real Redis: each hears what befell the others' calls, while Redis is there."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from itertools import count

import msgspec
import pytest

from policies import BreakerPolicy, Circuit
from proxy.sharing.guard_reports import GuardReports
from proxy.sharing.page import Page
from proxy.store._redis_client import RedisServers
from proxy.store.redis_reports import TIMEOUT, RedisReports
from tests.redis_server import redis_server

POLICY = BreakerPolicy(minimum_calls=4, cooldown=10)


class Machine:
    """One process, whose monotonic clock is its own."""

    def __init__(self, url, prefix, number, policy):
        self.ahead = number * 10_000.0
        self.page = Page.anonymous()
        self.errors = []
        self.servers = RedisServers(url, timeout=TIMEOUT)
        self.guards = GuardReports(self.page, clock=self.clock)
        self.breaker = self.guards.breaker("there", "http://there", policy)
        self.bridge = RedisReports(
            self.servers,
            prefix,
            f"machine{number}",
            self.page.reports,
            clock=self.clock,
            on_error=lambda *error: self.errors.append(error),
        )

    def clock(self):
        return time.monotonic() + self.ahead

    def fail(self, calls=1):
        for _ in range(calls):
            self.breaker.failed(self.breaker.check())

    async def close(self):
        await self.bridge.stop()
        await self.servers.close()


class Machines:
    """Any number of them."""

    def __init__(self, url):
        self.url, self.numbers, self.stack = url, count(1), AsyncExitStack()

    def start(self, policy=POLICY):
        machine = Machine(self.url, "guards", next(self.numbers), policy)
        self.stack.push_async_callback(machine.close)
        machine.bridge.start()
        return machine


@pytest.fixture
async def server():
    async with redis_server() as server:
        yield server


@pytest.fixture
async def machines(server):
    there = Machines(server.socket_url)
    async with there.stack:
        yield there


async def until(condition):
    """A condition becomes true, within what no test should need."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_failures_on_several_machines_open_the_circuit_of_all(machines, server):
    one, two, three = (machines.start() for _ in range(3))
    one.fail(2)
    two.fail(2)

    await until(lambda: all(one.breaker.state is Circuit.OPEN for one in (one, two, three)))

    rests = [machine.breaker.rest for machine in (one, two, three)]
    assert max(rests) - min(rests) < 1, "instants are translated from clock to clock"
    await until(lambda: all(machine.bridge._sent == machine.page.reports.position for machine in (one, two, three)))
    async with server.client() as client:
        batches = [fields[b"reports"] for _, fields in await client.xrange("{guards}:guards")]
    assert sum(len(msgspec.msgpack.decode(batch)) for batch in batches) == 4, "what was heard is not told again"
    assert [machine.errors for machine in (one, two, three)] == [[]] * 3


async def test_one_machines_probe_closes_the_circuit_of_all(machines):
    one, two = (machines.start(BreakerPolicy(minimum_calls=4, cooldown=0.3)) for _ in range(2))
    one.fail(4)
    await until(lambda: two.breaker.state is Circuit.OPEN)
    await until(lambda: one.breaker.state is Circuit.HALF_OPEN)
    one.breaker.succeeded(one.breaker.check())

    await until(lambda: two.breaker.state is Circuit.CLOSED)


async def test_a_refresh_that_failed_on_one_machine_waits_on_all(machines):
    one, two = machines.start(), machines.start()
    one.guards.failures.failed(b"key", 60.0, disconnected=True)

    await until(lambda: not two.guards.failures.is_due(b"key"))
    assert two.guards.failures.is_disconnected(b"key")


async def test_a_machine_that_comes_later_hears_of_the_last_minute(machines):
    one = machines.start()
    one.fail(4)
    await until(lambda: one.bridge._sent == one.page.reports.position)

    late = machines.start()

    await until(lambda: late.breaker.state is Circuit.OPEN)


async def test_without_redis_each_machine_goes_by_its_own_and_says_so_once(machines, server):
    one, two = machines.start(), machines.start()
    one.fail()
    await until(lambda: two.breaker.counts == (1, 1, 0))
    await server.kill()
    await until(lambda: one.bridge.last_error and two.bridge.last_error)
    one.fail(3)
    assert one.breaker.state is Circuit.OPEN
    assert two.breaker.state is Circuit.CLOSED

    await server.restart()
    await until(lambda: two.breaker.state is Circuit.OPEN)  # what happened meanwhile is still news
    await until(lambda: one.bridge.last_error is two.bridge.last_error is None)
    assert [[operation for operation, _ in machine.errors] for machine in (one, two)] == [["guards"]] * 2


async def test_the_stream_is_bounded_and_ends_by_itself_and_holds_digests_only(machines, server):
    one, two = machines.start(), machines.start()
    one.fail()
    one.guards.failures.failed("/courses/canary")
    await until(lambda: two.breaker.counts == (1, 1, 0))

    async with server.client() as client:
        assert await client.keys("*") == [b"{guards}:guards"]
        assert 0 < await client.pttl("{guards}:guards") <= 120_000
        written = repr(await client.xrange("{guards}:guards"))
    assert "there" not in written
    assert "canary" not in written


GARBAGE = [
    {"from": "other", "reports": b"\xc1 no msgpack"},
    {"from": "other"},
    {"no": "fields"},
    {"from": "other", "reports": msgspec.msgpack.encode([(b"short", bytes(16), 2, 0.0, 0.0)])},
    {"from": "other", "reports": msgspec.msgpack.encode([(bytes(16), bytes(16), 77, 0.0, 0.0)])},
    {"from": "other", "reports": msgspec.msgpack.encode([(bytes(16), bytes(16), 2, float("nan"), float("inf"))])},
    {"from": "other", "reports": msgspec.msgpack.encode([(bytes(16), bytes(16), 2**60, "no", None)])},
]


async def test_what_larder_cannot_have_written_is_counted_and_passed_over(machines, server):
    one, two = machines.start(), machines.start()
    async with server.client() as client:
        for fields in GARBAGE:
            await client.xadd("{guards}:guards", fields)
    one.fail()

    await until(lambda: two.breaker.counts == (1, 1, 0))
    assert two.bridge.unreadable == len(GARBAGE)
    assert two.errors == []


async def test_a_key_of_another_program_is_left_as_it_is(machines, server):
    async with server.client() as client:
        await client.set("{guards}:guards", "somebody's")
        one = machines.start()
        one.fail()
        await until(lambda: one.bridge.last_error)

        assert await client.get("{guards}:guards") == b"somebody's"
    assert len(one.errors) == 1


class Deaf:
    """Servers that miss who cancels them, as redis-py's cluster client may on Python 3.11."""

    async def run(self, *_):
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.01)
        return b"1790000000", b"0"

    async def call(self, *_):
        await self.run()
        return []


async def test_it_ends_when_told_also_where_a_cancellation_is_lost():
    bridge = RedisReports(Deaf(), "guards", "machine", Page.anonymous().reports)
    bridge.start()
    await until(lambda: bridge._heard is not None)

    async with asyncio.timeout(5):
        await bridge.stop()
