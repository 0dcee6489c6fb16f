"""An upstream of its own: every answer has a number, and says which version of the truth it is and whose token it saw.

    /groups/things/7                   for everybody, in the cache group shelf-1
    /groups/mine/2                     for one token
    /courseworks/api/v1/courses/3      for one token, tagged by its path
    /courseworks/api/v1/courses        for one token, tagged by what is in it

PUT and POST change the truth. Answers take their time after they were made up, so that many are late; and each has an
ETag, so that what is stored is often validated rather than fetched anew. The number is a header for that reason: a 304
brings a new one for an old body.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any

from aiohttp import web

from tests.prove.history import Call, Change, History, Trouble

CALL = "X-Call"
SHELVES = 4
LISTED = 4  # courses in everybody's list
COURSES = "/courseworks/api/v1/courses"
THINGS, MINE = "/groups/things/", "/groups/mine/"
ALL = "@all"  # what a purge of everything is known by, here
_SLOW = 0.06  # the share of answers that take long


class Origin:
    """The truth, and who asked for it."""

    def __init__(self, history: History, random: Random) -> None:
        self._history = history
        self._random = random
        self._versions: dict[str, int] = {}
        self._changed = 0
        self.url = ""
        self.failing: dict[str, str] = {}  # upstream → how
        self.slow: dict[str, float] = {}  # path → seconds that its answers take

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer as the truth is now, later."""
        key, token = request.path, request.headers.get("Authorization", "").removeprefix("Bearer ")
        fault = self.failing.get(key.split("/")[1])
        if fault == "breaks off" and request.transport is not None:
            request.transport.abort()
        if fault is not None:
            return web.json_response({"errors": [{"message": "down"}]}, status=503)
        if request.method in ("PUT", "POST"):
            await request.read()
            self.change(key)
        call = self._note(key, token, request)
        body = self._body(call)  # before the delay: late answers tell an old truth
        await asyncio.sleep(self._delay(key))
        call.sent = self._history.clock()
        if request.method == "GET" and request.headers.get("If-None-Match") == _etag(call):
            return web.Response(status=304, headers=self._headers(call))
        return web.json_response(body, headers=self._headers(call))

    def change(self, key: str) -> None:
        """The thing behind a path is another from now on."""
        self._changed += 1
        self._versions[key] = self._changed
        self._history.changes.append(Change(key, self._changed, self._history.clock()))

    @asynccontextmanager
    async def fails(self, upstream: str, how: str) -> AsyncIterator[Trouble]:
        """One of the two gives errors, or breaks off."""
        trouble = self._history.trouble(f"upstream {how}", upstream)
        self.failing[upstream] = how
        try:
            yield trouble
        finally:
            del self.failing[upstream]
            trouble.end = self._history.clock()

    def _note(self, key: str, token: str, request: web.BaseRequest) -> Call:
        address = request.transport.get_extra_info("peername") if request.transport is not None else None
        number = len(self._history.calls) + 1
        call = Call(
            number=number,
            key=key,
            token="" if key.startswith(THINGS) else token,
            version=max(self._versions.get(one, 0) for one in _things(key)),
            tags=tags_of(key, token),
            at=self._history.clock(),
            peer=address[1] if address else 0,
        )
        self._history.calls[number] = call
        return call

    def _body(self, call: Call) -> Any:
        about = {"of": call.key, "token": call.token, "version": call.version}
        if call.key == COURSES:
            return [{"id": number, "name": f"course {number}", **about} for number in range(1, LISTED + 1)]
        name = call.key.rpartition("/")[2]
        return {"id": int(name) if name.isdigit() else 0, "name": name, **about}

    def _headers(self, call: Call) -> dict[str, str]:
        headers = {CALL: str(call.number), "ETag": _etag(call)}
        if call.key.startswith("/groups/"):
            who = "public" if call.key.startswith(THINGS) else "private"
            headers["Cache-Control"] = f"{who}, max-age=600"
            headers["Cache-Groups"] = f'"{shelf_of(call.key)}"'
        return headers

    def _delay(self, key: str) -> float:
        if key in self.slow:
            return self.slow[key]
        longest = 0.8 if self._random.random() < _SLOW else 0.03
        return self._random.random() * longest


def tags_of(key: str, token: str) -> frozenset[str]:
    """By what a purge has to reach the answer to a path; in Larder's words where it has them."""
    upstream = key.split("/")[1]
    if upstream == "groups":
        return frozenset({ALL, upstream, key, f"groups/group:{shelf_of(key)}", _whose(key, token)})
    names = {f"courseworks/course:{key.rpartition('/')[2]}"}
    if key == COURSES:
        names = {f"courseworks/in:course:{number}" for number in range(1, LISTED + 1)}
    return frozenset({ALL, upstream, _whose(key, token), *names})


def partition_tag(upstream: str, token: str) -> str:
    """By what all answers to one token are reached."""
    return f"{upstream}@{token}"


def shelf_of(key: str) -> str:
    """The cache group of a thing."""
    name = key.rpartition("/")[2]
    return f"shelf-{int(name) % SHELVES if name.isdigit() else 0}"


@asynccontextmanager
async def running_origin(history: History, random: Random) -> AsyncIterator[Origin]:
    """It listens on a loopback port of its own."""
    made = Origin(history, random)
    runner = web.ServerRunner(web.Server(made.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield made
    finally:
        await runner.cleanup()


def _whose(key: str, token: str) -> str:
    upstream = key.split("/")[1]
    return f"{upstream}:shared" if key.startswith(THINGS) else partition_tag(upstream, token)


def _things(key: str) -> list[str]:
    """What an answer is made of."""
    return [f"{COURSES}/{number}" for number in range(1, LISTED + 1)] if key == COURSES else [key]


def _etag(call: Call) -> str:
    return json.dumps(f"{call.version}-{call.token}")
