"""Processes: each side of a comparison in a process of its own, and what it costs in CPU."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
START_TIMEOUT = 20.0  # seconds
STOP_TIMEOUT = 15.0  # seconds: longer than Larder drains
POLLED_EVERY = 0.002  # seconds
_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds


class BenchError(Exception):
    """The benchmark cannot run, or what it measured is not what it says; the text is one line."""


class Server:
    """A server process on a port of 127.0.0.1."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self.log = log
        self.process = process

    @property
    def url(self) -> str:
        """Where it is reached."""
        return f"http://127.0.0.1:{self.port}"

    def cpu(self) -> float:
        """Seconds of CPU, user and system, that it used so far (proc(5), fields 14 and 15; its children included)."""
        return sum(_cpu_of(pid) for pid in (self.process.pid, *_children_of(self.process.pid)))


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def _children_of(pid: int) -> tuple[int, ...]:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return tuple(map(int, children.read_text().split())) if children.exists() else ()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python(module: str, *arguments: object) -> list[str]:
    """The command that runs a module in this environment."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def wait_for(server: Server, path: str, status: int = 200, deadline: float = START_TIMEOUT) -> float:
    """Seconds until `path` is answered with `status`. Raises BenchError when the process ends or takes too long."""
    started = time.perf_counter()
    while time.perf_counter() - started < deadline:
        if server.process.poll() is not None:
            raise BenchError(f"{server.name} ended with {server.process.returncode}: {_last_line(server.log)}")
        if _status_of(server.port, path) == status:
            return time.perf_counter() - started
        time.sleep(POLLED_EVERY)
    raise BenchError(f"{server.name} was not ready within {deadline:.0f} s: {_last_line(server.log)}")


@contextmanager
def running(name: str, command: Sequence[str], port: int, log: Path, ready: str) -> Iterator[Server]:
    """A server that answers; it is stopped at the end, and this waits until it is gone."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=output, stderr=output)
    server = Server(name, process, port, log)
    try:
        wait_for(server, ready)
        yield server
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End one process: asked first, forced when it does not listen."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _status_of(port: int, path: str) -> int:
    """The status of an answer; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
