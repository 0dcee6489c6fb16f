"""Stand-ins: the servers Larder is measured against: an origin that counts, a bare aiohttp server, a pass-through.

`python -m bench.stand_ins origin PORT | bare PORT ANSWER | pass PORT ORIGIN`
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvloop
from aiohttp import ClientSession, DummyCookieJar, TCPConnector, web
from multidict import CIMultiDict
from yarl import URL

SLOW = 1.5  # seconds that the origin takes below /slow/
THINKS = 0.05  # seconds that the origin takes below /long/ and /chunked/, before its head
LONG = 50_000_000  # bytes of the body it sends then
NOT_KEPT = frozenset({"connection", "date", "server", "content-length", "transfer-encoding"})

_BLOCK = bytes(range(256)) * 256
_ITEM = json.dumps({"item": "x" * 1000}).encode()
_FRESH = CIMultiDict({"Content-Type": "application/json", "Cache-Control": "max-age=3600", "ETag": '"1"'})

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def course(number: int) -> dict[str, object]:
    """A course as Canvas writes it."""
    return {
        "id": number,
        "name": f"Course {number}",
        "course_code": f"SAND W{number}",
        "workflow_state": "available",
        "account_id": 79,
        "root_account_id": 1,
        "enrollment_term_id": 83,
        "uuid": f"Qx{number:038d}",
        "start_at": None,
        "end_at": None,
        "created_at": "2026-08-01T04:00:00Z",
        "default_view": "modules",
        "is_public": False,
        "time_zone": "America/New_York",
        "enrollments": [{"type": "student", "role_id": 3, "user_id": 20064, "enrollment_state": "active"}],
    }


_COURSES = json.dumps([course(100 + n) for n in range(10)]).encode()


def canvas_headers(page: str) -> CIMultiDict[str]:
    """The fields of an answer with a second page, as Canvas sends them."""
    links = ",".join(f'<{page}?page={n}&per_page=10>; rel="{rel}"' for n, rel in ((1, "current"), (1, "first")))
    return CIMultiDict(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Cache-Control": "max-age=0, private, must-revalidate",
            "ETag": 'W/"78420cb9f4b88662c855b3d49f88dfac"',
            "Link": links,
            "X-Content-Type-Options": "nosniff",
            "X-Request-Context-Id": "0f2c3a52-79a5-4f0e-9a52-1d2c3b4a5f60",
            "X-Rate-Limit-Remaining": "600.0",
            "X-Request-Cost": "0.04",
        }
    )


def blocks() -> Iterator[bytes]:
    """The long body. Each block begins with its number: none can be lost, doubled or moved without another digest."""
    for start in range(0, LONG, len(_BLOCK)):
        yield (start.to_bytes(8) + _BLOCK[8:])[: LONG - start]


async def send_long(request: web.BaseRequest) -> web.StreamResponse:
    """Think, then send the long body as quickly as the socket takes it: below /long/ with its length, else chunked."""
    await asyncio.sleep(THINKS)
    response = web.StreamResponse(headers={"Content-Type": "application/octet-stream", "Cache-Control": "max-age=60"})
    if request.path.startswith("/long/"):
        response.content_length = LONG
    await response.prepare(request)
    for block in blocks():
        await response.write(block)
    await response.write_eof()
    return response


@dataclass
class Mood:
    """How an origin is: well, unless it is told otherwise (`/_mood?fails=1&waits=10`)."""

    fails: bool = False
    waits: float = 0.0  # seconds before each answer

    def told(self, request: web.BaseRequest) -> web.Response:
        """What it is told holds from now on."""
        self.fails, self.waits = request.query.get("fails") == "1", float(request.query.get("waits", 0))
        return web.Response()

    async def meet(self) -> web.Response | None:
        """Let one request feel it; None where it is answered well."""
        if self.waits:
            await asyncio.sleep(self.waits)
        return web.Response(status=503) if self.fails else None


async def as_asked(request: web.BaseRequest) -> web.StreamResponse:
    """What lies at a path: Canvas courses, cacheable items, slow and long things."""
    path = request.path
    if path.startswith("/slow/"):
        await asyncio.sleep(SLOW)
    if path.startswith(("/long/", "/chunked/")):
        return await send_long(request)
    if path == "/api/v1/courses":
        return web.Response(body=_COURSES, headers=canvas_headers(str(request.url.with_query(None))))
    if "/api/v1/courses/" in path:
        return web.json_response(course(int(path.rpartition("/")[2])))
    if path == "/api/v1/users/self":
        return web.json_response({"id": 20064, "name": "Ada"})
    return web.Response(body=_ITEM, headers=_FRESH)


def origin() -> Handler:
    """An upstream, which counts how often each path was asked for."""
    calls: Counter[str] = Counter()
    mood = Mood()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path == "/_calls":
            return web.json_response({"count": sum(n for at, n in calls.items() if at.startswith(request.query["at"]))})
        if path == "/_mood":
            return mood.told(request)
        calls[path] += 1
        return await mood.meet() or await as_asked(request)

    return handle


def bare(answer: Path) -> Handler:
    """What aiohttp itself costs: the same bytes and fields, kept in a variable."""
    kept = json.loads(answer.read_text())
    headers = CIMultiDict((name, value) for name, value in kept["fields"] if name.lower() not in NOT_KEPT)
    body = kept["body"].encode()

    async def handle(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(body=body, headers=headers)

    return handle


def pass_through(origin_url: str) -> Handler:
    """The least a proxy can do with aiohttp: ask, read, answer."""
    sessions: list[ClientSession] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        if not sessions:
            sessions.append(ClientSession(connector=TCPConnector(limit=0), cookie_jar=DummyCookieJar()))
        headers = request.headers.copy()
        headers.popall("Host", None)
        url = URL(origin_url + request.raw_path, encoded=True)
        async with sessions[0].request(request.method, url, headers=headers) as response:
            body = await response.read()
            kept = [(name, value) for name, value in response.headers.items() if name.lower() not in NOT_KEPT]
            return web.Response(status=response.status, body=body, headers=CIMultiDict(kept))

    return handle


async def serve(handler: Handler, port: int) -> None:
    """Serve until the process is stopped."""
    runner = web.ServerRunner(web.Server(handler, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    await asyncio.Event().wait()


def main(role: str, port: str, *more: str) -> None:
    """Play one role."""
    roles: dict[str, Callable[[], Handler]] = {
        "origin": origin,
        "bare": lambda: bare(Path(more[0])),
        "pass": lambda: pass_through(more[0]),
    }
    uvloop.run(serve(roles[role](), int(port)))


if __name__ == "__main__":
    main(*sys.argv[1:])
