"""After a write, what it made old and somebody read of late is fetched anew at once: its next reader does not wait."""

import pytest

from tests.house import ADA, ADMIN, CY, bearer

COURSE = "/courseworks/api/v1/courses/565"
WHERE = "/courseworks/api/v1/courses/565"


async def rename(house, name="Renamed"):
    done = await house.ask("PUT", COURSE, headers=bearer(ADMIN), data={"course[name]": name})
    assert done.status == 200
    await house.settled()


async def gets(house, path=WHERE):
    journal = await house.control(f"journal?method=GET&path={path}", method="GET")
    return journal["count"]


async def test_each_reader_of_late_finds_the_new_state_without_waiting(larder):
    async with larder() as house:
        for token in (ADA, CY):
            await house.get(COURSE, headers=bearer(token))
        await rename(house)
        asked = await gets(house)

        for token in (ADA, CY):
            answer = await house.get(COURSE, headers=bearer(token))
            assert answer.json["name"] == "Renamed"
            assert answer.cache.startswith("larder; hit")
        assert asked == 4  # each token's own, before and after
        assert await gets(house) == 4


async def test_what_was_read_long_ago_waits_until_somebody_asks(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(301)
        await rename(house)

        assert await gets(house) == 1


async def test_reads_from_the_fast_lane_count_too(larder):
    async with larder() as house:
        for _ in range(3):
            await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(200)
        assert (await house.get(COURSE, headers=bearer(ADA))).cache.startswith("larder; hit")
        house.clock.advance(200)
        await rename(house)

        assert await gets(house) == 2


async def test_what_the_write_did_not_touch_is_left_alone(larder):
    async with larder() as house:
        other = "/courseworks/api/v1/courses/101"
        await house.get(other, headers=bearer(CY))
        await rename(house)

        assert await gets(house, other) == 1


async def test_no_more_is_fetched_than_a_few(larder, monkeypatch):
    monkeypatch.setattr("proxy.kept.hot.MOST_REFRESHED", 2)
    async with larder() as house:
        for query in ("", "?include[]=term", "?include[]=teachers", "?include[]=sections"):
            await house.get(COURSE + query, headers=bearer(CY))
        before = await gets(house)
        await rename(house)

        assert await gets(house) == before + 2


@pytest.mark.parametrize(
    "block",
    [{"defaults": {"writes": {"refresh_hot": 0}}}, {"upstreams": {"courseworks": {"writes": {"refresh_hot": "0s"}}}}],
)
async def test_an_operator_may_want_nothing_fetched_that_nobody_asks_for(larder, block):
    async with larder(**block) as house:
        await house.get(COURSE, headers=bearer(ADA))
        await rename(house)

        assert await gets(house) == 1


async def test_a_refused_write_refreshes_nothing(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.ask("PUT", COURSE, headers=bearer(ADA), data={"course[name]": "Not mine to rename"})
        await house.settled()

        assert await gets(house) == 1


async def test_after_a_reload_nothing_is_asked_for_by_the_plans_before(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        house.reload(defaults={"cache": {"settle": "10s"}})
        await rename(house)

        assert await gets(house) == 1


async def test_many_writes_in_a_row_fetch_what_nobody_reads_in_between_only_once(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        for name in ("One", "Two", "Three"):
            house.clock.advance(1)
            await rename(house, name)
        assert await gets(house) == 2

        assert (await house.get(COURSE, headers=bearer(ADA))).json["name"] == "Three"
        house.clock.advance(1)
        await rename(house, "Four")
        assert await gets(house) == 4  # it was read again, so it is fetched again


async def test_a_row_of_writes_that_does_not_end_still_fetches_it_now_and_then(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await rename(house, "One")
        house.clock.advance(31)
        await rename(house, "Two")

        assert await gets(house) == 3


async def test_after_a_page_that_is_no_answer_nothing_is_fetched_for_it(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.fail(status=403, body="<html>Blocked</html>", headers={"Content-Type": "text/html"}, method="PUT")
        await house.ask("PUT", COURSE, headers=bearer(ADMIN), data={"course[name]": "Renamed"})
        await house.settled()

        assert await gets(house) == 1
