"""The listeners: aiohttp's low-level server, errors of its parser in Larder's words, and an orderly end.

An aiohttp `Application` with its router would cost more than all of Larder on the path of a memory hit.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import http_exceptions, web
from aiohttp.web_protocol import RequestHandler

from adapters import Problem
from proxy.errors import BadRequest, HeadTooLarge, LarderError, render

IDLE_GRACE = 0.25  # seconds that kept connections may still bring a request once draining began

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class _Connection(RequestHandler):
    """One connection. What the parser refuses is answered as a problem, and logged without its bytes."""

    def __init__(self, manager: "_Server", **options: Any) -> None:
        super().__init__(manager, **options)
        self._limit = manager.max_head

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes what was sent
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is under way already")
        error: LarderError | None = None
        if isinstance(exc, http_exceptions.LineTooLong):
            error = HeadTooLarge(self._limit)
        elif status < 500:
            error = BadRequest("request", "what is not HTTP/1.1", "a request as RFC 9112 writes it")
        problem = error.problem if error is not None else Problem(500, "Internal error", "Larder failed; see its log.")
        status, fields, body = render(problem, None, "")
        response = web.Response(status=status, headers=fields, body=body)
        response.force_close()
        return response


class _Server(web.Server):
    def __init__(self, handler: Handler, max_head: int) -> None:
        super().__init__(handler, access_log=None)
        self.max_head = max_head

    def __call__(self) -> RequestHandler:
        return _Connection(
            self,
            loop=self._loop,
            access_log=None,
            auto_decompress=False,  # a body goes on as it came
            max_line_size=self.max_head,
            max_field_size=self.max_head,
        )


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
        self._runner: web.ServerRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        if self._runner is None or not self._runner.addresses:
            return self._port
        return int(self._runner.addresses[0][1])

    async def open(self, drain: float) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        self._runner = web.ServerRunner(_Server(self._handler, self._max_head), shutdown_timeout=drain)
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

    async def close(self) -> None:
        """Wait for requests under way, as long as `drain` said, then close what is left.

        A caller may just be sending on a connection it kept: such a request is still answered within a grace.
        """
        if self._runner is None:
            return
        await self._sleep(IDLE_GRACE)
        await self._runner.cleanup()
        self._runner = None
