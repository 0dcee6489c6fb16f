"""Hits: the server's CPU for an answer from memory, against a bare aiohttp server that answers the same bytes."""

from collections.abc import Iterator
from statistics import median
from urllib.parse import urlsplit

from bench.clients import load
from bench.figures import Figure
from bench.processes import BenchError, Server
from bench.scene import ASKER, Scene, ask, bare_twin

PAIRS = 7
SECONDS = 2.0  # of load, for each side of a pair
WARM_UP = 1.0
REQUIRED, AIM = 0.5, 0.7


def hits(stage: Scene) -> Iterator[Figure]:
    """The ratio on a student's own courses (Canvas: principal, links rewritten) and on a generic cacheable answer."""
    yield _ratio(stage, "hit CPU, bare aiohttp / Larder (Canvas courses)", "/courseworks/api/v1/courses")
    yield _ratio(stage, "hit CPU, bare aiohttp / Larder (http, 1 KB)", "/mirror/hot")


def _ratio(stage: Scene, name: str, path: str) -> Figure:
    ask(stage.larder, path)
    with bare_twin(stage, path) as twin:
        _check_same(stage.larder, twin, path)
        before = stage.calls("/")
        for server in (stage.larder, twin):
            load(server.url + path, ASKER, WARM_UP)
        pairs = [_pair(stage.larder, twin, path, larder_first=number % 2 == 0) for number in range(PAIRS)]
        _check_same(stage.larder, twin, path)
        if stage.calls("/") != before:
            raise BenchError(f"{path}: not every answer came from memory")
    ratios = tuple(bare / larder for larder, bare in pairs)
    larder_cost, bare_cost = (median(side) * 1e6 for side in zip(*pairs, strict=True))
    note = f"{bare_cost:.0f} / {larder_cost:.0f} µs a request; pairs {min(ratios):.2f} to {max(ratios):.2f}"
    return Figure(name, median(ratios), "ratio", REQUIRED, AIM, at_least=True, note=note, runs=ratios)


def _pair(larder: Server, twin: Server, path: str, *, larder_first: bool) -> tuple[float, float]:
    """Seconds of CPU a request costs Larder, and the twin; the order changes from pair to pair."""
    order = (larder, twin) if larder_first else (twin, larder)
    cost = {server.name: _cost(server, path) for server in order}
    return cost[larder.name], cost[twin.name]


def _cost(server: Server, path: str) -> float:
    before = server.cpu()
    answered = load(server.url + path, ASKER, SECONDS)
    return (server.cpu() - before) / answered


def _check_same(larder: Server, twin: Server, path: str) -> None:
    """Larder answers from memory, and both answer the same bytes with the same fields."""
    _, fields, body = ask(larder, path)
    _, twin_fields, twin_body = ask(twin, path)
    if "larder; hit" not in dict(fields).get("Cache-Status", ""):
        raise BenchError(f"{urlsplit(path).path}: no hit, but {dict(fields).get('Cache-Status')}")
    if body != twin_body or sorted(name for name, _ in fields) != sorted(name for name, _ in twin_fields):
        raise BenchError(f"{path}: the twin's answer is another")
