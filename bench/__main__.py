"""The benchmark: `make bench`. Every figure in one run, on this machine's loopback, as ratios where machines differ.

`python -m bench [PART ...]` measures only the parts that are named.
"""

import argparse
import os
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from bench.batches import batches
from bench.clients import load_client
from bench.figures import Figure, save, table
from bench.footprint import footprint
from bench.guards import guards
from bench.herd import herd
from bench.hits import hits
from bench.instances import instances
from bench.lists import lists
from bench.million import million
from bench.misses import misses
from bench.pressure import pressure
from bench.processes import BenchError
from bench.recalls import recalls
from bench.scene import NGINX, Scene, scene
from bench.starting import starting
from bench.streams import streams
from bench.validation import validation

OUT = Path(__file__).parent / "out"
FILES = 4096  # sockets of both ends of the herd

# On one scene, in this order; then those that have servers, or none, of their own.
TOGETHER: dict[str, Callable[[Scene], Iterator[Figure]]] = {"hits": hits, "herd": herd, "misses": misses}
ALONE: dict[str, Callable[[Path], Iterator[Figure]]] = {
    "streams": streams,
    "footprint": footprint,
    "starting": starting,
    "recalls": recalls,
    "instances": instances,
    "pressure": pressure,
    "guards": guards,
    "batches": batches,
    "lists": lists,
    "validation": validation,
    "million": million,
}
_ORDER = (*TOGETHER, *ALONE)


def figures(folder: Path, parts: Collection[str]) -> Iterator[Figure]:
    """Everything that is measured in these parts, in order."""
    together = [measure for part, measure in TOGETHER.items() if part in parts]
    if together:
        with scene(_made(folder / "scene")) as stage:
            for measure in together:
                yield from measure(stage)
    for part, alone in ALONE.items():
        if part in parts:
            yield from alone(_made(folder / part))


def main() -> int:
    """Measure, print, save. 0 also when a figure falls short: it is a measurement, not a test; 1 when it cannot run."""
    parts = _parts()
    _allow_files()
    machine = _machine()
    print(" · ".join(f"{name}: {value}" for name, value in machine.items()), flush=True)
    started = time.perf_counter()
    measured: list[Figure] = []
    try:
        with tempfile.TemporaryDirectory(prefix="larder-bench-") as folder:
            for figure in figures(Path(folder), parts or _ORDER):
                measured.append(figure)
                print(f"  {time.perf_counter() - started:4.0f} s  {figure.name}: {figure.measured:.3g}", flush=True)
    except BenchError as error:
        print(f"{table(measured)}\n\nbench: {error}", file=sys.stderr)
        return 1
    path = OUT / f"{'-'.join(parts) or 'latest'}.json"  # some parts do not take the place of the whole
    save(measured, machine, path)
    print(f"\n{table(measured)}\n\n{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")
    return 0


def _parts() -> list[str]:
    """The parts that were asked for; none: all."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what Larder promises to cost.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"all, or some of: {', '.join(_ORDER)}")
    asked = parser.parse_args().parts
    if unknown := set(asked) - set(_ORDER):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(_ORDER)}")
    return [part for part in _ORDER if part in asked]


def _machine() -> dict[str, object]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "client": load_client(),
        "nginx": "beside" if NGINX else "not installed",
        "load before": round(os.getloadavg()[0], 1),
    }


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _allow_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, hard), hard))


if __name__ == "__main__":
    sys.exit(main())
