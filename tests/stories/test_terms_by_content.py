"""A provider's terms end what they are about: place ids stay, coordinates go after 30 days, from every tier."""

from contextlib import AsyncExitStack

import aiohttp
import pytest

from proxy.clocks import Clocks
from proxy.store.contract import Filter
from sandbox.smarty.gazetteer import BUILDINGS
from tests.house import House, config_for, running_larder, running_sandbox

PLACE = BUILDINGS[0].place_id
DETAILS = f"/google/v1/places/{PLACE}"
DAY = 86_400
PLAIN = {"store": {"compress_above": "1GiB"}}  # so that what is on disk can be searched
LONG = {"ttl": "60d", "stale_if_error": "300d", "keep_at_most": "365d"}


def tuned(**more):
    """As long as an operator may say."""
    return {"google": {"keep_at_most": "365d", "endpoints": {"GET /v1/places/{place}": {"cache": LONG}}, **more}}


def masked(mask):
    return {"headers": {"X-Goog-FieldMask": mask}}


def on_disk(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.glob("larder.db*")) if path.suffix != ".lock")


async def value(raw, key):
    """What Redis holds under a key, if that is an entry."""
    return await raw.get(key) if await raw.type(key) == b"string" else b""


async def test_a_place_id_stays_as_long_as_the_operator_says(larder):
    async with larder(upstreams=tuned()) as house:
        first = await house.get(DETAILS, **masked("id"))
        house.clock.advance(45 * DAY)
        fresh = await house.get(DETAILS, **masked("id"))
        await house.fail("google")
        house.clock.advance(200 * DAY)
        covered = await house.get(DETAILS, **masked("id"))

    assert first.json == fresh.json == covered.json == {"id": PLACE}
    assert "hit" in fresh.cache
    assert covered.status == 200
    assert "fwd=stale" in covered.cache


async def test_coordinates_are_over_after_thirty_days_whatever_the_operator_and_the_upstream_do(larder):
    async with larder(upstreams=tuned()) as house:
        await house.get(DETAILS, **masked("id,location"))
        house.clock.advance(29 * DAY)
        assert "hit" in (await house.get(DETAILS, **masked("location,id"))).cache
        await house.fail("google")
        house.clock.advance(DAY)

        assert (await house.get(DETAILS, **masked("id,location"))).status == 503


async def test_a_reload_that_lengthens_lives_does_not_lengthen_what_the_terms_end(larder):
    async with larder() as house:
        await house.get(DETAILS, **masked("location"))
        house.reload(upstreams=tuned())
        house.clock.advance(29 * DAY)
        assert "hit" in (await house.get(DETAILS, **masked("location"))).cache
        await house.fail("google")
        house.clock.advance(DAY)

        assert (await house.get(DETAILS, **masked("location"))).status == 503


async def test_nothing_that_the_terms_end_is_renewed_by_a_304(larder):
    """It would be the same content for thirty more days, and Google would not have given it a second time."""
    async with larder(upstreams=tuned()) as house:
        said = {"id": PLACE, "location": {"latitude": 1.5, "longitude": 2.5}}
        headers = {"ETag": '"of-this-test"', "Content-Type": "application/json"}
        await house.fail("google", status=200, body=said, headers=headers)
        assert (await house.get(DETAILS, **masked("id,location"))).json == said
        await house.heal()
        await house.fail("google", status=304, headers=headers)
        house.clock.advance(20 * DAY)
        live = {"headers": {"X-Goog-FieldMask": "id,location", "Cache-Control": "no-cache"}}
        await house.get(DETAILS, **live)
        house.clock.advance(15 * DAY)

        assert (await house.get(DETAILS, **masked("id,location"))).status >= 500
        asked = (await house.control("journal?path=/google/v1/places/*", method="GET"))["requests"]
        assert not any("if-none-match" in str(one).lower() for one in asked)


@pytest.mark.parametrize("mask", ["id,displayName", "*", "formattedAddress"])
async def test_anything_else_of_a_place_is_never_kept(larder, mask):
    async with larder(upstreams=tuned()) as house:
        for _ in range(2):
            assert "fwd=bypass" in (await house.get(DETAILS, **masked(mask))).cache

        assert await house.calls("/google/v1/places/*") == 2
        assert not await house.larder.memory.summaries(Filter())


async def test_without_accepted_terms_not_even_place_ids_are_kept(larder):
    async with larder(upstreams=tuned(terms_accepted=[])) as house:
        for _ in range(2):
            assert "fwd=bypass" in (await house.get(DETAILS, **masked("id"))).cache


async def test_what_the_terms_ended_is_deleted_from_memory_and_from_the_file(larder, tmp_path):
    async with larder(upstreams=tuned(), **PLAIN) as house:
        answer = await house.get(DETAILS, **masked("location"))
        canary = answer.body.strip()
        assert b"latitude" in canary
        await house.get(DETAILS, **masked("id"))
        await house.settled()
        assert canary in on_disk(tmp_path)
        house.clock.advance(30 * DAY)

        await house.larder._housekeeping.sweep()

        assert canary not in on_disk(tmp_path)
        [left] = await house.larder.memory.summaries(Filter())
        [there] = await house.larder.durable.summaries(Filter())
        assert left.key == there.key
        assert house.larder.memory.get(bytes.fromhex(left.key)).body.strip() == (
            (await house.get(DETAILS, **masked("id"))).body.strip()
        )


async def test_redis_itself_lets_go_of_what_the_terms_end(tmp_path, redis):
    store = {"durable": redis.url, "secret": "x" * 32}
    async with AsyncExitStack() as stack:
        sandbox, url = await stack.enter_async_context(running_sandbox())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        config = config_for(url, tmp_path, upstreams=tuned(), store=store)
        larder, log = await stack.enter_async_context(running_larder(config, Clocks()))  # Redis goes by real time
        raw = await stack.enter_async_context(redis.client())
        house = House(larder, sandbox, url, session, log, None, config)

        await house.get(DETAILS, **masked("location"))
        await house.settled()
        lasts = [await raw.pttl(key) for key in await raw.keys("*") if b"latitude" in await value(raw, key)]

    assert lasts
    assert all(0 < left <= 30 * DAY * 1000 for left in lasts)


async def test_a_search_for_what_is_open_now_is_asked_anew_each_time(larder):
    async with larder() as house:
        for is_now, kept in ((True, False), (False, True)):
            body = {"textQuery": "Example Place", "openNow": is_now}
            for _ in range(2):
                found = await house.ask("POST", "/google/v1/places:searchText", json=body, **masked("places.id"))

            assert found.status == 200
            assert ("hit" in found.cache) is kept
