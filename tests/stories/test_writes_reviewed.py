"""What a review of the checked writes found."""

import asyncio

import pytest
from aiohttp import web

from tests.house import ADMIN, CY, bearer

LONG = "/courseworks/api/v1/accounts/1/courses"


class Pages:
    """An origin with a list of two pages, the second of which comes when it may; it takes writes."""

    def __init__(self):
        self.rows = [{"id": number, "name": f"Row {number}"} for number in range(1, 151)]
        self.is_waited_for, self.goes_on = asyncio.Event(), asyncio.Event()
        self.written, self.status = 0, 200

    async def answer(self, request):
        if request.method == "POST":
            self.written += 1
            return web.json_response({"id": 999, "name": "New"}, status=self.status)
        page, size = int(request.query.get("page", "1")), int(request.query["per_page"])
        if page > 1:
            self.is_waited_for.set()
            await self.goes_on.wait()
        base = str(request.url.with_query(None))
        last = -(-len(self.rows) // size)
        link = f'<{base}?page={page}&per_page={size}>; rel="current",<{base}?page={last}&per_page={size}>; rel="last"'
        if page < last:
            link += f',<{base}?page={page + 1}&per_page={size}>; rel="next"'
        return web.json_response(self.rows[(page - 1) * size : page * size], headers={"Link": link})


@pytest.fixture
async def pages():
    origin, app = Pages(), web.Application()
    app.router.add_route("*", "/{rest:.*}", origin.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    origin.upstreams = {"courseworks": {"base_url": f"http://127.0.0.1:{runner.addresses[0][1]}"}}
    yield origin
    await runner.cleanup()


async def test_a_long_list_that_nobody_read_here_is_compared_once_all_of_it_has_come(larder, pages):
    """Who only reads gets the first page early, without a tag: that is nothing to compare with."""
    async with larder(upstreams=pages.upstreams) as house:
        form = {"course[name]": "New"}
        write = asyncio.create_task(house.ask("POST", LONG, headers=bearer(ADMIN, **{"If-Match": "*"}), data=form))
        await pages.is_waited_for.wait()
        pages.goes_on.set()

        assert (await write).status == 200
        assert pages.written == 1


SECTIONS = "/courseworks/api/v1/courses/565/sections"
COURSE = "/courseworks/api/v1/courses/565"
TUESDAY = {"course_section[name]": "Tuesday"}
KEYED = {"Idempotency-Key": "of-this-test"}


async def posts(house):
    return (await house.control("journal?method=POST", method="GET"))["count"]


async def test_a_write_that_only_waited_in_the_queue_may_come_again_under_its_key(larder):
    soon = {"timeout": {"attempt": "200ms", "total": "200ms"}}
    courseworks = {
        "concurrency": {"upstream": 1, "credential": 1},
        "endpoints": {"POST /api/v1/courses/{course}/sections": soon},
    }
    async with larder(upstreams={"courseworks": courseworks}) as house:
        await house.fail(kind="latency", seconds=1, method="GET", times=1)
        reading = asyncio.create_task(house.get(COURSE, headers=bearer(CY)))
        while not await house.calls(COURSE):
            await asyncio.sleep(0)

        late = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)
        await reading
        done = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)

        assert (late.status, done.status) == (504, 200)
        assert "carried out" not in late.body.decode()
        assert await posts(house) == 1


@pytest.mark.parametrize("page", ["<html>We are back soon</html>", {"errors": [{"message": "no"}]}])
async def test_a_success_that_is_none_leaves_an_outcome_that_nobody_knows(larder, page):
    """As it came, to who asked; but it is no answer to be given again for a day."""
    async with larder() as house:
        await house.fail(status=200, method="POST", times=1, body=page)
        first = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)
        again = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)

        assert (first.status, again.status) == (200, 409)
        assert "outcome is unknown" in again.json["errors"][0]["message"]
        assert await posts(house) == 1


@pytest.mark.parametrize("status", [307, 308])
async def test_what_is_to_be_sent_to_another_place_may_come_again(larder, status):
    async with larder() as house:
        await house.fail(status=status, method="POST", times=1, headers={"Location": "/elsewhere"})
        led = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)
        done = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)

        assert (led.status, done.status) == (status, 200)


async def test_what_a_firewall_turned_away_may_come_again(larder):
    async with larder() as house:
        page = {"status": 403, "body": "<html>Blocked</html>", "headers": {"Content-Type": "text/html"}}
        await house.fail(method="POST", times=1, **page)
        blocked = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)
        done = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)

        assert (blocked.status, done.status) == (403, 200)


async def test_an_error_of_any_http_api_leaves_an_outcome_that_nobody_knows(larder, pages):
    """HTTP takes its word that nothing is to be purged; but an operator who has keys remembered wants nothing twice."""
    pages.status = 500
    base_url = pages.upstreams["courseworks"]["base_url"]
    mirror = {"mirror": {"adapter": "http", "base_url": base_url, "writes": {"idempotency": "1d"}}}
    async with larder(upstreams=mirror) as house:
        failed = await house.ask("POST", "/mirror/things", headers=KEYED, data=b"x")
        again = await house.ask("POST", "/mirror/things", headers=KEYED, data=b"x")

        assert (failed.status, again.status) == (500, 409)
        assert pages.written == 1


async def test_a_disk_that_is_busy_makes_no_secret_of_a_write_that_was_answered(larder, monkeypatch):
    """Others' answers are on their way to it: that this one was carried out is known all the same."""
    monkeypatch.setattr("proxy.writes.idempotency.KEPT_WITHIN", 0.1)
    async with larder() as house:
        flush, house.larder.durable.flush = house.larder.durable.flush, asyncio.Event().wait
        first = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)
        again = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED), data=TUESDAY)
        house.larder.durable.flush = flush

        assert first.status == again.status == 200
        assert (again.headers["Idempotency-Replayed"], again.body) == ("true", first.body)
        assert await posts(house) == 1


@pytest.mark.parametrize("body", [{"enrollment": [1]}, {"enrollment": "x"}])
async def test_what_is_no_object_is_said_in_words_of_its_callers_world(larder, body):
    async with larder() as house:
        refused = await house.ask("POST", f"{COURSE}/enrollments", headers=bearer(CY), json=body)

        [error] = refused.json["errors"]
        assert (refused.status, error["field"], error["error_code"]) == (422, "enrollment", "invalid")
        assert error["message"].startswith("enrollment: ")
        assert "NewEnrollment" not in error["message"]


async def test_who_began_a_list_while_its_own_write_was_under_way_sees_that_write_in_its_pages(larder):
    async with larder() as house:
        await house.get(f"{LONG}?per_page=5", headers=bearer(ADMIN))
        await house.fail(kind="latency", seconds=0.3, method="PUT", times=1)
        write = asyncio.create_task(house.ask("PUT", COURSE, headers=bearer(ADMIN), data={"course[name]": "Renamed"}))
        while not await house.calls(COURSE):
            await asyncio.sleep(0)
        house.clock.advance(1)
        page = await house.get(f"{LONG}?per_page=5", headers=bearer(ADMIN))
        assert not write.done()
        assert (await write).status == 200

        rows = []
        while (following := following_of(page)) is not None:
            page = await house.get(following, headers=bearer(ADMIN))
            rows += page.json

        assert [row["name"] for row in rows if row["id"] == 565] == ["Renamed"]


def following_of(page):
    return next((part[1 : part.index(">")] for part in page.headers["Link"].split(",") if 'rel="next"' in part), None)


@pytest.mark.parametrize("condition", [{"If-None-Match": "*"}, {"If-Match": '"what I read"'}])
async def test_a_page_that_says_404_is_no_word_on_what_is_there(larder, condition):
    async with larder() as house:
        page = {"status": 404, "body": "<html>No such app</html>", "headers": {"Content-Type": "text/html"}}
        await house.fail(method="GET", path="/api/v1/courses/565", **page)
        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **condition), data={"course[name]": "Renamed"})

        assert refused.status == 503
        assert (await house.control("journal?method=PUT", method="GET"))["count"] == 0


async def test_a_write_goes_on_for_as_long_as_its_precondition_took_and_it_may(larder):
    """So long another process has to take it for under way: who hears "unknown" may send it under a new key."""
    timeout = {"attempt": "400ms", "total": "400ms"}
    async with larder(upstreams={"courseworks": {"timeout": timeout}}) as house:
        tag = (await house.get(SECTIONS, headers=bearer(CY))).headers["ETag"]
        await house.fail(kind="latency", seconds=0.3)
        began = asyncio.get_running_loop().time()
        done = await house.ask("POST", SECTIONS, headers=bearer(CY, **KEYED, **{"If-Match": tag}), data=TUESDAY)

        assert done.status == 200
        assert asyncio.get_running_loop().time() - began > 0.5
