"""Slowness: an upstream that takes ten seconds, as callers feel it who have a stale entry, beside healthy hits."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import uvloop

from bench.clients import Connection
from bench.demand import FIRST, Answered, course_paths, demanded, fill, percentile
from bench.figures import Figure
from bench.processes import BenchError
from bench.scene import ASKER, Pair, ask, pair

LATENCY = 10.0  # seconds
ROUNDS = 5
CALLERS_RATE, ROUND = 200.0, 5.0  # requests a second, and seconds
PAUSE = 0.002  # seconds between two of them: what one begins behind its answer is not the next one's
REQUIRED = 1.5
RATE, SECONDS = 100.0, 4.0  # of the demand where only a fallback is left
KEYS = 600
LATE = 0.05  # seconds of fallback_after

_FRESH, _STALE, _PATIENT, _HASTY = "fresh", "stale", "patient", "hasty"


def slowness(folder: Path) -> Iterator[Figure]:
    """Stale entries that are refreshed behind, in turns with fresh ones; then those that only stand in for failures."""
    with pair(folder, _upstreams) as stage:
        for upstream in (_FRESH, _STALE, _PATIENT, _HASTY):
            uvloop.run(fill(stage, upstream, KEYS))
        time.sleep(1.2)  # past the ttl
        stage.set_mood(waits=LATENCY)
        yield _as_callers_feel_it(stage)
        yield _one_at_a_time(stage)
        _check(stage)
        yield _with_a_fallback(stage)
        stage.set_mood()


def _upstreams(origin: str) -> dict[str, Any]:
    """The same upstream four times; two of them do not wait as long as Canvas may take, so that waiting ends."""
    fallback = {"ttl": "1s", "stale_while_revalidate": "0s", "stale_if_error": "1h", "settle": "0s"}
    timeout = {"attempt": "2s", "total": "3s"}
    rules: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        _FRESH: ({"ttl": "1h", "settle": "0s"}, {}),
        _STALE: ({"ttl": "1s", "stale_while_revalidate": "1h", "settle": "0s"}, {}),
        _PATIENT: (fallback, timeout),
        _HASTY: (fallback, {**timeout, "fallback_after": f"{LATE * 1e3:.0f}ms"}),
    }
    return {
        name: {
            "adapter": "courseworks",
            "base_url": f"{origin}/{name}",
            "timeout": patience,
            "endpoints": {"GET /api/v1/courses/{course}": {"cache": cache}},
        }
        for name, (cache, patience) in rules.items()
    }


def _as_callers_feel_it(stage: Pair) -> Figure:
    """Both kinds asked for at a rate, mixed at random, over as many connections as it takes."""
    rounds = [uvloop.run(_at_a_rate(stage, Random(number))) for number in range(ROUNDS + 1)][1:]  # the first warms up
    name = f"upstream takes {LATENCY:.0f} s, {CALLERS_RATE:.0f}/s: p99 with a stale entry / of healthy hits"
    return _ratio(name, rounds, REQUIRED)


def _one_at_a_time(stage: Pair) -> Figure:
    """Both kinds over one plain socket: what Larder itself takes for them, and next to nothing else."""
    with closing(Connection(stage.larder.port, ASKER)) as connection:
        rounds = [_in_turns(connection, Random(number)) for number in range(ROUNDS + 1)][1:]
    return _ratio("the same, one after another over a plain socket", rounds, None)


def _ratio(name: str, rounds: list[tuple[float, float]], required: float | None) -> Figure:
    ratios = tuple(stale / fresh for fresh, stale in rounds)
    fresh, stale = (median(side) * 1e3 for side in zip(*rounds, strict=True))
    note = f"p99 {stale:.2f} / {fresh:.2f} ms; rounds {min(ratios):.2f} to {max(ratios):.2f}"
    return Figure(name, median(ratios), "ratio", required, note=note, runs=ratios)


async def _at_a_rate(stage: Pair, random: Random) -> tuple[float, float]:
    """p99 of hits, and of stale answers."""
    paths = (_path(random.choice((_FRESH, _STALE)), random.randrange(KEYS)) for _ in count())
    async with demanded(stage, paths, CALLERS_RATE) as answers:
        await asyncio.sleep(ROUND)
    if any(answer.status != 200 or "larder; hit" not in answer.cache for answer in answers):
        raise BenchError("not every answer was stored")
    stale = [answer.seconds for answer in answers if "ttl=-" in answer.cache]
    fresh = [answer.seconds for answer in answers if "ttl=-" not in answer.cache]
    return percentile(fresh, 0.99), percentile(stale, 0.99)


def _in_turns(connection: Connection, random: Random) -> tuple[float, float]:
    """p99 of hits, and of stale answers, in an order that chance makes: both meet the same machine."""
    times: dict[str, list[float]] = {_FRESH: [], _STALE: []}
    asked = [(side, number) for side in times for number in range(KEYS)]
    random.shuffle(asked)
    for side, number in asked:
        times[side].append(connection.time(_path(side, number)))
        time.sleep(PAUSE)
    return percentile(times[_FRESH], 0.99), percentile(times[_STALE], 0.99)


def _path(side: str, number: int) -> str:
    return f"/{side}/api/v1/courses/{FIRST + number}"


def _check(stage: Pair) -> None:
    """Raises BenchError when it is not as it is said to be."""
    for side, is_stale in ((_FRESH, False), (_STALE, True)):
        cache = dict(ask(stage.larder, _path(side, KEYS - 1))[1]).get("Cache-Status", "")
        if "larder; hit" not in cache or ("ttl=-" in cache) is not is_stale:
            raise BenchError(f"{side}: {cache}")
    if stage.calls(f"/{_STALE}/") <= KEYS:
        raise BenchError("nobody asked the slow upstream")


def _with_a_fallback(stage: Pair) -> Figure:
    patient, hasty = (uvloop.run(_asked(stage, upstream)) for upstream in (_PATIENT, _HASTY))
    (slow, slow_median), (quick, quick_median) = (
        tuple(percentile((one.seconds for one in side), share) * 1e3 for share in (0.99, 0.5))
        for side in (patient, hasty)
    )
    note = f"p99 {quick:.0f} / {slow:.0f} ms, median {quick_median:.0f} / {slow_median:.0f} ms, at {RATE:.0f}/s"
    name = f"the same with a fallback only: p99, fallback_after {LATE * 1e3:.0f} ms / 0 (total 3 s)"
    return Figure(name, quick / slow, "ratio", note=note)


async def _asked(stage: Pair, upstream: str) -> list[Answered]:
    async with demanded(stage, course_paths(upstream, KEYS), RATE) as answers:
        await asyncio.sleep(SECONDS)
    if any(answer.status != 200 for answer in answers):
        raise BenchError(f"{upstream}: not everybody got the stored answer")
    return answers
