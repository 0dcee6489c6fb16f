"""True: what a review of the payload guards found."""

from tests.house import ADA, bearer

COURSE = "/courseworks/api/v1/courses/565"
LIVE = {"Cache-Control": "no-cache"}


async def test_an_answer_that_still_holds_begins_the_count_anew(larder):
    """A replica behind a balancer that gives another object now and then is never in a row with itself."""
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        for _ in range(3):
            await house.fail(status=200, body={"id": 101, "name": "Another"}, path="/api/v1/courses/565")
            house.clock.advance(60)
            await house.get(COURSE, headers=bearer(ADA, **LIVE))
            await house.heal()
            house.clock.advance(60)
            good = await house.get(COURSE, headers=bearer(ADA, **LIVE))
            assert "fwd-status=304" in good.cache

        assert (await house.get(COURSE, headers=bearer(ADA))).json["id"] == 565
