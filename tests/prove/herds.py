"""Herds: many callers, over all processes, who ask at once for one thing that nobody has."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import aiohttp

from tests.prove.asking import Client
from tests.prove.history import Call, Herd, History, Read
from tests.prove.instances import Instance
from tests.prove.origin import THINGS, Origin

_SLOW = 0.5  # seconds that the upstream takes
_PATIENCE = 10.0  # seconds until the first call has to be there


class Leader(NamedTuple):
    """The process whose call went out first."""

    instance: Instance
    pid: int


async def gather(
    history: History, origin: Origin, instances: Sequence[Instance], callers: int, *, kill_leader: bool
) -> Herd:
    """`callers` on each instance, each over a connection of its own; with or without the leader's death half-way."""
    key = f"{THINGS}cold-{len(history.herds)}"
    origin.slow[key] = _SLOW
    start = history.clock()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as session:
        session._retry_connection = False  # whose process dies does not ask again
        client = Client(history, session)
        asked = [asyncio.create_task(client.read(one, key, "")) for one in instances for _ in range(callers)]
        broken = await _killed(history, key, instances, asked) if kill_leader else 0
        reads = await asyncio.gather(*asked)
    herd = Herd(
        key=key,
        start=start,
        end=history.clock(),
        callers=len(asked),
        answered=sum(read is not None for read in reads),
        most_broken=broken,
        most_calls=2 if kill_leader else 1,
    )
    history.herds.append(herd)
    return herd


async def _killed(
    history: History, key: str, instances: Sequence[Instance], asked: Sequence["asyncio.Task[Read | None]"]
) -> int:
    """Kill the leader in the middle of its call, once all callers wait; how many of them it had."""
    leader = _leader(instances, await _first_call(history, key))
    with suppress(TimeoutError):
        async with asyncio.timeout(_SLOW / 2):
            await asyncio.wait(asked)
    trouble = history.trouble("a leader killed", leader.instance.name)
    broken = leader.instance.serving(leader.pid)
    trouble.kills = leader.instance.kill_worker(leader.pid)
    trouble.end = history.clock()
    return broken


async def _first_call(history: History, key: str) -> Call:
    async with asyncio.timeout(_PATIENCE):
        while True:
            found = next((call for call in history.calls.values() if call.key == key), None)
            if found is not None:
                return found
            await asyncio.sleep(0.005)


def _leader(instances: Sequence[Instance], call: Call) -> Leader:
    for instance in instances:
        pid = instance.owner_of(call.peer)
        if pid is not None:
            return Leader(instance, pid)
    raise LookupError("nobody is at the other end of the upstream's connection")
