"""Leases: who may fetch, for how long, and who is next."""

import asyncio
import os

import pytest

from proxy.sharing.leases import LEASE_TTL, Lease, LocalLeases, Refusal
from proxy.sharing.page import Page
from proxy.sharing.page_leases import PageLeases
from tests.passing_time import PassingTime

WHAT, OTHER = b"a digest of key ", b"another digest  "


class Machine:
    """Processes that map one page, in a time that passes when told."""

    def __init__(self):
        self.time = PassingTime()
        self.page = Page.create()
        self.processes = []

    def process(self):
        page = Page.attach(os.dup(self.page.fd), len(self.processes) + 1)
        leases = PageLeases(page, clock=self.time, sleep=self.time.sleep)
        self.processes.append((page, leases))
        return leases

    async def close(self):
        for page, leases in self.processes:
            await leases.close()
            page.close()
        self.page.close()


@pytest.fixture
async def machine():
    there = Machine()
    yield there
    await there.close()


@pytest.fixture
def one(machine):
    return machine.process()


@pytest.fixture
def two(machine):
    return machine.process()


async def test_a_process_alone_always_has_the_lease_and_never_waits():
    numbers = iter(range(1, 10))
    leases = LocalLeases(lambda: next(numbers))

    first, second = await leases.take(WHAT), await leases.take(WHAT)

    assert (first, second) == (Lease(WHAT, 1), Lease(WHAT, 2))
    assert await leases.wait(WHAT, 0) is True
    await leases.release(first, unshareable_for=60)
    assert await leases.take(WHAT) == Lease(WHAT, 3)
    await leases.close()


async def test_a_lease_is_renewed_as_long_as_it_is_held(machine, one, two):
    lease = await one.take(WHAT)
    await machine.time.advance(10 * LEASE_TTL)

    assert await two.take(WHAT) is Refusal.HELD
    await one.release(lease)
    assert isinstance(await two.take(WHAT), Lease)


async def test_a_holder_that_falls_silent_is_replaced_within_a_ttl(machine, one, two):
    await one.take(WHAT)
    await machine.time.advance(LEASE_TTL)
    await one.close()  # renews nothing any more
    wait = asyncio.create_task(two.wait(WHAT, 60))
    await machine.time.advance(LEASE_TTL + 0.1)

    assert wait.done()
    assert isinstance(await two.take(WHAT), Lease)


async def test_a_process_that_died_is_replaced_at_once_where_somebody_saw_it_die(machine, one, two):
    await one.take(WHAT)
    machine.page.forget_process(1)

    assert isinstance(await two.take(WHAT), Lease)


async def test_a_holder_that_was_replaced_neither_renews_nor_releases_what_is_anothers(machine, one, two):
    late = await one.take(WHAT)
    machine.page.forget_process(1)  # as if it had died; but it was only held up
    taken = await two.take(WHAT)
    await machine.time.advance(LEASE_TTL)
    await one.release(late)

    assert await one.take(WHAT) is Refusal.HELD
    await two.release(taken)
    assert isinstance(await one.take(WHAT), Lease)


async def test_those_of_the_same_process_need_not_wait_for_a_look(machine, one):
    lease = await one.take(WHAT)
    wait = asyncio.create_task(one.wait(WHAT, 60))
    await machine.time.advance(0)
    await one.release(lease)

    assert await wait is True


async def test_what_cannot_be_shared_is_nobodys_lease_for_a_while(machine, one, two):
    await one.release(await one.take(WHAT), unshareable_for=60)

    assert await two.take(WHAT) is Refusal.UNSHAREABLE
    assert isinstance(await two.take(OTHER), Lease)
    await machine.time.advance(60)
    assert isinstance(await two.take(WHAT), Lease)


async def test_nothing_runs_in_the_background_once_nothing_is_held(machine, one):
    await one.release(await one.take(WHAT))
    await machine.time.advance(LEASE_TTL)

    assert len(asyncio.all_tasks()) == 1


async def test_a_lease_taken_while_the_last_renewal_ends_is_renewed_too(machine, one, two):
    await one.release(await one.take(WHAT))
    await machine.time.advance(LEASE_TTL / 3 - 0.01)
    await one.take(OTHER)
    await machine.time.advance(5 * LEASE_TTL)

    assert await two.take(OTHER) is Refusal.HELD
