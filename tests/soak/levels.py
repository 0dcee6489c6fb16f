"""Levels: what processes hold, as Linux tells of them: memory, descriptors, sockets, threads (proc(5))."""

import asyncio
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from tests.soak.house import House

_PATIENCE = 60.0  # seconds in which everything has to be let go of
_LOOK_AGAIN = 0.5


class Level(NamedTuple):
    """What all processes of Larder hold together, and what its upstreams are still asked."""

    memory: float  # MB, resident
    descriptors: int
    sockets: int
    threads: int
    processes: int
    under_way: int  # calls, and those that wait for one

    @property
    def shown(self) -> str:
        """In words."""
        held = f"{self.descriptors} descriptors, {self.sockets} of them sockets, {self.threads} threads"
        return f"{self.memory:.1f} MB, {held}, {self.processes} process(es), {self.under_way} calls under way"


async def level_of(house: House) -> Level:
    """As it is now."""
    _, told = await house.operate("GET", "/admin/upstreams")
    under_way = sum(row["in_flight"] + row["waiting"] for row in told["upstreams"])
    pids = house.larder.pids
    links = [link for pid in pids for link in _links(pid)]
    return Level(
        memory=sum(_status(pid, "VmRSS") for pid in pids) * 1024 / 1e6,
        descriptors=len(links),
        sockets=sum(link.startswith("socket:") for link in links),
        threads=sum(_status(pid, "Threads") for pid in pids),
        processes=len(pids),
        under_way=under_way,
    )


async def settled(house: House, is_enough: Callable[[Level], bool]) -> Level:
    """The level once it is low enough; or as it is when there was time enough for that."""
    deadline = monotonic() + _PATIENCE
    while not is_enough(level := await level_of(house)) and monotonic() < deadline:
        await asyncio.sleep(_LOOK_AGAIN)
    return level


def _links(pid: int) -> Iterable[str]:
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(link.readlink())
        except FileNotFoundError:  # closed while it is looked at
            continue


def _status(pid: int, field: str) -> int:
    found = re.search(rf"^{field}:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) if found is not None else 0
