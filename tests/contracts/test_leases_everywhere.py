"""Leases over the page and over a real Redis: one contract, whoever shares them; and what they are without Redis.

Time is real here, since Redis has a clock of its own; so leases are short.
"""

import asyncio
import os
import tempfile
import time
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import pytest

from proxy.sharing.leases import Lease, Refusal
from proxy.sharing.page import Page
from proxy.sharing.page_leases import PageLeases
from proxy.store._redis_client import RedisServers
from proxy.store.redis_leases import COOLDOWN, TIMEOUT, RedisLeases
from tests.passing_time import turns
from tests.redis_server import RedisServer

WHAT, OTHER = b"a digest of key ", b"another digest  "
TTL = 0.6  # seconds
PATIENCE = 5.0  # seconds: a machine may have a lot else to do
_prefixes = (f"leases{number}" for number in count())


@pytest.fixture(scope="module")
def server():
    with tempfile.TemporaryDirectory(prefix="larder-redis-") as directory:
        server = RedisServer(Path(directory))
        asyncio.run(server.start())
        yield server
        asyncio.run(server.kill())


async def never(_):
    await asyncio.Event().wait()


class OnPage:
    """Processes of one machine."""

    def __init__(self):
        self.page, self.number, self.stack = Page.create(), count(1), AsyncExitStack()
        self.stack.callback(self.page.close)

    def process(self, **options):
        page = Page.attach(os.dup(self.page.fd), next(self.number))
        self.stack.callback(page.close)
        leases = PageLeases(page, **{"ttl": TTL, **options})
        self.stack.push_async_callback(leases.close)
        return leases


class OnRedis:
    """Machines that share one Redis."""

    def __init__(self, url):
        self.url, self.prefix, self.stack = url, next(_prefixes), AsyncExitStack()
        self.errors, self.late = [], 0.0

    def clock(self):
        return time.monotonic() + self.late

    def process(self, page=None, timeout=PATIENCE, **options):
        servers = RedisServers(self.url, timeout=timeout)
        self.stack.push_async_callback(servers.close)
        options = {"ttl": TTL, "clock": self.clock, "on_error": lambda *error: self.errors.append(error), **options}
        leases = RedisLeases(servers, self.prefix, page or Page.anonymous(), **options)
        self.stack.push_async_callback(leases.close)
        return leases


@pytest.fixture(params=["page", "redis"])
async def shared(request, server):
    there = OnPage() if request.param == "page" else OnRedis(server.socket_url)
    async with there.stack:
        yield there


@pytest.fixture
async def machines(server):
    there = OnRedis(server.socket_url)
    async with there.stack:
        yield there


async def test_of_all_who_ask_one_has_the_lease(shared):
    processes = [shared.process() for _ in range(4)]

    taken = await asyncio.gather(*(leases.take(WHAT) for leases in processes * 25))

    assert sum(isinstance(one, Lease) for one in taken) == 1
    assert taken.count(Refusal.HELD) == 99
    assert isinstance(await processes[3].take(OTHER), Lease)


async def test_a_lease_that_is_given_back_is_the_next_ones(shared):
    one, two = shared.process(), shared.process()
    first = await one.take(WHAT)
    waits = [asyncio.create_task(two.wait(WHAT, 5)) for _ in range(3)]
    await turns()
    await one.release(first)

    assert await asyncio.gather(*waits) == [True] * 3
    second = await two.take(WHAT)
    assert second.token > first.token
    assert await one.take(WHAT) is Refusal.HELD


async def test_tokens_only_rise_whoever_takes(shared):
    processes = [shared.process() for _ in range(3)]
    tokens = []
    for turn in range(30):
        lease = await processes[turn % 3].take(WHAT)
        tokens.append(lease.token)
        await processes[turn % 3].release(lease, unshareable_for=0)

    assert tokens == sorted(set(tokens))
    assert tokens[-1] < 2**53


async def test_a_lease_lasts_as_long_as_its_holder(shared):
    one, two = shared.process(), shared.process()
    await one.take(WHAT)

    assert await two.wait(WHAT, 2 * TTL) is False
    assert await two.take(WHAT) is Refusal.HELD


async def test_a_holder_that_died_is_replaced_within_a_ttl(shared):
    one, two = shared.process(), shared.process()
    first = await one.take(WHAT)
    await one.close()
    died = time.monotonic()

    assert await two.wait(WHAT, 5)
    assert time.monotonic() - died < TTL + PATIENCE / 2
    second = await two.take(WHAT)
    assert second.token > first.token


async def test_a_holder_that_was_held_up_does_not_release_its_successors_lease(shared):
    held_up, two, three = shared.process(sleep=never), shared.process(), shared.process()
    late = await held_up.take(WHAT)
    assert await two.wait(WHAT, 5)
    taken = await two.take(WHAT)
    await held_up.release(late, unshareable_for=60)

    assert await three.take(WHAT) is Refusal.HELD
    await two.release(taken)
    assert isinstance(await three.take(WHAT), Lease)


async def test_releasing_twice_releases_once(shared):
    one, two = shared.process(), shared.process()
    lease = await one.take(WHAT)
    await one.release(lease)
    await two.take(WHAT)
    await one.release(lease)

    assert await one.take(WHAT) is Refusal.HELD


async def test_nobody_waits_for_what_cannot_be_shared_for_as_long_as_was_said(shared):
    one, two = shared.process(), shared.process()
    await one.release(await one.take(WHAT), unshareable_for=0.2)

    assert await two.take(WHAT) is Refusal.UNSHAREABLE
    assert await two.wait(WHAT, 5) is True
    async with asyncio.timeout(5):
        while await two.take(WHAT) is Refusal.UNSHAREABLE:
            await asyncio.sleep(0.02)
    assert await one.take(WHAT) is Refusal.HELD


async def test_a_taker_who_leaves_keeps_nobody_waiting_beyond_a_ttl(shared):
    one, two = shared.process(), shared.process()
    for patience in range(8):
        task = asyncio.create_task(one.take(WHAT))
        await turns(patience)
        task.cancel()
        taken = (await asyncio.gather(task, return_exceptions=True))[0]
        if isinstance(taken, Lease):
            await one.release(taken)

    assert await two.wait(WHAT, 5)
    assert isinstance(await two.take(WHAT), Lease)


async def test_every_key_ends_by_itself(machines, server):
    one = machines.process()
    await one.take(WHAT)
    await one.release(await one.take(OTHER), unshareable_for=60)
    await one.release(await one.take(b"a third digest  "))

    async with server.client() as client:
        keys = await client.keys(f"{machines.prefix}*")
        lives = [await client.pttl(key) for key in keys]
        states = {(await client.get(key))[:2] for key in keys}
    assert states == {b"l:", b"u:", b"r:"}
    assert all(0 < milliseconds <= 60_000 for milliseconds in lives)


async def test_what_a_machine_fetches_on_its_own_later_counts_as_later(machines):
    page = Page.anonymous()
    one, two = machines.process(), machines.process(page)
    await one.release(await one.take(WHAT))
    lease = await two.take(WHAT)

    assert page.fences.next_sequence() > lease.token


async def test_a_token_is_higher_than_all_that_its_machine_has_seen(machines):
    page = Page.anonymous()
    page.fences.raise_to(0, 2**52)  # a clock that was ahead

    lease = await machines.process(page).take(WHAT)

    assert lease.token == 2**52 + 1
    assert isinstance(await machines.process().take(OTHER), Lease)


async def test_a_silent_redis_costs_one_taker_its_timeout_and_the_others_nothing(machines, server):
    page = Page.anonymous()
    one, two = (machines.process(page, timeout=TIMEOUT) for _ in range(2))
    server.pause()
    try:
        began = time.monotonic()
        lease = await one.take(WHAT)
        assert isinstance(lease, Lease)
        assert time.monotonic() - began < TIMEOUT + PATIENCE / 2
        assert await one.take(WHAT) is Refusal.HELD  # of this machine's own leases
        assert isinstance(await one.take(OTHER), Lease)
        assert one.lost == 1  # Redis was asked once, so its timeout was waited for once
    finally:
        server.resume()
    await one.release(lease)
    assert (one.lost, len(machines.errors)) == (1, 1)
    assert "in time" in str(machines.errors[0][1])
    assert page.leases.is_free(WHAT, time.monotonic())

    machines.late += COOLDOWN
    assert await one.wait(WHAT, 5)  # what Redis was asked, it may have carried out when it woke: for a ttl
    assert isinstance(await one.take(WHAT), Lease)
    assert await two.take(WHAT) is Refusal.HELD
    assert one.lost == 1


async def test_who_waits_while_redis_dies_goes_on_by_its_own_machine(machines, server):
    one, two = machines.process(ttl=60), machines.process(ttl=60)
    lease = await one.take(WHAT)
    wait = asyncio.create_task(two.wait(WHAT, 30))
    await turns()
    await server.kill()
    try:
        assert await asyncio.wait_for(wait, 5) is True
        assert isinstance(await two.take(WHAT), Lease)
        assert await two.take(WHAT) is Refusal.HELD
        assert await two.wait(WHAT, 0.02) is False
        await one.release(lease)
    finally:
        await server.restart()
    assert [operation for operation, _ in machines.errors] == ["lease", "lease"]  # each said so once


async def test_a_redis_that_forgot_everything_costs_nothing_but_the_leases(machines, server):
    one, two = machines.process(), machines.process()
    lost = await one.take(WHAT)
    await server.flush()

    taken = await two.take(WHAT)
    assert taken.token > lost.token
    await one.release(lost)
    assert await one.take(WHAT) is Refusal.HELD
    assert one.lost == two.lost == 0


async def test_a_full_redis_gives_no_leases_and_fails_nobody(machines, server):
    one = machines.process()
    await server.fill()
    try:
        lease = await one.take(WHAT)
        assert isinstance(lease, Lease)
        await one.release(lease)
    finally:
        await server.make_room()
    assert "full" in str(machines.errors[0][1])


async def test_keys_of_another_program_are_left_as_they_are(machines, server):
    one = machines.process()
    names = [f"{machines.prefix}:f:{what.hex()}" for what in (WHAT, OTHER)]
    async with server.client() as client:
        await client.set(names[0], "somebody's")
        await client.lpush(names[1], "somebody's")

        assert await one.take(WHAT) is Refusal.HELD
        assert isinstance(await one.take(OTHER), Lease)

        assert await client.get(names[0]) == b"somebody's"
        assert await client.lrange(names[1], 0, -1) == [b"somebody's"]
        await client.delete(*names)
