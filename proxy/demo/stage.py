"""The stage: what a step of the tour can do, all of it over HTTP, as services, operators and CourseWorks would."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import ClientError, ClientSession

from proxy.demo.ports import Ports

ADA, BEN, NOBODY = "sandbox-student-ada", "sandbox-student-ben", "a-token-nobody-has"
COURSES = "/api/v1/courses"
OWN_COURSES = f"{COURSES}?per_page=50"
LATENCY = 0.25  # seconds the sandbox's CourseWorks takes for an answer: about what the real one does

LOOK_AGAIN = 0.05  # seconds between two looks at something that is about to happen
PATIENCE = 8.0  # seconds until it is given up


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One request of the tour and what came of it."""

    asked: str  # as a person reads it
    status: int
    cache: str  # Cache-Status (RFC 9211)
    seconds: float
    calls: int  # requests that all upstreams got so far
    age: int = 0  # seconds
    json: Any = None

    @property
    def is_hit(self) -> bool:
        """Whether it came from the cache, without asking the upstream first."""
        return "; hit" in self.cache


class Shows(Protocol):
    """Who shows it all to a person."""

    def reading(self, reading: Reading) -> None:
        """A request that was made."""

    def remark(self, text: str) -> None:
        """What happens between requests."""


class Stage:
    """One session's hands."""

    def __init__(self, session: ClientSession, ports: Ports, token: str, screen: Shows) -> None:
        self._session = session
        self._ports = ports
        self._token = token
        self._screen = screen

    async def read(self, path: str = OWN_COURSES, token: str = ADA, *, quietly: bool = False) -> Reading:
        """A read through Larder, timed; shown unless told otherwise."""
        who = {ADA: "Ada", BEN: "Ben"}.get(token, "nobody")
        headers = {"Authorization": f"Bearer {token}"}
        started = time.perf_counter()
        async with self._session.get(f"{self._ports.proxy_url}/courseworks{path}", headers=headers) as response:
            body = await response.json(content_type=None)
        reading = Reading(
            asked=f"GET /courseworks{path} ({who})",
            status=response.status,
            cache=response.headers.get("Cache-Status", ""),
            seconds=time.perf_counter() - started,
            calls=await self.calls(),
            age=int(response.headers.get("Age", 0)),
            json=body,
        )
        if not quietly:
            self.show(reading)
        return reading

    def show(self, reading: Reading) -> None:
        """Show a request that was made quietly."""
        self._screen.reading(reading)

    async def calls(self) -> int:
        """How many requests all upstreams got so far, by the sandbox's own journal."""
        return int((await self._sandbox("GET", "journal"))["count"])

    async def change(self, **change: Any) -> list[int]:
        """Something changes in CourseWorks, which tells Larder by a signed event; the status of each delivery."""
        told = await self._sandbox("POST", "change", change)
        statuses = [int(row["status"] or 0) for row in told["deliveries"]]
        self._screen.remark(f"CourseWorks: {change['kind']}; signed event delivered, answered {statuses}")
        return statuses

    async def flush(self, target: dict[str, Any]) -> dict[str, Any]:
        """An operator's flush."""
        started = time.perf_counter()
        async with self._session.post(
            f"{self._ports.admin_url}/admin/flush", json=target, headers=self._operator
        ) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
        self._screen.reading(
            Reading(
                asked=f"POST /admin/flush {json.dumps(target)}",
                status=response.status,
                cache=f"met {answer.get('met')}, mode {answer.get('mode')}, durable {answer.get('durable')}",
                seconds=time.perf_counter() - started,
                calls=await self.calls(),
            )
        )
        return answer

    async def circuit(self) -> str:
        """The state of the circuit to CourseWorks, as operators see it."""
        async with self._session.get(f"{self._ports.admin_url}/admin/upstreams", headers=self._operator) as response:
            rows = (await response.json())["upstreams"]
        return next(str(row["circuit"]) for row in rows if row["name"] == "courseworks")

    async def slow_down(self) -> None:
        """Let the sandbox's CourseWorks take the time the real one takes."""
        await self._sandbox("POST", "settings", {"canvas": {"latency": LATENCY}})

    async def switch_off(self) -> None:
        """CourseWorks: connections end without an answer, until it is switched on."""
        await self._sandbox("POST", "faults", {"upstream": "courseworks", "kind": "down"})
        self._screen.remark("CourseWorks is switched off.")

    async def switch_on(self) -> None:
        """CourseWorks answers again."""
        await self._sandbox("DELETE", "faults")
        self._screen.remark("CourseWorks is switched on.")

    def say(self, text: str) -> None:
        """What a person should notice."""
        self._screen.remark(text)

    async def wait(self, seconds: float, why: str) -> None:
        """Let real time pass."""
        self._screen.remark(f"({seconds:.1f} s pass: {why})")
        await asyncio.sleep(seconds)

    async def until(self, happened: Callable[[], Awaitable[bool]]) -> bool:
        """Whether something happens soon."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await happened():  # noqa: ASYNC110 - what is waited for happens in another process
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            return False
        return True

    async def larder_serves(self) -> bool:
        """Whether Larder is ready, and its admin listener there."""
        return await self._answers(f"{self._ports.proxy_url}/-/ready") and await self._answers(
            f"{self._ports.admin_url}/admin/upstreams"
        )

    async def sandbox_serves(self) -> bool:
        """Whether the sandbox is there."""
        return await self._answers(f"{self._ports.sandbox_url}/_sandbox/state")

    @property
    def _operator(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"}

    async def _answers(self, url: str) -> bool:
        """A connection refused means: not yet."""
        headers = self._operator if url.startswith(self._ports.admin_url) else {}
        try:
            async with self._session.get(url, headers=headers) as response:
                return response.status == 200
        except ClientError:
            return False

    async def _sandbox(self, method: str, path: str, body: Any = None) -> Any:
        async with self._session.request(method, f"{self._ports.sandbox_url}/_sandbox/{path}", json=body) as response:
            response.raise_for_status()
            return await response.json()
