"""Rounds: a deployment, under load, while one thing after the other goes wrong; and what is left of it at the end.

cold herds ─▶ load ┬ troubles of instances ┬─▶ all is killed ─▶ all is read, with the upstream down, then up
                   └ troubles of Redis ────┘
"""

import asyncio
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.prove.checker import Terms
from tests.prove.deployments import WINDOW, Deployment, deployed, partitions
from tests.prove.herds import gather
from tests.prove.history import History
from tests.prove.load import Scene, purge_widely, read_all, under_load
from tests.prove.origin import running_origin
from tests.prove.troubles import OF_INSTANCES, OF_REDIS, Deed, Stage, chosen, everything_killed, torment

_LONGEST = 200.0  # seconds that a round's troubles may take


class Round(NamedTuple):
    """What is to be done."""

    store: str
    seed: str
    of_instances: int = 18  # troubles
    of_redis: int = 16
    pauses: float = 0.5  # seconds between two of them, at most
    calm: float = 3.0  # seconds under load before the first
    callers: int = 25  # of a herd, for each instance
    kills_all: bool = True  # at its end, before the last look


class Observed(NamedTuple):
    """What came of a round."""

    round: Round
    history: History
    terms: Terms


async def observe(one: Round, folder: Path) -> Observed:
    """Carry a round out. Raises InstanceError when Larder does not come back, TimeoutError when it takes too long."""
    history, random = History(), Random(one.seed)
    async with (
        running_origin(history, Random(f"{one.seed}/origin")) as origin,
        deployed(one.store, folder, origin.url) as deployment,
    ):
        for kill_leader in (False, True):
            await gather(history, origin, deployment.instances, one.callers, kill_leader=kill_leader)
        scene = Scene(history, origin, deployment.instances, await partitions(history, deployment.instances[0]))
        stage = _stage(scene, deployment, Random(f"{one.seed}/last words"))
        async with under_load(scene, one.seed), asyncio.timeout(_LONGEST):
            await asyncio.sleep(one.calm)
            await asyncio.gather(*_torments(one, stage, random))
        if one.kills_all:
            await everything_killed(stage, random)
        await _last_look(scene)
    return Observed(one, history, terms_of(deployment))


def terms_of(deployment: Deployment) -> Terms:
    """What is promised of it. A purge is acknowledged when every instance that may serve has heard of it, so no window
    is left to any (DESIGN.md §5, edge 8; docs/stores.md). Who has lost coherence may let a fallback stand in.
    """
    return Terms(window=0.0, writes_tell=deployment.servers is None, unsure_may_stand_in=True)


def _stage(scene: Scene, deployment: Deployment, random: Random) -> Stage:
    return Stage(
        history=scene.history,
        instances=deployment.instances,
        servers=deployment.servers,
        window=WINDOW,
        redis=asyncio.Lock(),
        memory=asyncio.Lock(),
        last_words=lambda instance: purge_widely(scene, instance, random),
    )


def _torments(one: Round, stage: Stage, random: Random) -> list["asyncio.Task[None]"]:
    plans: list[list[Deed]] = [chosen(OF_INSTANCES, one.of_instances, random)]
    if stage.servers is not None:
        plans.append(chosen(OF_REDIS, one.of_redis, random))
    return [
        asyncio.create_task(torment(stage, plan, Random(f"{one.seed}/trouble/{number}"), pauses=one.pauses))
        for number, plan in enumerate(plans)
    ]


async def _last_look(scene: Scene) -> None:
    """Nothing that was acknowledged is lost, not even while nothing can be had anew."""
    async with scene.origin.fails("groups", "errs"), scene.origin.fails("courseworks", "errs"):
        await read_all(scene)
    await read_all(scene)
