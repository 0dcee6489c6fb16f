"""What a review of the checked writes found."""

import asyncio

import pytest
from aiohttp import web

from tests.house import ADMIN, bearer

LONG = "/courseworks/api/v1/accounts/1/courses"


class Pages:
    """An origin with a list of two pages, the second of which comes when it may; it takes writes."""

    def __init__(self):
        self.rows = [{"id": number, "name": f"Row {number}"} for number in range(1, 151)]
        self.is_waited_for, self.goes_on = asyncio.Event(), asyncio.Event()
        self.written = 0

    async def answer(self, request):
        if request.method == "POST":
            self.written += 1
            return web.json_response({"id": 999, "name": "New"})
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
