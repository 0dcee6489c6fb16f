"""Transport: one request over one socket. Redirects, cookies, caching and retries are not its business."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.http_exceptions import HttpProcessingError

from policies.http.dates import format_date
from policies.http.fields import Fields, as_mapping, without
from proxy.http.headers import from_upstream
from proxy.upstream.content import CHUNK
from proxy.upstream.exchange import BrokenAnswer, Connections, Exchange
from proxy.upstream.leading import EgressRefused
from proxy.upstream.messages import BrokenBody, Outgoing, ReadUpTo, Reply, Stream, TooLarge, TransportError

LONGEST_PAUSE = 60.0  # seconds without a byte, after which a stream counts as broken off

_CODING = frozenset({"content-encoding"})
_FAILURES = (OSError, aiohttp.ClientError, HttpProcessingError, EgressRefused, BrokenAnswer, BrokenBody)


class Transport:
    """The way to every upstream. What goes wrong on it becomes a TransportError, and ends here."""

    def __init__(
        self,
        *,
        max_head: int = 64 * 1024,
        clock: Callable[[], float] = time.time,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`max_head`: bytes that one line of an answer's head may have. `clock`: seconds since the epoch. `resolver`:
        whom to ask for a host's addresses; the system, where there is none.
        """
        self._max_head = max_head
        self._clock = clock
        self._resolver = resolver
        self._reads: Connections | None = None
        self._writes: Connections | None = None

    async def open(self) -> None:
        """Must run inside the event loop, once, before `send`."""
        self._reads = Connections(reuse=True, max_head=self._max_head, resolver=self._resolver)
        # A write goes over a connection of its own: none that may turn out dead once it was sent.
        self._writes = Connections(reuse=False, max_head=self._max_head, resolver=self._resolver)

    async def close(self) -> None:
        """Close every connection."""
        for connections in (self._reads, self._writes):
            if connections is not None:
                await connections.close()

    async def send(self, outgoing: Outgoing, patience: float, read_up_to: ReadUpTo) -> Reply:
        """The answer; its body read if it has no more bytes than it may, else a stream. Raises TransportError, and
        ValueError for a request that HTTP cannot say.

        `patience` (seconds) ends waiting for the head and for a body that is read; a stream may go on as long as no
        pause in it is longer than `LONGEST_PAUSE`, and it is not longer than `body_time`.
        """
        connections = self._reads if outgoing.is_safe else self._writes
        if connections is None:
            raise RuntimeError("Transport.open was not called")
        sent = was_kept = False
        try:
            async with asyncio.timeout(patience):
                exchange = await connections.connect(outgoing)
                was_kept = exchange.is_on_kept_wire
                try:
                    requested_at = self._clock()
                    exchange.send()
                    sent = True
                    await exchange.head(outgoing.informational)
                    reply = _reply(exchange, requested_at, self._clock())
                    await _read(exchange, reply, read_up_to, outgoing.egress.body_time)
                except BaseException:
                    exchange.close()
                    raise
                return reply
        except _FAILURES as error:
            raise _failure(error, sent=sent, was_kept=was_kept) from error


def _failure(error: Exception, *, sent: bool, was_kept: bool) -> TransportError:
    """What went wrong, in Larder's words."""
    match error:
        case TimeoutError():
            return TransportError("timeout", sent=sent)
        case EgressRefused():
            return TransportError("egress-refused", sent=False)
        case TooLarge():
            return TransportError("too-large", sent=True)
        case BrokenAnswer() | BrokenBody() | HttpProcessingError():
            return TransportError("broken-answer", sent=True)
        case _:
            return TransportError("connection-lost" if sent else "unreachable", sent=sent, was_kept=was_kept)


def _reply(exchange: Exchange, requested_at: float, received_at: float) -> Reply:
    """The reply to an exchange, without its body."""
    fields = _end_to_end(exchange)
    headers = as_mapping(fields)
    if "date" not in headers:  # RFC 9110 §6.6.1
        date = format_date(received_at)
        fields, headers = (*fields, ("Date", date)), {**headers, "date": date}
    reply = Reply(exchange.status, fields, headers, requested_at=requested_at, received_at=received_at)
    if exchange.has_body and not exchange.is_decoded:
        reply.length = exchange.length
    return reply


def _end_to_end(exchange: Exchange) -> Fields:
    """Fields that travel on. Where no body comes, Content-Length is what a body would have had (RFC 9110 §8.6)."""
    fields = from_upstream(exchange.fields)
    if exchange.is_decoded:
        return without(fields, _CODING)
    if exchange.length is not None and not exchange.has_body and exchange.status != 204:
        return (*fields, ("Content-Length", str(exchange.length)))
    return fields


async def _read(exchange: Exchange, reply: Reply, read_up_to: ReadUpTo, body_time: float) -> None:
    """Give the reply its body, or a stream of what goes beyond the limit. Raises BrokenBody."""
    limit = read_up_to(reply.status, reply.headers)
    if not exchange.has_body:
        return
    content = exchange.content
    size = content.size_here
    if size is not None and (limit == 0 or size <= limit):
        reply.body = content.read_now()
        return
    if limit == 0 and content.is_here:
        limit = CHUNK
    pieces: deque[bytes] = deque()
    if limit > 0 and (reply.length or 0) <= limit:
        pieces = await content.read(limit)
        if sum(map(len, pieces)) <= limit:
            reply.body = b"".join(pieces)
            return

    async def close() -> None:
        exchange.close()

    exchange.bear(LONGEST_PAUSE, body_time)
    reply.stream = Stream(_all(pieces, aiter(content)), close)


async def _all(pieces: deque[bytes], rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was read already, and what comes."""
    while pieces:
        yield pieces.popleft()
    async for chunk in rest:
        yield chunk
