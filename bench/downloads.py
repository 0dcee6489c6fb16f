"""Downloads: a long body, taken in piece by piece from a connection of one's own, at one's own pace."""

import http.client
import socket
import time
from collections.abc import Iterator, Mapping

from bench.processes import BenchError, Server

PIECE = 64 * 1024  # bytes at most
_PATIENCE = 10.0  # seconds without a byte


class Downloads:
    """One kept connection, blocking. Whatever it takes in has to be done by `until`, as perf_counter() counts."""

    def __init__(self, server: Server, headers: Mapping[str, str], until: float, *, buffer: int | None = None) -> None:
        """`buffer`: the bytes the kernel may hold for us; a slow reader is only felt where these are few."""
        self._headers, self._until = dict(headers), until
        self._socket = socket.socket()
        if buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(_PATIENCE)
        self._socket.connect(("127.0.0.1", server.port))
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port)
        self._connection.sock = self._socket

    def pieces(self, path: str) -> Iterator[bytes]:
        """The body as it comes; the request is sent with the first. Raises BenchError on any end but a good one."""
        try:
            self._connection.request("GET", path, headers=self._headers)
            response = self._connection.getresponse()
            if response.status != 200:
                raise BenchError(f"{path} answered {response.status}")
            while piece := response.read1(PIECE):
                yield piece
                if time.perf_counter() > self._until:
                    raise BenchError(f"{path} was not there in time")
            response.close()  # read1() leaves it open at its end; the connection stays
        except (OSError, http.client.HTTPException) as error:
            raise BenchError(f"{path} broke off: {type(error).__name__}") from error

    def close(self) -> None:
        """Let go."""
        self._connection.close()
