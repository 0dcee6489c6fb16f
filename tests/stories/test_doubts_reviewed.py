"""True: what a review of the payload guards found."""

import pytest
from aiohttp import web

from tests.house import ADA, ADMIN, bearer
from tests.stories.test_collections import LONG, Lists, links

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


NO_ANSWERS = [
    (302, {"Location": "https://sso.example.edu/login"}, "gone there"),
    (301, {"Location": "/elsewhere"}, ""),
    (300, {}, ""),
    (204, {}, ""),
    (202, {}, []),
    (203, {}, [{"id": 1}]),
]


@pytest.mark.parametrize(("status", "headers", "body"), NO_ANSWERS)
@pytest.mark.parametrize("path", [COURSE, "/courseworks/api/v1/courses?per_page=100"])
async def test_being_led_elsewhere_replaces_no_good_answer(larder, path, status, headers, body):
    """An upstream that is down for maintenance sends everybody to a page that says so."""
    async with larder() as house:
        good = await house.get(path, headers=bearer(ADA))
        house.clock.advance(2000)
        where = path.partition("?")[0].removeprefix("/courseworks")
        await house.fail(status=status, headers=headers, body=body, path=where)

        kept = await house.get(path, headers=bearer(ADA))
        live = await house.get(path, headers=bearer(ADA, **LIVE))
        await house.heal()
        house.clock.advance(5)
        after = await house.get(path, headers=bearer(ADA))

        assert (kept.status, kept.body) == (200, good.body)
        assert "detail=payload-refused" in kept.cache
        assert (live.status, "stored" in live.cache) == (status, False)
        assert (after.status, after.json) == (200, good.json)


@pytest.mark.parametrize(("status", "headers", "body"), NO_ANSWERS)
async def test_being_led_elsewhere_is_told_and_not_kept_where_there_is_nothing(larder, status, headers, body):
    async with larder() as house:
        await house.fail(status=status, headers=headers, body=body, path="/api/v1/courses/565", times=1)

        first = await house.get(COURSE, headers=bearer(ADA))
        second = await house.get(COURSE, headers=bearer(ADA))

        assert (first.status, first.headers.get("Location")) == (status, headers.get("Location"))
        assert "stored" not in first.cache
        assert second.status == 200


async def test_a_304_that_nobody_asked_for_is_no_answer(larder):
    async with larder() as house:
        await house.fail(status=304, body="", path="/api/v1/courses/565", times=3)

        first = await house.get(COURSE, headers=bearer(ADA))
        await house.heal()
        house.clock.advance(5)
        second = await house.get(COURSE, headers=bearer(ADA))

        assert (first.status, second.status) == (502, 200)


async def test_a_batch_without_a_body_says_of_no_address_that_there_is_none(larder):
    async with larder() as house:
        batch = [{"street": f"{number} Example Pl", "zipcode": "10099"} for number in (12, 14)]
        await house.fail("smartystreets", status=204, body="", method="POST", times=1)
        first = await house.ask("POST", "/smartystreets/us-street/street-address", json=batch)
        second = await house.ask("POST", "/smartystreets/us-street/street-address", json=batch)

        assert "stored" not in first.cache
        assert "hit" not in second.cache


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_page_of_a_firewall_takes_nobodys_answers_away(larder, status):
    """It blocks Larder, and says nothing of who may see what: Canvas itself refuses in JSON."""
    async with larder() as house:
        good = await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(2000)
        await house.fail(status=status, body="<html>Request blocked</html>", headers={"Content-Type": "text/html"})

        kept = await house.get(COURSE, headers=bearer(ADA))
        other = await house.get("/courseworks/api/v1/courses/101", headers=bearer(ADA))
        await house.heal()

        assert (kept.status, kept.body) == (200, good.body)
        assert (other.status, "stored" in other.cache) == (status, False)


async def test_a_refusal_of_canvas_itself_is_heard_at_once(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(2000)
        no = {"status": "unauthorized", "errors": [{"message": "user not authorized to perform that action"}]}
        await house.fail(status=403, body=no)

        assert (await house.get(COURSE, headers=bearer(ADA))).status == 403
        await house.heal()
        await house.fail(status=503)
        assert (await house.get(COURSE, headers=bearer(ADA))).status == 503  # it is gone


async def test_what_no_adapter_knows_the_answer_of_may_lead_elsewhere(larder):
    """A file's download, say, which an operator has kept for a while."""
    endpoints = {"GET /api/v1/files/{id}/download": {"cache": {"ttl": "1m", "partition": "principal"}}}
    async with larder(upstreams={"courseworks": {"endpoints": endpoints}}) as house:
        path = "/courseworks/api/v1/files/7/download"
        await house.fail(status=302, headers={"Location": "/files/7"}, body="", path="/api/v1/files/7/download")
        first = await house.get(path, headers=bearer(ADA))

        assert (first.status, "stored" in first.cache) == (302, True)
        assert house.larder.quarantine.listed() == []


class Gappy(Lists):
    """A long list, of which a page in the middle is empty so many times."""

    gaps = 0

    async def page(self, request):
        answer = await super().page(request)
        if request.query.get("page") != "2" or not self.gaps:
            return answer
        self.gaps -= 1
        return web.json_response([], headers={"Link": answer.headers["Link"]})


@pytest.fixture
async def gappy():
    lists, app = Gappy(450), web.Application()
    app.router.add_get("/{rest:.*}", lists.page)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    lists.upstreams = {"courseworks": {"base_url": f"http://127.0.0.1:{runner.addresses[0][1]}"}}
    yield lists
    await runner.cleanup()


async def whole_list(house):
    rows, page = [], await house.get(f"{LONG}?per_page=90", headers=bearer(ADMIN))
    while True:
        rows += page.json
        following = links(page).get("next")
        if following is None:
            return rows
        page = await house.get(following, headers=bearer(ADMIN))


async def test_a_list_with_a_hole_in_it_is_fetched_once_more(larder, gappy):
    gappy.gaps = 1
    async with larder(upstreams=gappy.upstreams) as house:
        last = await house.get(f"{LONG}?per_page=100&page=5", headers=bearer(ADMIN))

        assert last.json == gappy.rows[400:]
        assert await whole_list(house) == gappy.rows


async def test_a_hole_that_stays_is_how_the_list_is(larder, gappy):
    gappy.gaps = 1_000
    async with larder(upstreams=gappy.upstreams) as house:
        last = await house.get(f"{LONG}?per_page=100&page=4", headers=bearer(ADMIN))
        asked = len(gappy.asked)

        assert last.json == gappy.rows[400:]
        assert "hit" in (await house.get(f"{LONG}?per_page=100&page=2", headers=bearer(ADMIN))).cache
        assert len(gappy.asked) == asked
