"""Starting: the time from the command to ready, with ten thousand entries on disk."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from bench.entries import entries
from bench.figures import Figure
from bench.processes import BenchError, free_port, python, running
from bench.scene import ask, config, larder_command, written
from proxy.asker import Asker
from proxy.config.loading import load_plans
from proxy.config.secrets import sqlite_path, store_secret
from proxy.plan import Plans
from proxy.store.sqlite import SQLiteStore

ENTRIES = 10_000
STARTS = 7
REQUIRED = 1.5  # seconds


def starting(folder: Path) -> Iterator[Figure]:
    """The median of several starts; after each, an entry that was on disk is a hit."""
    at = free_port()
    command = python("bench.stand_ins", "origin", at)
    with running("origin", command, at, folder / "origin.log", "/warm") as origin:
        settings = config(folder, origin.url)
        path = written(settings, folder)
        asyncio.run(_fill(load_plans(path, os.environ)))
        took = tuple(_start(path, settings["server"]["port"], folder) for _ in range(STARTS))
    note = f"{ENTRIES} entries on disk; starts {min(took):.2f} to {max(took):.2f} s"
    yield Figure("start to ready", median(took), "s", REQUIRED, note=note, runs=took)


async def _fill(plans: Plans) -> None:
    """Write the entries as a Larder before would have."""
    path = sqlite_path(plans.settings)
    if path is None:
        raise BenchError("the config of the start has no disk")
    store = SQLiteStore(path)
    await store.open()
    asker = Asker(store_secret(plans.settings))
    made = entries(asker, plans.upstreams["courseworks"], "sandbox-student-ada", ENTRIES, time.time())
    for number, entry in enumerate(made):
        store.put(entry)
        if number % 1000 == 999:
            await store.flush()
    if store.dropped:
        raise BenchError(f"{store.dropped} entries were not written")
    await store.close()


def _start(path: Path, port: int, folder: Path) -> float:
    started = time.perf_counter()
    with running("larder", larder_command(path), port, folder / "start.log", "/-/ready") as larder:
        took = time.perf_counter() - started
        status, fields, _ = ask(larder, f"/courseworks/api/v1/courses/{ENTRIES // 2}")
        if status != 200 or "larder; hit" not in dict(fields).get("Cache-Status", ""):
            raise BenchError(f"an entry on disk was not found: {status}, {dict(fields).get('Cache-Status')}")
    return took
