"""Recalls: a hit in the durable tier, against the bare read of the same bytes in the same process."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import redis.asyncio

from bench.figures import Figure
from bench.million import entry
from bench.processes import BenchError
from proxy.store.redis import RedisStore
from proxy.store.sqlite import SQLiteStore
from tests.redis_server import redis_server

ROUNDS = 11
READS = 500
REQUIRED = 2.5


def recalls(folder: Path) -> Iterator[Figure]:
    """Of 1 KB, from SQLite and from Redis."""
    yield asyncio.run(_sqlite(folder / "larder.db"))
    yield asyncio.run(_redis())


async def _sqlite(path: Path) -> Figure:
    kept = entry(1, time.time())
    store = SQLiteStore(path)
    await store.open()
    store.put(kept)
    await store.flush()
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:
        bare = await loop.run_in_executor(thread, sqlite3.connect, path)

        def select() -> bytes:
            row: tuple[bytes] = bare.execute("SELECT blob FROM entries WHERE key = ?", (kept.key,)).fetchone()
            return row[0]

        async def ask() -> object:
            return await loop.run_in_executor(thread, select)

        figure = await _ratio("SQLite: a hit / the same SELECT", lambda: store.get(kept.key), ask)
        await loop.run_in_executor(thread, bare.close)
    await store.close()
    return figure


async def _redis() -> Figure:
    kept = entry(1, time.time())
    async with redis_server() as server:
        store = RedisStore(server.url)
        await store.open()
        store.put(kept)
        await store.flush()
        async with redis.asyncio.Redis.from_url(server.url, protocol=2) as bare:
            (name,) = [key async for key in bare.scan_iter("larder:e:*")]
            figure = await _ratio("Redis: a hit / the same GET", lambda: store.get(kept.key), lambda: bare.get(name))
        await store.close()
    return figure


async def _ratio(name: str, ours: Callable[[], Awaitable[object]], bare: Callable[[], Awaitable[object]]) -> Figure:
    """The median over rounds that take turns."""
    ratios, costs = [], []
    for _ in range(ROUNDS):
        mine, theirs = await _seconds(ours), await _seconds(bare)
        ratios.append(mine / theirs)
        costs.append((mine, theirs))
    mine, theirs = (median(side) * 1e6 for side in zip(*costs, strict=True))
    return Figure(name, median(ratios), "ratio", REQUIRED, note=f"{mine:.0f} / {theirs:.0f} µs", runs=tuple(ratios))


async def _seconds(read: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    for _ in range(READS):
        if await read() is None:
            raise BenchError("the entry was not found")
    return (time.perf_counter() - began) / READS
