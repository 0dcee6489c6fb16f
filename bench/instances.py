"""Instances: several Larders on one Redis, and several workers: when a purge is seen, and who asks for a cold key."""

import asyncio
import json
import os
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp

from bench.clients import load
from bench.figures import Figure
from bench.processes import BenchError, Server, free_port, python, running, wait_for
from bench.scene import ASKER, Pair, ask, config, larder_command, written
from tests.redis_server import RedisServer, redis_server

CALLERS = 250  # of each process
INSTANCES = 4
PURGES = 200
HOT = "/mirror/hot"
TOKEN = "bench-admin-token-of-thirty-two-characters"
ADMIN = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}


def instances(folder: Path) -> Iterator[Figure]:
    """On a real Redis of their own; then workers without one."""
    with asyncio.Runner() as runner:
        redis = redis_server()
        server = runner.run(redis.__aenter__())
        try:
            yield from _on_redis(folder, server)
        finally:
            runner.run(redis.__aexit__(None, None, None))
    yield from _workers(folder)


def _on_redis(folder: Path, redis: RedisServer) -> Iterator[Figure]:
    at = free_port()
    with ExitStack() as stack:
        command = python("bench.stand_ins", "origin", at)
        origin = stack.enter_context(running("origin", command, at, folder / "origin.log", "/warm"))
        larders = [_larder(stack, folder, origin, number, durable=redis.url) for number in range(INSTANCES)]
        yield from _seen("another instance on the same Redis", larders[0], larders[1], 0.1)
        first = Pair(origin, larders[0][0], folder)
        asyncio.run(_herd(first, [larder for larder, _ in larders], "/mirror/slow/cold/b"))
        calls = first.calls("/slow/cold/b")
        yield Figure(f"{INSTANCES} processes x {CALLERS} callers, cold key: upstream calls", calls, "calls", 1)
        answered = asyncio.run(_herd(first, [larder for larder, _ in larders], "/mirror/slow/cold/c", kill=True))
        note = f"{answered} of {CALLERS * (INSTANCES - 1)} callers of the others answered"
        if answered != CALLERS * (INSTANCES - 1):
            raise BenchError(note)
        calls = first.calls("/slow/cold/c")
        yield Figure("the same, the leader killed half-way: upstream calls", calls, "calls", 2, note=note)


def _workers(folder: Path) -> Iterator[Figure]:
    """Hits by two workers against one, where there are cores to spare for the client."""
    throughput = {}
    with ExitStack() as stack:
        at = free_port()
        command = python("bench.stand_ins", "origin", at)
        origin = stack.enter_context(running("origin", command, at, folder / "origin.log", "/warm"))
        for workers in (1, 2):
            with ExitStack() as inner:
                path = f"sqlite:///{folder}/workers{workers}.db"
                server, admin = _larder(inner, folder, origin, workers, durable=path, workers=workers)
                if workers == 2:
                    yield from _seen("another worker", (server, admin), (server, admin), None)
                for _ in range(8):
                    ask(server, HOT)
                load(server.url + HOT, ASKER, 1.0)
                throughput[workers] = median(load(server.url + HOT, ASKER, 3.0) / 3.0 for _ in range(3))
    note = f"{throughput[1]:.0f} / {throughput[2]:.0f} a second; {os.cpu_count()} cores, the client among them"
    yield Figure("throughput of hits, 2 workers / 1", throughput[2] / throughput[1], "ratio", at_least=True, note=note)


def _larder(
    stack: ExitStack, folder: Path, origin: Server, number: int, *, durable: str, workers: int = 1
) -> tuple[Server, int]:
    """A Larder, and the port of its admin listener."""
    home = folder / f"larder{number}"
    home.mkdir(exist_ok=True)
    settings: dict[str, Any] = config(home, origin.url)
    settings["server"]["workers"] = workers
    settings["admin"] |= {"token": TOKEN, "audit": "none"}
    settings["store"] |= {"durable": durable, "secret": "s" * 40}
    at, admin = settings["server"]["port"], settings["admin"]["port"]
    command = larder_command(written(settings, home))
    larder = stack.enter_context(running("larder", command, at, home / "larder.log", "/-/ready"))
    beside = Server("larder's admin listener", larder.process, admin, larder.log)
    wait_for(beside, "/admin/config", status=401)  # a supervisor's comes after its workers
    return larder, admin


def _seen(where: str, one: tuple[Server, int], other: tuple[Server, int], required: float | None) -> Iterator[Figure]:
    """From the acknowledgement of a purge to the first answer elsewhere that is none from before."""
    took = []
    for _ in range(PURGES):
        ask(other[0], HOT)
        _flush(one[1])
        began = time.perf_counter()
        while "larder; hit" in dict(ask(other[0], HOT)[1]).get("Cache-Status", ""):
            if time.perf_counter() - began > 5:
                raise BenchError("a purge was not seen")
        took.append(time.perf_counter() - began)
    slowest = quantiles(took, n=100)[-1]
    note = f"the read that shows it included; median {median(took) * 1000:.1f} ms"
    yield Figure(f"acknowledged purge seen by {where}, p99", slowest, "s", required, note=note)


def _flush(admin: int) -> None:
    body = json.dumps({"upstream": "mirror"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{admin}/admin/flush", body, ADMIN, method="POST")
    with urllib.request.urlopen(request, timeout=5) as response:
        response.read()


async def _herd(pair: Pair, larders: list[Server], path: str, *, kill: bool = False) -> int:
    """All callers of all processes at one moment; how many were answered by those that live on."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=ASKER, connector=connector) as session:
        go = asyncio.Event()

        async def one(larder: Server) -> bool:
            await go.wait()
            async with session.get(larder.url + path) as response:
                await response.read()
                return response.status == 200

        leader, *others = larders
        first = asyncio.create_task(_quiet(session.get(leader.url + path))) if kill else None
        if first is not None:
            while not await asyncio.to_thread(pair.calls, path.removeprefix("/mirror")):
                await asyncio.sleep(0.02)  # it leads: the others come while its call is half-way
        asking = [asyncio.create_task(one(larder)) for larder in (others if kill else larders) for _ in range(CALLERS)]
        await asyncio.sleep(0.05)
        go.set()
        if first is not None:
            await asyncio.sleep(0.1)
            leader.process.kill()
            await first
        return sum(await asyncio.gather(*asking))


async def _quiet(asking: Any) -> None:
    """A caller whose process is killed."""
    try:
        async with asking as response:
            await response.read()
    except aiohttp.ClientError:
        return
