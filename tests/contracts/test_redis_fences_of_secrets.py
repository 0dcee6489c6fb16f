"""Purges of machines are told by digests under the store's secret: who has another one can tell nothing of them, and
says so.
"""

import os
from contextlib import AsyncExitStack, asynccontextmanager
from time import time

import pytest

from proxy.clocks import Clocks
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of
from proxy.kept.redis_tier import RedisTier
from proxy.sharing.page import Page
from proxy.sharing.share import Share
from proxy.store.contract import StoreError
from proxy.store.fences import Fences, Mode, Validity
from proxy.store.purges import keyed_tag_digest, known_by, tag_digest
from tests.contracts.fence_machines import TAG, Machine, Told, eventually

ONE, TWO = keyed_tag_digest(b"one secret of this test"), keyed_tag_digest(b"another secret of this test")


def machine_of(connect, digest, **terms):
    return Machine(connect, fences=Fences(time, digest=digest), secret=known_by(digest), **terms)


async def over(*machines):
    for machine in machines:
        await machine.stop_short()
        for client in machine.clients:
            await client.aclose()


async def test_the_stream_holds_no_digest_that_somebody_could_guess(connect):
    one, two = machine_of(connect, ONE), machine_of(connect, ONE)
    await one.start()
    await two.start()

    await one.purge(TAG, mode=Mode.HARD)

    assert two.validity(0) is Validity.HARD
    async with connect() as client:
        [(_, fields)] = await client.xrange("{test}:purges")
    told = dict(zip(fields[::2], fields[1::2], strict=True)) if isinstance(fields, list) else fields
    assert told[b"tag"] == ONE(TAG) != tag_digest(TAG)
    await over(one, two)


async def test_who_comes_with_another_secret_takes_over_and_nothing_from_before_counts(connect):
    one, two = machine_of(connect, ONE), machine_of(connect, TWO)
    await one.start()
    before = one.fences.number

    await two.start()
    await eventually(lambda: not one.is_coherent and "store.secret" in (one.follower.last_error or ""))

    assert two.validity(before) is Validity.HARD
    assert not (await one.purge(TAG)).recorded
    assert (await two.purge(TAG)).recorded
    await over(one, two)


async def test_who_was_refused_joins_again_when_none_of_the_others_lives(connect):
    one, two = machine_of(connect, ONE), machine_of(connect, TWO)
    await one.start()
    await two.start()
    await eventually(lambda: not one.is_coherent)

    await two.stop_short()
    await two.follower.close()
    await eventually(lambda: one.is_coherent)

    assert one.validity(two.fences.number) is Validity.HARD
    assert (await one.purge(TAG)).recorded
    await over(one, two)


async def test_the_numbers_of_an_older_format_tell_nothing_either(connect):
    async with connect() as client:
        await client.hset("{test}:fence", mapping={"format": 1, "number": 4096, "epoch": 4096, "soft": 0, "hard": 0,
                                                   "run": "x", "since": 0})  # fmt: skip
    one = machine_of(connect, ONE)

    await one.start()

    assert one.validity(4096) is Validity.HARD
    assert one.fences.number > 4096
    await over(one)


async def test_who_only_carries_a_store_over_takes_nothing_over(connect):
    one, two = machine_of(connect, ONE), machine_of(connect, TWO, takes_over=False)
    await one.start()

    with pytest.raises(StoreError, match="another store"):
        await two.ledger.open()

    assert (await one.purge(TAG)).recorded
    await over(one, two)


# -- of several processes


class Observer(Told):
    """Of a tier: keeps what could not be done."""

    def __init__(self):
        super().__init__()
        self.errors = []

    def store_failed(self, operation, error):
        self.errors.append(f"{operation}: {error}")

    def store_found(self, durability, warnings):
        pass


@asynccontextmanager
async def tier_of(server, secret, share=None, observer=None):
    """A process's tier, open."""
    store = f"{{durable: '{server.url}', secret: '{secret * 16}', redis: {{coherence_window: 300ms}}}}"
    tier = RedisTier(
        plans_of(ConfigFile("config.yaml", f"store: {store}\n", {})), Clocks(), share, observer or Observer()
    )
    try:
        await tier.open()
        yield tier
    finally:
        await tier.close()


@asynccontextmanager
async def shares(count):
    """What a supervisor and its workers have in common, a part for each."""
    pages = [Page.create()]
    pages += [Page.attach(os.dup(pages[0].fd), process) for process in range(1, count)]
    yield [Share(page, process, count - 1, (), None, "of old") for process, page in enumerate(pages)]
    for page in pages:
        page.close()


def is_coherent(tier):
    return tier.coherence_part() is None


async def test_a_worker_that_begins_anew_takes_nothing_back_from_who_came_with_another_secret(server):
    """While the secret is being changed, one of the old ones' workers dies, and its successor joins."""
    async with shares(2) as (of_supervisor, of_worker), tier_of(server, "old1", of_supervisor) as old:
        await eventually(lambda: is_coherent(old))
        async with tier_of(server, "new2") as new:
            await eventually(lambda: is_coherent(new) and not is_coherent(old))
            before = new.fences.number

            told = Observer()
            async with tier_of(server, "old1", of_worker, told) as worker:
                assert not worker.fences.is_coherent  # nothing is current there
                assert not is_coherent(worker)
                await eventually(lambda: len(told.errors) >= 2)  # it tries, and is refused
                assert all("another store.secret" in error for error in told.errors)

                assert (await new.ledger.purge((TAG,), Mode.SOFT, 0.0)).recorded
                assert new.fences.validity((), before) is Validity.CURRENT
                assert new.follower.last_error is None


async def test_a_worker_that_was_refused_joins_when_its_supervisor_may(server):
    async with (
        shares(2) as (of_supervisor, of_worker),
        tier_of(server, "old1", of_supervisor) as old,
        AsyncExitStack() as afterwards,
    ):
        await eventually(lambda: is_coherent(old))
        async with tier_of(server, "new2") as new:
            await eventually(lambda: is_coherent(new) and not is_coherent(old))
            worker = await afterwards.enter_async_context(tier_of(server, "old1", of_worker))

        await eventually(lambda: is_coherent(old) and is_coherent(worker))

        assert worker.fences.validity((TAG,), new.fences.number) is Validity.HARD
        assert (await worker.ledger.purge((TAG,), Mode.SOFT, 0.0)).recorded
