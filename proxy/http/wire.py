"""The wire: answers as bytes, to the letter of RFC 9110 and RFC 9112.

Larder writes them itself: aiohttp's writer drops octets that are not UTF-8, and adds fields of its own. Octets that are
not UTF-8 stand in header strings as surrogates (`surrogateescape`), as aiohttp reads them.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from socket import SO_LINGER, SOL_SOCKET
from struct import pack
from typing import Protocol

import msgspec
from aiohttp import ClientError, HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from policies.http.fields import Fields, without
from proxy.upstream.messages import BrokenBody

NO_BODY = frozenset({204, 304})  # RFC 9110 §6.4.1; as any 1xx

AT_ONCE = 256 * 1024  # bytes of a body that are written without looking whether the caller keeps up

_RESETS = pack("ii", 1, 0)  # closing sends a reset, not an end
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",  # RFC 9110 §15.5 has other words than Python
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}
_FRAMING = frozenset(  # what only this connection's own framing may say (RFC 9110 §7.6.1, RFC 9112 §6)
    {"connection", "content-length", "keep-alive", "proxy-connection", "trailer", "transfer-encoding", "upgrade"}
)


class Source(Protocol):
    """A body under way."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def close(self) -> None: ...


def head_of(status: int, fields: Fields) -> bytes:
    """A head as RFC 9112 §4 and §5 write it. Raises ValueError where a field would end its line, or cannot be written.

    Always HTTP/1.1, whatever the caller speaks: it is what the server speaks (RFC 9110 §6.2).
    """
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in fields]
    text = "\r\n".join(lines) + "\r\n\r\n"
    ends = len(lines) + 1
    if text.count("\r") != ends or text.count("\n") != ends or "\0" in text:  # RFC 9110 §5.5
        raise ValueError("a header field with CR, LF or NUL in it")
    return text.encode("utf-8", "surrogateescape")


class RawResponse(web.StreamResponse):
    """A whole answer as bytes, for aiohttp to hand on; small enough to write without looking who keeps up."""

    def __init__(self, data: bytes) -> None:
        # Nothing of StreamResponse's own state is used here, and a hit pays for every microsecond.
        self._data = data

    @property
    def keep_alive(self) -> bool:
        """Only requests that keep their connection come this way."""
        return True

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write everything at once."""
        if self._data and request.transport is not None:
            data, self._data = self._data, b""
            request.transport.write(data)
            request.writer.output_size += len(data)
            if request.transport.get_write_buffer_size() > AT_ONCE:  # a caller who asks on and on, and does not read
                await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """It is written already."""


class _Framed(web.StreamResponse, ABC):
    """An answer that frames itself for the caller's version and connection."""

    def __init__(self, status: int, fields: Fields) -> None:
        super().__init__(status=status)
        self.fields = fields
        self._is_begun = False
        self._may_have_body = True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write what is there. Raises ValueError before anything is written, ConnectionError."""
        if not self._is_begun:
            self._is_begun = True
            self._may_have_body = request.method != "HEAD" and self.status >= 200 and self.status not in NO_BODY
            await self._begin(request)
        return request.writer

    @abstractmethod
    async def _begin(self, request: web.BaseRequest) -> None:
        """Write the head, and of the body what is here."""

    def _head(self, request: web.BaseRequest, length: int | None) -> bytes:
        """The head before a body of `length` bytes; None: as many as come."""
        if self.keep_alive is None:
            self._keep_alive = request.keep_alive
        names = {name.lower() for name, _ in self.fields}
        fields = [*(self.fields if names.isdisjoint(_FRAMING) else without(self.fields, _FRAMING))]
        if "date" not in names:
            fields.append(("Date", _date(int(time.time()))))  # RFC 9110 §6.6.1
        if self._may_have_body and length is None:
            if _knows_chunks(request):
                fields.append(("Transfer-Encoding", "chunked"))
            else:
                self.force_close()  # RFC 9112 §6.3: the end of the connection is the end of the body
        elif (said := self._length_said(request, length)) is not None:
            fields.append(("Content-Length", said))
        if not self.keep_alive:
            fields.append(("Connection", "close"))  # RFC 9112 §9.6
        elif request.version < HttpVersion11:
            fields.append(("Connection", "keep-alive"))
        return head_of(self.status, tuple(fields))

    def _length_said(self, request: web.BaseRequest, length: int | None) -> str | None:
        """Content-Length. Without a body: what its field says of the one that GET would get (RFC 9110 §8.6)."""
        if self._may_have_body:
            return str(length)
        if self.status == 204 or self.status < 200:
            return None
        told = {value for name, value in self.fields if name.lower() == "content-length"}
        if len(told) == 1 and (value := told.pop()).isascii() and value.isdigit():
            return value
        return str(length) if length and request.method == "HEAD" and self.status != 304 else None


class WholeResponse(_Framed):
    """An answer whose body is here: head and body in one write, where it is not large."""

    def __init__(self, status: int, fields: Fields, body: bytes) -> None:
        super().__init__(status, fields)
        self.body = body

    async def _begin(self, request: web.BaseRequest) -> None:
        head, body, writer = self._head(request, len(self.body)), self.body, request.writer
        if not self._may_have_body or len(body) <= AT_ONCE:
            await writer.write(head + body if self._may_have_body else head)
            await writer.drain()
            return
        await writer.write(head)
        for start in range(0, len(body), AT_ONCE):  # at the caller's pace: it waits here, not in the socket's buffer
            await writer.write(body[start : start + AT_ONCE])
            await writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """It is written already."""


class FlowingResponse(_Framed):
    """An answer whose body is under way: its head is written at once, and every part as it comes.

    `length`: how many bytes will come, where that is known. A body that breaks off, or has another length, ends with
    the connection, so that the caller cannot take what it got for the whole (RFC 9112 §8).
    """

    def __init__(self, status: int, fields: Fields, source: Source, length: int | None = None) -> None:
        super().__init__(status, fields)
        self._source = source
        self._length = length
        self._request: web.BaseRequest | None = None

    async def _begin(self, request: web.BaseRequest) -> None:
        try:
            await request.writer.write(self._head(request, self._length))
        except BaseException:
            await self._source.close()
            raise
        self._request = request

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002 - aiohttp's signature
        """Write the body as it comes, at the pace of the caller."""
        request, self._request = self._request, None
        if request is None:
            return
        is_whole = False
        try:
            with suppress(ClientError, OSError, TimeoutError, BrokenBody):  # said by the connection, right below
                if self._may_have_body:
                    await self._flow(request.writer, is_chunked=self._length is None and _knows_chunks(request))
                is_whole = True
        finally:
            if not is_whole:
                self._break_off(request)
            await self._source.close()

    async def _flow(self, writer: AbstractStreamWriter, *, is_chunked: bool) -> None:
        left = self._length
        async for data in self._source:
            if left is not None:
                left -= len(data)
                if left < 0:
                    raise BrokenBody("longer than its length")
            if data:  # an empty chunk would be the last
                await writer.write(b"%x\r\n%b\r\n" % (len(data), data) if is_chunked else data)
                await writer.drain()
        if left:
            raise BrokenBody("shorter than its length")
        if is_chunked:
            await writer.write(b"0\r\n\r\n")

    def _break_off(self, request: web.BaseRequest) -> None:
        self.force_close()
        if request.transport is None:
            return
        if self._length is None and not _knows_chunks(request):  # a mere end would be the proper one: reset it instead
            socket = request.transport.get_extra_info("socket")
            socket.setsockopt(SOL_SOCKET, SO_LINGER, _RESETS)
        request.transport.abort()


def json_response(status: int, document: object) -> WholeResponse:
    """An answer of Larder's own."""
    return WholeResponse(status, (("Content-Type", "application/json"),), msgspec.json.encode(document))


def say_continue(request: web.BaseRequest) -> None:
    """Tell a caller that waits with its body to send it (RFC 9110 §10.1.1). HTTP/1.0 knows no such answer."""
    expects = request.headers.get("Expect", "").strip().lower() == "100-continue"
    if expects and request.version >= HttpVersion11 and not (request.content.is_eof() or request.content.total_bytes):
        _write_before(request, _CONTINUE)


def informational(request: web.BaseRequest) -> Callable[[int, Fields], None]:
    """Hands 1xx answers on to this caller, as long as its final answer has not begun (RFC 9110 §15.2).

    100 is between two neighbours, and nothing switches protocols here. HTTP/1.0 knows none of them. Raises ValueError.
    """

    def tell(status: int, fields: Fields) -> None:
        if 101 < status < 200 and request.version >= HttpVersion11:
            through = tuple(field for field in fields if field[0].lower() not in _FRAMING)
            _write_before(request, head_of(status, through))

    return tell


def _write_before(request: web.BaseRequest, data: bytes) -> None:
    """Written beside aiohttp's count of bytes: the final answer has not begun by it."""
    if request.transport is not None and not request.writer.output_size:
        request.transport.write(data)


def _knows_chunks(request: web.BaseRequest) -> bool:
    return request.version >= HttpVersion11


@lru_cache(maxsize=2)
def _date(now: int) -> str:
    return formatdate(now, usegmt=True)
