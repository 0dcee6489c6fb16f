"""Transport: one request over one socket. Redirects, cookies, caching and retries are not its business."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from yarl import URL

from proxy.headers import as_mapping, from_upstream
from proxy.messages import Fields
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply, Stream, TransportError

CHUNK = 64 * 1024

_NO_AUTOMATIC_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class Transport:
    """aiohttp's client, told to do as little as it can by itself. Its exceptions end here."""

    def __init__(self, *, max_head: int = 64 * 1024) -> None:
        self._max_head = max_head
        self._reads: aiohttp.ClientSession | None = None
        self._writes: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Must run inside the event loop, once, before `send`."""
        self._reads = self._session(aiohttp.TCPConnector(limit=0, ttl_dns_cache=60))
        # A write goes over a connection of its own: none that may turn out dead once it was sent.
        self._writes = self._session(aiohttp.TCPConnector(limit=0, ttl_dns_cache=60, force_close=True))

    async def close(self) -> None:
        """Close every connection."""
        for session in (self._reads, self._writes):
            if session is not None:
                await session.close()

    async def send(self, outgoing: Outgoing, patience: float, read_up_to: ReadUpTo) -> Reply:
        """The answer; its body read if it has no more bytes than it may, else a stream. Raises TransportError.

        `patience` (seconds) ends waiting for the head and for a body that is read; a stream may go on longer, as long
        as no pause in it does.
        """
        session = self._reads if outgoing.is_safe else self._writes
        if session is None:
            raise RuntimeError("Transport.open was not called")
        connected = False
        try:
            async with asyncio.timeout(patience):
                response = await session.request(
                    outgoing.method,
                    URL(outgoing.url, encoded=True),
                    data=outgoing.body or None,
                    headers=outgoing.fields,
                    allow_redirects=False,
                    auto_decompress=outgoing.decode,
                    timeout=aiohttp.ClientTimeout(total=None, sock_read=patience),
                )
                connected = True
                return await _reply(response, read_up_to, decoded=outgoing.decode)
        except aiohttp.ClientConnectorError as error:
            raise TransportError("unreachable", sent=False) from error
        except TimeoutError as error:
            raise TransportError("timeout", sent=True) from error
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise TransportError("broken-answer" if connected else "connection-lost", sent=True) from error

    def _session(self, connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_NO_AUTOMATIC_HEADERS,
            middlewares=(_once,),
            max_line_size=self._max_head,
            max_field_size=self._max_head,
        )


class _ConnectionLost(aiohttp.ClientError):
    """The connection ended before an answer came."""


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """aiohttp sends an idempotent request again by itself when its connection is lost, PUT and DELETE too, though the
    upstream may have carried it out. Whether to repeat is for the guards to say, who count each attempt.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _ConnectionLost from error


async def _reply(response: aiohttp.ClientResponse, read_up_to: ReadUpTo, *, decoded: bool) -> Reply:
    """The reply, its body read as far as it may be; the connection is let go when it was read to its end."""
    fields = from_upstream(_fields(response))
    if decoded:
        fields = tuple(field for field in fields if field[0].lower() != "content-encoding")
    reply = Reply(response.status, fields, as_mapping(fields))
    limit = read_up_to(reply.status, reply.headers)
    length = response.content_length
    try:
        if length is not None and not decoded and length <= limit:
            reply.body = await response.read()
            return reply
    except BaseException:
        response.close()
        raise
    rest = _chunks(response)
    head = bytearray()
    try:
        if limit and (length or 0) <= limit:
            async for chunk in rest:
                head += chunk
                if len(head) > limit:
                    break
            else:
                reply.body = bytes(head)
                return reply
    except BaseException:
        response.close()
        raise

    async def close() -> None:
        response.close()

    reply.stream = Stream(bytes(head), rest, close)
    return reply


def _fields(response: aiohttp.ClientResponse) -> Fields:
    """Header fields as they came; octets that are not ASCII stay what they were."""
    return tuple(
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in response.raw_headers
    )


async def _chunks(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for chunk in response.content.iter_chunked(CHUNK):
        yield chunk
