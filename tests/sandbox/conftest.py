"""A running sandbox on a free port, with a clock the test owns."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from sandbox.app import make_sandbox
from sandbox.settings import SandboxSettings
from sandbox.state import Sandbox

START = 1_793_000_000.0  # 2026-10-26


@dataclass
class ManualClock:
    """Unix seconds; moves only when told."""

    now: float = START

    def __call__(self) -> float:
        return self.now


@dataclass
class Slept:
    """Stands in for `asyncio.sleep`: notes how long, and moves the clock instead of waiting."""

    clock: ManualClock
    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.clock.now += seconds


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class RunningSandbox:
    """`get("/courseworks/…", token="sandbox-student-ada")`; `state` is the Sandbox object itself."""

    url: str
    state: Sandbox
    clock: ManualClock
    slept: Slept
    http: ClientSession

    async def ask(self, method: str, path: str, token: str | None = None, **options: Any) -> Answer:
        headers = dict(options.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        # encoded: the target travels as written, %3A and all
        async with self.http.request(method, URL(self.url + path, encoded=True), headers=headers, **options) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, token: str | None = None, **options: Any) -> Answer:
        return await self.ask("GET", path, token, **options)

    async def post(self, path: str, token: str | None = None, **options: Any) -> Answer:
        return await self.ask("POST", path, token, **options)

    async def journal(self, **wanted: str) -> list[dict[str, Any]]:
        return (await self.get("/_sandbox/journal", params=wanted)).json["requests"]


@pytest.fixture
async def sandbox() -> AsyncIterator[RunningSandbox]:
    clock = ManualClock()
    slept = Slept(clock)
    state = Sandbox(SandboxSettings(), clock, slept)
    runner = web.AppRunner(make_sandbox(sandbox_state=state), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    async with ClientSession() as http:
        yield RunningSandbox(url, state, clock, slept, http)
    await runner.cleanup()


@dataclass
class Listener:
    """Takes notifications; answers with `statuses` in turn, 204 when they are used up."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    taken = Listener()

    async def take(request: web.Request) -> web.Response:
        taken.got.append(({name.lower(): value for name, value in request.headers.items()}, await request.read()))
        taken.arrived.set()
        return web.Response(status=taken.statuses.pop(0) if taken.statuses else 204)

    runner = web.ServerRunner(web.Server(take), shutdown_timeout=0.1)  # type: ignore[arg-type]  # a plain handler
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    taken.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/canvas"
    yield taken
    await runner.cleanup()
