"""Idempotency keys where several instances share one Redis: whoever is asked, a write is carried out once."""

import asyncio

from tests.house import ADMIN, CY, bearer
from tests.redis_server import redis_server
from tests.stories.test_erasing_a_person import erased
from tests.stories.test_instances import instances

SECTIONS = "/courseworks/api/v1/courses/565/sections"


async def make(house, name="Made once"):
    headers = bearer(CY, **{"Idempotency-Key": '"one-key"'})
    return await house.ask("POST", SECTIONS, headers=headers, data={"course_section[name]": name})


async def posts(house):
    return (await house.control("journal?method=POST", method="GET"))["count"]


async def test_another_instance_gives_the_first_answer(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        made = await make(first)
        again = await make(second)
        other = await make(second, name="Another")

        assert again.body == made.body
        assert again.headers["Idempotency-Replayed"] == "true"
        assert other.status == 422
        assert await posts(first) == 1


async def test_while_one_is_at_it_the_others_say_so(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        await first.fail(kind="latency", seconds=0.5, method="POST", times=1)
        making = asyncio.create_task(make(first))
        while not await posts(first):
            await asyncio.sleep(0.01)

        meanwhile = await make(second)

        assert meanwhile.status == 409
        assert "under way" in meanwhile.json["errors"][0]["message"]
        assert (await making).status == 200
        assert await posts(first) == 1


async def test_of_many_at_once_one_is_carried_out(tmp_path, redis):
    async with instances(tmp_path, redis.url, many=3) as houses:
        answers = await asyncio.gather(*(make(house) for house in houses for _ in range(5)))

        assert {answer.status for answer in answers} <= {200, 409}
        assert len({answer.body for answer in answers if answer.status == 200}) == 1
        assert await posts(houses[0]) == 1


async def test_while_the_store_is_away_nothing_with_a_key_is_sent(tmp_path):
    async with redis_server() as redis, instances(tmp_path, redis.url) as (first, _):
        await redis.kill()

        refused = await make(first)
        without = await first.ask("POST", SECTIONS, headers=bearer(CY), data={"course_section[name]": "Unkeyed"})

        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert without.status == 200
        assert await posts(first) == 1


async def test_an_answer_that_names_somebody_who_was_erased_elsewhere_is_given_by_nobody(tmp_path, redis):
    async with instances(tmp_path, redis.url) as (first, second):
        headers = bearer(ADMIN, **{"Idempotency-Key": '"one-key"'})
        form = {"enrollment[user_id]": "20064", "enrollment[type]": "StudentEnrollment"}
        path = "/courseworks/api/v1/courses/101/enrollments"
        made = await second.ask("POST", path, headers=headers, data=form)
        await second.settled()

        receipt = await erased(first.larder)
        while (again := await second.ask("POST", path, headers=headers, data=form)).status == 200:
            await asyncio.sleep(0.01)  # it hears of it within the coherence window

        assert b"Ada Sample" in made.body
        assert receipt.store.entries > 0
        assert again.status == 409
        assert await posts(first) == 1
