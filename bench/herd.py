"""Herd: five hundred callers at once for one key, cold and stale; what the origin sees, and who waits."""

import asyncio
import time
from collections.abc import Iterator
from typing import NamedTuple

import aiohttp

from bench.figures import Figure
from bench.processes import BenchError
from bench.scene import ASKER, Scene
from bench.stand_ins import SLOW

CALLERS = 500


class Answered(NamedTuple):
    """One caller's answer."""

    seconds: float
    cache: str


def herd(stage: Scene) -> Iterator[Figure]:
    """One upstream call for a cold key; one for a stale key, while nobody waits for it."""
    asyncio.run(_all_ask(stage, "/mirror/slow/cold/a"))
    yield Figure(f"{CALLERS} callers, cold key: upstream calls", stage.calls("/slow/cold/a"), "calls", 1)

    asyncio.run(_all_ask(stage, "/mirror/slow/stale/a", callers=1))
    time.sleep(1.2)  # past the endpoint's ttl
    answers = asyncio.run(_all_ask(stage, "/mirror/slow/stale/a"))
    time.sleep(SLOW + 0.3)  # until what was begun behind the answers is done
    slowest = max(answer.seconds for answer in answers)
    waited = sum("larder; hit" not in answer.cache or answer.seconds >= SLOW for answer in answers)
    calls = stage.calls("/slow/stale/a") - 1
    if calls == 0:
        raise BenchError("the stale key was not stale")
    yield Figure(f"{CALLERS} callers, stale key: upstream calls", calls, "calls", 1)
    note = f"slowest answer {slowest:.2f} s for {CALLERS} at once; the upstream takes {SLOW} s"
    yield Figure(f"{CALLERS} callers, stale key: callers that waited", waited, "callers", 0, note=note)


async def _all_ask(stage: Scene, path: str, callers: int = CALLERS) -> list[Answered]:
    """Every caller on a connection of its own, all at the same moment."""
    go = asyncio.Event()
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=ASKER, connector=connector) as session:

        async def ask() -> Answered:
            async with session.get(f"{stage.larder.url}/-/health") as response:  # connects
                await response.read()
            await go.wait()
            started = time.perf_counter()
            async with session.get(stage.larder.url + path) as response:
                await response.read()
                if response.status != 200:
                    raise BenchError(f"{path} answered {response.status}")
                return Answered(time.perf_counter() - started, response.headers["Cache-Status"])

        asking = [asyncio.create_task(ask()) for _ in range(callers)]
        await asyncio.sleep(0.5 if callers > 1 else 0)
        go.set()
        return await asyncio.gather(*asking)
