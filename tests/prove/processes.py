"""Processes of this machine, as Linux tells of them: signals, groups, and who holds which connection."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_ESTABLISHED = "01"


def die_with_parent() -> None:
    """For between fork and exec: a group of its own, which ends however its parent does."""
    os.setpgid(0, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def send(pids: Iterable[int], what: signal.Signals) -> int:
    """How many of the processes were there to get a signal."""
    sent = 0
    for pid in pids:
        try:
            os.kill(pid, what)
        except ProcessLookupError:
            continue
        sent += 1
    return sent


def group(leader: int) -> list[int]:
    """The living processes of a group."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [pid for pid in pids if _group_of(pid) == leader]


def connections_of(pid: int, port: int) -> int:
    """How many connections to a port of this machine a process holds, as the one that was called."""
    return len(_sockets_of(pid) & _inodes_at(port))


def owner_of(port: int, pids: Iterable[int]) -> int | None:
    """Which of the processes holds the connection that goes out from a port."""
    inodes = _inodes_at(port)
    return next((pid for pid in pids if _sockets_of(pid) & inodes), None)


def _group_of(pid: int) -> int | None:
    """None for one that is gone, or dead and only not waited for yet."""
    try:
        state, _, its_group = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if state in "ZX" else int(its_group)


def _inodes_at(port: int) -> set[str]:
    """Of every connection over IPv4 whose own end is that port, as /proc/net/tcp has them."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {row[9] for row in rows if row[3] == _ESTABLISHED and row[1].endswith(f":{port:04X}")}


def _sockets_of(pid: int) -> set[str]:
    """Inodes of the sockets that a process has open."""
    found: set[str] = set()
    try:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                found.add(target[len("socket:[") : -1])
    except (FileNotFoundError, ProcessLookupError):
        return found  # it ends while it is looked at
    return found
