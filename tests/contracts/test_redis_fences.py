"""Fences over a real Redis: what is acknowledged is heard by all, and kept for as long as it matters."""

import asyncio
from time import monotonic, time

import pytest

from proxy.sharing.fence_ring import CAPACITY
from proxy.sharing.page import Page as SharedPage
from proxy.store.coherence import boottime
from proxy.store.fences import Fences
from proxy.store.purges import Mode, Validity
from proxy.store.redis_follower import FollowerClocks
from proxy.store.redis_ledger import RedisLedger
from tests.contracts.fence_machines import OTHER, TAG, WINDOW, Machine, eventually, machines


async def test_a_purge_is_heard_by_every_instance_before_it_is_acknowledged(connect):
    async with machines(connect, connect, connect, window=5.0) as (one, *others):
        fetched = [machine.fences.number for machine in others]
        purged = await one.purge(TAG, OTHER, mode=Mode.HARD, settle=30.0)

        assert sum(one.slept) < 1.0, "nobody had to wait for a lease"
        for machine, fence in zip(others, fetched, strict=True):
            assert machine.validity(fence) is machine.validity(fence, OTHER) is Validity.HARD
            assert machine.validity(purged.fence) is Validity.CURRENT
            assert machine.fences.settles([TAG])
        assert one.fences.number == purged.fence


async def test_what_is_purged_at_once_by_all_is_heard_by_all(connect):
    async with machines(connect, connect, connect, window=5.0) as made:
        fetched = made[0].fences.number
        await asyncio.gather(*(made[n % 3].purge(f"t{n}") for n in range(60)))

        for machine in made:
            assert all(machine.validity(fetched, f"t{n}") is Validity.SOFT for n in range(60))


async def test_who_joins_later_knows_what_was_purged_before(connect):
    async with machines(connect) as (one,):
        fetched = one.fences.number
        await one.purge(TAG)
        await one.purge(*(f"t{n}" for n in range(2500)), mode=Mode.HARD)  # more than a slice
        async with machines(connect) as (late,):
            assert late.validity(fetched) is Validity.SOFT
            assert late.validity(fetched, "t0") is late.validity(fetched, "t2499") is Validity.HARD
            assert late.fences.number == one.fences.number


async def test_a_worker_may_take_what_was_purged_before_it_began_without_telling_the_others(connect):
    async with machines(connect) as (one,):
        fetched = one.fences.number
        await one.purge(TAG)
        worker = RedisLedger(one.clients[1], one.terms, Fences(time), one.page, one.on_error)
        learnt = []
        await worker.open(learnt.extend)

        assert [heard.number for heard in learnt] == [one.fences.number]
        assert fetched < learnt[0].number


async def test_an_instance_that_is_parted_holds_purges_up_for_a_window_at_most_and_serves_nothing_current_then(connect):
    async with machines(connect, connect) as (one, parted):
        await parted.stop_short()
        fetched = parted.fences.number
        await one.purge(TAG)

        assert not parted.is_coherent
        assert sum(one.slept) <= WINDOW
        assert parted.validity(fetched) is Validity.CURRENT, "it has not heard, but nothing of it is served"
        one.slept.clear()
        await one.purge(TAG)
        assert one.slept == [], "its lease has lapsed: nobody waits for it again"


async def test_nobody_waits_for_an_instance_that_left(connect):
    async with machines(connect, connect, window=5.0) as (one, leaving):
        await leaving.stop_short()
        await leaving.follower.close()
        await one.purge(TAG)

        assert one.slept == []
        assert not leaving.is_coherent, "what still runs of it serves nothing as current"


async def test_an_instance_does_not_wait_for_itself(connect):
    """A worker purges, and the machine's follower is held up: what the worker heard is on the page already."""
    async with machines(connect, window=5.0) as (one,):
        await one.stop_short()
        await one.purge(TAG)

        assert one.slept == []


async def test_right_after_a_restart_a_purge_waits_for_leases_that_redis_may_have_forgotten(connect):
    async with machines(connect) as (one,):
        await one.clients[1].hset("{test}:fence", "since", int(time() * 1000))
        await one.purge(TAG)

        assert 0 < sum(one.slept) <= WINDOW


async def test_a_machine_that_wakes_serves_nothing_as_current_before_it_has_heard_what_it_missed(connect):
    clock = [boottime()]
    async with machines(connect, connect, clocks=FollowerClocks(boottime=lambda: clock[0])) as (one, asleep):
        await asleep.stop_short()
        clock[0] += 3600.0
        assert not asleep.is_coherent, "the moment it wakes"
        fetched, heard = asleep.fences.number, []
        asleep.page.on_set = lambda until: heard.append((until > clock[0], asleep.validity(fetched)))
        await one.purge(TAG)
        asleep.follow()
        await eventually(lambda: asleep.is_coherent)

        assert heard[-1] == (True, Validity.SOFT)
        assert (True, Validity.CURRENT) not in heard
        assert asleep.follower.lost_total == 1
        assert asleep.told.regained == 2, "at the start, and now"


async def test_every_key_has_its_time_and_the_number_of_records_is_bounded(connect):
    async with machines(connect, most_records=300) as (one,):
        fetched = one.fences.number
        await one.purge("hard", mode=Mode.HARD)
        between = one.fences.number
        for first in range(0, 2000, 100):
            await one.purge(*(f"t{n}" for n in range(first, first + 100)))
        async with connect() as client:
            assert await client.xlen("{test}:purges") <= 300
            keys = [key async for key in client.scan_iter()]
            lives = [await client.pttl(key) for key in keys]
        assert sorted(keys) == [b"{test}:fence", b"{test}:instances", b"{test}:purges"]
        assert all(life > 0 for life in lives)
        async with machines(connect) as (late,):
            assert late.validity(fetched, "hard") is Validity.HARD, "forgotten one by one, but the floor knows"
            assert late.validity(between, "never purged") is Validity.SOFT
            assert late.validity(late.fences.number, "t0") is Validity.CURRENT


async def test_a_purge_of_more_tags_than_records_are_kept_leaves_a_floor(connect):
    async with machines(connect, most_records=50) as (one,):
        fetched = one.fences.number
        await one.purge(*(f"t{n}" for n in range(200)))
        async with machines(connect) as (late,):
            assert all(late.validity(fetched, f"t{n}") is Validity.SOFT for n in range(200))


async def test_records_go_when_nothing_is_left_that_they_could_be_about(connect):
    async with machines(connect, keep=0.2) as (one,):
        first = await one.purge(TAG)
        async with connect() as client:

            async def oldest():
                records = await client.xrange("{test}:purges", count=1)
                return int(records[0][0].partition(b"-")[0]) if records else None

            assert await oldest() == first.fence
            deadline = monotonic() + 15
            while await oldest() == first.fence and monotonic() < deadline:
                await one.purge(OTHER)
            assert await oldest() != first.fence


async def test_two_processes_of_a_machine_hear_what_one_follower_hears(connect):
    """However much that is: what comes faster than one of them looks counts as a purge of everything."""
    ring = SharedPage.anonymous().fences
    fences, worker = Fences(time, ring=ring), Fences(time, ring=ring)
    one = Machine(connect)
    await one.ledger.open()
    async with machines(connect, fences=fences) as (two,):
        fetched = worker.number
        await one.purge(TAG)
        assert worker.validity([TAG], fetched) is Validity.SOFT
        assert worker.validity([OTHER], fetched) is Validity.CURRENT

        await one.purge(*(f"t{n}" for n in range(CAPACITY + 1)))
        await eventually(lambda: len(fences) == CAPACITY + 2)
        assert two.validity(fetched, OTHER) is Validity.CURRENT, "the follower looks at each slice"
        assert worker.validity([OTHER], fetched) is Validity.HARD
    for client in one.clients:
        await client.aclose()


async def test_clocks_that_differ_by_more_than_a_second_are_told_once(connect):
    async with machines(connect, clocks=FollowerClocks(wall=lambda: time() + 5.0)) as (one,):
        await one.purge(TAG)
        await eventually(lambda: one.follower.skew != 0.0)
        told = one.follower.skew
        assert one.told.skews == [pytest.approx(5.0, abs=0.5)]
        assert told == pytest.approx(5.0, abs=0.5)


async def test_purges_are_recorded_though_entries_have_filled_redis(server, connect):
    async with machines(connect, connect) as (one, two):
        fetched = two.fences.number
        await server.fill()
        await one.purge(TAG)

        assert one.errors == []
        assert two.validity(fetched) is Validity.SOFT
        assert two.is_coherent
