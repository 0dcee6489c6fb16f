"""A Redis that is not what the store needs: each trouble has its one line, without a secret.

`away` may be over by itself; what is `unfit` stays so until somebody mends the config, or Redis.
"""

import asyncio
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    MasterDownError,
    MaxConnectionsError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as CannotConnect

from proxy.store._redis_troubles import trouble
from proxy.store.contract import StoreError, StoreUnavailable
from proxy.store.redis import RedisStore
from tests.ports import free_port
from tests.redis_certificates import write_certificates
from tests.redis_server import redis_server, until
from tests.unit.store.samples import Clock, an_entry, key

SECRET = "sesame-open"


async def line_of(url, **options):
    """What the store says when it is opened, and whether that may be over by itself."""
    store = RedisStore(url, clock=Clock(), **{"timeout": 2, "write_timeout": 2, **options})
    error = await said_by(store.open())
    shown, said = f"{error} {error!r} {store!r}", store.last_error
    await store.close()
    if error is None:
        return "in order", ""
    assert said == str(error)
    assert "\n" not in shown
    assert SECRET not in shown
    return said, "away" if isinstance(error, StoreUnavailable) else "unfit"


async def said_by(call):
    """The StoreError that it raises."""
    try:
        await call
    except StoreError as error:
        return error


# -- who may


async def test_a_redis_that_needs_a_password():
    async with redis_server(requirepass=SECRET) as server:
        line = "Redis needs a password: write redis://:PASSWORD@HOST:PORT/DB"
        assert await line_of(server.bare_url) == (line, "unfit")
        assert await line_of(server.url.replace(SECRET, SECRET + "!")) == (
            "Redis refused the user or the password",
            "unfit",
        )
        assert await line_of(server.url) == ("in order", "")


async def test_a_password_that_nobody_asked_for(redis):
    line = "the Redis URL names a password, but this Redis has none"
    assert await line_of(redis.url.replace("//", f"//:{SECRET}@")) == (line, "unfit")


async def test_a_user_who_may_not_do_what_larder_needs():
    async with redis_server() as server:
        async with server.client() as client:
            await client.execute_command(f"ACL SETUSER reader on >{SECRET} ~* +@read +info +config|get")

        line = "Redis does not permit its user what Larder needs: see its ACL"
        assert await line_of(server.url.replace("//", f"//reader:{SECRET}@")) == (line, "unfit")


async def test_a_user_who_may_touch_larders_keys_only_will_do():
    async with redis_server() as server:
        async with server.client() as client:
            await client.execute_command(f"ACL SETUSER larder on >{SECRET} ~larder:* +@all -@admin -@dangerous")

        assert await line_of(server.url.replace("//", f"//larder:{SECRET}@")) == ("in order", "")


# -- TLS


async def test_tls_as_it_should_be():
    async with redis_server(tls=True, requirepass=SECRET) as server:
        assert await line_of(server.url) == ("in order", "")


async def test_a_certificate_that_cannot_be_trusted(tmp_path):
    async with redis_server(tls=True) as server:
        line = "Redis shows a certificate of an authority that is not known here: name it with ?ssl_ca_certs=FILE"
        assert await line_of(server.bare_url) == (line, "unfit")
        other = write_certificates(tmp_path / "other").authority
        assert await line_of(f"{server.bare_url}?ssl_ca_certs={other}") == (line, "unfit")
        line = "a file that the Redis URL names is not there (ssl_ca_certs, a socket, …)"
        assert await line_of(f"{server.bare_url}?ssl_ca_certs=/nowhere.pem") == (line, "unfit")


async def test_a_certificate_for_another_host():
    async with redis_server(tls=True, tls_host="redis.example") as server:
        line = "Redis shows a certificate for another host than its URL names"
        assert await line_of(server.url) == (line, "unfit")


async def test_a_certificate_that_has_expired():
    async with redis_server(tls=True, tls_days=-1) as server:
        assert await line_of(server.url) == ("Redis shows a certificate that has expired", "unfit")


async def test_tls_where_there_is_none(redis):
    line, whose = await line_of(redis.url.replace("redis://", "rediss://"), write_timeout=0.3)
    assert (line, whose) == ("Redis did not answer in time: if it speaks no TLS, write redis:// in its URL", "away")


async def test_no_tls_where_there_is_some():
    async with redis_server(tls=True) as server:
        line = "Redis closed the connection at once: if it speaks TLS, write rediss:// in its URL"
        assert await line_of(server.bare_url.replace("rediss://", "redis://")) == (line, "away")


@asynccontextmanager
async def saying(text):
    """A server that says one thing to everybody."""

    async def answer(reader, writer):
        await reader.read(1)
        writer.write(text)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"//127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_what_is_no_redis_at_all():
    async with saying(b"HTTP/1.1 400 Bad Request\r\n\r\n") as there:
        line = "Redis refused what Larder asked, or what listens there is no Redis"
        assert await line_of(f"redis:{there}") == (line, "unfit")
        line = "Redis does not speak TLS as Larder does: if it speaks none, write redis:// in its URL"
        assert await line_of(f"rediss:{there}") == (line, "unfit")


# -- what it is


async def test_a_replica():
    async with redis_server() as master, redis_server(replicaof=master) as replica:
        line = "this Redis is a replica and takes no writes: name its master"
        assert await line_of(replica.url) == (line, "unfit")


async def test_a_member_of_a_cluster_and_a_cluster_of_none(cluster, redis):
    line = "this Redis is part of a cluster: write redis+cluster:// in its URL"
    of_one = cluster.masters[(cluster.owner("larder:format") + 1) % 3]
    assert await line_of(of_one.url) == (line, "unfit")
    line = "this Redis is no cluster: write redis:// in its URL"
    assert await line_of(redis.url.replace("redis://", "redis+cluster://").removesuffix("/0")) == (line, "unfit")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_redis_that_may_evict_purges(policy):
    async with redis_server(maxmemory="100mb", maxmemory_policy=policy) as server:
        line = f"Redis may evict records of purges: set its maxmemory-policy to noeviction, not {policy}"
        assert await line_of(server.url) == (line, "unfit")


# -- what is in it


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("SET larder:users:7 x", "another program's keys are under the prefix"),
        ("SET larder:format x", "another program's keys are under the prefix"),
        ("HSET larder:format a b", "another program's keys are under the prefix"),
        ("RPUSH larder:e:00 x", "another program's keys are under the prefix"),
        ("SET larder:b x", "another program's keys are under the prefix"),
        ("SET larder:format larder:2", "a newer Larder wrote what is in this Redis"),
    ],
)
async def test_what_another_program_or_a_newer_larder_left_there(redis, command, line):
    async with redis.client() as client:
        await client.execute_command(*command.split())

    found, whose = await line_of(redis.url)
    assert found.startswith(line)
    assert whose == "unfit"
    assert await line_of(redis.url, prefix="elsewhere") == ("in order", "")


async def test_into_a_redis_that_is_unfit_nothing_is_written(redis):
    async with redis.client() as client:
        await client.set("larder:users:7", "x")
        store = RedisStore(redis.url, clock=Clock())
        with pytest.raises(StoreError):
            await store.open()

        store.put(an_entry(1))
        with pytest.raises(StoreError, match="another program's keys"):
            await store.flush()

        assert await client.keys() == [b"larder:users:7"]
        await store.close()


# -- how it is


async def test_a_full_redis():
    async with redis_server() as server:
        await server.fill()
        assert await line_of(server.url) == ("Redis is full (its maxmemory) and takes no writes", "away")


async def test_a_redis_with_too_few_replicas():
    async with redis_server(min_replicas_to_write=1) as server:
        line = "Redis has fewer replicas than it asks for (min-replicas-to-write)"
        assert await line_of(server.url) == (line, "away")


async def test_a_redis_that_is_not_there():
    line = "Redis refused the connection: nothing listens there"
    assert await line_of(f"redis://:{SECRET}@127.0.0.1:{free_port()}/0") == (line, "away")
    assert await line_of(f"redis+cluster://127.0.0.1:{free_port()}") == (line, "away")


async def test_a_redis_that_is_silent():
    async with redis_server() as server:
        server.pause()
        assert await line_of(server.url, write_timeout=0.2) == ("Redis did not answer in time", "away")
        server.resume()


async def test_a_redis_with_all_the_clients_it_allows():
    async with redis_server(maxclients=1) as server, server.client() as client:
        await client.ping()
        assert await line_of(server.url) == ("Redis has as many clients as it allows (its maxclients)", "away")


async def test_a_redis_without_that_database():
    async with redis_server(databases=2) as server:
        assert await line_of(f"{server.url.removesuffix('/0')}/7") == ("Redis has no database of that number", "unfit")


async def works_again(store):
    return await said_by(store.get(key(1))) is await said_by(store.mark("canvas", "event", 2e9)) is None


async def test_trouble_in_the_midst_of_work_is_told_by_each_call_and_forgotten_when_it_is_over():
    async with redis_server() as server:
        store = RedisStore(server.url, clock=Clock(), timeout=0.1, write_timeout=0.5)
        await store.open()
        server.pause()
        for call in (store.get(key(1)), store.delete("courseworks/x"), store.mark("canvas", "event", 2e9)):
            with pytest.raises(StoreUnavailable, match="did not answer in time"):
                await call
        assert store.last_error == "Redis did not answer in time"
        assert store.failures == 3

        server.resume()
        await until(lambda: works_again(store), "the store does not work again")
        assert store.last_error is None
        await store.close()


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (BusyLoadingError("Redis is loading the dataset in memory"), "Redis is loading its data"),
        (MasterDownError("MASTERDOWN Link with MASTER is down"), "Redis has lost its master"),
        (ClusterDownError("The cluster is down"), "the Redis cluster is down: not all of its slots are served"),
        (MaxConnectionsError("Too many connections"), "there are too many calls to Redis at once"),
        (ResponseError("MISCONF Redis is configured to save"), "Redis cannot write to its disk"),
        (ResponseError("BUSY Redis is busy running a script"), "Redis is busy with somebody's script"),
        (ResponseError("ERR script: OOM command not allowed"), "Redis is full (its maxmemory)"),
        (ResponseError("DENIED Redis is running in protected mode"), "Redis is in protected mode"),
        (ResponseError("unknown command 'GETEX'"), "this Redis lacks a command that Larder needs"),
        (AuthenticationError("new words for it"), "Redis refused the user or the password"),
        (CannotConnect("Error -2 connecting to somewhere"), "Redis cannot be reached"),
        (RedisError(SECRET), "Redis cannot be reached"),
        (OSError(SECRET), "Redis cannot be reached"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_redis_says_is_judged_and_not_repeated(said, line):
    found = trouble(said)

    assert str(found).startswith(line)
    assert SECRET not in str(found)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "http://localhost",
        f"redis://user:{SECRET}:x@host:port/0",
        f"redis://:{SECRET}@host/0?decode_responses=True",
        f"redis://:{SECRET}@host/0?{SECRET}=1",
        f"redis://:{SECRET}@host/0?ssl_cert_reqs=required",
        f"redis+cluster://:{SECRET}@host/3",
        f"rediss://:{SECRET}@[::1/0",
    ],
)
def test_a_url_that_names_no_redis_is_refused_without_repeating_it(url):
    with pytest.raises(StoreError, match="Redis") as refused:
        RedisStore(url)

    assert SECRET not in str(refused.value)
    assert not isinstance(refused.value, StoreUnavailable)
