"""Footprint: the memory an entry takes beyond its body. `python -m bench.footprint CONFIG rss|traced`"""

import gc
import json
import os
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

from bench.entries import entries
from bench.figures import Figure
from bench.processes import REPOSITORY, BenchError, python
from bench.scene import config, written
from proxy.asker import Asker
from proxy.config.loading import load_plans
from proxy.store.memory import MemoryStore

ENTRIES = 50_000
REQUIRED = 1.5  # KB
AS_SAID = {"rss": "resident memory", "traced": "what Python allocated"}


def footprint(folder: Path) -> Iterator[Figure]:
    """Measured twice: as the system sees it, and as Python's allocator does."""
    path = written(config(folder, "http://127.0.0.1:1"), folder)
    for way, said in AS_SAID.items():
        command = python("bench.footprint", path, way)
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise BenchError(f"footprint: {done.stderr.strip()[-300:]}")
        found = json.loads(done.stdout)
        note = f"{ENTRIES} entries, 8 tags, a partition each; Entry.size reckons {found['reckoned'] / 1000:.2f} KB"
        yield Figure(f"memory per entry beyond its body ({said})", found["bytes"] / 1000, "KB", REQUIRED, note=note)


def measure(path: Path, way: str) -> dict[str, float]:
    """Bytes an entry takes in a MemoryStore beyond its body."""
    plans = load_plans(path, os.environ)
    store, asker = MemoryStore(1 << 40), Asker(b"bench" * 8)
    made = entries(asker, plans.upstreams["courseworks"], "student-{number}", ENTRIES + 100, time.time())
    for _ in range(100):  # what is made once is not an entry's
        store.put(next(made))
    if way == "traced":
        tracemalloc.start()
    gc.collect()
    before = _held(way)
    bodies = reckoned = 0
    for entry in made:
        store.put(entry)
        bodies += len(entry.body)
        reckoned += entry.size - len(entry.body)
    gc.collect()
    return {"bytes": (_held(way) - before - bodies) / ENTRIES, "reckoned": reckoned / ENTRIES}


def _held(way: str) -> int:
    if way == "traced":
        return tracemalloc.get_traced_memory()[0]
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), sys.argv[2])))
