"""The course of it: the same load and the same mischief twice; after each, everything is let go of, and looked at.

start ─▶ first third: caches fill ─▶ quiet: level ─▶ the rest ─▶ quiet: level ─▶ end
"""

import asyncio
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.soak.house import House, a_house
from tests.soak.levels import Level, settled
from tests.soak.load import Load, Outcomes, under_load
from tests.soak.mischief import Mischief

QUIET = 10.0  # seconds: longer than idle connections are kept, and any cooldown lasts
SPARE = 6  # descriptors that may differ: what is open now and then


class Plan(NamedTuple):
    """What is to be done."""

    seed: str
    seconds: float
    workers: int
    rate: float


class Soak(NamedTuple):
    """What came of it."""

    plan: Plan
    outcomes: Outcomes
    mischief: Mischief
    before: Level  # once all caches were full
    after: Level
    metrics: str
    log: str
    audit: str
    status: int | None  # that Larder ended with


async def soaked(plan: Plan, folder: Path) -> Soak:
    """Do it. Raises HouseError when Larder does not come up."""
    outcomes, random = Outcomes(), Random(plan.seed)
    async with a_house(folder, plan.workers) as house:
        mischief = Mischief(house, Random(f"{plan.seed}/mischief"))
        load_seed = f"{plan.seed}/load"
        await _part(house, plan.seconds / 3, Load(house.url, plan.rate, Random(load_seed), outcomes), mischief)
        before = await _quiet(house, None)
        _said("full", before, outcomes)
        await _part(house, plan.seconds * 2 / 3, Load(house.url, plan.rate, random, outcomes), mischief)
        after = await _quiet(house, before)
        _said("end", after, outcomes)
        metrics, status = await house.metrics(), await house.larder.end()
        log, audit = house.larder.log.read_text(errors="replace"), house.audit.read_text(errors="replace")
    return Soak(plan, outcomes, mischief, before, after, metrics, log, audit, status)


async def _part(house: House, seconds: float, load: Load, mischief: Mischief) -> None:
    async with under_load(load):
        doing = asyncio.create_task(mischief.go_on())
        await asyncio.wait({doing}, timeout=seconds)
        if not doing.done():
            doing.cancel()
        await asyncio.wait({doing})
        if not doing.cancelled():
            doing.result()  # it ends by itself only when it fails
        await mischief.undo_all()


async def _quiet(house: House, before: Level | None) -> Level:
    """What is held when nobody asks for anything, and everything idle had time to go."""
    await asyncio.sleep(QUIET)
    if before is None:
        return await settled(house, lambda level: level.under_way == 0)
    return await settled(house, lambda level: level.under_way == 0 and level.descriptors <= before.descriptors)


def _said(when: str, level: Level, outcomes: Outcomes) -> None:
    print(f"  {when}: {outcomes.total} requests, {level.shown}", flush=True)
