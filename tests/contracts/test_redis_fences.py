"""Fences over a real Redis: what is acknowledged is heard by all, through restarts, lost writes and failovers."""

import asyncio
from contextlib import asynccontextmanager, suppress
from itertools import count
from time import monotonic, time

import pytest

from proxy.sharing.fence_ring import CAPACITY
from proxy.sharing.page import Page as SharedPage
from proxy.store._redis_client import connect as connect_to
from proxy.store.coherence import GAP, LEAP, UNSENT, boottime
from proxy.store.contract import StoreError
from proxy.store.fences import Fences
from proxy.store.purges import Mode, Validity
from proxy.store.redis_follower import FollowerClocks, RedisFollower
from proxy.store.redis_ledger import FenceTerms, RedisLedger
from tests.redis_cluster import redis_cluster
from tests.redis_server import free_port, redis_server

TAG, OTHER = "courseworks/course:565", "courseworks/course:566"
WINDOW = 0.3
_instances = count()


class Page:
    """What the processes of a machine share; keeps what was told."""

    def __init__(self):
        self.until = float("inf")
        self.on_set = lambda until: None

    @property
    def coherent_until(self):
        return self.until

    @coherent_until.setter
    def coherent_until(self, until):
        self.on_set(until)
        self.until = until


class Told:
    """An observer that remembers."""

    def __init__(self):
        self.lost, self.regained, self.resent, self.skews = [], 0, [], []

    def coherence_lost(self, reason):
        self.lost.append(reason)

    def coherence_regained(self):
        self.regained += 1

    def purges_resent(self, count, reason):
        self.resent.append((count, reason))

    def clocks_differ(self, seconds):
        self.skews.append(seconds)


class Machine:
    """One instance: a ledger and a follower, as a machine with one process has them."""

    def __init__(self, connect, *, clocks=None, fences=None, **terms):
        self.terms = FenceTerms("test", f"m{next(_instances)}", **{"window": WINDOW, "patience": 5.0, **terms})
        self.clients = [connect(), connect()]
        self.page, self.told, self.errors = Page(), Told(), []
        self.boottime = clocks.boottime if clocks else boottime
        self.fences = Fences(time) if fences is None else fences
        self.follower = RedisFollower(self.clients[0], self.terms, self.fences, self.page, self.told, clocks=clocks)
        self.slept = []
        self.ledger = RedisLedger(self.clients[1], self.terms, self.fences, self.page, self.on_error, sleep=self.sleep)
        self.following = None

    @property
    def is_coherent(self):
        return self.boottime() < self.page.until

    def on_error(self, operation, error):
        self.errors.append(f"{operation}: {error}")

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(seconds)

    def follow(self, *after):
        self.following = asyncio.create_task(self.follower.run(*after))

    async def start(self):
        self.follow(await self.ledger.open())
        await eventually(lambda: self.is_coherent)

    async def stop_short(self):
        """As a machine that is stopped, or parted from all."""
        if self.following:
            self.following.cancel()
            with suppress(asyncio.CancelledError):
                await self.following

    async def purge(self, *tags, mode=Mode.SOFT, settle=0.0):
        return await self.ledger.purge(tags, mode, settle)

    def serves(self, fence, *tags):
        """Whether an entry is served from memory as current."""
        return self.is_coherent and self.validity(fence, *tags) is Validity.CURRENT

    def validity(self, fence, *tags):
        """What purges leave of an entry, coherence apart."""
        return self.fences.validity(tags or (TAG,), fence)


async def eventually(condition, patience=15.0):
    deadline = monotonic() + patience
    while not condition():
        assert monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.005)


def client_of(server):
    return lambda: connect_to(server.socket_url, timeout=10.0)


def nobody_listens():
    return connect_to(f"redis://127.0.0.1:{free_port()}", timeout=10.0)


@asynccontextmanager
async def machines(*connects, **options):
    """Machines that follow; the server's life is old enough for nobody to wait for leases of the one before."""
    made = [Machine(connect, **options) for connect in connects]
    try:
        for machine in made:
            await machine.start()
        await made[0].clients[1].hset("{test}:fence", "since", 0)
        yield made
    finally:
        for machine in made:
            await machine.stop_short()
            for client in machine.clients:
                await client.aclose()


@pytest.fixture
async def server():
    async with redis_server() as server:
        yield server


@pytest.fixture
def connect(server):
    return client_of(server)


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
        await eventually(lambda: one.is_coherent and two.is_coherent)
        assert one.told.resent or two.told.resent
        async with machines(connect) as (late,):
            assert late.validity(fetched) is Validity.HARD
            assert late.validity(current, OTHER) is Validity.SOFT
            assert (await late.purge(TAG)).fence > last.fence


async def test_numbers_that_ran_ahead_are_of_the_lost_epoch_even_if_somebody_took_them_over_from_an_entry(connect):
    async with machines(connect) as (one,), connect() as client:
        await client.hset("{test}:fence", "number", one.fences.number + 64 * LEAP)  # servers that were lost often
        await one.purge(TAG)
        fetched = one.fences.number
        await eventually(lambda: str(fetched) in repr(one.follower))
        await one.stop_short()
        await client.flushdb()
        async with machines(connect) as (new,):
            began = int(await client.hget("{test}:fence", "number"))
            new.fences.raise_to(fetched)
            await eventually_on(client, lambda number: number >= fetched)
            one.follow()

            await eventually(lambda: one.validity(fetched, OTHER) is new.validity(fetched, OTHER) is Validity.SOFT)
            await eventually(lambda: one.is_coherent and new.is_coherent)
            assert began < fetched


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
        await one.stop_short()
        await two.stop_short()
        async with connect() as client:
            await client.hset("{test}:fence", "number", 5 * GAP)
        one.follow()
        await eventually(lambda: one.validity(fetched, OTHER) is Validity.SOFT)
        two.follow()
        await eventually(lambda: two.validity(fetched, OTHER) is Validity.SOFT)


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


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"maxmemory_policy": "allkeys-lru"}, "may evict records of purges: set maxmemory-policy to noeviction"),
        ({"maxmemory_policy": "volatile-ttl"}, "may evict records of purges: set maxmemory-policy to noeviction"),
        ({"requirepass": "sesame"}, "Redis needs a password"),
        ({"min_replicas_to_write": 1}, "Redis has fewer replicas than it asks for"),
    ],
    ids=lambda given: next(iter(given)) if isinstance(given, dict) else "",
)
async def test_a_redis_that_cannot_keep_fences_is_refused_in_one_line(settings, reason):
    async with redis_server(**settings) as server:
        await refused(Machine(lambda: connect_to(server.bare_url, timeout=10.0)), reason)


async def test_a_replica_is_refused_in_one_line(server):
    async with redis_server(replicaof=server) as replica:
        await refused(Machine(client_of(replica)), "this Redis is a replica")


async def refused(machine, reason):
    with pytest.raises(StoreError, match=reason):
        await machine.ledger.open()
    machine.follow()
    await eventually(lambda: machine.follower.last_error and reason in machine.follower.last_error)
    assert not machine.is_coherent
    await machine.stop_short()
    for client in machine.clients:
        await client.aclose()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (("SET", "{test}:fence", "theirs"), "another program's keys"),
        (("HSET", "{test}:fence", "theirs", "1"), "another program's keys"),
        (("SET", "{test}:purges", "theirs"), "another program's keys"),
        (("XADD", "{test}:purges", "1-1", "theirs", "1"), "another program writes to the stream"),
        (("HSET", "{test}:fence", "format", "2"), "a newer Larder wrote"),
    ],
)
async def test_keys_that_are_not_this_larder_s_are_refused_in_one_line(connect, command, reason):
    async with connect() as client:
        await client.execute_command(*command)
    one = Machine(connect)
    with pytest.raises(StoreError, match=reason):
        await one.ledger.open()
    for client in one.clients:
        await client.aclose()


async def test_a_ledger_that_cannot_reach_redis_says_so_and_purges_here():
    one = Machine(nobody_listens)
    with pytest.raises(StoreError, match="Redis refused the connection"):
        await one.ledger.open()
    purged = await one.purge(TAG, mode=Mode.HARD)

    assert not purged.durable
    assert one.validity(0) is Validity.HARD
    for client in one.clients:
        await client.aclose()


async def test_without_the_replicas_that_were_asked_for_nobody_is_coherent():
    """A poll that no replica has could be lost, and the lease with it, when a replica becomes master."""
    async with redis_server(appendonly="yes", appendfsync="always") as server:
        one = Machine(client_of(server), wait_replicas=1)
        one.follow(await one.ledger.open())
        await eventually(lambda: one.follower.last_error == "Redis has not enough replicas that follow it")

        assert not one.is_coherent
        await one.stop_short()
        for client in one.clients:
            await client.aclose()


@pytest.mark.parametrize(
    ("name", "value"), [("appendfsync", "everysec"), ("appendonly", "no"), ("no-appendfsync-on-rewrite", "yes")]
)
async def test_durable_is_false_as_soon_as_the_server_s_settings_no_longer_make_it_true(name, value):
    async with redis_server(appendonly="yes", appendfsync="always") as server:
        async with machines(client_of(server)) as (one,):
            assert (await one.purge(TAG)).durable
            await server.configure(name, value)
            assert not (await one.purge(TAG)).durable


async def test_a_replica_that_has_it_makes_a_purge_durable_where_one_was_asked_for():
    async with redis_server(appendonly="yes", appendfsync="always") as server:
        async with redis_server(replicaof=server):
            async with machines(client_of(server), wait_replicas=1) as (one,):
                assert (await one.purge(TAG)).durable
                assert one.is_coherent


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
