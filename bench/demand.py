"""Demand: so many requests a second, whatever becomes of them; what each caller got, and when."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from math import ceil
from typing import NamedTuple

import aiohttp

from bench.processes import BenchError
from bench.scene import ASKER, Pair

FIRST = 1000  # of the courses' numbers
AT_ONCE = 6  # requests, where they only have to be made


class Answered(NamedTuple):
    """One caller's answer. Instants are those of perf_counter()."""

    asked: float
    seconds: float
    status: int  # 0: none came
    cache: str

    @property
    def at(self) -> float:
        """When it was here."""
        return self.asked + self.seconds

    @property
    def is_news(self) -> bool:
        """Whether the upstream gave it just now, and it is good."""
        return self.status == 200 and "; fwd=" in self.cache and "detail=" not in self.cache


def course_paths(upstream: str, keys: int) -> Iterator[str]:
    """Courses, one after the other, over and over."""
    return (f"/{upstream}/api/v1/courses/{FIRST + number % keys}" for number in count())


@asynccontextmanager
async def demanded(stage: Pair, paths: Iterable[str], rate: float) -> AsyncIterator[list[Answered]]:
    """Meanwhile these paths are asked for, `rate` a second; the answers as they come. At the end all are awaited."""
    answers: list[Answered] = []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(stage.larder.url, headers=ASKER, connector=connector) as session:
        callers: set[asyncio.Task[None]] = set()

        async def ask(path: str) -> None:
            answers.append(await _answered(session, path))

        async def ask_on() -> None:
            started = time.perf_counter()
            for number, path in enumerate(paths):
                await asyncio.sleep(started + number / rate - time.perf_counter())
                callers.add(caller := asyncio.create_task(ask(path)))
                caller.add_done_callback(callers.discard)

        asking = asyncio.create_task(ask_on())
        try:
            yield answers
        finally:
            asking.cancel()
            await asyncio.wait({asking, *callers})


async def fill(stage: Pair, upstream: str, keys: int) -> None:
    """Ask for each of the courses once. Raises BenchError when one is not there."""
    async with aiohttp.ClientSession(stage.larder.url, headers=ASKER) as session:
        paths = (path for path, _ in zip(course_paths(upstream, keys), range(keys), strict=False))

        async def ask_on() -> None:
            for path in paths:
                if "; stored" not in (answered := await _answered(session, path)).cache:
                    raise BenchError(f"{path} could not be stored: {answered.status}, {answered.cache}")

        await asyncio.gather(*(ask_on() for _ in range(AT_ONCE)))


def percentile(values: Iterable[float], share: float) -> float:
    """The value that so large a share does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]


async def _answered(session: aiohttp.ClientSession, path: str) -> Answered:
    asked = time.perf_counter()
    status, cache = 0, ""
    try:
        async with session.get(path) as response:
            await response.read()
            status, cache = response.status, response.headers.get("Cache-Status", "")
    except (aiohttp.ClientError, TimeoutError):
        status = 0
    return Answered(asked, time.perf_counter() - asked, status, cache)
