"""Purges of machines are told by digests under the store's secret: who has another one can tell nothing of them, and
says so.
"""

from time import time

import pytest

from proxy.store.contract import StoreError
from proxy.store.fences import Fences, Mode, Validity
from proxy.store.purges import keyed_tag_digest, known_by, tag_digest
from tests.contracts.fence_machines import TAG, Machine, eventually

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
