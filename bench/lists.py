"""Lists: what it takes to read a roster of a thousand rows for the first time, and again in pages of any size."""

import http.client
import json
import re
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from bench.figures import Figure
from bench.long_lists import BOOKMARKED, NUMBERED, ROWS
from bench.processes import BenchError, Server, free_port, python, running
from bench.scene import ASKER, config, larder_command, written
from policies import ShelfLife
from proxy.kept.shelf import Shelf
from proxy.messages import Entry
from proxy.store.fences import Fences, Mode
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore

ROUNDS = 5
SIZES = (10, 25, 70, 100)
PURGES = 200
ALLOWED = 6  # calls at a time, for one credential
_NEXT = re.compile(r'<([^>]+)>; rel="next"')


def lists(folder: Path) -> Iterator[Figure]:
    """Times over those of a client that reads the origin's own pages of 100, one after the other."""
    at = free_port()
    with running("origin", python("bench.long_lists", at), at, folder / "origin.log", "/_told") as origin:
        settings = config(folder, origin.url)
        command, at = larder_command(written(settings, folder)), settings["server"]["port"]
        with running("larder", command, at, folder / "larder.log", "/-/ready") as larder:
            for kind, path, required in (("bookmarked", BOOKMARKED, 1.1), ("numbered", NUMBERED, 0.5)):
                _told(origin)
                runs = [_first_read(larder, origin, path, number) for number in range(ROUNDS)]
                ratios = tuple(mine / direct for mine, direct in runs)
                note = f"{median(mine for mine, _ in runs) * 1000:.0f} ms for {ROWS} rows"
                name = f"first read of a {kind} roster / a direct client"
                yield Figure(name, median(ratios), "ratio", required, note=note, runs=ratios)
                if kind == "numbered":
                    yield Figure("  calls under way for it at most", _told(origin)["most"], "calls", ALLOWED)
            yield _again(larder, origin)
    yield _purged(5000)


def _first_read(larder: Server, origin: Server, path: str, number: int) -> tuple[float, float]:
    """Seconds through Larder, of a list nobody asked for before, and directly; both read 100 rows a page."""
    mine, _ = _walk(larder, f"/courseworks{path}?per_page=100&round={number}")
    direct, _ = _walk(origin, f"{path}?per_page=100")
    return mine, direct


def _again(larder: Server, origin: Server) -> Figure:
    _told(origin)
    took, statuses = [], []
    for size in SIZES:
        seconds, said = _walk(larder, f"/courseworks{BOOKMARKED}?per_page={size}&round=0")
        took.append(seconds / len(said))
        statuses += said
    if _told(origin)["calls"] or not all("; hit" in said for said in statuses):
        raise BenchError("a page of a list that was read before was no hit")
    note = f"{len(statuses)} pages of {', '.join(map(str, SIZES))} rows, one after the other; all hits, no calls"
    return Figure("a page of a roster that is known", median(took) * 1000, "ms", note=note)


def _purged(rows: int) -> Figure:
    """What a hit of a list with a tag for each row looks at, after something else was purged."""
    fences, took = Fences(time.time), []
    shelf = Shelf(MemoryStore(1), NoStore(time.time), fences, lambda _operation, _error: None, monotonic=time.monotonic)
    entry = _entry("\n".join(f"user:{number}" for number in range(rows)))
    for number in range(PURGES + 1):
        fences.purge([f"courseworks/course:{number}"], Mode.SOFT)
        started = time.perf_counter()
        shelf.validity(entry)
        took.append((time.perf_counter() - started) * 1000)
    note = f"the first time {took[0]:.1f} ms; in one process"
    return Figure(
        f"  a purge of something else, at the next hit of {rows} rows", median(took[1:]), "ms", 0.1, note=note
    )


def _entry(tagged: str) -> Entry:
    return Entry(
        key=b"k" * 16,
        status=200,
        head="",
        body=b"[]",
        stored_at=0.0,
        life=ShelfLife(0, 0, 0, 0),
        fence=0,
        sequence=0,
        upstream="courseworks",
        endpoint="GET /api/v1/courses/{course}/users",
        partition="principal:0",
        tagged=tagged,
    )


def _walk(server: Server, path: str) -> tuple[float, list[str]]:
    """Read all pages: seconds, and each one's Cache-Status. Raises BenchError unless all rows came."""
    rows, said, following = 0, list[str](), path
    started = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        while following:
            connection.request("GET", following, headers=ASKER)
            response = connection.getresponse()
            body = response.read()
            if response.status != 200:
                raise BenchError(f"{server.name} answered {response.status}")
            rows += len(json.loads(body))
            said.append(response.headers.get("Cache-Status", ""))
            found = _NEXT.search(response.headers.get("Link", ""))
            following = found[1].removeprefix(server.url) if found else ""
    if rows != ROWS:
        raise BenchError(f"{server.name} gave {rows} rows")
    return time.perf_counter() - started, said


def _told(origin: Server) -> dict[str, int]:
    with urllib.request.urlopen(f"{origin.url}/_told", timeout=5) as response:
        told: dict[str, int] = json.load(response)
    return told
