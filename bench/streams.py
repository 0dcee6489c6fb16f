"""Streams: how soon the first byte of a long miss arrives, and the memory that many of them take at once."""

import hashlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench.downloads import Downloads
from bench.figures import Figure
from bench.processes import BenchError
from bench.resident import Rise
from bench.scene import ASKER, Pair, ask, pair
from bench.stand_ins import LONG, blocks

KINDS = {"with a length": "/long/", "chunked": "/chunked/"}
PAIRS = 9
CALLERS = 20
SLOW_CALLERS = 2
SLOW_FOR = 3.0  # seconds; then as quickly as the others
SLOWLY = 300_000  # bytes a second
SLOW_BUFFER = 64 * 1024  # bytes in a slow caller's kernel
LONGEST = 50.0  # seconds for all of it
REQUIRED, REQUIRED_MEMORY = 1.2, 150.0  # ratio, MB

_fresh = count()


class Arrived(NamedTuple):
    """When the body came, in seconds from the request."""

    first: float
    last: float


class Taken(NamedTuple):
    """When a body came, and what it was."""

    first: float
    last: float
    digest: bytes


def streams(folder: Path) -> Iterator[Figure]:
    """Times against the origin itself; then memory, each time of a Larder that did nothing else before."""
    until = time.perf_counter() + LONGEST
    (folder / "times").mkdir()
    with pair(folder / "times") as stage:
        for said, at in KINDS.items():
            yield from _times(stage, at, said, until)
        yield _joining(stage, until)
    for said, at in KINDS.items():
        (folder / said).mkdir()
        with pair(folder / said) as stage:
            yield _memory(stage, at, said, until)


def _times(stage: Pair, at: str, said: str, until: float) -> Iterator[Figure]:
    """First and last byte, through Larder and direct, in turns, each of a body nobody asked for before."""
    with (
        closing(Downloads(stage.larder, ASKER, until)) as larder,
        closing(Downloads(stage.origin, ASKER, until)) as origin,
    ):
        sides = {f"/mirror{at}": larder, at: origin}
        rounds = [_round(sides, larder_first=number % 2 == 0) for number in range(PAIRS + 1)][1:]  # the first warms up
    if stage.calls(at) != 2 * (PAIRS + 1):
        raise BenchError(f"{at}: not every request was a miss")
    for word, arrivals in (
        ("first", [(larder.first, direct.first) for larder, direct in rounds]),
        ("last", [(larder.last, direct.last) for larder, direct in rounds]),
    ):
        ratios = tuple(mine / theirs for mine, theirs in arrivals)
        mine, theirs = (median(side) * 1e3 for side in zip(*arrivals, strict=True))
        note = f"{mine:.1f} / {theirs:.1f} ms; pairs {min(ratios):.2f} to {max(ratios):.2f}"
        name, required = f"{word} byte of a 50 MB miss, larder / direct ({said})", REQUIRED if word == "first" else None
        yield Figure(name, median(ratios), "ratio", required, note=note, runs=ratios)


def _round(sides: dict[str, Downloads], *, larder_first: bool) -> tuple[Arrived, Arrived]:
    """Through Larder, and direct; the order changes from round to round."""
    order = sides if larder_first else reversed(sides)
    arrived = {at: _arrived(sides[at], f"{at}{next(_fresh)}") for at in order}
    larder, direct = (arrived[at] for at in sides)
    return larder, direct


def _arrived(downloads: Downloads, path: str, began: threading.Event | None = None) -> Arrived:
    """Take a body in and forget it; `began` is set at its first byte. Raises BenchError when bytes are missing."""
    started = time.perf_counter()
    pieces = downloads.pieces(path)
    received = len(next(pieces, b""))
    first = time.perf_counter() - started
    if began is not None:
        began.set()
    received += sum(map(len, pieces))
    last = time.perf_counter() - started
    if received != LONG:
        raise BenchError(f"{path}: {received} bytes of {LONG}")
    return Arrived(first, last)


def _joining(stage: Pair, until: float) -> Figure:
    """How long a second caller waits who asks for the same the moment the first has its first byte."""
    runs = [_joined(stage, f"/long/joined-{number}", until) for number in range(PAIRS)]
    ratios = tuple(second / first for first, second in runs)
    first, second = (median(side) * 1e3 for side in zip(*runs, strict=True))
    shared = 2 * PAIRS - stage.calls("/long/joined-")
    note = f"{second:.1f} / {first:.1f} ms; {shared} of {PAIRS} shared the upstream call"
    return Figure("first byte, a second caller who joins / the first", median(ratios), "ratio", note=note, runs=ratios)


def _joined(stage: Pair, path: str, until: float) -> tuple[float, float]:
    """Seconds to the first byte of the first caller, and of the second."""
    began = threading.Event()
    with (
        closing(Downloads(stage.larder, ASKER, until)) as one,
        closing(Downloads(stage.larder, ASKER, until)) as other,
        ThreadPoolExecutor(1) as beside,
    ):
        leading = beside.submit(_arrived, one, f"/mirror{path}", began)
        leading.add_done_callback(lambda _: began.set())  # also when it fails: nobody waits for ever
        began.wait()
        second = _arrived(other, f"/mirror{path}")
        return leading.result().first, second.first


def _memory(stage: Pair, at: str, said: str, until: float) -> Figure:
    """The rise of Larder's resident memory over what it has when idle, while many long misses are under way."""
    ask(stage.larder, "/mirror/item/first")  # connects, and loads what is loaded once
    wanted, slow = _digest(), [number < SLOW_CALLERS for number in range(CALLERS)]
    with ExitStack() as stack:
        callers = [_caller(stage, number, until, stack) for number in range(CALLERS)]
        pool = stack.enter_context(ThreadPoolExecutor(CALLERS))
        started = time.perf_counter()
        with Rise(stage.larder.process.pid) as rise:
            taken = list(pool.map(_took, callers, [f"/mirror{at}{number}" for number in range(CALLERS)], slow))
        took = time.perf_counter() - started
    if any(one.digest != wanted for one in taken):
        raise BenchError("a caller has got other bytes than the origin sent")
    if stage.calls(at) != CALLERS:
        raise BenchError(f"{at}: not every request was a miss")
    at_once = sum(one.first < min(other.last for other in taken) for one in taken)
    note = f"{rise.before:.0f} MB idle, {rise.highest:.0f} at most ({rise.way}); {at_once} at once; {took:.1f} s"
    name = f"memory of {CALLERS} misses of 50 MB at once ({said})"
    return Figure(name, rise.highest - rise.before, "MB", REQUIRED_MEMORY, note=note)


def _caller(stage: Pair, number: int, until: float, stack: ExitStack) -> Downloads:
    """With a credential of its own: one may have only a few calls under way."""
    headers = {**ASKER, "Authorization": f"Bearer sandbox-student-{number}"}
    buffer = SLOW_BUFFER if number < SLOW_CALLERS else None
    return stack.enter_context(closing(Downloads(stage.larder, headers, until, buffer=buffer)))


def _took(downloads: Downloads, path: str, slow: bool) -> Taken:  # noqa: FBT001 - mapped over
    """Take a body in; `slow`: slowly at first."""
    started, first, found = time.perf_counter(), 0.0, hashlib.sha256()
    for piece in downloads.pieces(path):
        now = time.perf_counter() - started
        first = first or now
        found.update(piece)
        if slow and now < SLOW_FOR:
            time.sleep(len(piece) / SLOWLY)
    return Taken(first, time.perf_counter() - started, found.digest())


def _digest() -> bytes:
    """Of what the origin sends."""
    wanted = hashlib.sha256()
    for block in blocks():
        wanted.update(block)
    return wanted.digest()
