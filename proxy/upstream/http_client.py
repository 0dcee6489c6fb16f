"""aiohttp's pool and its end of a connection, made to mind where an answer ends, and whether anybody asked for it."""

import ssl
from asyncio import Transport
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import StreamReader

from policies.egress import EgressPolicy
from proxy.upstream.leading import allowed_of

IDLE = 4.0  # seconds that a connection is kept unused; many servers close theirs after 5


class Connector(aiohttp.TCPConnector):
    """A pool of wires. Made inside the event loop. `reuse`: a wire may carry one request after the other. `resolver`:
    aiohttp's own, where there is none.
    """

    def __init__(self, *, reuse: bool, resolver: AbstractResolver | None = None) -> None:
        if reuse:
            super().__init__(limit=0, ttl_dns_cache=60, resolver=resolver, keepalive_timeout=IDLE)
        else:
            super().__init__(limit=0, ttl_dns_cache=60, resolver=resolver, force_close=True)
        self._factory = cast("partial[ResponseHandler]", partial(Wire, loop=self._loop))

    async def _resolve_host(self, host: str, port: int, traces: Any = None) -> list[ResolveResult]:
        """Behind aiohttp's cache, which callers share, and for addresses too, which it does not resolve. Raises
        EgressRefused.
        """
        return allowed_of(host, await super()._resolve_host(host, port, traces))


class Wire(ResponseHandler):
    """One connection. Whoever sends a request over it says that it `is_asked`, until the answer has come to its end."""

    is_asked = False
    is_kept = False  # it carried an answer to its end, and waited for another request
    allowed_by: EgressPolicy | None = None  # the last policy by which its host may lead to where it does

    @property
    def peer(self) -> str | None:
        """The address at its other end."""
        name = self.transport.get_extra_info("peername") if self.transport is not None else None
        return str(name[0]) if name else None

    def data_received(self, data: bytes) -> None:
        """What comes unasked is no answer, and ends the connection (RFC 9112 §9.2)."""
        if self.is_asked:
            content = self._payload
            super().data_received(data)
            self._doubt(content)
        elif data:
            self._refuse()

    def _doubt(self, content: StreamReader | None) -> None:
        error = self.exception()
        if error is not None:  # aiohttp lets whoever reads the body wait for ever
            _break_off(content, error)
        if not self.is_asked and len(self):  # the answer ended, and another one is here
            self._refuse()

    def connection_lost(self, exc: BaseException | None) -> None:
        """A body that ends with its connection is whole only when that ended well (RFC 9112 §8)."""
        content = self._payload
        if exc is None and content is not None and not content.is_eof() and not _said_goodbye(self.transport):
            exc = ssl.SSLEOFError("no closure alert")
        if exc is not None:
            _break_off(content, exc)
        super().connection_lost(exc)
        _break_off(content, aiohttp.ClientConnectionError("the connection ended"))

    def close(self) -> None:
        """Whoever still reads hears of it."""
        _break_off(self._payload, aiohttp.ClientConnectionError("let go"))
        super().close()

    def _refuse(self) -> None:
        if self.transport is not None:
            self.transport.close()


def _break_off(content: StreamReader | None, error: BaseException) -> None:
    """Tell whoever reads a body that its end will not come."""
    if content is not None and not content.is_eof() and content.exception() is None:
        content.set_exception(error)


def _said_goodbye(transport: Transport | None) -> bool:
    """Whether TLS ended with its closure alert; without one, anybody may have cut it (RFC 9112 §9.8)."""
    encrypted: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport is not None else None
    if encrypted is None:
        return True
    try:
        return not encrypted.read(1)
    except ssl.SSLZeroReturnError:
        return True
    except ssl.SSLError:
        return False
