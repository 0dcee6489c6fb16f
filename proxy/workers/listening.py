"""Listening: a worker's part of sockets that a supervisor bound, and what happens to its connections when it ends."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

from aiohttp import web

from proxy.http.server import Handler, Listener
from proxy.workers.accepting import SharedSite
from proxy.workers.handing import KeptServer, taken_from

LOOKS_EVERY = 0.02  # seconds between looks at which connections are idle by now
LOOKS = 50  # in which all would be given away if all were idle


class SharedListener(Listener):
    """A Listener on sockets that other processes listen on too."""

    def __init__(
        self,
        handler: Handler,
        listening: Sequence[socket.socket],
        *,
        max_head: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """The sockets must listen, and not block; they are closed with this listener."""
        host, port = listening[0].getsockname()[:2]
        super().__init__(handler, host, port, max_head=max_head, sleep=sleep)
        self._listening = listening
        self._server: KeptServer
        self._comes_out: socket.socket | None = None
        self._goes_in: socket.socket | None = None

    async def open(self) -> None:
        """Take connections in."""
        self._server = KeptServer(self._handler, self._max_head)
        self._runner = web.ServerRunner(self._server)
        await self._runner.setup()
        site = SharedSite(self._runner, self._listening)
        await site.start()
        self._accepting = site.accepting

    def take_over(self, comes_out: socket.socket) -> None:
        """Go on with connections that other workers give, too. The socket is closed with this listener."""
        self._comes_out = comes_out
        asyncio.get_running_loop().add_reader(comes_out, self._take, comes_out)

    def hand_over(self, goes_in: socket.socket) -> None:
        """When it closes, give connections that are idle to others, who have to be there to take them."""
        self._goes_in = goes_in

    async def stop_listening(self) -> None:
        """No new connection is taken; answers from now on ask their connection to close."""
        if self._comes_out is not None:
            asyncio.get_running_loop().remove_reader(self._comes_out)
            self._comes_out.close()
            self._comes_out = None
        await super().stop_listening()

    async def close(self, drain: float) -> None:
        """Give away what is idle, as it becomes so; then end as any Listener does. Both within `drain` seconds."""
        await self.stop_listening()
        loop, waited = asyncio.get_running_loop(), 0.0
        began = loop.time()
        at_once = 1 + len(self._server.connections) // LOOKS  # few, so that no successor gets all
        while self._goes_in is not None and waited < drain:
            self._server.give_idle(self._goes_in, at_once)
            if not self._server.connections and not self._accepting.is_beginning:
                break
            await self._sleep(LOOKS_EVERY)
            waited = max(waited + LOOKS_EVERY, loop.time() - began)  # a look takes time, too
        await super().close(max(0.0, drain - waited))

    def _take(self, comes_out: socket.socket) -> None:
        connection = taken_from(comes_out)
        if connection is not None:
            self._accepting.begin(connection)
