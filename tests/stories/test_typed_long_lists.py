"""Long lists below /v1: whole while they may be kept so, page by page where nothing is, else refused with a way out."""

import pytest
from aiohttp import web

from tests.house import ADA, bearer, merged

COURSES = "/v1/courses?fields=name"


class Canvas:
    """An origin with one long list of courses."""

    def __init__(self, count, status=200):
        self.rows = [{"id": number, "name": f"Row {number}"} for number in range(1, count + 1)]
        self.status = status  # of any page but the first
        self.asked = []

    async def answer(self, request):
        if request.path != "/api/v1/courses":
            return web.json_response({"id": 7})
        size, page = int(request.query["per_page"]), int(request.query.get("page", "1"))
        self.asked.append(page)
        if page > 1 and self.status != 200:
            return web.json_response({"errors": [{"message": "no"}]}, status=self.status)
        last = -(-len(self.rows) // size)
        names = {"current": page, "last": last} | ({"next": page + 1} if page < last else {})
        base = f"{request.url.origin()}/api/v1/courses"
        links = ",".join(f'<{base}?page={number}&per_page={size}>; rel="{name}"' for name, number in names.items())
        return web.json_response(self.rows[(page - 1) * size : page * size], headers={"Link": links})


@pytest.fixture
async def canvas_of():
    """Starts such an origin: it, and the config that leads there."""
    runners = []

    async def started(count, **how):
        canvas = Canvas(count, **how)
        app = web.Application()
        app.router.add_get("/{rest:.*}", canvas.answer)
        runners.append(web.AppRunner(app, access_log=None))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return canvas, {"courseworks": {"base_url": f"http://127.0.0.1:{runners[-1].addresses[0][1]}"}}

    yield started
    for runner in runners:
        await runner.cleanup()


async def read(home, **headers):
    return await home.get(COURSES, headers=bearer(ADA, **headers))


def told(canvas):
    return [{"id": str(row["id"]), "name": row["name"]} for row in canvas.rows]


async def test_a_list_of_many_pages_is_answered_whole_and_then_from_memory(larder, canvas_of):
    canvas, upstreams = await canvas_of(350)
    async with larder(upstreams=upstreams) as home:
        first, again = await read(home), await read(home)

        assert first.json["data"] == again.json["data"] == told(canvas)
        assert again.cache.startswith("larder; hit")
        assert sorted(canvas.asked) == [1, 2, 3, 4]


async def test_pages_of_another_size_are_then_cut_from_the_same(larder, canvas_of):
    canvas, upstreams = await canvas_of(350)
    async with larder(upstreams=upstreams) as home:
        await read(home)
        page = await home.get("/courseworks/api/v1/courses?page=7&per_page=50", headers=bearer(ADA, Accept="*/*"))

        assert page.cache.startswith("larder; hit")
        assert page.json == canvas.rows[300:]


@pytest.mark.parametrize("how", ["not whole", "not at all"])
async def test_where_nothing_is_kept_whole_all_pages_are_read_one_after_the_other(larder, canvas_of, how):
    canvas, upstreams = await canvas_of(350)
    whole = {"courseworks": {"collection": {"whole": how != "not whole"}}}
    async with larder(upstreams=merged(upstreams, whole)) as home:
        headers = {"Cache-Control": "no-store"} if how == "not at all" else {}
        answered = await read(home, **headers)

        assert answered.json["data"] == told(canvas)
        assert canvas.asked == [1, 2, 3, 4]
        assert answered.json["cache"]["status"] == "miss"


async def test_there_is_an_end_to_that(larder, canvas_of, monkeypatch):
    monkeypatch.setattr("proxy.typed.lists.MOST_PAGES", 3)
    canvas, upstreams = await canvas_of(350)
    async with larder(upstreams=merged(upstreams, {"courseworks": {"collection": {"whole": False}}})) as home:
        refused = await read(home)

        assert (refused.status, refused.json["title"]) == (422, "List too long")
        assert canvas.asked == [1, 2, 3]


async def test_a_list_of_too_many_rows_is_refused_and_not_asked_for_again(larder, canvas_of):
    canvas, upstreams = await canvas_of(350)
    async with larder(upstreams=merged(upstreams, {"courseworks": {"collection": {"max_rows": 299}}})) as home:
        for _ in range(2):
            refused = await read(home)

            assert (refused.status, refused.json["title"]) == (422, "List too long")
            assert refused.json["detail"].endswith("/courseworks/api/v1/courses.")
        assert canvas.asked == [1]


async def test_a_list_of_which_a_page_is_missing_is_none(larder, canvas_of):
    _, upstreams = await canvas_of(350, status=500)
    async with larder(upstreams=upstreams) as home:
        answered = await read(home)

        assert (answered.status, answered.headers["Content-Type"]) == (502, "application/problem+json")
