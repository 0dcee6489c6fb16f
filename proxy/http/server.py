"""The listeners: aiohttp's low-level server, errors of its parser in Larder's words, and an orderly end.

An aiohttp `Application` with its router would cost more than all of Larder on the path of a memory hit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler, _ErrInfo

from adapters import Problem
from proxy.errors import render
from proxy.http.framing import Framer
from proxy.http.refusals import REFUSED, refusal_of
from proxy.http.wire import WholeResponse

LINGER = 1.0  # seconds that a body is still read, and thrown away, whose request was refused
IDLE_GRACE = 0.25  # seconds that kept connections may still bring a request once draining began
AT_ONCE = 0.001  # seconds; aiohttp takes 0 for as long as it takes

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

_OUR_FAULT = Problem(500, "Internal error", "Larder failed; see its log.")


class _Connection(RequestHandler):
    """One connection. What cannot be read is answered by the handler too, as a request that says why it is none."""

    def __init__(self, manager: "_Server", **options: Any) -> None:
        super().__init__(manager, **options)
        self._serving = manager
        self._handler = manager.request_handler
        self._parser = Framer(self, self._loop, self._read_bufsize, manager.max_head)  # type: ignore[assignment]

    def _make_error_handler(self, err_info: _ErrInfo) -> Handler:
        """What aiohttp answers by, where its parser raised."""

        async def refuse(request: web.BaseRequest) -> web.StreamResponse:
            request[REFUSED] = refusal_of(err_info.exc)
            response = await self._handler(request)
            response.force_close()
            return response

        return refuse

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,  # noqa: ARG002 - whatever it is, the handler failed
        exc: BaseException | None = None,  # noqa: ARG002
        message: str | None = None,  # noqa: ARG002
    ) -> web.StreamResponse:
        """The answer where the handler itself failed; none where one is under way. Raises ConnectionError."""
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        code, fields, body = render(_OUR_FAULT, None, "")
        response = WholeResponse(code, tuple(fields), body)
        response.force_close()
        return response

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - the server says it later
        """End by the time that the server says. aiohttp itself gives a request under way its seconds twice: until it
        hears that its body comes to no end, and then again.
        """
        left = max(AT_ONCE, self._serving.ends - self._loop.time())
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                await super().shutdown(left)
                return
        await super().shutdown(AT_ONCE)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Not written: the text of an exception may quote what was sent. The handler reports what it fails on."""


class _Server(web.Server):
    def __init__(self, handler: Handler, max_head: int) -> None:
        super().__init__(handler, access_log=None)
        self.max_head = max_head
        self.ends = 0.0  # when the last request has to be answered, by the loop's clock

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, access_log=None, lingering_time=LINGER)


class Listener:
    """One port and the connections to it."""

    def __init__(
        self,
        handler: Handler,
        host: str,
        port: int,
        *,
        max_head: int,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._sleep = sleep
        self._handler = handler
        self._host = host
        self._port = port
        self._max_head = max_head
        self._server: _Server
        self._runner: web.ServerRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        if self._runner is None or not self._runner.addresses:
            return self._port
        return int(self._runner.addresses[0][1])

    async def open(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        self._server = _Server(self._handler, self._max_head)
        self._runner = web.ServerRunner(self._server)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port, backlog=1024).start()
        except OSError:
            await self._runner.cleanup()
            raise

    async def stop_listening(self) -> None:
        """No new connection is accepted; answers from now on ask their connection to close."""
        if self._runner is not None:
            for site in list(self._runner.sites):
                await site.stop()

    async def close(self, drain: float) -> None:
        """Wait for requests under way, up to `drain` seconds, then close what is left.

        A caller may just be sending on a connection it kept: such a request is still answered within a grace.
        """
        if self._runner is None:
            return
        self._server.ends = asyncio.get_running_loop().time() + drain
        await self._sleep(min(IDLE_GRACE, drain))
        await self._runner.cleanup()
        self._runner = None
