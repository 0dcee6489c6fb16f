"""Accepting: connections to sockets that several processes listen on together.

Each takes one connection a wake-up, where the servers of asyncio and uvloop would take all there are: so whoever is
free takes the next one. What nobody took yet waits in the kernel, where a worker that ends leaves it to the others.
"""

import asyncio
import errno
import socket
from collections.abc import Callable, Sequence
from typing import cast

from aiohttp import web

ACCEPT_AGAIN = 1.0  # seconds without a connection after the system had no room for one, as in asyncio

_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Connections = Callable[[], asyncio.Protocol]


class Accepting:
    """What takes connections in, until it is closed. It owns the sockets, which are this process's copies."""

    def __init__(self, connections: Connections, listening: Sequence[socket.socket]) -> None:
        """`connections` makes the protocol of each. The sockets must not block."""
        self._connections = connections
        self._listening = tuple(listening)
        self._beginning: set[asyncio.Task[None]] = set()
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()
        for one in self._listening:
            self._listen(one)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """What is listened on; nothing when it is closed."""
        return self._listening

    @property
    def is_beginning(self) -> bool:
        """Whether a connection was taken that its protocol does not know of yet."""
        return bool(self._beginning)

    def close(self) -> None:
        """Take no more. Connections that were taken go on."""
        for waiting in self._waiting.values():
            waiting.cancel()
        listening, self._listening = self._listening, ()
        for one in listening:
            self._loop.remove_reader(one)
            one.close()

    def begin(self, connection: socket.socket) -> None:
        """Serve a connection that somebody accepted. Takes the socket over."""
        connection.settimeout(0)
        task = self._loop.create_task(self._begin(connection))
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _begin(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._connections, connection)
        except OSError:  # the caller is gone already
            connection.close()

    def _listen(self, one: socket.socket) -> None:
        self._waiting.pop(one, None)
        self._loop.add_reader(one, self._accept, one)

    def _accept(self, listening: socket.socket) -> None:
        try:
            connection, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process was faster, or the caller left
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            # The socket stays readable: without a pause this would be all the process does.
            self._loop.remove_reader(listening)
            self._waiting[listening] = self._loop.call_later(ACCEPT_AGAIN, self._listen, listening)
            return
        self.begin(connection)


class SharedSite(web.BaseSite):
    """A site of aiohttp's runner, so that draining goes as everywhere."""

    __slots__ = ("_accepting", "_listening")

    def __init__(self, runner: web.BaseRunner, listening: Sequence[socket.socket]) -> None:
        super().__init__(runner)
        self._listening = tuple(listening)
        self._accepting: Accepting | None = None

    @property
    def name(self) -> str:
        """Where callers come in."""
        host, port = self._listening[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Take connections in."""
        await super().start()
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner was not set up")
        self._accepting = Accepting(server, self._listening)
        self._server = cast("asyncio.AbstractServer", self._accepting)  # of which the runner uses `close` and `sockets`

    @property
    def accepting(self) -> Accepting:
        """What takes connections in."""
        if self._accepting is None:
            raise RuntimeError("the site was not started")
        return self._accepting
