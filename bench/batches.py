"""Batches: how many lookups are paid for where most of what is asked is known, and what a batch of known ones takes.

Smarty is the sandbox, which counts lookups as Smarty's invoice does.
"""

import json
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from bench.figures import Figure
from bench.processes import BenchError, Server, free_port, python, running
from bench.scene import ASKER, config, larder_command, written

PATH = "/smartystreets/us-street/street-address"
SIZE = 100  # addresses in a batch
NEW = 3
DISTINCT = 10_000
REPEATED = 0.95  # of the traffic
CALLERS = 4  # at the same time
REQUIRED = 1.01  # lookups for each distinct address
ROUNDS = 50


def batches(folder: Path) -> Iterator[Figure]:
    """Lookups sent, as counts; the time as milliseconds beside the same batch asked of the sandbox itself."""
    at = free_port()
    with running(
        "sandbox", python("proxy", "sandbox", "--port", at), at, folder / "sandbox.log", "/_sandbox/state"
    ) as sandbox:
        smarty = {
            "base_url": f"{sandbox.url}/smartystreets/{{api}}",
            "credential": {"auth_id": "sandbox-id", "auth_token": "sandbox-token"},
        }
        settings = config(folder, sandbox.url, upstreams={"smartystreets": smarty})
        command, at = larder_command(written(settings, folder)), settings["server"]["port"]
        with running("larder", command, at, folder / "larder.log", "/-/ready") as larder:
            yield _three_new(sandbox, larder)
            yield _known(larder)
            yield _traffic(sandbox, larder)


def _three_new(sandbox: Server, larder: Server) -> Figure:
    known = [_address(f"known {number}") for number in range(SIZE)]
    _asked(larder, known)
    before = _lookups(sandbox)
    _asked(larder, [*known[NEW:], *(_address(f"new {number}") for number in range(NEW))])
    return Figure(f"a batch of {SIZE} with {NEW} new", _lookups(sandbox) - before, "lookups sent", NEW)


def _known(larder: Server) -> Figure:
    known = [_address(f"known {number}") for number in range(SIZE)]
    runs = tuple(_timed(larder, known) * 1000 for _ in range(ROUNDS))
    return Figure(f"a batch of {SIZE}, all known", median(runs), "ms", note="one after the other", runs=runs)


def _traffic(sandbox: Server, larder: Server) -> Figure:
    random, before = Random("batches"), _lookups(sandbox)
    addresses = [_address(f"street {number}") for number in range(DISTINCT)]
    asked = addresses * round(1 / (1 - REPEATED))
    random.shuffle(asked)
    parts = [asked[at : at + SIZE] for at in range(0, len(asked), SIZE)]
    with ThreadPoolExecutor(CALLERS) as callers:
        list(callers.map(lambda part: _asked(larder, part), parts))
    sent = _lookups(sandbox) - before
    note = f"{sent} lookups for {DISTINCT} addresses in {len(parts)} batches of {SIZE}, {CALLERS} callers"
    return Figure("lookups sent for each address, 95 % repeated", sent / DISTINCT, "ratio", REQUIRED, note=note)


def _address(street: str) -> dict[str, str]:
    return {"street": f"{street} Example Place", "city": "Sampleton", "state": "NY", "match": "strict"}


def _timed(larder: Server, items: list[dict[str, str]]) -> float:
    started = time.perf_counter()
    _asked(larder, items)
    return time.perf_counter() - started


def _asked(larder: Server, items: list[dict[str, str]]) -> None:
    connection = HTTPConnection("127.0.0.1", larder.port, timeout=30)
    try:
        body = json.dumps(items).encode()
        connection.request("POST", PATH, body, {**ASKER, "Content-Type": "application/json"})
        response = connection.getresponse()
        if response.read() is None or response.status != 200:
            raise BenchError(f"a batch was answered with {response.status}")
    finally:
        connection.close()


def _lookups(sandbox: Server) -> int:
    with urllib.request.urlopen(f"{sandbox.url}/_sandbox/state", timeout=5) as response:
        state: dict[str, Any] = json.load(response)
    return sum(int(account["lookups_used"]) for account in state["smarty"]["accounts"])
