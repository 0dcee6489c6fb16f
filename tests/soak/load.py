"""Load: requests at a rate that no trouble lowers, over connections that come and go; what came of them, in counts."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from random import Random
from time import monotonic

import aiohttp

from tests.soak.kinds import Request, requests

MOST = 600  # requests under way; one more is left out, and counted
_PATIENCE = aiohttp.ClientTimeout(total=20)  # seconds: longer than Larder lets anybody wait
_SHOWN = 20  # breaches that are kept in full
_GROUP = 100  # requests of callers who share their connections


@dataclass
class Outcomes:
    """What became of the requests."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)  # by kind and status; 0: cut off on its way
    caches: Counter[str] = field(default_factory=Counter)  # by the first words of Cache-Status
    left: int = 0
    left_out: int = 0
    strange: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All that were sent."""
        return self.answers.total() + self.left

    def note(self, request: Request, status: int, cache: str, body: bytes) -> None:
        """Count an answer; keep it if it should not be."""
        self.answers[request.kind, status] += 1
        self.caches[" ".join(cache.split("; ")[1:2]) or "none"] += 1
        if status in request.allowed and request.fits(status, body):
            return
        if len(self.strange) < _SHOWN:
            self.strange.append(f"{request.kind} {request.method} {request.path}: {status}, {cache}, {body[:200]!r}")

    def went_missing(self, request: Request, error: Exception) -> None:
        """No answer came, or not all of it: only of a body that was under way that can be."""
        self.answers[request.kind, 0] += 1
        if not isinstance(error, aiohttp.ClientPayloadError) and len(self.strange) < _SHOWN:
            self.strange.append(f"{request.kind} {request.method} {request.path}: {type(error).__name__}")


class Load:
    """Who asks. `begin` it, `end` it: then everybody has an answer."""

    def __init__(self, url: str, rate: float, random: Random, outcomes: Outcomes) -> None:
        self._url = url
        self._rate = rate
        self._requests = requests(random)
        self._outcomes = outcomes
        self._under_way = 0
        self._ended = asyncio.Event()

    async def run(self) -> None:
        """Ask until told to end. Some callers share connections, and after a while there are others."""
        started = monotonic()
        async with asyncio.TaskGroup() as groups:
            for number in count():
                await asyncio.sleep(started + number * _GROUP / self._rate - monotonic())
                if self._ended.is_set():
                    return
                groups.create_task(self._group())

    def end(self) -> None:
        """Nobody asks for anything new."""
        self._ended.set()

    async def _group(self) -> None:
        started, connector = monotonic(), aiohttp.TCPConnector(limit=0)
        async with (
            aiohttp.ClientSession(self._url, connector=connector, timeout=_PATIENCE) as session,
            asyncio.TaskGroup() as callers,
        ):
            for number in range(_GROUP):
                await asyncio.sleep(started + number / self._rate - monotonic())
                if self._ended.is_set():
                    return
                if self._under_way < MOST:
                    callers.create_task(self._caller(session, next(self._requests)))
                else:
                    self._outcomes.left_out += 1

    async def _caller(self, session: aiohttp.ClientSession, request: Request) -> None:
        self._under_way += 1
        try:
            await _ask(session, request, self._outcomes)
        finally:
            self._under_way -= 1


@asynccontextmanager
async def under_load(load: Load) -> AsyncIterator[None]:
    """Meanwhile."""
    async with asyncio.TaskGroup() as running:
        running.create_task(load.run())
        try:
            yield
        finally:
            load.end()


async def _ask(session: aiohttp.ClientSession, request: Request, outcomes: Outcomes) -> None:
    try:
        async with asyncio.timeout(request.stays) as leaving:
            await _answered(session, request, outcomes)
    except TimeoutError as error:
        if request.stays is not None and leaving.expired():
            outcomes.left += 1
        else:
            outcomes.went_missing(request, error)
    except (aiohttp.ClientError, OSError) as error:
        outcomes.went_missing(request, error)


async def _answered(session: aiohttp.ClientSession, request: Request, outcomes: Outcomes) -> None:
    async with session.request(request.method, request.path, headers=request.headers, json=request.json) as response:
        body = await response.read()
        outcomes.note(request, response.status, response.headers.get("Cache-Status", ""), body)
