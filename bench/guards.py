"""Guards: what they cost a miss, all together and one by one, beside an exchange over loopback, in one process.

All together: a whole guarded call, with a transport that answers at once, less that transport and the judging.
"""

import gc
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median

import aiohttp
import uvloop

from bench.alone import alone
from bench.calls import Called, called
from bench.figures import Figure
from bench.processes import free_port, python, running
from bench.scene import config, written
from proxy.config.loading import load_plans

ROUNDS = 9
TIMES = 2000  # a round, of each
EXCHANGES = 300  # a round
REQUIRED = 100.0  # µs
LARDERS = (20_000, 50, 50)  # thresholds of the collections

Work = Callable[[], Awaitable[object]]


def guards(folder: Path) -> Iterator[Figure]:
    """The guards of CourseWorks as they are by default: that adapter has the most to tell them."""
    at = free_port()
    with running("origin", python("bench.stand_ins", "origin", at), at, folder / "origin.log", "/warm") as origin:
        plans = load_plans(written(config(folder, origin.url), folder), os.environ)
        with _collecting_as_larder():
            costs = uvloop.run(_measured(called(plans.upstreams["courseworks"]), origin.url))
    exchange = median(costs["exchange"])
    whole = [one - bare for one, bare in zip(costs["call"], costs["bare"], strict=True)]
    yield _figure("a miss: all guards", whole, exchange, REQUIRED)
    for name, runs in costs.items():
        if name not in ("exchange", "call", "bare", "nothing"):
            less = [one - nothing for one, nothing in zip(runs, costs["nothing"], strict=True)]
            yield _figure(f"  of these: {name}" if "(" not in name else f"  {name}", less, exchange)
    yield Figure("  an exchange over loopback, to compare", exchange, "µs", runs=tuple(costs["exchange"]))


def _figure(name: str, runs: list[float], exchange: float, required: float | None = None) -> Figure:
    note = f"{median(runs) / exchange:.3f} of an exchange; rounds {min(runs):.1f} to {max(runs):.1f} µs"
    return Figure(name, median(runs), "µs", required, note=note, runs=tuple(runs))


async def _measured(there: Called, url: str) -> dict[str, list[float]]:
    """µs of each, a round after the other: all of them meet the same machine."""
    works: dict[str, Work] = {"nothing": _nothing, "call": there.call, "bare": there.bare, **alone(there)}
    costs: dict[str, list[float]] = {"exchange": [], **{name: [] for name in works}}
    async with _exchanging(url) as exchange:
        for number in range(ROUNDS + 1):  # the first warms up
            took = {"exchange": await _timed(exchange, EXCHANGES)}
            took |= {name: await _timed(work, TIMES) for name, work in works.items()}
            for name, seconds in took.items() if number else ():
                costs[name].append(seconds * 1e6)
    return costs


async def _timed(work: Work, times: int) -> float:
    started = time.perf_counter()
    for _ in range(times):
        await work()
    return (time.perf_counter() - started) / times


@asynccontextmanager
async def _exchanging(url: str) -> AsyncIterator[Work]:
    """One request and its answer, over a kept connection, by aiohttp."""
    async with aiohttp.ClientSession() as session:

        async def exchange() -> bytes:
            async with session.get(f"{url}/item/one") as response:
                return await response.read()

        yield exchange


@contextmanager
def _collecting_as_larder() -> Iterator[None]:
    """Garbage is collected no more often than it is there (proxy/starting.py)."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(*LARDERS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()


async def _nothing() -> None:
    """What timing costs."""
