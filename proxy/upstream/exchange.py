"""HTTP/1.1 as a client speaks it: a request written octet for octet, an answer that is doubted before it is believed.

aiohttp resolves, encrypts, pools and parses. Its session is left out: it changes methods and octets, repeats requests
by itself, and costs as much again as all the rest. RFC 9112.
"""

import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import cast

import aiohttp
from aiohttp.connector import Connection
from aiohttp.http import HttpVersion11, RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from cachetools import LRUCache
from yarl import URL

from policies.http.fields import Fields, as_mapping
from proxy.headers import from_upstream
from proxy.upstream.http_client import Connector, Wire
from proxy.upstream.messages import BrokenBody, Outgoing

CHUNK = 64 * 1024
MOST_FIELDS = 1_000  # of one answer
MOST_INFORMATIONAL = 64  # answers before the final one

_ORIGIN_AND_TARGET = re.compile(r"(https?://[^/?#]+)([^#]*)")  # a fragment is never sent (RFC 9110 §7.1)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_DIGITS = re.compile(r"[0-9]{1,18}")
_EXPECT_CONTENT = frozenset({"PATCH", "POST", "PUT"})
_WRITTEN_HERE = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_NO_CONTENT = frozenset({204, 304})  # RFC 9112 §6.3 rule 1
_BREAKS = (aiohttp.ClientError, HttpProcessingError, OSError)
_ORIGINS = 256  # remembered; an upstream has one, or one for each API


class BrokenAnswer(Exception):
    """What came is no answer, or one whose end cannot be told for sure."""


class Connections:
    """Connections to all upstreams. Made inside the event loop. `reuse`: one may carry one request after the other."""

    def __init__(self, *, reuse: bool, max_head: int) -> None:
        self._max_head = max_head
        self._connector = Connector(reuse=reuse)
        self._origins: LRUCache[str, aiohttp.ClientRequest] = LRUCache(_ORIGINS)

    async def close(self) -> None:
        """Close every connection."""
        await self._connector.close()

    async def connect(self, outgoing: Outgoing, patience: float) -> "Exchange":
        """A connection for this request; nothing is sent yet. Raises aiohttp.ClientError and OSError, and ValueError
        where the request's parts cannot stand in a head; it quotes none of them.
        """
        origin, target = self._split(outgoing.url)
        head = head_of(outgoing, target, origin.headers["Host"], last=self._connector.force_close)
        try:
            connection = await self._connector.connect(origin, [], aiohttp.ClientTimeout())
        except ValueError as error:
            raise OSError("a host that no resolver takes") from error
        wire = cast(Wire, connection.protocol)
        wire.set_response_params(
            skip_payload=outgoing.method == "HEAD",
            read_until_eof=True,
            auto_decompress=outgoing.decode,
            read_timeout=patience,
            max_line_size=self._max_head,
            max_field_size=self._max_head,
            max_headers=MOST_FIELDS,
        )
        return Exchange(connection, wire, outgoing, head)

    def _split(self, url: str) -> tuple[aiohttp.ClientRequest, str]:
        """Where a request goes, as aiohttp's connector wants it said, and its target. Raises OSError."""
        match = _ORIGIN_AND_TARGET.match(url)
        if match is None:
            raise OSError("neither http nor https")
        origin = self._origins.get(match[1])
        if origin is None:
            try:
                origin = aiohttp.ClientRequest("GET", URL(match[1], encoded=True))
            except ValueError as error:
                raise OSError("a host or a port that is none") from error
            self._origins[match[1]] = origin
        return origin, match[2] if match[2].startswith("/") else f"/{match[2]}"


def head_of(outgoing: Outgoing, target: str, host: str, *, last: bool) -> bytes:
    """The head of a request; `last`: none follows it on its connection. Raises ValueError."""
    if _TOKEN.fullmatch(outgoing.method) is None or " " in target:
        raise ValueError("a method or a target that cannot stand in a request line")
    lines = [f"{outgoing.method} {target} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in outgoing.fields if name.lower() not in _WRITTEN_HERE]
    if outgoing.body or outgoing.method in _EXPECT_CONTENT:  # RFC 9110 §8.6
        lines.append(f"Content-Length: {len(outgoing.body)}")
    if last:
        lines.append("Connection: close")  # RFC 9112 §9.6
    head = "\r\n".join((*lines, "", ""))
    ends = len(lines) + 1
    if head.count("\r") != ends or head.count("\n") != ends or "\0" in head:
        raise ValueError("a line break or a NUL inside a head")
    return head.encode("utf-8", "surrogateescape")


class Exchange:
    """One request and its answer on a connection, which is kept for others when the answer was whole."""

    def __init__(self, connection: Connection, wire: Wire, outgoing: Outgoing, head: bytes) -> None:
        self._connection: Connection | None = connection
        self._wire = wire
        self.is_on_kept_wire = wire.is_kept  # which may turn out to have ended meanwhile (RFC 9112 §9.3.1)
        self._request = (head, outgoing.body)
        self._content: StreamReader = EMPTY_PAYLOAD
        self._is_head = outgoing.method == "HEAD"
        self._decodes = outgoing.decode
        self.status = 0
        self.fields: Fields = ()  # as they came
        self.length: int | None = None  # what Content-Length says
        self.is_decoded = False  # a content coding was taken off

    @property
    def has_body(self) -> bool:
        """Whether the answer is of a kind that may have content (RFC 9110 §6.4.1)."""
        return not (self._is_head or self.status in _NO_CONTENT)

    @property
    def received(self) -> int | None:
        """How many bytes the body has, where all of it is here already."""
        content = self._content
        return content.total_bytes if content.is_eof() and content.exception() is None else None

    def send(self) -> None:
        """Send the request. Raises OSError where the connection has ended: nothing was sent."""
        transport = self._wire.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the connection ended before its use")
        self._wire.is_asked = True
        head, body = self._request
        if body:
            transport.writelines((head, body))
        else:
            transport.write(head)
        self._wire.start_timeout()

    async def head(self, informational: Callable[[int, Fields], None] | None) -> None:
        """Wait for the head of the final answer; `informational` is told of those before it, but for 100, which answers
        an Expect that was not sent (RFC 9110 §15.2). Raises BrokenAnswer, HttpProcessingError, aiohttp.ClientError,
        OSError.
        """
        for _ in range(MOST_INFORMATIONAL + 1):
            message, content = await self._wire.read()
            fields = _fields_of(message)
            length = _length_of(message, fields)
            if message.code >= 200:
                self.status, self.fields, self.length = message.code, fields, length
                self.is_decoded = self._decodes and message.compression is not None
                self._content = content
                content.on_eof(self._ended)
                return
            if message.code != 100 and informational is not None:
                informational(message.code, from_upstream(fields))
        raise BrokenAnswer("one interim answer after the other")

    def bear_pauses(self, seconds: float) -> None:
        """From now on a pause in the answer may last so long."""
        self._wire.read_timeout = seconds
        self._wire.start_timeout()

    def read_now(self) -> bytes:
        """What is here of the body."""
        return self._content.read_nowait()

    async def read(self, limit: int) -> deque[bytes]:
        """The body in pieces: all of it, or somewhat more than the limit where it is longer. Raises BrokenBody."""
        pieces: deque[bytes] = deque()
        size = 0
        try:
            while size <= limit and (piece := await self._content.readany()):
                pieces.append(piece)
                size += len(piece)
        except _BREAKS as error:
            raise BrokenBody("the body ended before its end") from error
        return pieces

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, at most 64 KiB at a time. Raises BrokenBody, after what came of it."""
        content = self._content
        try:
            while chunk := await content.read(CHUNK):
                yield chunk
        except _BREAKS as error:
            while content._buffer:  # noqa: SLF001 - aiohttp withholds what came before an error
                yield content._read_nowait(CHUNK)  # noqa: SLF001 - the same
            raise BrokenBody("the body ended before its end") from error

    def close(self) -> None:
        """Let go. A connection whose answer has not come to its end is of no use to others."""
        if self._connection is not None:
            self._drop(self._connection)

    def _ended(self) -> None:
        """The answer has come to its end."""
        connection = self._connection
        if connection is None:
            return
        self._wire.is_asked = False
        transport = connection.transport
        if transport is None or transport.get_write_buffer_size():  # an answer that did not wait for its request
            self._drop(connection)
        else:
            self._connection, self._wire.is_kept = None, True
            connection.release()

    def _drop(self, connection: Connection) -> None:
        self._connection = None
        transport = connection.transport
        connection.close()
        if transport is not None:
            transport.abort()  # closing would wait for what is still to be sent


def _fields_of(message: RawResponseMessage) -> Fields:
    """Header fields as they came; octets that are no UTF-8 stay what they were. No space before the colon (RFC 9112
    §5.1).
    """
    return tuple(
        (name.decode("latin-1").rstrip(), value.decode("utf-8", "surrogateescape"))
        for name, value in message.raw_headers
    )


def _length_of(message: RawResponseMessage, fields: Fields) -> int | None:
    """The Content-Length. Raises BrokenAnswer where the message's end cannot be told for sure (RFC 9112 §6.1, §6.3)."""
    headers = as_mapping(fields)
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if message.version.major != 1 or not 100 <= message.code <= 599 or message.code == 101:  # RFC 9110 §15, §15.2.2
        raise BrokenAnswer("a version or a status that nobody asked for")
    if message.code < 200 and (coding is not None or length not in (None, "0")):  # RFC 9110 §8.6
        raise BrokenAnswer("an interim answer with content")
    if coding is not None and (coding.lower() != "chunked" or length is not None or message.version < HttpVersion11):
        raise BrokenAnswer("transfer codings that were not asked for, or a length beside them")
    if length is None:
        return None
    if _DIGITS.fullmatch(length) is None:
        raise BrokenAnswer("a length that is none")
    return int(length)
