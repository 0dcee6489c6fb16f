"""Troubles: what is made to go wrong, one after the other, in an order that a seed gives.

Each is noted from before it begins until all is well again. Those of instances and those of Redis run beside each
other; only what takes Redis's disk with it waits until no instance is being killed: for what a server lost, the memory
of instances has to stand in.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import NamedTuple

from tests.prove.history import History, Trouble
from tests.prove.instances import Instance
from tests.prove.servers import Servers

LONGER_THAN_THE_WINDOW = 1.6  # times it


class Stage(NamedTuple):
    """What can go wrong."""

    history: History
    instances: Sequence[Instance]
    servers: Servers | None  # None: SQLite
    window: float  # seconds
    redis: asyncio.Lock  # held while Redis is not well
    memory: asyncio.Lock  # held while what an instance remembers, or Redis, is lost
    last_words: Callable[[Instance], Awaitable[None]]  # much is purged, and acknowledged, right before a death


Deed = Callable[[Stage, Random], Awaitable[None]]


async def worker_killed(stage: Stage, random: Random) -> None:
    """kill -9 of a process that serves; the supervisor starts another."""
    instance = random.choice(stage.instances)
    worker, before = await instance.worker(random), len(instance.members())
    trouble = stage.history.trouble("a worker killed", instance.name)
    trouble.kills = instance.kill_worker(worker)
    await _until_staffed(instance, before)
    trouble.end = stage.history.clock()


async def supervisor_killed(stage: Stage, random: Random) -> None:
    """kill -9 of the supervisor alone: its workers have to end by themselves."""
    instance = random.choice(stage.instances)
    async with stage.memory:
        await stage.last_words(instance)
        trouble = stage.history.trouble("a supervisor killed", instance.name)
        trouble.kills = instance.kill_supervisor()
        await instance.until_gone()
        await _started(stage, instance, trouble)


async def instance_killed(stage: Stage, random: Random) -> None:
    """kill -9 of all processes of an instance."""
    instance = random.choice(stage.instances)
    async with stage.memory:
        await stage.last_words(instance)
        trouble = stage.history.trouble("an instance killed", instance.name)
        trouble.kills = instance.kill()
        await asyncio.sleep(random.random() * stage.window)
        await _started(stage, instance, trouble)


async def instance_ended(stage: Stage, random: Random) -> None:
    """SIGTERM, under load."""
    instance = random.choice(stage.instances)
    async with stage.memory:
        trouble = stage.history.trouble("an instance ended", instance.name)
        await instance.stop()
        await _started(stage, instance, trouble)


async def worker_stopped(stage: Stage, random: Random) -> None:
    """A process that serves stands still: what it had begun goes on much later."""
    instance = random.choice(stage.instances)
    await _stopped(stage, instance, "a worker stopped", [await instance.worker(random)])


async def supervisor_stopped(stage: Stage, random: Random) -> None:
    """Nobody follows Redis, and the workers go on."""
    instance = random.choice(stage.instances)
    await _stopped(stage, instance, "a supervisor stopped", instance.members()[:1])


async def instance_stopped(stage: Stage, random: Random) -> None:
    """A machine that is parted from all others, or asleep, and comes back."""
    instance = random.choice(stage.instances)
    await _stopped(stage, instance, "an instance stopped", instance.members())


async def everything_killed(stage: Stage, random: Random) -> None:
    """kill -9 of every process there is; then all comes back with what is on disk."""
    async with stage.redis, stage.memory:
        await stage.last_words(random.choice(stage.instances))
        trouble = stage.history.trouble("everything killed")
        trouble.kills = sum(instance.kill() for instance in stage.instances)
        for server in stage.servers.all if stage.servers is not None else ():
            await server.kill()
            trouble.kills += 1
            await server.restart()
        await asyncio.gather(*(instance.start() for instance in stage.instances))
        trouble.end = stage.history.clock()


async def redis_killed(stage: Stage, random: Random) -> None:
    """kill -9 of a server, which comes back with its data."""
    assert stage.servers is not None
    async with stage.redis:
        server = stage.servers.some(random)
        await stage.last_words(random.choice(stage.instances))
        trouble = stage.history.trouble("Redis killed")
        await server.kill()
        trouble.kills = 1
        await asyncio.sleep(random.random() * 1.5 * stage.window)
        await server.restart()
        await _ended(stage, trouble)


async def redis_lost(stage: Stage, random: Random) -> None:
    """kill -9 of the server, which comes back with nothing; or a failover to a replica that lacks the latest."""
    assert stage.servers is not None
    async with stage.redis, stage.memory:
        await stage.last_words(random.choice(stage.instances))
        trouble = stage.history.trouble("Redis lost")
        if stage.servers.is_cluster:
            await stage.servers.fail_over(random.randrange(len(stage.servers.all)), random.random())
        else:
            server = stage.servers.some(random)
            await stage.servers.lose_disk(server)
            await server.restart()
        trouble.kills = 1
        await _ended(stage, trouble)


async def redis_stopped(stage: Stage, random: Random) -> None:
    """Redis stands still: connections stay, and nothing is answered."""
    assert stage.servers is not None
    async with stage.redis:
        trouble = stage.history.trouble("Redis stopped")
        server = stage.servers.some(random)
        server.pause()
        await asyncio.sleep((0.3 + random.random() * LONGER_THAN_THE_WINDOW) * stage.window)
        server.resume()
        await _ended(stage, trouble)


async def redis_filled(stage: Stage, random: Random) -> None:
    """No write finds memory any more."""
    assert stage.servers is not None
    async with stage.redis:
        trouble = stage.history.trouble("Redis full")
        server = stage.servers.some(random)
        await server.fill()
        await asyncio.sleep((0.3 + random.random() * LONGER_THAN_THE_WINDOW) * stage.window)
        await server.make_room()
        await _ended(stage, trouble)


OF_INSTANCES: tuple[tuple[int, Deed], ...] = (
    (12, worker_killed),
    (2, supervisor_killed),
    (4, instance_killed),
    (1, instance_ended),
    (3, worker_stopped),
    (2, supervisor_stopped),
    (3, instance_stopped),
)
OF_REDIS: tuple[tuple[int, Deed], ...] = ((8, redis_killed), (2, redis_lost), (2, redis_stopped), (1, redis_filled))


async def torment(stage: Stage, deeds: Sequence[Deed], random: Random, *, pauses: float) -> None:
    """One after the other, with up to so many seconds in between."""
    for deed in deeds:
        await asyncio.sleep(random.random() * pauses)
        await deed(stage, random)


def chosen(choices: Sequence[tuple[int, Deed]], count: int, random: Random) -> list[Deed]:
    """So many, by weight."""
    return random.choices([deed for _, deed in choices], [weight for weight, _ in choices], k=count)


async def _stopped(stage: Stage, instance: Instance, what: str, pids: list[int]) -> None:
    trouble = stage.history.trouble(what, instance.name)
    instance.pause(pids)
    try:
        await asyncio.sleep(LONGER_THAN_THE_WINDOW * stage.window)
    finally:
        instance.resume(pids)
    trouble.end = stage.history.clock()


async def _started(stage: Stage, instance: Instance, trouble: Trouble) -> None:
    await instance.start()
    trouble.end = stage.history.clock()


async def _until_staffed(instance: Instance, count: int) -> None:
    """Wait until another process is there; the supervisor may take its time before."""
    deadline = asyncio.get_running_loop().time() + 1
    while len(instance.members()) < count and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.05)


async def _ended(stage: Stage, trouble: Trouble) -> None:
    """Redis is well; those who use it need a moment to see that."""
    await asyncio.sleep(0.5)
    trouble.end = stage.history.clock()
