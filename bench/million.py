"""A million: entries of 1 KB in the durable tier, what they take, and what a purge costs that covers all of them."""

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.processes import BenchError, free_port, python, running
from bench.scene import config, larder_command, written
from policies import DAY, GIB, ShelfLife
from proxy.kept.purging import Purger
from proxy.messages import Entry
from proxy.store.fences import Fences
from proxy.store.ledger import LocalLedger
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SQLiteStore

MANY = int(os.environ.get("LARDER_BENCH_ENTRIES", "1000000"))
STEPS = 4
PURGES = 100
ALL_OF_THEM = "courseworks/in:term:1"
ONE_OF_THEM = "courseworks/course:7"


def million(folder: Path) -> Iterator[Figure]:
    """Fill, purge, evict, start."""
    path = folder / "larder.db"
    yield from asyncio.run(_stored(path))
    yield _start(folder)
    yield asyncio.run(_evicted(path))


def entry(number: int, now: float) -> Entry:
    """An answer of 1 KB with a tag that all have, and one of its own."""
    return Entry(
        key=number.to_bytes(4, "big").rjust(32, b"k")[::-1],
        status=200,
        head="Content-Type: application/json",
        body=os.urandom(512).hex().encode(),
        stored_at=now,
        life=ShelfLife(*[now + DAY] * 4),
        fence=0,
        sequence=number,
        upstream="courseworks",
        endpoint="GET /api/v1/courses/{course}",
        partition="shared",
        tagged=f"course:{number}\nin:term:1",
    )


@asynccontextmanager
async def _open(path: Path, max_bytes: int = 64 * GIB) -> AsyncIterator[tuple[SQLiteStore, Fences]]:
    store = SQLiteStore(path, max_bytes=max_bytes, max_waiting=20_000)
    opened = await store.open()
    try:
        yield store, Fences(time.time, opening=opened.opening, records=opened.purges)
    finally:
        await store.close()


async def _stored(path: Path) -> list[Figure]:
    figures: list[Figure] = []
    async with _open(path) as (store, fences):
        for step in range(STEPS):
            began = time.perf_counter()
            await _fill(store, step * MANY // STEPS, (step + 1) * MANY // STEPS)
            took = time.perf_counter() - began
            done = (step + 1) * MANY // STEPS
            size = path.stat().st_size / done
            note = f"{took / (done / (step + 1)) * 1e6:.0f} µs each; {_resident():.0f} MB resident"
            figures.append(Figure(f"{done:,} entries of 1 KB on disk: file", size / 1000, "KB each", note=note))
        figures += await _purges(store, fences, path)
    return figures


async def _fill(store: SQLiteStore, first: int, last: int) -> None:
    now = time.time()
    for number in range(first, last):
        store.put(entry(number, now))
        if number % 10_000 == 9_999:
            await store.flush()
    await store.flush()
    if store.dropped:
        raise BenchError(f"{store.dropped} entries were not written")


async def _purges(store: SQLiteStore, fences: Fences, path: Path) -> list[Figure]:
    """Alternating, so that the disk's moods meet both; with one fsync beside each."""

    def failed(operation: str, error: Exception) -> None:
        raise BenchError(f"{operation}: {error}")

    purger = Purger(LocalLedger(fences, store, failed), MemoryStore(1), store, failed)
    took: dict[str, list[float]] = {ALL_OF_THEM: [], ONE_OF_THEM: []}
    synced = []
    with (path.parent / "fsync").open("wb", buffering=0) as beside:
        for _ in range(PURGES):
            for tag, times in took.items():
                began = time.perf_counter()
                await purger.purge([tag])
                times.append(time.perf_counter() - began)
            began = time.perf_counter()
            beside.write(bytes(4096))
            os.fsync(beside.fileno())
            synced.append(time.perf_counter() - began)
    wide, narrow, fsync = (median(times) for times in (took[ALL_OF_THEM], took[ONE_OF_THEM], synced))
    note = f"{wide * 1000:.2f} / {narrow * 1000:.2f} ms, one fsync beside it {fsync * 1000:.2f} ms"
    return [
        Figure(f"purge of a tag: {MANY:,} entries carry it / one does", wide / narrow, "ratio", 2.0, note=note),
        Figure("that purge, less one fsync", (wide - fsync) * 1000, "ms", 5.0),
    ]


def _start(folder: Path) -> Figure:
    """Of a whole Larder, until it is ready."""
    at = free_port()
    with running("origin", python("bench.stand_ins", "origin", at), at, folder / "origin.log", "/warm") as origin:
        settings = config(folder, origin.url)
        settings["store"]["max_bytes"] = "64GiB"
        path = written(settings, folder)
        began = time.perf_counter()
        with running("larder", larder_command(path), settings["server"]["port"], folder / "l.log", "/-/ready"):
            took = time.perf_counter() - began
    return Figure(f"start to ready with {MANY:,} entries", took, "s")


async def _evicted(path: Path) -> Figure:
    """A tenth of them, when the store may be no larger."""
    async with _open(path) as (store, _):
        await store.flush()
        before = len(await store.keys())
    async with _open(path, max_bytes=int(path.stat().st_size * 0.9)) as (store, _):
        began = time.perf_counter()
        await store.sweep(time.time(), 0.0)
        took = time.perf_counter() - began
        gone = before - len(await store.keys())
    if not gone:
        raise BenchError("nothing was evicted")
    return Figure("eviction from the durable tier", took / gone * 1e6, "µs each", note=f"{gone:,} entries")


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
