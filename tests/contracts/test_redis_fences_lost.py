"""Fences while Redis is away, and after it lost what it had: every purge is told again, and none is outrun."""

import asyncio

from proxy.store._redis_client import connect as connect_to
from proxy.store.coherence import GAP, LEAP, TICKS, UNSENT
from proxy.store.purges import Mode, Validity
from proxy.store.redis_ledger import RedisLedger
from tests.contracts.fence_machines import OTHER, TAG, Machine, client_of, eventually, machines, nobody_listens
from tests.ports import free_port
from tests.redis_cluster import redis_cluster
from tests.redis_server import redis_server


async def test_a_redis_that_is_silent_is_noticed_within_a_window_and_told(server, connect):
    async with machines(connect, patience=0.1) as (one,):
        assert one.follower.lost_for is None
        server.pause()
        await eventually(lambda: one.told.lost)

        assert one.told.lost == ["Redis did not answer in time"]
        assert one.follower.lost_for >= 0
        assert one.follower.last_error == "Redis did not answer in time"
        server.resume()
        await eventually(lambda: one.is_coherent)
        await eventually(lambda: one.follower.last_error is None)
        assert (one.follower.lost_total, one.follower.lost_for, one.told.regained) == (1, None, 2)


async def test_a_purge_during_an_outage_holds_here_at_once_and_everywhere_when_redis_is_back(server, connect):
    async with machines(connect, connect) as (one, two):
        fetched = one.fences.number, two.fences.number
        await server.kill()
        purged = await one.purge(TAG, mode=Mode.HARD)

        assert not purged.durable
        assert [error.startswith("purge: Redis ") for error in one.errors] == [True]
        assert one.validity(fetched[0]) is Validity.HARD
        assert one.validity(purged.fence) is Validity.CURRENT
        assert not one.is_coherent, "of what others fetched nobody knows whether it is older"
        await eventually(lambda: one.follower.pending == 1)
        await server.restart()
        await eventually(lambda: two.validity(fetched[1]) is Validity.HARD)
        await eventually(lambda: one.is_coherent and two.is_coherent)
        assert one.follower.pending == 0
        assert (1, "Redis could not be had when they were carried out") in one.told.resent


async def test_a_purge_that_alone_failed_is_sent_again_soon(connect):
    async with machines(connect, connect) as (one, two):
        fetched = two.fences.number
        lone = nobody_listens()
        worker = RedisLedger(lone, one.terms, one.fences, one.page, one.on_error)
        await worker.purge([TAG], Mode.SOFT, 0.0)

        assert one.page.coherent_until == UNSENT
        await eventually(lambda: two.validity(fetched) is Validity.SOFT)
        await eventually(lambda: one.is_coherent)
        assert one.follower.resent_total == 1
        await lone.aclose()


async def test_what_is_fetched_during_an_outage_is_not_taken_for_later_than_purges_of_others(connect):
    """A machine's own numbers lie between two of Redis's, so none of theirs is as low as one of its own."""
    async with machines(connect, connect) as (one, two):
        await one.stop_short()
        lone = nobody_listens()
        cut_off = RedisLedger(lone, one.terms, one.fences, one.page, one.on_error)
        for _ in range(5):
            await cut_off.purge([OTHER], Mode.SOFT, 0.0)
        fetched = one.fences.number
        purged = await two.purge(TAG)
        one.follow()
        await eventually(lambda: one.is_coherent)

        assert fetched < purged.fence
        assert one.validity(fetched) is Validity.SOFT
        await lone.aclose()


async def test_a_machine_s_own_numbers_never_run_into_those_of_redis(connect):
    async with machines(connect) as (one,):
        lone = nobody_listens()
        cut_off = RedisLedger(lone, one.terms, one.fences, one.page, one.on_error)
        await one.stop_short()
        one.fences.raise_to(one.fences.number + GAP - 1)  # as after so many purges
        purged = await cut_off.purge([TAG], Mode.SOFT, 0.0)

        assert purged.fence % GAP == 1
        await lone.aclose()


async def test_a_purge_that_redis_lacks_is_told_also_when_a_later_number_was_given_to_an_earlier_one(connect):
    async with machines(connect) as (two,):
        clients = iter((connect(), connect_to(f"redis://127.0.0.1:{free_port()}/0", timeout=1.0)))
        one = Machine(lambda: next(clients))
        one.follow()
        await eventually(lambda: one.is_coherent)
        await one.stop_short()
        await two.purge(TAG)
        fetched = two.fences.number
        parted = await one.purge(TAG, mode=Mode.SOFT)
        assert (parted.recorded, two.validity(fetched)) == (False, Validity.CURRENT)
        assert parted.fence < fetched
        one.follow()

        await eventually(lambda: two.validity(fetched) is Validity.SOFT)
        await eventually(lambda: one.is_coherent)
        assert one.told.resent == [(1, "Redis could not be had when they were carried out")]
        await one.stop_short()
        for client in one.clients:
            await client.aclose()


async def test_more_purges_than_can_be_sent_one_by_one_become_one_of_everything(server, connect):
    async with machines(connect, connect) as (one, two):
        fetched = two.fences.number
        await server.kill()
        await one.purge(*(f"t{n}" for n in range(10_001)))
        await server.restart()
        await eventually(lambda: one.is_coherent and two.is_coherent)

        assert two.validity(fetched, "never purged") is Validity.SOFT
        async with connect() as client:
            assert await client.xlen("{test}:purges") == 0


async def test_a_redis_that_lost_everything_is_told_again_and_older_entries_are_fallbacks_at_best(server, connect):
    async with machines(connect, connect) as (one, two):
        fetched = one.fences.number
        last = await one.purge(TAG, mode=Mode.HARD)
        current = one.fences.number
        assert one.validity(current) is Validity.CURRENT
        await server.kill()
        await server.restart()

        # What else was purged in the lost epoch is not known.
        await eventually(lambda: one.validity(current, OTHER) is two.validity(current, OTHER) is Validity.SOFT)
        assert one.validity(fetched) is two.validity(fetched) is Validity.HARD
        await eventually(lambda: one.told.resent or two.told.resent)
        await eventually(lambda: one.is_coherent and two.is_coherent)
        async with machines(connect) as (late,):
            assert late.validity(fetched) is Validity.HARD
            assert late.validity(current, OTHER) is Validity.SOFT
            assert (await late.purge(TAG)).fence > last.fence


async def test_numbers_that_ran_ahead_are_of_the_lost_epoch_even_if_somebody_took_them_over_from_an_entry(connect):
    async with machines(connect) as (one,), connect() as client:
        began = one.fences.number
        await client.hset("{test}:fence", "number", began + 64 * LEAP)  # servers that were lost often
        await one.purge(TAG)
        fetched = one.fences.number
        await eventually(lambda: str(fetched) in repr(one.follower))
        await one.stop_short()
        await clock_passes(client, began)
        await client.flushdb()
        async with machines(connect) as (new,):
            begun = int(await client.hget("{test}:fence", "number"))
            new.fences.raise_to(fetched)
            await eventually_on(client, lambda number: number >= fetched)
            one.follow()

            await eventually(lambda: one.validity(fetched, OTHER) is new.validity(fetched, OTHER) is Validity.SOFT)
            await eventually(lambda: one.is_coherent and new.is_coherent)
            assert began < begun < fetched


async def test_what_a_machine_has_is_of_the_lost_epoch_whatever_number_it_met_in_an_entry(connect):
    async with machines(connect) as (one,), connect() as client:
        await one.stop_short()
        await clock_passes(client, one.fences.number)  # epochs that begin within 16 ms would be taken for one
        one.fences.raise_to(one.fences.number + 64 * LEAP)
        fetched = one.fences.number
        await client.flushdb()
        async with machines(connect):
            assert one.validity(fetched, OTHER) is Validity.CURRENT
            one.follow()

            await eventually(lambda: one.validity(fetched, OTHER) is Validity.SOFT)
            await eventually(lambda: one.is_coherent)
            assert one.validity(one.fences.number, OTHER) is Validity.CURRENT


async def clock_passes(client, number):
    async with asyncio.timeout(10):
        while True:
            seconds, microseconds = await client.time()
            if (seconds + microseconds / 1e6) * TICKS > number + GAP:
                return
            await asyncio.sleep(0.005)


async def eventually_on(client, holds):
    async with asyncio.timeout(10):
        while not holds(int(await client.hget("{test}:fence", "number"))):
            await asyncio.sleep(0.01)


async def test_a_redis_that_comes_back_with_all_it_had_costs_nothing(tmp_path):
    async with redis_server(appendonly="yes", appendfsync="always") as server:
        async with machines(client_of(server), client_of(server)) as (one, two):
            last = await one.purge(TAG)
            await server.kill()
            await server.restart()
            await eventually(lambda: min(one.told.regained, two.told.regained) >= 2 and one.is_coherent)

            assert last.durable
            assert one.validity(last.fence) is one.validity(last.fence, OTHER) is Validity.CURRENT
            assert one.told.resent == two.told.resent == []
            assert (await two.purge(TAG)).fence > last.fence + GAP, "it leaps over what it might have lost"


async def test_records_that_another_program_removed_are_sent_again(connect):
    async with machines(connect, connect) as (one, two):
        fetched = one.fences.number
        await one.purge(TAG)
        async with connect() as client:
            await client.delete("{test}:purges")
        await eventually(lambda: one.told.resent or two.told.resent)
        async with machines(connect) as (late,):
            assert late.validity(fetched) is Validity.SOFT


async def test_a_counter_that_fell_behind_while_nobody_followed_begins_a_new_epoch(connect):
    async with machines(connect, connect) as (one, two):
        fetched = one.fences.number
        assert one.validity(fetched, OTHER) is two.validity(fetched, OTHER) is Validity.CURRENT
        await one.stop_short()
        await two.stop_short()
        async with connect() as client:
            await client.hset("{test}:fence", "number", 5 * GAP)
        one.follow()
        await eventually(lambda: one.validity(fetched, OTHER) is Validity.SOFT)
        two.follow()
        await eventually(lambda: two.validity(fetched, OTHER) is Validity.SOFT)


async def test_a_failover_that_loses_writes_loses_no_purge_that_an_instance_has_heard():
    async with redis_cluster(replicas=1) as cluster:
        owner = cluster.owner("{test}:fence")

        def connect():
            return connect_to(cluster.url, timeout=0.4)

        async with machines(connect, connect) as (one, two):
            before = await one.purge("before")
            async with cluster.masters[owner].client() as client:
                await client.hset("{test}:fence", "since", 0)
                assert await client.wait(1, 5000) == 1, "the replica has it all so far"
            fetched = one.fences.number
            await cluster.cut_off(owner)
            lost = await one.purge(TAG, mode=Mode.HARD)
            assert two.validity(fetched) is Validity.HARD
            await cluster.take_over(owner)
            await eventually(lambda: one.told.resent or two.told.resent)
            await eventually(lambda: one.is_coherent and two.is_coherent)
            later = await two.purge(OTHER)

            assert later.fence > lost.fence > before.fence
            assert not one.serves(lost.fence, OTHER)
            await eventually(lambda: one.validity(lost.fence, OTHER) is Validity.SOFT)
            assert one.validity(lost.fence, "never purged") is Validity.CURRENT, "no new epoch: the counter leapt"
            async with machines(connect) as (late,):
                assert late.validity(fetched) is Validity.HARD
