"""Several instances on one real Redis: a purge holds everywhere when it is acknowledged, one asks for all, and who
hears of nobody says so and serves nothing from memory as current.
"""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from redis.asyncio import Redis

from adapters import Link
from proxy.clocks import Clocks
from proxy.erasing import Eraser
from proxy.store.fences import Mode, Validity
from proxy.store.purges import tag_digest
from tests.house import ADA, ADMIN, BEN, CY, House, bearer, config_for, running_larder, running_sandbox
from tests.redis_server import redis_server

COURSE = "/courseworks/api/v1/courses/565"
WHERE = "/api/v1/courses/565"


@asynccontextmanager
async def instances(folder, redis_url, many=2, **more):
    """Houses that share a sandbox and a Redis."""
    async with AsyncExitStack() as stack:
        sandbox, url = await stack.enter_async_context(running_sandbox())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        store = {"durable": redis_url, "secret": "s" * 40, **more}
        houses = []
        for _ in range(many):
            config = config_for(url, folder, store=store)
            larder, log = await stack.enter_async_context(running_larder(config, Clocks()))
            houses.append(House(larder, sandbox, url, session, log, None, config))
        for house in houses:
            await until(lambda house=house: house.larder.fences.is_coherent)
        yield houses


async def until(holds):
    """Wait for what other processes bring about."""
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)


async def calls(house, path):
    return await house.calls(f"/courseworks{path}")


async def test_what_one_instance_fetched_another_has(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        await first.get(COURSE, headers=bearer(ADA))
        await first.settled()

        found = await second.get(COURSE, headers=bearer(ADA))

        assert "larder; hit" in found.cache
        assert await calls(first, WHERE) == 1
        assert "hit" not in (await second.get(COURSE, headers=bearer(BEN))).cache


async def test_a_person_is_erased_from_redis_and_served_by_no_instance(tmp_path, redis):
    courses, roster = "/courseworks/api/v1/courses?per_page=100", f"{COURSE}/search_users?per_page=100"
    async with instances(tmp_path, redis.url, compress_above="1GiB") as (first, second):
        for house in (first, second):
            for token, path in (
                (ADA, courses),
                (ADA, roster),
                (CY, f"{COURSE}/enrollments?per_page=100"),
                (BEN, courses),
            ):
                assert (await house.get(path, headers=bearer(token))).status == 200
            await house.settled()
        assert b"Ada Sample" in await values(redis.url)
        person = first.larder.plans.upstreams["courseworks"].adapter.person("user:20064")
        eraser = Eraser(first.larder.erasing, first.larder.purger, first.larder.durable, lambda *_: None)

        receipt = await eraser.erase("courseworks", person)
        held = await values(redis.url)
        elsewhere = await second.get(courses, headers=bearer(ADA))

        assert receipt.is_complete
        assert (receipt.store.entries >= 2, receipt.store.principals, receipt.store.links > 0) == (True, 1, True)
        assert b"Ada Sample" not in held
        assert "hit" not in elsewhere.cache
        assert "hit" in (await second.get(courses, headers=bearer(BEN))).cache


async def test_nothing_in_redis_can_be_guessed_to_be_about_the_person_who_was_erased(tmp_path, redis):
    roster = f"{COURSE}/search_users?per_page=100"
    async with instances(tmp_path, redis.url, compress_above="1GiB") as (first, second):
        for house in (first, second):
            await house.get("/courseworks/api/v1/courses?per_page=100", headers=bearer(ADA))
            await house.get(roster, headers=bearer(CY))
            await house.settled()
        person = first.larder.plans.upstreams["courseworks"].adapter.person("user:20064")
        about = {f"courseworks/{tag}" for tag in person.tags if "20064" in tag} | {"courseworks/whose:20064"}
        guessed = [tag_digest(tag) for tag in about]
        before = await everything(redis.url)
        assert any(one[:8] in before for one in guessed)
        eraser = Eraser(first.larder.erasing, first.larder.purger, first.larder.durable, lambda *_: None)

        await eraser.erase("courseworks", person)
        held = await everything(redis.url)

        assert b"20064" not in held
        assert not [one for one in guessed if one[:8] in held or one[:8].hex().encode() in held]


async def test_another_instance_forgets_whose_their_credential_is(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        for token in (ADA, BEN):
            me = await second.get("/courseworks/api/v1/users/self", headers=bearer(token))
            assert me.status == 200
        await second.settled()
        learner = second.larder.works.learner
        assert learner.partitions_of({"20064"})
        person = first.larder.plans.upstreams["courseworks"].adapter.person("user:20064")
        eraser = Eraser(first.larder.erasing, first.larder.purger, first.larder.durable, lambda *_: None)

        await eraser.erase("courseworks", person)
        await second.larder._housekeeping.scrub()

        assert not learner.partitions_of({"20064"})
        assert learner.partitions_of({"20065"})


async def test_whom_another_instance_was_about_to_learn_of_is_forgotten_too(tmp_path, redis, monkeypatch):
    """Its answer came before it heard of the purge; its word reaches Redis when all was deleted there."""
    async with instances(tmp_path, redis.url) as (first, second):
        person = first.larder.plans.upstreams["courseworks"].adapter.person("user:20064")
        eraser = Eraser(first.larder.erasing, first.larder.purger, first.larder.durable, lambda *_: None)
        await eraser.erase("courseworks", person)
        await second.larder.durable.learn("courseworks", [Link("77", "20064", "565"), Link("78", "20065", "565")])
        await second.larder.durable.bind("principal:late", "20064")

        monkeypatch.setattr("proxy.store.redis.LATE", 0.0)  # half a minute is over
        await first.larder.durable.scrub()

        assert await first.larder.durable.find_link("courseworks", "77") is None
        assert await first.larder.durable.find_link("courseworks", "78") is not None
        assert await first.larder.durable.bindings() == {}


async def everything(url):
    """All that a Redis holds: names, values, lists and streams."""
    client = Redis.from_url(url)
    try:
        parts = [await values(url)]
        async for key in client.scan_iter():
            kind = await client.type(key)
            parts.append(key)
            if kind == b"stream":
                parts += [part for _, fields in await client.xrange(key) for pair in fields.items() for part in pair]
            elif kind == b"zset":
                parts += await client.zrange(key, 0, -1)
        return b"\n".join(parts)
    finally:
        await client.aclose()


async def test_what_a_credential_read_whose_user_no_instance_learned_goes_with_any_person(tmp_path, redis):
    sections = f"{COURSE}/sections"
    async with instances(tmp_path, redis.url, compress_above="1GiB") as (first, second):
        for house in (first, second):
            await house.get(sections, headers=bearer(ADA))
            await house.settled()
        assert b"course_id" in await values(redis.url)
        person = first.larder.plans.upstreams["courseworks"].adapter.person("user:20065")
        eraser = Eraser(first.larder.erasing, first.larder.purger, first.larder.durable, lambda *_: None)

        receipt = await eraser.erase("courseworks", person)

        assert (receipt.is_complete, receipt.store.unlearned) == (True, 1)
        assert b"course_id" not in await values(redis.url)
        assert "hit" not in (await second.get(sections, headers=bearer(ADA))).cache


async def values(url):
    """Everything that a Redis holds."""
    client = Redis.from_url(url)
    try:
        found = []
        async for key in client.scan_iter():
            kind = await client.type(key)
            if kind == b"string":
                found.append(await client.get(key) or b"")
            elif kind == b"hash":
                found += [part for pair in (await client.hgetall(key)).items() for part in pair]
        return b"".join(found)
    finally:
        await client.aclose()


async def test_whoever_was_told_that_a_write_is_done_reads_nothing_older_on_any_instance(tmp_path, redis):
    async with instances(tmp_path, redis.url, many=3) as houses:
        first = houses[0]
        for house in houses:
            await house.get(COURSE, headers=bearer(ADA))

        written = await first.ask("PUT", COURSE, headers=bearer(ADMIN), data={"course[name]": "Renamed"})
        read = [await house.get(COURSE, headers=bearer(ADA)) for house in houses]

        assert written.status == 200
        assert [answer.json["name"] for answer in read] == ["Renamed"] * 3


async def test_callers_of_all_instances_share_one_call(tmp_path, redis):
    async with instances(tmp_path, redis.url, many=3) as houses:
        await houses[0].get("/courseworks/api/v1/users/self", headers=bearer(ADA))
        await houses[0].fail(kind="latency", seconds=0.3, path=WHERE, times=1)

        asking = [house.get(COURSE, headers=bearer(ADA)) for house in houses for _ in range(20)]
        answers = await asyncio.gather(*asking)

        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
        assert await calls(houses[0], WHERE) == 1
        assert sum("collapsed" in answer.cache for answer in answers) >= 40


async def test_who_waits_for_another_instance_waits_no_longer_than_for_a_call_of_its_own(tmp_path, redis):
    timeout = {"attempt": "1500ms", "total": "1500ms"}
    async with instances(tmp_path, redis.url) as houses:
        for house in houses:
            house.reload(upstreams={"courseworks": {"timeout": timeout, "learn_user": False}})
        await houses[0].fail(kind="hang", path=WHERE)
        clock = asyncio.get_running_loop().time
        began = clock()

        async def waited(house):
            answer = await house.get(COURSE, headers=bearer(ADA))
            return answer.status, clock() - began

        told = await asyncio.gather(*[waited(house) for house in houses])

        assert [status for status, _ in told] == [504, 504]
        assert max(seconds for _, seconds in told) < 1.5 * 1.7  # one total, not two


async def test_nobody_waits_for_another_instance_across_credentials(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        answers = await asyncio.gather(
            *[house.get(COURSE, headers=bearer(who)) for house in (first, second) for who in (ADA, BEN)]
        )

        assert {answer.status for answer in answers} == {200}
        assert await calls(first, WHERE) == 2  # one each, whatever their answers


async def test_what_one_instance_purged_for_good_leaves_the_memory_of_the_others(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        await first.get(COURSE, headers=bearer(ADA))
        await first.settled()
        await second.get(COURSE, headers=bearer(ADA))
        await first.larder.purger.purge(["courseworks/course:565"], Mode.HARD)

        await second.larder._housekeeping.scrub()

        assert [len(house.larder.memory) for house in (first, second)] == [0, 0]
        assert await second.larder.durable.keys() == []


async def test_without_redis_nothing_is_current_what_is_stored_stands_in_and_both_are_said(tmp_path):
    async with redis_server() as server, instances(tmp_path, server.url, many=1) as (house,):
        await house.get(COURSE, headers=bearer(ADA))
        assert "larder; hit" in (await house.get(COURSE, headers=bearer(ADA))).cache

        await server.kill()
        await until(lambda: not house.larder.fences.is_coherent)
        asked = await house.get(COURSE, headers=bearer(ADA))
        await house.fail()
        covered = await house.get(COURSE, headers=bearer(ADA))
        ready = await house.get("/-/ready")

        assert "hit" not in asked.cache
        assert (asked.status, covered.status) == (200, 200)
        assert "detail=coherence-lost" in covered.cache
        assert ready.status == 200
        assert ready.json["parts"]["coherence"] == "lost"
        assert ready.json["parts"]["store"] != "ok"


async def test_an_operator_may_have_memory_served_all_the_same(tmp_path):
    more = {"redis": {"on_lost_coherence": "serve"}}
    async with redis_server() as server, instances(tmp_path, server.url, many=1, **more) as (house,):
        await house.get(COURSE, headers=bearer(ADA))
        await server.kill()
        await until(lambda: house.larder.tier.coherence_part() is not None)

        assert "larder; hit" in (await house.get(COURSE, headers=bearer(ADA))).cache
        assert (await house.get("/-/ready")).json["parts"]["coherence"] == "lost"


async def test_coherence_comes_back_with_redis_and_purges_of_the_meantime_hold_everywhere(tmp_path):
    async with redis_server() as server, instances(tmp_path, server.url) as (first, second):
        for house in (first, second):
            await house.get(COURSE, headers=bearer(ADA))
        fence = second.larder.fences.number
        await server.kill()
        purged = await first.larder.purger.purge(["courseworks/course:565"])
        await server.restart()
        tag = "courseworks/course:565"
        await until(lambda: second.larder.fences.validity([tag], fence) is Validity.SOFT)
        for house in (first, second):
            await until(lambda house=house: house.larder.fences.is_coherent)

        assert (purged.durable, purged.recorded) == (False, False)
        assert "hit" not in (await second.get(COURSE, headers=bearer(ADA))).cache


async def test_an_instance_starts_without_redis_serves_and_finds_it_later(tmp_path):
    async with redis_server() as server:
        url = server.url
        await server.kill()
        async with running_sandbox() as (sandbox, sandbox_url), aiohttp.ClientSession() as session:
            config = config_for(sandbox_url, tmp_path, store={"durable": url, "secret": "s" * 40})
            async with running_larder(config, Clocks()) as (larder, log):
                house = House(larder, sandbox, sandbox_url, session, log, None, config)
                answers = [await house.get(COURSE, headers=bearer(ADA)) for _ in range(2)]
                await server.restart()
                await until(lambda: larder.fences.is_coherent)
                await house.get(COURSE, headers=bearer(ADA))

                assert [answer.status for answer in answers] == [200, 200]
                assert "larder; hit" in (await house.get(COURSE, headers=bearer(ADA))).cache


@pytest.mark.parametrize("canary", ["canary-password"])
async def test_a_password_in_the_url_is_in_no_log_line_and_no_answer(tmp_path, canary):
    async with redis_server(requirepass=canary) as server, instances(tmp_path, server.url, many=1) as (house,):
        await house.get(COURSE, headers=bearer(ADA))
        await server.kill()
        await until(lambda: not house.larder.fences.is_coherent)
        await house.get(COURSE, headers=bearer(ADA))
        ready = await house.get("/-/ready")

        assert canary not in house.log.getvalue() + ready.body.decode() + repr(house.larder.plans.settings)


async def test_readiness_tells_that_redis_works_again_also_while_nobody_asks(tmp_path):
    async with redis_server() as server, instances(tmp_path, server.url, many=1) as (house,):
        await server.kill()
        await house.get(COURSE, headers=bearer(ADA))
        await until(lambda: house.larder.durable.last_error)
        await house.larder._housekeeping.try_again()
        assert (await house.get("/-/ready")).json["parts"]["store"] != "ok"
        await server.restart()
        await house.larder._housekeeping.try_again()

        assert (await house.get("/-/ready")).json["parts"]["store"] == "ok"
