"""House: a real Larder in front of a real sandbox, each a group of processes of its own, which dies with this one."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGTERM
from time import monotonic
from typing import Any

import aiohttp
import yaml

from tests.ports import free_port
from tests.prove.processes import die_with_parent, group, send

ROOT = Path(__file__).parents[2]
OPERATOR = "soak-operator-" + "t" * 30  # the token of the admin listener
_PATIENCE = 30.0  # seconds, to start and to end


class HouseError(Exception):
    """The house does not do what it has to for the soaking to go on."""


class Program:
    """A process that was started, and those it started."""

    def __init__(self, name: str, log: Path, *arguments: str) -> None:
        self.log = log
        self._name = name
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent,  # noqa: PLW1509 (two system calls between fork and exec)
            )

    @property
    def pids(self) -> list[int]:
        """Its processes that live, the first one first."""
        self._process.poll()
        return sorted(group(self._process.pid), key=lambda pid: pid != self._process.pid)

    def tell(self, what: int) -> None:
        """Send a signal to the first one."""
        send([self._process.pid], what)

    async def serves(self, url: str) -> None:
        """Wait until there is an answer. Raises HouseError."""
        deadline = monotonic() + _PATIENCE
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while monotonic() < deadline and self._process.poll() is None:
                try:
                    async with session.get(url):
                        return
                except (aiohttp.ClientError, TimeoutError):
                    await asyncio.sleep(0.05)
        raise HouseError(f"{self._name} does not serve:\n{self.log.read_text(errors='replace')[-2000:]}")

    async def end(self) -> int | None:
        """SIGTERM, and SIGKILL for what is left; the status it ended with, None where it had to be killed."""
        self.tell(SIGTERM)
        deadline = monotonic() + _PATIENCE
        while self.pids and monotonic() < deadline:
            await asyncio.sleep(0.05)
        is_killed = bool(send(self.pids, SIGKILL))
        self._process.wait()
        return None if is_killed else self._process.returncode


class House:
    """Larder, the sandbox, and what operators do."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.folder = folder
        self.port, self.admin_port, self.sandbox_port = free_port(), free_port(), free_port()
        self._config = folder / "config.yaml"
        self._settings = _settings(folder, workers, self.port, self.admin_port, self.sandbox_url)
        self.write_config()
        notify = f"{self.url}/webhooks/canvas"
        self.sandbox = Program(
            "sandbox", folder / "sandbox.log", "sandbox", "--port", str(self.sandbox_port), "--sign", "--notify", notify
        )
        self.larder = Program("larder", folder / "larder.log", "proxy", "run", "--config", str(self._config))

    @property
    def url(self) -> str:
        """Where callers ask."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox_url(self) -> str:
        """Where upstreams are, and what controls them."""
        return f"http://127.0.0.1:{self.sandbox_port}"

    @property
    def audit(self) -> Path:
        """Where changes by operators are on record."""
        return self.folder / "larder-audit.jsonl"

    def write_config(self, **upstream: Any) -> None:
        """Put the config in place, with these values for CourseWorks; without any, as it was at first."""
        settings = {**self._settings, "upstreams": dict(self._settings["upstreams"])}
        settings["upstreams"]["courseworks"] = {**settings["upstreams"]["courseworks"], **upstream}
        aside = self._config.with_suffix(".new")
        aside.write_text(yaml.safe_dump(settings), encoding="utf-8")
        aside.replace(self._config)

    async def operate(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Status and JSON of an answer to an operator."""
        url, bearer = f"http://127.0.0.1:{self.admin_port}{path}", {"Authorization": f"Bearer {OPERATOR}"}
        return await _asked(method, url, document, bearer)

    async def control(self, method: str, path: str, document: Any = None) -> tuple[int, Any]:
        """Status and JSON of what the sandbox is told."""
        return await _asked(method, f"{self.sandbox_url}/_sandbox/{path}", document, {})

    async def metrics(self) -> str:
        """All metrics, as Prometheus reads them."""
        url, bearer = f"http://127.0.0.1:{self.admin_port}/metrics", {"Authorization": f"Bearer {OPERATOR}"}
        async with aiohttp.ClientSession(headers=bearer) as session, session.get(url) as response:
            return await response.text()

    def reload(self) -> None:
        """By signal."""
        self.larder.tell(SIGHUP)


@asynccontextmanager
async def a_house(folder: Path, workers: int) -> AsyncIterator[House]:
    """Started, and serving; nothing of it is left."""
    house = House(folder, workers)
    try:
        await house.sandbox.serves(house.sandbox_url)
        await house.larder.serves(f"{house.url}/-/health")
        await house.larder.serves(f"http://127.0.0.1:{house.admin_port}/metrics")
        yield house
    finally:
        await house.larder.end()
        await house.sandbox.end()


async def _asked(method: str, url: str, document: Any, headers: dict[str, str]) -> tuple[int, Any]:
    timeout = aiohttp.ClientTimeout(total=_PATIENCE)
    async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
        async with session.request(method, url, json=document) as response:
            return response.status, await response.json(content_type=None)


def _settings(folder: Path, workers: int, port: int, admin_port: int, sandbox: str) -> dict[str, Any]:
    """Small caches, which are full soon; lifetimes and cooldowns of seconds; answers bounded to what takes a moment."""
    quick = {"ttl": "4s", "refresh_after": "2s", "stale_while_revalidate": "3s", "stale_if_error": "1h"}
    routes = ("courses", "courses/{course}", "users/{user}", "users/self/enrollments", "courses/{course}/users")
    return {
        "server": {"port": port, "workers": workers, "drain": "5s"},
        "admin": {"port": admin_port, "token": OPERATOR},
        "store": {
            "memory": {"max_bytes": "1MiB"},
            "durable": f"sqlite:///{folder}/larder.db",
            "max_bytes": "16MiB",
            "max_entry": "1MiB",
        },
        "log": {"level": "info", "format": "json"},
        "defaults": {
            "timeout": {"attempt": "2s", "total": "4s", "fallback_after": "1s"},
            "breaker": {"window": "5s", "cooldown": "2s", "credential_cooldown": "10s"},
            "egress": {"max_body": "8MiB", "body_time": "4s"},
            "cache": {"settle": "1s"},
        },
        "upstreams": {
            "courseworks": {
                "base_url": f"{sandbox}/courseworks",
                "endpoints": {f"GET /api/v1/{route}": {"cache": quick} for route in routes},
            },
            "smartystreets": {
                "base_url": f"{sandbox}/smartystreets/{{api}}",
                "credential": {"auth_id": "sandbox-id", "auth_token": "sandbox-token"},
                "hedge": {"after": "300ms"},
            },
            "google": {
                "base_url": f"{sandbox}/google",
                "credential": {"key": "AIzaSandboxKey"},
                "terms_accepted": ["google-maps-platform 2026-06-10"],
                "concurrency": {"adaptive": True},
            },
        },
        "webhooks": {
            "canvas": {
                "kind": "canvas-live-events",
                "upstream": "courseworks",
                "jwks_url": f"{sandbox}/_sandbox/jwks",
                "issuer": "https://live-events.canvas.instructure.com",
                "root_account_uuid": "VicSandboxRootAccountUuid000000000000001",
            }
        },
    }
