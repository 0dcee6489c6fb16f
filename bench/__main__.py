"""The benchmark: `make bench`. Every figure in one run, on this machine's loopback, as ratios where machines differ."""

import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.clients import load_client
from bench.figures import Figure, save, table
from bench.footprint import footprint
from bench.herd import herd
from bench.hits import hits
from bench.misses import misses
from bench.processes import BenchError
from bench.scene import NGINX, scene
from bench.starting import starting

LATEST = Path(__file__).parent / "out" / "latest.json"
FILES = 4096  # sockets of both ends of the herd


def figures(folder: Path) -> Iterator[Figure]:
    """Everything that is measured, in order."""
    with scene(_made(folder / "scene")) as stage:
        for part in (hits, herd, misses):
            yield from part(stage)
    yield from footprint(_made(folder / "footprint"))
    yield from starting(_made(folder / "starting"))


def main() -> int:
    """Measure, print, save. 0 also when a figure falls short: it is a measurement, not a test; 1 when it cannot run."""
    _allow_files()
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "client": load_client(),
        "nginx": "beside" if NGINX else "not installed",
        "load before": round(os.getloadavg()[0], 1),
    }
    print(" · ".join(f"{name}: {value}" for name, value in machine.items()), flush=True)
    started = time.perf_counter()
    measured: list[Figure] = []
    try:
        with tempfile.TemporaryDirectory(prefix="larder-bench-") as folder:
            for figure in figures(Path(folder)):
                measured.append(figure)
                print(f"  {time.perf_counter() - started:4.0f} s  {figure.name}: {figure.measured:.3g}", flush=True)
    except BenchError as error:
        print(f"{table(measured)}\n\nbench: {error}", file=sys.stderr)
        return 1
    save(measured, machine, LATEST)
    print(f"\n{table(measured)}\n\n{LATEST.relative_to(Path.cwd()) if LATEST.is_relative_to(Path.cwd()) else LATEST}")
    return 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


if __name__ == "__main__":
    sys.exit(main())
