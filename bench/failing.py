"""Failing: what callers get while an upstream fails, what that upstream is asked meanwhile, and how soon it is back."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from bench.demand import Answered, course_paths, demanded, fill
from bench.figures import Figure
from bench.processes import BenchError
from bench.scene import Pair, pair

RATE = 200.0  # requests a second
KEYS = 500
LONG = 18.0  # seconds that it fails for the count of calls
COOLDOWN, MINIMUM = 3.0, 20  # of the circuit
BUDGET = 10  # retries that are saved up (policies/retry.py): a floor of 1/s for 10 s
HEALED = (0.1, 0.8, 1.5, 2.2)
FLOWING = 10  # answers after which calls flow
PATIENCE = 15.0  # seconds

_LONG_ONE = "failing"
_SHORT_ONES = tuple(f"healed{number}" for number in range(len(HEALED)))


class Recovery(NamedTuple):
    """From when the upstream was well again, in seconds."""

    first: float  # until the first good answer of the upstream
    tenth: float
    probe: float  # what the first one took

    @property
    def allowed(self) -> float:
        """One cooldown, and one probe after it, for which somebody has to ask."""
        return COOLDOWN + self.probe + 1 / RATE


class Failed(NamedTuple):
    """What came of the long failure."""

    answers: list[Answered]
    calls: int
    seconds: float


def failing(folder: Path) -> Iterator[Figure]:
    """Answers and calls while it fails for long; then how soon calls flow, that time and some more."""
    with pair(folder, _upstreams) as stage:
        failed, recoveries = uvloop.run(_observed(stage))
    yield from _while_it_fails(failed)
    worst = max(recoveries, key=lambda one: one.first / one.allowed)
    runs = tuple(one.first / one.allowed for one in recoveries)
    note = f"{', '.join(f'{one.first:.2f}' for one in recoveries)} s; a cooldown is {COOLDOWN:.0f} s"
    name = "upstream well again: first answer / one cooldown and one probe"
    yield Figure(name, worst.first / worst.allowed, "ratio", 1, note=note, runs=runs)
    tenths = tuple(one.tenth / one.allowed for one in recoveries)
    note = f"{', '.join(f'{one.tenth:.2f}' for one in recoveries)} s"
    yield Figure(
        f"upstream well again: answer number {FLOWING} / the same", max(tenths), "ratio", note=note, runs=tenths
    )


def _while_it_fails(failed: Failed) -> Iterator[Figure]:
    bad = sum(answer.status != 200 for answer in failed.answers)
    slowest = max(answer.seconds for answer in failed.answers) * 1e3
    about = f"{len(failed.answers)} answers in {failed.seconds:.0f} s; slowest {slowest:.0f} ms"
    yield Figure(f"upstream fails, {RATE:.0f}/s, stale entries: failed answers", bad, "answers", 0, note=about)
    probes = int(failed.seconds / COOLDOWN)
    bound = MINIMUM + probes + BUDGET
    note = f"{failed.calls} calls; {MINIMUM} to open, {probes} probes, a budget of {BUDGET}"
    yield Figure("upstream fails: its calls / the bound", failed.calls / bound, "ratio", 1, note=note)


def _upstreams(origin: str) -> dict[str, Any]:
    """The same upstream over and over, each with a circuit and a failure memory of its own."""
    rules = {"ttl": "1s", "stale_while_revalidate": "0s", "stale_if_error": "1h", "settle": "0s"}
    breaker = {"minimum_calls": MINIMUM, "cooldown": f"{COOLDOWN}s", "window": "3s"}
    endpoints = {"GET /api/v1/courses/{course}": {"cache": rules}}
    return {
        name: {"adapter": "courseworks", "base_url": f"{origin}/{name}", "breaker": breaker, "endpoints": endpoints}
        for name in (_LONG_ONE, *_SHORT_ONES)
    }


async def _observed(stage: Pair) -> tuple[Failed, list[Recovery]]:
    await _filled(stage, _LONG_ONE)
    async with demanded(stage, course_paths(_LONG_ONE, KEYS), RATE) as answers:
        before, began = await _begin(stage, _LONG_ONE), time.perf_counter()
        await asyncio.sleep(LONG)
        recovery = await _heal(stage, answers)
    during = [answer for answer in answers if began <= answer.asked < began + LONG]
    failed = Failed(during, recovery.calls - before, LONG)
    return failed, [recovery.came, *[await _recovery(stage, *one) for one in zip(_SHORT_ONES, HEALED, strict=True)]]


class _Healed(NamedTuple):
    came: Recovery
    calls: int  # that it had had until then


async def _recovery(stage: Pair, upstream: str, after: float) -> Recovery:
    """It fails until its circuit opens, and so long after."""
    await _filled(stage, upstream)
    async with demanded(stage, course_paths(upstream, KEYS), RATE) as answers:
        await _begin(stage, upstream)
        async with asyncio.timeout(PATIENCE):
            while not any("circuit-open" in answer.cache for answer in answers[-20:]):
                await asyncio.sleep(0.01)
        await asyncio.sleep(after)
        return (await _heal(stage, answers)).came


async def _filled(stage: Pair, upstream: str) -> None:
    """Everything is stored, and stale; the circuit's window has forgotten the calls for it."""
    await fill(stage, upstream, KEYS)
    await asyncio.sleep(3.2)


async def _begin(stage: Pair, upstream: str) -> int:
    """Let it fail; how many calls it had until then."""
    await asyncio.to_thread(stage.set_mood, fails=True)
    return await asyncio.to_thread(stage.calls, f"/{upstream}/")


async def _heal(stage: Pair, answers: list[Answered]) -> _Healed:
    """Let it be well, and wait until calls flow."""
    calls = await asyncio.to_thread(stage.calls, f"/{_LONG_ONE}/")
    healed = time.perf_counter()
    await asyncio.to_thread(stage.set_mood)
    try:
        async with asyncio.timeout(PATIENCE):
            while len(news := _news_since(healed, answers)) < FLOWING:
                await asyncio.sleep(0.01)
    except TimeoutError as error:
        raise BenchError("the upstream was well again, and nobody asked it") from error
    first, tenth = news[0], news[FLOWING - 1]
    return _Healed(Recovery(first.at - healed, tenth.at - healed, first.seconds), calls)


def _news_since(when: float, answers: list[Answered]) -> list[Answered]:
    return sorted((one for one in answers if one.at >= when and one.is_news), key=lambda one: one.at)
