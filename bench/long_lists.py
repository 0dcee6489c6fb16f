"""Long lists: an origin with a thousand rows in pages with numbers, and a thousand in pages with bookmarks, as Canvas.

`python -m bench.long_lists PORT`. It thinks for a while before each page, and counts how many it thinks of at a time.
"""

import asyncio
import json
import sys

import uvloop
from aiohttp import web

ROWS = 1000
THINKS = 0.03  # seconds
NUMBERED, BOOKMARKED = "/api/v1/accounts/1/courses", "/api/v1/courses/565/users"

_ROWS = [
    {"id": number, "name": f"Row {number}", "sortable_name": f"{number}, Row", "about": "x" * 300}
    for number in range(1, ROWS + 1)
]


class Lists:
    """The origin."""

    def __init__(self) -> None:
        self._under_way = self._most = self._calls = 0

    async def page(self, request: web.Request) -> web.Response:
        """One page, with links to others."""
        self._calls += 1
        self._under_way += 1
        self._most = max(self._most, self._under_way)
        try:
            await asyncio.sleep(THINKS)
        finally:
            self._under_way -= 1
        size, name = min(100, int(request.query.get("per_page", 10))), request.query.get("page", "1")
        numbered = request.path == NUMBERED
        first = (int(name) - 1) * size if numbered or name == "1" else int(name.removeprefix("bookmark:"))
        pages = {"current": name}
        if first + size < ROWS:
            pages["next"] = str(int(name) + 1) if numbered else f"bookmark:{first + size}"
        if numbered:
            pages["last"] = str(-(-ROWS // size))
        kept = "".join(f"{key}={value}&" for key, value in request.query.items() if key not in ("page", "per_page"))
        base = f"{request.url.with_query(None)}?{kept}"
        links = ",".join(f'<{base}page={page}&per_page={size}>; rel="{rel}"' for rel, page in pages.items())
        return web.json_response(_ROWS[first : first + size], headers={"Link": links})

    async def told(self, _request: web.Request) -> web.Response:
        """Calls so far, and the most at a time; then counting begins anew."""
        told = {"calls": self._calls, "most": self._most}
        self._calls = self._most = 0
        return web.json_response(told)


async def _serve(port: int) -> None:
    lists, app = Lists(), web.Application()
    app.router.add_get("/_told", lists.told)
    app.router.add_get(NUMBERED, lists.page)
    app.router.add_get(BOOKMARKED, lists.page)
    app.router.add_get("/api/v1/users/self", lambda _request: _me())
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def _me() -> web.Response:
    return web.Response(text=json.dumps({"id": 20064}), content_type="application/json")


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
