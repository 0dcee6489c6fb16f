"""Clients: wrk where it is installed, else aiohttp; and a plain socket that times one request after another."""

import asyncio
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping

import aiohttp

from bench.processes import BenchError

CONNECTIONS = 32
WRK = shutil.which("wrk")
_ANSWERED = re.compile(r"(\d+) requests in")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def load_client() -> str:
    """Who makes the load."""
    return "wrk" if WRK else "aiohttp (wrk is not installed)"


def load(url: str, headers: Mapping[str, str], seconds: float) -> int:
    """Ask for one URL over and over; how many answers came. Raises BenchError when any was not a 200."""
    return _wrk(WRK, url, headers, seconds) if WRK else asyncio.run(_aiohttp(url, headers, seconds))


def _wrk(wrk: str, url: str, headers: Mapping[str, str], seconds: float) -> int:
    fields = [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command = [wrk, "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", *fields, url]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 20).stdout
    answered = _ANSWERED.search(said)
    if answered is None or "Non-2xx" in said or "Socket errors" in said:
        raise BenchError(f"wrk on {url}: {' '.join(said.split())[-200:]}")
    return int(answered[1])


async def _aiohttp(url: str, headers: Mapping[str, str], seconds: float) -> int:
    end = time.perf_counter() + seconds
    async with aiohttp.ClientSession(headers=headers) as session:

        async def ask_on() -> int:
            answered = 0
            while time.perf_counter() < end:
                async with session.get(url) as response:
                    await response.read()
                    if response.status != 200:
                        raise BenchError(f"{url} answered {response.status}")
                answered += 1
            return answered

        return sum(await asyncio.gather(*(ask_on() for _ in range(CONNECTIONS))))


class Connection:
    """One kept connection, blocking: as little client as possible between the clock and the server."""

    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._fields = "".join(
            f"{name}: {value}\r\n" for name, value in {"Host": f"127.0.0.1:{port}", **headers}.items()
        )

    def time(self, path: str) -> float:
        """Seconds until the answer was read to its end. Raises BenchError when it is not a 200."""
        request = f"GET {path} HTTP/1.1\r\n{self._fields}\r\n".encode()
        started = time.perf_counter()
        self._socket.sendall(request)
        data = self._socket.recv(65536)
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if length is None or not head.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"{path}: {head[:60]!r}")
        missing = int(length[1]) - len(body)
        while missing > 0:
            missing -= len(self._more())
        return time.perf_counter() - started

    def close(self) -> None:
        """Let go."""
        self._socket.close()

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise BenchError("a server closed its connection within an answer")
        return data
