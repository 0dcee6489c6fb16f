"""True: how often a change came is counted by all who share a store, and a restart does not forget it."""

import aiohttp
import pytest

from proxy.clocks import Clocks
from proxy.doubts.sightings import Fate
from tests.house import ADA, Clock, House, bearer, config_for, running_larder, running_sandbox

COURSES = "/courseworks/api/v1/courses?per_page=100"
LIVE = {"Cache-Control": "no-cache"}
LATER = 400  # seconds: past `ttl` and `stale_while_revalidate`, within `stale_if_error`


async def wiped(house):
    await house.control("faults", {"upstream": "courseworks", "kind": "empty_list", "path": "/api/v1/courses"})


async def read(house):
    """How many courses a reader gets, a minute later."""
    house.clock.advance(60)
    return len((await house.get(COURSES, headers=bearer(ADA))).json)


@pytest.fixture
async def place(tmp_path):
    """A sandbox, a config and a clock, for one Larder after another."""
    async with running_sandbox() as (sandbox, url), aiohttp.ClientSession() as session:
        yield House(None, sandbox, url, session, None, Clock(), config_for(url, tmp_path))


async def test_a_restart_does_not_forget_how_often_a_change_came(place):
    house = place
    async with running_larder(house.config, house.clock.clocks) as (house.larder, _):
        await house.get(COURSES, headers=bearer(ADA))
        house.clock.advance(LATER)
        await wiped(house)
        assert [await read(house) for _ in range(2)] == [14, 14]
        await house.settled()

    async with running_larder(house.config, house.clock.clocks) as (house.larder, log):
        assert await read(house) == 0
        assert '"why":"repeated"' in log.getvalue().replace(" ", "")


async def test_processes_that_share_a_store_count_together(place, redis):
    """Wall clocks move when told; those that tell whether Redis is heard of go on."""
    house, clocks = place, Clocks(place.clock)
    config = {**house.config, "store": {"durable": redis.url, "secret": "s" * 40}}
    async with running_larder(config, clocks) as (one, _), running_larder(config, clocks) as (two, _):
        house.larder = one
        await house.get(COURSES, headers=bearer(ADA))
        await house.settled()
        await wiped(house)
        seen = []
        for house.larder in (one, two, one):
            house.clock.advance(60)
            seen.append((await house.get(COURSES, headers=bearer(ADA, **LIVE))).cache)

    assert ["collection-shrank" in cache for cache in seen] == [True, True, False]
    assert "stored" in seen[-1]


async def test_what_an_operator_accepts_on_one_machine_is_believed_on_the_others(place, redis):
    house, clocks = place, Clocks(place.clock)
    config = {**house.config, "store": {"durable": redis.url, "secret": "s" * 40}}
    async with running_larder(config, clocks) as (one, _), running_larder(config, clocks) as (two, log):
        for house.larder in (one, two):
            assert len((await house.get(COURSES, headers=bearer(ADA))).json) == 14
            await house.settled()
        await wiped(house)
        house.larder = one
        await house.get(COURSES, headers=bearer(ADA, **LIVE))
        [held] = one.quarantine.listed()
        assert (await one.quarantine.accept(held.id)).fate is Fate.STORED
        house.clock.advance(1)

        house.larder = two
        seen = await house.get(COURSES, headers=bearer(ADA, **LIVE))

    assert "stored" in seen.cache
    assert two.quarantine.listed() == []
    assert '"why":"accepted"' in log.getvalue().replace(" ", "")
