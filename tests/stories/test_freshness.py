"""There and quick: what is stored is served while it may be, refreshed behind, and covers for a failing upstream."""

import asyncio

import pytest

from tests.house import ADA, STUDENT_COURSES, bearer

LIST = STUDENT_COURSES + "?per_page=5"
ALL = STUDENT_COURSES + "?per_page=100"
CALLS = "/courseworks/api/v1/courses"


def tuned(**fields):
    cache = {"ttl": "300s", "refresh_after": "120s", "stale_while_revalidate": "60s", "stale_if_error": "24h", **fields}
    return {"upstreams": {"courseworks": {"endpoints": {"GET /api/v1/courses": {"cache": cache}}}}}


async def test_a_second_read_is_a_hit_that_asks_nobody(larder):
    async with larder() as house:
        first = await house.get(LIST, headers=bearer(ADA))
        second = await house.get(LIST, headers=bearer(ADA))

        assert (first.status, second.status) == (200, 200)
        assert first.cache.startswith("larder; fwd=miss; fwd-status=200")
        assert "stored" in first.cache
        assert second.cache.startswith("larder; hit; ttl=")
        assert second.body == first.body
        assert second.headers["Age"] == "0"
        assert await house.calls(CALLS) == 1


async def test_a_read_past_refresh_after_is_answered_at_once_and_refreshed_behind(larder):
    async with larder(**tuned()) as house:
        await house.get(LIST, headers=bearer(ADA))
        house.clock.advance(121)

        read = await house.get(LIST, headers=bearer(ADA))
        await house.settled()
        after = await house.get(LIST, headers=bearer(ADA))

        assert read.cache.startswith("larder; hit")
        assert read.headers["Age"] == "121"
        assert after.headers["Age"] == "0"
        assert await house.calls(CALLS) == 2


async def test_a_stale_answer_is_served_at_once_and_refreshed_behind(larder):
    async with larder(**tuned()) as house:
        await house.get(LIST, headers=bearer(ADA))
        house.clock.advance(330)

        stale = await house.get(LIST, headers=bearer(ADA))
        await house.settled()

        assert stale.cache.startswith("larder; hit; ttl=-30")
        assert (await house.get(LIST, headers=bearer(ADA))).headers["Age"] == "0"


async def test_past_both_windows_a_working_upstream_is_asked(larder):
    async with larder(**tuned()) as house:
        await house.get(LIST, headers=bearer(ADA))
        house.clock.advance(400)

        assert "fwd=stale" in (await house.get(LIST, headers=bearer(ADA))).cache
        assert await house.calls(CALLS) == 2


async def test_a_failing_upstream_is_covered_for_until_stale_if_error_ends(larder):
    async with larder(**tuned()) as house:
        good = await house.get(LIST, headers=bearer(ADA))
        await house.fail()
        house.clock.advance(3600)

        covered = await house.get(LIST, headers=bearer(ADA))
        house.clock.advance(86_400)
        gone = await house.get(LIST, headers=bearer(ADA))

        assert covered.status == 200
        assert covered.body == good.body
        assert "fwd=stale" in covered.cache
        assert "fwd-status=503" in covered.cache
        assert "detail=upstream-failed" in covered.cache
        assert covered.headers["Age"] == "3600"
        assert gone.status == 503
        assert gone.headers["Retry-After"].isdigit()


async def test_a_failed_refresh_is_remembered_so_readers_do_not_each_ask_again(larder):
    async with larder(**tuned()) as house:
        await house.get(LIST, headers=bearer(ADA))
        await house.fail()
        house.clock.advance(3600)
        before = await house.calls(CALLS)

        reads = [await house.get(LIST, headers=bearer(ADA)) for _ in range(20)]

        assert all(read.status == 200 for read in reads)
        assert await house.calls(CALLS) - before <= 3  # one demand and its retries
        assert "detail=failure-remembered" in reads[-1].cache


async def test_an_open_breaker_covers_with_stale_and_asks_nobody_until_a_probe(larder):
    breaker = {"window": "60s", "minimum_calls": 3, "failure_ratio": "50%", "cooldown": "30s"}
    async with larder(**tuned(), defaults={"breaker": breaker}) as house:
        await house.get(LIST, headers=bearer(ADA))
        await house.fail(kind="down")
        house.clock.advance(3600)
        await house.get(LIST, headers=bearer(ADA))
        house.clock.advance(5)
        calls = await house.calls(CALLS)

        resting = await house.get(LIST, headers=bearer(ADA))
        fresh = await house.get("/courseworks/api/v1/courses/565", headers=bearer(ADA))

        assert resting.cache.startswith("larder; hit; ttl=-")
        assert "detail=circuit-open" in resting.cache
        assert fresh.status == 503
        assert "errors" in fresh.json
        assert fresh.headers["Retry-After"].isdigit()
        assert await house.calls(CALLS) == calls

        await house.heal()
        house.clock.advance(31)
        assert (await house.get(LIST, headers=bearer(ADA))).headers.get("Age") is None
        assert house.larder.upstreams["courseworks"].breaker.state == "closed"


async def test_a_hundred_callers_for_one_cold_key_cost_one_call(larder):
    async with larder() as house:
        await house.get("/courseworks/api/v1/users/self", headers=bearer(ADA))
        await house.fail(kind="latency", seconds=0.5)
        reads = await asyncio.gather(*(house.get(LIST, headers=bearer(ADA)) for _ in range(100)))

        assert {read.status for read in reads} == {200}
        assert await house.calls(CALLS) == 1
        assert sum("collapsed" in read.cache for read in reads) >= 1


async def test_a_caller_that_leaves_does_not_bring_the_flight_down(larder):
    async with larder() as house:
        await house.fail(kind="latency", seconds=0.2)
        leaver = asyncio.create_task(house.get(LIST, headers=bearer(ADA)))
        while not len(house.larder.engine._flights):
            await asyncio.sleep(0)
        stayer = asyncio.create_task(house.get(LIST, headers=bearer(ADA)))
        leaver.cancel()

        assert (await stayer).status == 200
        assert await house.calls(CALLS) == 1


async def test_a_404_is_an_answer_for_the_negative_ttl_only(larder):
    async with larder() as house:
        path = "/courseworks/api/v1/courses/987654321"
        assert (await house.get(path, headers=bearer(ADA))).status == 404
        assert (await house.get(path, headers=bearer(ADA))).cache.startswith("larder; hit")
        house.clock.advance(31)
        await house.fail()

        assert (await house.get(path, headers=bearer(ADA))).status == 503


async def test_keep_at_most_ends_even_what_could_cover_a_failure(larder):
    more = tuned(stale_if_error="24h")
    more["upstreams"]["courseworks"]["keep_at_most"] = "1h"
    async with larder(**more) as house:
        await house.get(LIST, headers=bearer(ADA))
        await house.fail()
        house.clock.advance(3601)

        assert (await house.get(LIST, headers=bearer(ADA))).status == 503


async def test_while_a_refresh_takes_long_what_is_stale_is_told_as_such_and_then_is_news(larder):
    async with larder() as house:
        for _ in range(2):  # from then on by the short way
            await house.get(ALL, headers=bearer(ADA))
        await house.fail(kind="hang", path="/api/v1/courses")
        house.clock.advance(330)
        stale = [await house.get(ALL, headers=bearer(ADA)) for _ in range(4)]
        calls = await house.calls("/courseworks/api/v1/courses")
        tight = asyncio.create_task(house.get(ALL, headers=bearer(ADA, **{"Cache-Control": "max-age=10"})))
        await house.heal()
        await house.settled()

        assert [answer.cache for answer in stale] == ["larder; hit; ttl=-30"] * 4
        assert len({answer.body for answer in stale}) == 1
        assert calls == 2
        assert "hit" not in (await tight).cache
        assert (await house.get(ALL, headers=bearer(ADA))).cache == "larder; hit; ttl=300"


async def test_what_was_purged_while_a_refresh_takes_long_is_not_served_as_stale(larder):
    async with larder() as house:
        for _ in range(2):
            await house.get(ALL, headers=bearer(ADA))
        await house.fail(kind="hang", path="/api/v1/courses")
        house.clock.advance(330)
        stale = await house.get(ALL, headers=bearer(ADA))
        await house.larder.purger.purge(["courseworks/user:20064:courses"])
        asked = asyncio.create_task(house.get(ALL, headers=bearer(ADA)))
        await asyncio.wait([asked], timeout=0.2)
        was_served = asked.done()
        await house.heal()

        assert stale.cache == "larder; hit; ttl=-30"
        assert not was_served
        assert "hit" not in (await asked).cache


def went_the_long_way(house):
    """How many requests did: the short way says nothing of a request before it is answered."""
    return house.log.getvalue().count('"request arrived"')


@pytest.mark.parametrize(("path", "age"), [(ALL, 330), (f"{STUDENT_COURSES}/565", 1000)])
@pytest.mark.parametrize("trouble", ["hang", "status"])
async def test_a_stale_read_goes_the_short_way_while_its_refresh_is_under_way_or_not_due_again(
    larder, trouble, path, age
):
    async with larder() as house:
        for _ in range(3):
            await house.get(path, headers=bearer(ADA))
        fresh = went_the_long_way(house)
        await house.fail(kind=trouble)
        house.clock.advance(age)
        first = await house.get(path, headers=bearer(ADA))
        if trouble == "status":
            await house.settled()  # the refresh has failed, and the next try is due later
        others = [await house.get(path, headers=bearer(ADA)) for _ in range(4)]
        stale = went_the_long_way(house) - fresh
        await house.heal()

        assert first.cache.startswith("larder; hit; ttl=-")
        assert {(answer.cache, answer.body) for answer in others} == {(first.cache, first.body)}
        assert (fresh, stale) == (2, 1)  # the first miss and the first hit; and who began the refresh
