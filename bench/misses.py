"""Misses: what Larder adds to the time of a call that has to go upstream, against the least a proxy can add."""

import time
from collections.abc import Iterator
from itertools import count
from statistics import median

from bench.clients import Connection
from bench.figures import Figure
from bench.processes import BenchError, Server
from bench.scene import ASKER, Scene

ROUNDS = 9
ASKED = 250  # requests a round, of each server, one after another
WARM_UP = 100
IS_DONE = 0.0003  # seconds in which a server ends what it does behind an answer: else the next in turn would pay for it
REQUIRED = 2.0

Medians = dict[str, float]


def misses(stage: Scene) -> Iterator[Figure]:
    """The overheads as ratios; every request is for something nobody asked for before, and is stored by Larder."""
    servers = [server for server in (stage.origin, stage.larder, stage.passing, stage.nginx) if server is not None]
    fresh = count()
    connections = {server.name: Connection(server.port, ASKER) for server in servers}
    try:
        _round(connections, fresh, WARM_UP)
        before, cpu = stage.calls("/item/"), {server.name: server.cpu() for server in servers}
        rounds = [_round(connections, fresh, ASKED) for _ in range(ROUNDS)]
    finally:
        for connection in connections.values():
            connection.close()
    if stage.calls("/item/") - before != ROUNDS * ASKED * len(servers):
        raise BenchError("not every request was a miss")
    yield _against(rounds, "larder", "pass-through", REQUIRED)
    if stage.nginx is not None:
        yield _against(rounds, "nginx", "pass-through", None)
    yield _cpu_ratio(stage.larder, stage.passing, cpu)


def _round(connections: dict[str, Connection], fresh: Iterator[int], asked: int) -> Medians:
    """The median time by server; they take turns with every request, so that all meet the same machine."""
    times: dict[str, list[float]] = {name: [] for name in connections}
    for _ in range(asked):
        for name, connection in connections.items():
            prefix = "/mirror" if name == "larder" else ""
            times[name].append(connection.time(f"{prefix}/item/{next(fresh)}"))
            _leave_alone()
    return {name: median(taken) for name, taken in times.items()}


def _leave_alone() -> None:
    """Wait, without sleeping: a processor that rests is slow to wake, and would make every request dearer."""
    until = time.perf_counter() + IS_DONE
    while time.perf_counter() < until:
        pass


def _against(rounds: list[Medians], name: str, other: str, required: float | None) -> Figure:
    added = [(one[name] - one["origin"], one[other] - one["origin"]) for one in rounds]
    ratios = tuple(mine / theirs for mine, theirs in added)
    mine, theirs = (median(side) * 1e6 for side in zip(*added, strict=True))
    note = f"{mine:.0f} / {theirs:.0f} µs over direct; rounds {min(ratios):.2f} to {max(ratios):.2f}"
    return Figure(f"miss latency added, {name} / {other}", median(ratios), "ratio", required, note=note, runs=ratios)


def _cpu_ratio(larder: Server, passing: Server, before: dict[str, float]) -> Figure:
    larder_cost, passing_cost = (
        (server.cpu() - before[server.name]) / (ROUNDS * ASKED) * 1e6 for server in (larder, passing)
    )
    note = f"{larder_cost:.0f} / {passing_cost:.0f} µs a request"
    return Figure("miss CPU, larder / pass-through", larder_cost / passing_cost, "ratio", note=note)
