"""A whole Larder in front of a whole sandbox, over real sockets on this machine; one for each test that asks."""

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from proxy.clocks import Clocks
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of
from proxy.larder import Larder
from proxy.observing import Observing
from proxy.telemetry.logs import configure_logs
from sandbox.app import make_sandbox
from sandbox.settings import SandboxSettings
from sandbox.state import Sandbox

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # the quicker one, where it was built
ADA, BEN, CY, ADMIN = "sandbox-student-ada", "sandbox-student-ben", "sandbox-teacher-cy", "sandbox-admin"
STUDENT_COURSES = "/courseworks/api/v1/courses"


def bearer(token: str, **more: str) -> dict[str, str]:
    """The header of a Canvas token."""
    return {"Authorization": f"Bearer {token}", **more}


@dataclass
class Answered:
    """An answer, read to its end."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cache(self) -> str:
        return self.headers.get("Cache-Status", "")


@dataclass
class Clock:
    """Time that moves only when told; waiting between retries takes none."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def clocks(self) -> Clocks:
        return Clocks(self, self, self.sleep, lambda: 0.0)


@dataclass
class House:
    """What a story acts on."""

    larder: Larder
    sandbox: Sandbox
    sandbox_url: str
    session: aiohttp.ClientSession
    log: io.StringIO
    clock: Clock
    config: dict[str, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.larder.listener.port}"

    async def get(self, path: str, **options: Any) -> Answered:
        return await self.ask("GET", path, **options)

    async def ask(self, method: str, path: str, **options: Any) -> Answered:
        """One request to Larder; a path is sent as it is written."""
        url = path if path.startswith("http") else self.url + path
        async with self.session.request(
            method, aiohttp.client.URL(url, encoded=True), allow_redirects=False, **options
        ) as response:
            return Answered(response.status, response.headers, await response.read())

    async def control(self, path: str, body: Any = None, method: str = "POST") -> Any:
        """One request to the sandbox's own paths."""
        async with self.session.request(method, f"{self.sandbox_url}/_sandbox/{path}", json=body) as response:
            assert response.status < 400, await response.text()
            return await response.json() if response.content_type == "application/json" else None

    async def calls(self, path: str = "*") -> int:
        """How many requests the upstreams got below a path."""
        journal = await self.control(f"journal?path={path}", method="GET")
        return int(journal["count"])

    async def fail(self, upstream: str = "courseworks", kind: str = "status", **more: Any) -> None:
        """Let an upstream fail until told otherwise."""
        if kind == "status":
            more.setdefault("status", 503)
        await self.control("faults", {"upstream": upstream, "kind": kind, **more})

    async def heal(self) -> None:
        await self.control("faults", method="DELETE")

    def reload(self, **changes: Any) -> None:
        """Let a changed config hold."""
        self.config = merged(self.config, changes)
        self.larder.follow(plans_of(config_file(self.config)))

    async def settled(self) -> None:
        """Wait until everything behind the answers is done."""
        await self.larder.engine.drain()
        await self.larder.durable.flush()


def config_file(config: dict[str, Any]) -> ConfigFile:
    return ConfigFile("config.yaml", yaml.dump(config, Dumper=_DUMPER), {})


def merged(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Blocks merged field by field."""
    result = dict(base)
    for name, value in more.items():
        old = result.get(name)
        result[name] = merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


def config_for(sandbox_url: str, folder: Path, **more: Any) -> dict[str, Any]:
    """A config in front of a sandbox, with no waiting between retries."""
    base = {
        "server": {"port": 0, "drain": "5s"},
        "store": {"durable": f"sqlite:///{folder}/larder.db"},
        "log": {"format": "json"},
        "defaults": {"retry": {"wait": 0, "max_wait": 0}},
        "upstreams": {
            "courseworks": {"base_url": f"{sandbox_url}/courseworks", "keep_at_most": "7d"},
            "smartystreets": {
                "base_url": f"{sandbox_url}/smartystreets/{{api}}",
                "credential": {"auth_id": "sandbox-id", "auth_token": "sandbox-token"},
            },
            "google": {
                "base_url": f"{sandbox_url}/google",
                "credential": {"key": "AIzaSandboxKey"},
                "terms_accepted": ["google-maps-platform 2026-06-10"],
            },
        },
        "webhooks": {
            "canvas": {
                "kind": "canvas-live-events",
                "upstream": "courseworks",
                "jwks_url": f"{sandbox_url}/_sandbox/jwks",
                "root_account_uuid": "VicSandboxRootAccountUuid000000000000001",
            },
            "campus": {
                "kind": "standard-webhooks",
                "upstream": "courseworks",
                "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
                "events": {"course.updated": ["course:{id}", "in:course:{id}"]},
            },
        },
    }
    return merged(base, more)


@asynccontextmanager
async def running_sandbox() -> AsyncIterator[tuple[Sandbox, str]]:
    """The sandbox on a port of its own."""
    state = Sandbox(SandboxSettings())
    # Who is still let wait when a test is over, is let wait no longer.
    runner = web.AppRunner(make_sandbox(sandbox_state=state), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield state, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running_larder(
    config: dict[str, Any], clocks: Clocks | None = None
) -> AsyncIterator[tuple[Larder, io.StringIO]]:
    """A Larder with this config."""
    log = io.StringIO()
    observing = Observing(configure_logs("debug", "json", log))
    larder = Larder(plans_of(config_file(config)), observing, clocks or Clocks())
    try:
        await larder.open()
        yield larder, log
    finally:
        await larder.close()
        larder.observing.close()


@asynccontextmanager
async def house(folder: Path, **more: Any) -> AsyncIterator[House]:
    """Sandbox, Larder and a client."""
    async with running_sandbox() as (sandbox, sandbox_url), aiohttp.ClientSession() as session:
        config = config_for(sandbox_url, folder, **more)
        clock = Clock()
        async with running_larder(config, clock.clocks) as (larder, log):
            yield House(larder, sandbox, sandbox_url, session, log, clock, config)
