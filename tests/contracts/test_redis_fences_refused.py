"""What a Redis has to be for fences, and when what it was told is durable."""

import pytest

from proxy.store._redis_client import connect as connect_to
from proxy.store.contract import StoreError
from proxy.store.purges import Mode, Validity
from tests.contracts.fence_machines import TAG, Machine, client_of, eventually, machines, nobody_listens
from tests.redis_server import redis_server


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
        (("HSET", "{test}:fence", "format", "3"), "a newer Larder wrote"),
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
