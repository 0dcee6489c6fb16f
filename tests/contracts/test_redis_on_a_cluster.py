"""The Redis store over a real cluster of three masters: the same promises, and what a failover leaves of them."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from adapters import Link
from proxy.messages import ALL, endpoint_tag, key_tag, partition_tag, upstream_tag
from proxy.store._redis_keys import Keys
from proxy.store._redis_writer import Queue
from proxy.store.contract import Filter, StoreError
from proxy.store.redis import RedisStore
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE = "courseworks/course:565"
KEYS = Keys("larder")


@asynccontextmanager
async def opened(cluster, **options):
    store = RedisStore(
        cluster.url, clock=Clock(), queue=Queue(write_after=30), **{"timeout": 5, "write_timeout": 10, **options}
    )
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture
async def store(cluster):
    async with opened(cluster) as store:
        yield store


async def put(store, *entries):
    for entry in entries:
        store.put(entry)
    await store.flush()


async def test_entries_lie_on_every_master_and_are_found(store, cluster):
    entries = [an_entry(number, body=b"%d" % number) for number in range(30)]
    await put(store, *entries)

    assert {cluster.owner(KEYS.entry(key(number))) for number in range(30)} == {0, 1, 2}
    assert [await store.get(key(number)) for number in range(30)] == entries
    assert await store.get(key(99)) is None
    assert sorted(await store.keys()) == [key(number) for number in range(30)]


async def bodies_of(store):
    return {(await store.get(key(number))).body for number in range(9)}


async def test_the_later_fill_stays(store):
    await put(store, *(an_entry(number, order=(7, 3), body=b"new") for number in range(9)))
    await put(store, *(an_entry(number, order=(7, 2), body=b"old") for number in range(9)))

    assert await bodies_of(store) == {b"new"}


@pytest.mark.parametrize(
    ("tag", "met"),
    [
        (COURSE, 20),
        (partition_tag("principal:b"), 10),
        (upstream_tag("courseworks"), 30),
        (endpoint_tag("courseworks", "GET /api/v1/courses/{course}"), 30),
        (key_tag(key(3)), 1),
        (ALL, 30),
    ],
)
async def test_what_is_under_a_tag_is_counted_and_shown_and_goes(store, tag, met):
    await put(store, *(an_entry(number) for number in range(20)))
    await put(store, *(an_entry(number, tags=(), partition="principal:b") for number in range(20, 30)))

    assert await store.count(Filter(tag=tag)) == len(await store.summaries(Filter(tag=tag))) == met
    assert await store.delete(tag) == met
    assert await store.count(Filter()) == 30 - met


async def test_what_is_remembered_beside_entries_is(store):
    await store.learn("courseworks", [Link(str(number), "20064", "565") for number in range(9)])
    await store.bind("principal:a", "20064")

    assert [await store.mark("canvas", str(number), NOW + 60) for number in range(9)] == [True] * 9
    assert not await store.mark("canvas", "3", NOW + 60)
    assert await store.find_link("courseworks", "8") == Link("8", "20064", "565")
    assert await store.bindings() == {"principal:a": "20064"}
    await store.sweep(NOW, 0)

    assert await store.forget_person("courseworks", ("20064",)) == (9, 1)
    assert await store.find_link("courseworks", "8") is None
    assert await store.bindings() == {}


async def test_every_key_expires(store, cluster):
    await put(store, *(an_entry(number) for number in range(9)))
    await store.bind("principal:a", "20064")

    for master in cluster.masters:
        async with master.client() as client:
            assert all([await client.pttl(name) > 0 async for name in client.scan_iter()])


async def test_a_reader_who_is_cancelled_anywhere_never_leaves_his_answer_to_another(store):
    await put(store, *(an_entry(number, body=b"%d" % number) for number in range(40)))
    wrong = []

    async def reader(number):
        if (await store.get(key(number))).body != b"%d" % number:
            wrong.append(number)

    for turns in range(20):
        tasks = [asyncio.create_task(reader(number)) for number in range(40)]
        for _ in range(turns):
            await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert [result for result in results if isinstance(result, Exception)] == []

    assert wrong == []


async def until_it_works(step):
    """What a step comes to once the store knows the new master."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await step()
            except StoreError:
                await asyncio.sleep(0.01)


async def test_a_failover_costs_what_was_not_replicated_and_no_more(cluster):
    async with opened(cluster, timeout=2, write_timeout=4) as store:
        await put(store, *(an_entry(number, order=(1, 1), body=b"replicated") for number in range(9)))
        lost = cluster.owner(KEYS.entry(key(1)))
        await cluster.until_replicated(lost)
        await cluster.cut_off(lost)
        store.put(an_entry(1, order=(2, 1), body=b"lost"))
        await store.flush()

        await cluster.take_over(lost, kill=False)  # the former master is there, and silent
        bodies = await until_it_works(lambda: bodies_of(store))
        await until_it_works(lambda: put(store, an_entry(1, order=(1, 2), body=b"later")))

        assert bodies == {b"replicated"}
        assert (await store.get(key(1))).body == b"later"
        await cluster.rejoin(lost)
        assert await store.delete(ALL) == 9
