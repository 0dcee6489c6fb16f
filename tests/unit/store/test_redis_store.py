"""The Redis store beyond the contract, over a real server: what lies there, bounds, bad bytes, a Redis that dies."""

import asyncio
import os
from base64 import b64encode
from contextlib import asynccontextmanager

import pytest

from adapters import Link
from proxy.messages import ALL, endpoint_tag, key_tag, partition_tag, upstream_tag
from proxy.store._redis_keys import Keys
from proxy.store._redis_writer import Queue
from proxy.store.codec import Codec
from proxy.store.contract import Filter, StoreError, StoreUnavailable
from proxy.store.redis import LATE, RedisStore
from proxy.store.sealing import MasterKeys, Sealing
from tests.redis_server import redis_server, until
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE = "courseworks/course:565"
MARKER = b"a body that is nobody else's"
KEYS = Keys("larder")
UNHURRIED = Queue(write_after=30)


@asynccontextmanager
async def opened(server, **options):
    unhurried = {"clock": Clock(), "queue": UNHURRIED, "timeout": 5, "write_timeout": 10}
    store = RedisStore(server.url, **unhurried | options)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


async def put(store, *entries):
    for entry in entries:
        store.put(entry)
    await store.flush()


@pytest.fixture
async def store(redis):
    async with opened(redis) as store:
        yield store


@pytest.fixture
async def raw(redis):
    """The test's own look at what Redis holds."""
    async with redis.client() as client:
        yield client


def masters(*names):
    return MasterKeys.parse(",".join(f"{name}:{b64encode(name.encode().ljust(32)).decode()}" for name in names))


def sealing(*names):
    return Sealing(masters(*names), frozenset({"courseworks"}))


async def everything(raw):
    """All names and strings that lie in Redis, as one string of bytes."""
    names = [name async for name in raw.scan_iter()]
    return b"".join(names + [await raw.get(name) for name in names if await raw.type(name) == b"string"])


# -- what lies there


async def test_every_key_expires(redis, raw):
    async with opened(redis, sealing=sealing("a")) as store:
        await put(store, an_entry(1), an_entry(2, tags=()))
        await store.mark("canvas", "event", NOW + 60)
        await store.learn("courseworks", [Link("1", "2", "3")])
        await store.bind("principal:a", "20064")

    names = [name async for name in raw.scan_iter()]

    assert {KEYS.kind(name) for name in names} == {"e", "t", "k", "m", "l", "b", "format"}
    assert all([await raw.pttl(name) > 0 for name in names])


async def test_an_entry_expires_when_it_is_gone_and_the_lists_of_its_tags_a_little_later(store, raw):
    await put(store, an_entry(1, lives=100), an_entry(2, lives=3000))

    assert 99_000 < await raw.pttl(KEYS.entry(key(1))) <= 100_000
    assert 3_000_000 < await raw.pttl(KEYS.tag(COURSE)) <= 3_060_000


async def test_what_is_gone_already_is_not_written_and_not_lost(store, raw):
    await put(store, an_entry(1, lives=0), an_entry(2, age=7200))

    assert await raw.exists(KEYS.entry(key(1)), KEYS.entry(key(2))) == 0
    assert store.dropped == 0


async def test_an_entry_that_never_ends_expires_all_the_same(store, raw):
    await put(store, an_entry(1, lives=float("inf")))

    assert await raw.pttl(KEYS.entry(key(1))) > 0


async def test_what_has_expired_leaves_the_list_of_a_tag_while_others_are_written(store, raw):
    await raw.zadd(KEYS.tag(COURSE), {b"gone %d" % number: number for number in range(150)})

    await put(store, an_entry(1))
    await put(store, an_entry(2))

    assert sorted(await raw.zrange(KEYS.tag(COURSE), 0, -1)) == [key(1), key(2)]


async def test_names_and_lists_hold_digests_only(store, raw):
    await put(store, an_entry(1, tags=("courseworks/user:20064",)))
    await store.learn("courseworks", [Link("4711", "20064", "565")])
    await store.mark("canvas", "event-4711", NOW + 60)

    names = b"\n".join([name async for name in raw.scan_iter()])

    assert not any(word in names for word in (b"20064", b"4711", b"course", b"canvas"))


async def test_two_prefixes_in_one_redis_know_nothing_of_each_other(redis):
    async with opened(redis, prefix="one") as one, opened(redis, prefix="on") as other:
        await put(one, an_entry(1))
        await one.bind("principal:a", "20064")

        assert await other.get(key(1)) is None
        assert await other.delete(ALL) == 0
        assert await other.bindings() == {}
        assert await one.get(key(1)) == an_entry(1)


# -- several instances


async def test_instances_share_entries_and_the_later_fill_wins_whoever_writes_last(redis):
    async with opened(redis) as one, opened(redis) as other:
        await put(one, an_entry(1, order=(7, 3), body=b"new"))
        await put(other, an_entry(1, order=(7, 2), body=b"old"))

        assert (await one.get(key(1))).body == (await other.get(key(1))).body == b"new"


async def test_the_greatest_numbers_are_told_apart(redis):
    greatest = 2**63 - 1
    async with opened(redis) as store:
        await put(store, an_entry(1, order=(greatest, greatest), body=b"new"))
        await put(store, an_entry(1, order=(greatest, greatest - 1), body=b"old"))

        assert (await store.get(key(1))).body == b"new"


async def test_a_pending_entry_gives_way_to_a_later_one_of_another_instance(redis):
    async with opened(redis) as one, opened(redis) as other:
        one.put(an_entry(1, order=(1, 1), body=b"pending"))
        await put(other, an_entry(1, order=(1, 2), body=b"later"))

        assert (await one.get(key(1))).body == b"later"


async def test_a_deletion_leaves_an_entry_that_is_no_longer_under_the_tag(redis):
    async with opened(redis) as one, opened(redis) as other:
        await put(one, an_entry(1, order=(1, 1)))
        await put(other, an_entry(1, order=(1, 2), tags=("courseworks/course:1",)))

        assert await one.delete(COURSE) == 0
        assert await one.get(key(1)) is not None


async def test_no_byte_of_a_deleted_subject_is_left_though_another_instance_was_writing(redis, raw):
    person = partition_tag("principal:00ff")
    clock = Clock()
    async with opened(redis, clock=clock) as one, opened(redis) as other:
        await put(one, an_entry(1, body=MARKER))
        other.put(an_entry(2, body=MARKER))

        assert await one.delete(person) == 1
        await other.flush()
        assert MARKER in await everything(raw)
        await one.scrub()
        assert MARKER not in await everything(raw)

        await put(other, an_entry(3, body=MARKER))
        clock.advance(LATE)
        await one.sweep(clock(), 0)
        assert MARKER not in await everything(raw)

        await put(other, an_entry(4, body=MARKER))
        await one.scrub()
        assert await other.get(key(4)) is not None, "what comes later than it could have is the person's return"


async def test_what_is_being_written_while_it_is_deleted_is_deleted(redis):
    async with opened(redis) as store:
        store.put(an_entry(1))
        store.hurry()
        await asyncio.sleep(0)  # the writer has taken it
        store.put(an_entry(2))

        await store.delete(COURSE)

        assert await store.get(key(1)) is await store.get(key(2)) is None


# -- bytes that cannot be trusted


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: b"",
        lambda value: b"\x00" * 200,
        lambda value: b"9" * 38,
        lambda value: b"9" * 38 + b"\xff\xff",
        lambda value: value[:-1],
        lambda value: value[:60],
        lambda value: value[:-1] + bytes([value[-1] ^ 1]),
        lambda value: b"x" + value[1:],
    ],
    ids=["empty", "zeros", "an order", "more digests than bytes", "cut", "cut short", "a bit", "no order"],
)
async def test_bytes_that_cannot_be_trusted_are_a_miss_and_counted(store, raw, spoil):
    await put(store, an_entry(1))
    await raw.set(KEYS.entry(key(1)), spoil(await raw.get(KEYS.entry(key(1)))), px=60_000)

    assert await store.get(key(1)) is None
    assert store.unreadable == 1
    assert await store.summaries(Filter()) == []
    assert await store.count(Filter(upstream="nobody")) == 0
    assert await store.delete(ALL) >= 0


async def test_an_entry_under_another_key_is_a_miss(store, raw):
    await put(store, an_entry(1))
    await raw.copy(KEYS.entry(key(1)), KEYS.entry(key(2)))

    assert await store.get(key(2)) is None
    assert store.unreadable == 1


async def test_a_value_of_another_kind_is_a_miss_and_in_nobodys_way(store, raw):
    await raw.rpush(KEYS.entry(key(1)), "foreign")
    await put(store, an_entry(2))

    assert await store.get(key(1)) is None
    assert store.unreadable == 1
    assert await store.count(Filter(upstream="courseworks")) == 1
    assert await store.delete(upstream_tag("courseworks")) == 1
    store.put(an_entry(1))
    with pytest.raises(StoreError, match="another program's keys are under the prefix"):
        await store.flush()


async def test_foreign_bytes_in_records_are_nothing_remembered(store, raw):
    await raw.set(KEYS.mark("canvas", "event"), "?")
    await raw.set(KEYS.link("courseworks", "1"), "?")
    await raw.hset(KEYS.bindings, b"principal:a", b"?")

    assert not await store.marked("canvas", "event")
    assert await store.mark("canvas", "event", NOW + 60)
    assert await store.find_link("courseworks", "1") is None
    assert await store.bindings() == {}


async def test_a_large_entry_is_read_as_it_was_written(redis):
    body = os.urandom(1 << 20)
    async with opened(redis) as store:
        await put(store, an_entry(1, body=body))

        assert await store.get(key(1)) == an_entry(1, body=body)


# -- sealed


async def test_a_sealed_entry_tells_nothing_and_other_instances_open_it(redis, raw):
    async with opened(redis, sealing=sealing("a"), codec=Codec(1 << 20)) as one:
        await put(one, an_entry(1, body=MARKER), an_entry(2, body=b"open to all", upstream="google"))

        lies_there = await everything(raw)
        assert MARKER not in lies_there
        assert b"open to all" in lies_there
    async with opened(redis, sealing=sealing("a")) as other, opened(redis) as keyless:
        assert await other.get(key(1)) == an_entry(1, body=MARKER)
        assert await keyless.get(key(1)) is None
        assert await keyless.get(key(2)) is not None


async def test_an_entry_that_ought_to_be_sealed_and_is_not_is_a_miss(redis):
    async with opened(redis) as forger, opened(redis, sealing=sealing("a")) as store:
        await put(forger, an_entry(1, body=b"forged"))

        assert await store.get(key(1)) is None
        assert store.unreadable == 1


async def test_what_a_deleted_partition_has_sealed_is_opened_by_nobody(redis, raw):
    async with opened(redis, sealing=sealing("a")) as store:
        await put(store, an_entry(1, body=MARKER), an_entry(2, partition="principal:b"))
        backup = await raw.dump(KEYS.entry(key(1)))

        await store.delete(partition_tag("principal:00ff"))
        await raw.restore(KEYS.entry(key(1)), 60_000, backup)

        assert await store.get(key(1)) is None
        assert await store.get(key(2)) is not None
        await store.delete(ALL)
        assert [name async for name in raw.scan_iter("larder:k:*")] == []


async def test_a_new_master_key_wraps_what_an_old_one_did(redis):
    async with opened(redis, sealing=sealing("old")) as store:
        await put(store, an_entry(1))
    async with opened(redis, sealing=sealing("new", "old")) as store:
        await put(store, an_entry(2))
    async with opened(redis, sealing=sealing("new")) as store:
        assert await store.get(key(1)) is not None
        assert await store.get(key(2)) is not None


async def test_without_the_key_that_wrapped_a_partitions_nothing_of_it_is_written(redis):
    async with opened(redis, sealing=sealing("a")) as store:
        await put(store, an_entry(1))
    async with opened(redis, sealing=sealing("b")) as store:
        store.put(an_entry(2))
        with pytest.raises(StoreError, match=r"not in store\.encryption_keys"):
            await store.flush()

        assert await store.get(key(1)) is None
        assert "not in store.encryption_keys" in store.last_error


# -- bounds of what waits


class Told:
    """Counts how often it is called."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1


async def test_whoever_put_an_entry_is_told_when_it_is_written(store):
    written, replaced, older = Told(), Told(), Told()
    store.put(an_entry(1, order=(1, 2)), replaced)
    store.put(an_entry(1, order=(1, 3)), written)
    assert written.times == replaced.times == 0
    await store.flush()
    store.put(an_entry(1, order=(1, 1)), older)
    await store.flush()
    await asyncio.sleep(0)

    assert (written.times, replaced.times, older.times) == (1, 1, 1)


async def test_whoever_put_an_entry_is_told_when_it_is_deleted_or_finds_no_room(redis):
    async with opened(redis, queue=UNHURRIED._replace(max_waiting=1)) as store:
        deleted, dropped = Told(), Told()
        store.put(an_entry(1), deleted)
        store.put(an_entry(2), dropped)
        await store.delete(ALL)
        await asyncio.sleep(0)

        assert (deleted.times, dropped.times) == (1, 1)
        assert store.dropped == 1


async def test_in_a_hurry_nobody_waits_for_more(store):
    told = asyncio.Event()
    store.put(an_entry(1), told.set)

    store.hurry()

    async with asyncio.timeout(5):
        await told.wait()


async def test_an_entry_that_no_codec_can_write_is_lost_alone(store):
    store.put(an_entry(1, order=(-1, 1)))
    store.put(an_entry(2))

    with pytest.raises(StoreError, match="1 entries could not be written"):
        await store.flush()

    assert await store.get(key(2)) is not None


# -- a Redis that fails


async def test_scripts_that_redis_has_forgotten_are_sent_again(store, raw):
    await put(store, an_entry(1))
    await raw.script_flush()
    await put(store, an_entry(2))
    await raw.script_flush()

    assert await store.mark("canvas", "event", NOW + 60)
    await raw.script_flush()
    assert await store.delete(COURSE) == 2


async def test_a_redis_that_dies_and_comes_back_is_used_again():
    told = Told()
    async with redis_server() as server, opened(server) as store:
        await put(store, an_entry(1))
        await server.kill()

        with pytest.raises(StoreUnavailable, match=r"refused the connection|closed the connection"):
            await store.get(key(1))
        store.put(an_entry(2), told)
        with pytest.raises(StoreError, match="could not be written"):
            await store.flush()
        store.put(an_entry(3))
        assert await store.get(key(3)) == an_entry(3), "what waits can be had without Redis"
        await asyncio.sleep(0)
        assert (told.times, store.dropped) == (1, 1)
        assert store.last_error
        assert store.failures >= 2

        await server.restart()
        await store.flush()

        assert await store.get(key(3)) == an_entry(3)
        assert store.last_error is None


async def test_a_silent_redis_costs_a_reader_its_time_out_and_gives_up_all_that_waits():
    async with (
        redis_server() as server,
        opened(server, timeout=0.05, write_timeout=0.5, queue=UNHURRIED._replace(batch=1)) as store,
    ):
        server.pause()
        for number in range(50):
            store.put(an_entry(number))

        async with asyncio.timeout(10):  # one call's time, not fifty
            with pytest.raises(StoreUnavailable, match="did not answer in time"):
                await store.get(key(99))
            with pytest.raises(StoreError, match="50 entries could not be written: Redis did not answer in time"):
                await store.flush()
        server.resume()


async def test_a_store_opened_while_redis_is_away_works_once_it_is_back():
    async with redis_server() as server:
        await server.stop()
        store = RedisStore(server.url, clock=Clock())
        with pytest.raises(StoreUnavailable):
            await store.open()

        await server.restart()
        await put(store, an_entry(1))

        assert await store.get(key(1)) == an_entry(1)
        await store.close()


async def test_a_full_redis_refuses_entries_and_deletes_them_all_the_same():
    async with redis_server() as server, opened(server) as store:
        await put(store, an_entry(1))
        await server.fill()

        store.put(an_entry(2))
        with pytest.raises(StoreError, match="Redis is full"):
            await store.flush()
        assert "Redis is full" in store.last_error
        assert await store.get(key(1)) == an_entry(1)
        assert await store.delete(COURSE) == 1

        await server.make_room()
        await put(store, an_entry(2))
        assert store.last_error is None


# -- what is known of it


@pytest.mark.parametrize(
    ("settings", "durability"),
    [
        ({}, "none"),
        ({"appendonly": "yes", "appendfsync": "no"}, "none"),
        ({"appendonly": "yes", "appendfsync": "everysec"}, "everysec"),
        ({"appendonly": "yes", "appendfsync": "always"}, "always"),
        ({"appendonly": "yes", "appendfsync": "always", "no-appendfsync-on-rewrite": "yes"}, "everysec"),
    ],
    ids=str,
)
async def test_a_store_says_what_an_acknowledged_write_survives(settings, durability):
    async with redis_server(**settings) as server, opened(server) as store:
        assert store.durability == durability
        assert store.is_durable is (durability == "always")
        assert bool(store.warnings) is (durability != "always")


async def test_without_a_look_at_the_configuration_nothing_is_claimed():
    async with redis_server(appendonly="yes", appendfsync="always") as server:
        async with server.client() as client:
            await client.execute_command("ACL SETUSER default -config -info")
        async with opened(server) as store:
            await put(store, an_entry(1))

            assert store.durability == "unknown"
            assert not store.is_durable
            assert any("noeviction" in warning for warning in store.warnings)


# -- finding


async def test_many_entries_are_counted_shown_and_deleted_in_steps(redis):
    async with opened(redis) as store:
        await put(store, *(an_entry(number, age=number % 60) for number in range(1_300)))

        assert await store.count(Filter(tag=COURSE)) == await store.count(Filter()) == len(await store.keys()) == 1_300
        assert len(await store.summaries(Filter(tag=COURSE, limit=20))) == 20
        assert await store.delete(endpoint_tag("courseworks", "GET /api/v1/courses/{course}")) == 1_300
        assert await store.count(Filter(tag=key_tag(key(1)))) == 0


# -- answers that are nobody's


async def test_a_reader_who_is_cancelled_anywhere_never_leaves_his_answer_to_another(redis):
    """Tagged values over a real server under load; readers are cancelled after 0, 1, 2… turns of the event loop."""
    async with opened(redis) as store:
        await put(store, *(an_entry(number, body=b"%d" % number) for number in range(40)))
        wrong, read = [], 0

        async def reader(number):
            nonlocal read
            entry = await store.get(key(number))
            read += 1
            if entry is None or entry.body != b"%d" % number:
                wrong.append(number)

        for turns in range(40):
            tasks = [asyncio.create_task(reader(number)) for number in range(40)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert [result for result in results if isinstance(result, StoreError)] == []

        assert wrong == []
        assert read >= 40 * 20


async def test_a_cancelled_write_leaves_no_answer_behind(redis):
    async with opened(redis) as store:
        for turns in range(30):
            task = asyncio.create_task(store.mark("canvas", f"event-{turns}", NOW + 60))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

            assert await store.mark("canvas", f"another-{turns}", NOW + 60) is True
            assert await store.find_link("courseworks", "1") is None


async def test_a_closed_store_refuses(redis):
    async with opened(redis) as store:
        pass
    told = Told()

    store.put(an_entry(1), told)
    with pytest.raises(StoreError, match="not open"):
        await store.get(key(1))
    await store.close()
    await until(lambda: asyncio.sleep(0, told.times == 1), "nobody was told")

    assert store.dropped == 1
