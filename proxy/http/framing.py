"""Framing: which bytes of a connection are one request (RFC 9112 §2.2, §3, §6, §9.6), and which parser reads them.

bytes ─▶ a whole head, its request line looked at ─▶ llhttp, or aiohttp's own parser for methods that llhttp refuses
      └▶ its body, and not a byte more ───────────▶ the same parser

A parser is given one request at a time, never bytes of two: so one that cannot be read takes none with it that came
before, and what the parsers read leniently is refused here, once for both.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any

from aiohttp import HttpVersion11
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser, HttpRequestParserPy, RawRequestMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE, RequestPayloadError, _ErrInfo

from proxy.errors import HeadTooLarge
from proxy.http.bodies import Body, Chunked, KnownLength
from proxy.http.refusals import (
    Unreadable,
    not_a_tunnel,
    not_http,
    other_version,
    too_many_fields,
    unknown_coding,
    uri_too_long,
)

Request = tuple[RawRequestMessage | _ErrInfo, StreamReader]

MOST_FIELDS = 200  # of one request

_CR, _CRLF, _END = 13, b"\r\n", b"\r\n\r\n"
_EMPTY_LINES = re.compile(rb"(?:\r\n)*")
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # RFC 9110 §5.6.2
_REQUEST_LINE = re.compile(rb"(%b) [!-~]+ HTTP/([0-9])\.[0-9]\r\n" % _TOKEN)  # RFC 9112 §3, without its leniency
_QUICK_LINE = re.compile(rb"(?:GET|POST|PUT|HEAD|PATCH|DELETE|OPTIONS|TRACE) [!-~]+ HTTP/1\.[01]\r\n")
_LINE_BEGUN = re.compile(rb"(?:%b(?: (?:[!-~]+(?: [HTP/0-9.]{0,8})?)?)?)?\r?" % _TOKEN)


class Framer:
    """Stands where aiohttp has its parser. What cannot be read is its last message, as an error."""

    def __init__(self, protocol: BaseProtocol, loop: asyncio.AbstractEventLoop, limit: int, max_head: int) -> None:
        """`limit`: bytes of a body that may wait to be read; `max_head`: bytes of a head."""
        self._max_head = max_head
        self._options: dict[str, Any] = {
            "protocol": protocol,
            "loop": loop,
            "limit": limit,
            "max_line_size": max_head,
            "max_field_size": max_head,
            "max_headers": max_head,  # counted here
            "payload_exception": RequestPayloadError,
            "auto_decompress": False,  # a body goes on as it came
        }
        self._quick = HttpRequestParser(**self._options)
        self._parser = self._quick
        self._rest = b""  # waits: the beginning of a head, or what stands behind a body nobody read yet
        self._payload: StreamReader = EMPTY_PAYLOAD  # the body under way, decoded; this one when there is none
        self._body: Body = KnownLength(0)  # the same on the wire
        self._unanswered = 0  # requests nobody began to answer
        self._is_last = False  # no request follows the latest one
        self._is_over = False  # nothing is read any more
        self._is_paused = False

    # what aiohttp asks of its parser

    def feed_data(self, data: bytes) -> tuple[list[Request], bool, bytes]:
        """The requests that are known with these bytes. Never an upgrade: a server may ignore it (RFC 9110 §7.8)."""
        found: list[Request] = []
        if self._is_over:
            return found, False, b""
        try:
            if self._is_one_head(data):  # nearly always
                found.append(self._begun(data))
                self._unanswered += 1
            else:
                self._rest = self._read(self._rest + data, found)
        except HttpProcessingError as error:
            self._is_over, self._rest = True, b""
            if self._payload is EMPTY_PAYLOAD:
                found.append((_ErrInfo(400, error, ""), EMPTY_PAYLOAD))
                self._unanswered += 1
            else:  # its request may be under way: who reads the body is told
                self._payload.set_exception(RequestPayloadError("not a body"))
        return found, False, b""

    def message_consumed(self) -> None:
        """One request is being answered."""
        self._unanswered -= 1

    def pause_reading(self) -> None:
        """Whoever reads the body does not keep up."""
        self._is_paused = True
        self._parser.pause_reading()

    # inside

    def _read(self, data: bytes, found: list[Request]) -> bytes:
        """Read on as far as may be; what has to wait is left. Raises HttpProcessingError."""
        while True:
            if self._payload is not EMPTY_PAYLOAD:
                data = self._go_on(data)
                if self._payload is not EMPTY_PAYLOAD:
                    return data
            if self._is_last:
                self._is_over = True
                return b""
            if not data or self._unanswered >= MAX_MSG_QUEUE_SIZE:
                return data
            head, data = self._cut(data)
            if not head:
                return data
            found.append(self._begun(head))
            self._unanswered += 1

    def _is_one_head(self, data: bytes) -> bool:
        """Whether nothing waits, and these bytes are a head and not a byte more."""
        if self._rest or self._payload is not EMPTY_PAYLOAD or self._is_last or self._unanswered:
            return False
        size = len(data)
        return len(_END) < size <= self._max_head and data.find(_END) == size - len(_END) and data[0] != _CR

    def _cut(self, data: bytes) -> tuple[bytes, bytes]:
        """A whole head and what is behind it; no head while its end has not come. Raises Unreadable."""
        if data[0] == _CR and (empty := _EMPTY_LINES.match(data)):  # RFC 9112 §2.2: to be passed over
            data = data[empty.end() :]
        end = data.find(_END)
        size = end + len(_END) if end >= 0 else len(data)
        if size > self._max_head:
            is_line = data.find(_CRLF, 0, self._max_head) < 0
            raise Unreadable(uri_too_long(self._max_head) if is_line else HeadTooLarge(self._max_head))
        if end < 0:
            _check_beginning(data)
            return b"", data
        return data[:size], data[size:]

    def _begun(self, head: bytes) -> tuple[RawRequestMessage, StreamReader]:
        """The request that begins with this head. Raises HttpProcessingError."""
        self._parser = self._quick if _QUICK_LINE.match(head) else self._parser_of(head)
        messages = self._fed(head)
        if len(messages) != 1:
            raise Unreadable(not_http())
        message, payload = messages[0]
        if len(message.raw_headers) > MOST_FIELDS:
            raise Unreadable(too_many_fields(MOST_FIELDS))
        if payload is not EMPTY_PAYLOAD or "Transfer-Encoding" in message.headers:
            self._body = self._body_of(message)
            self._payload = payload
        self._is_last = message.should_close  # RFC 9112 §9.6: what is behind it is not read
        return message, payload

    def _parser_of(self, head: bytes) -> HttpRequestParser:
        """The parser for what llhttp does not read: other methods, and later minor versions. Raises Unreadable."""
        line = _REQUEST_LINE.match(head)
        if line is None:
            raise Unreadable(not_http())
        method, major = line.groups()
        if major != b"1":
            raise Unreadable(other_version())
        if method == b"CONNECT":
            raise Unreadable(not_a_tunnel())
        return AnyMethodParser(**self._options)

    def _body_of(self, message: RawRequestMessage) -> Body:
        """How long its body is (RFC 9112 §6.3). Both parsers refuse two lengths, or a length beside a coding."""
        coding = message.headers.get("Transfer-Encoding")
        if coding is None:
            return KnownLength(int(message.headers["Content-Length"]))
        if message.version < HttpVersion11:
            raise Unreadable(not_http())  # §6.1: faulty framing
        if coding.lower() != "chunked":
            raise Unreadable(unknown_coding())
        return Chunked(self._max_head)

    def _go_on(self, data: bytes) -> bytes:
        """Read more of a body; what does not belong to it is left.

        Raises HttpProcessingError, also where the parser sees its end elsewhere.
        """
        self._is_paused = False
        taken = self._body.take(data)
        messages = self._fed(data[:taken])
        is_done = self._payload.is_eof()
        if messages or (is_done != self._body.is_done and (is_done or not self._is_paused)):
            raise Unreadable(not_http())
        if is_done:
            self._payload = EMPTY_PAYLOAD
        return data[taken:]

    def _fed(self, data: bytes) -> Sequence[tuple[RawRequestMessage, StreamReader]]:
        messages, is_upgrade, _ = self._parser.feed_data(data)
        if is_upgrade:
            self._parser.set_upgraded(False)
        return messages


class AnyMethodParser(HttpRequestParserPy):
    """Reads methods that are not registered, too. They are case-sensitive (RFC 9110 §9.1): `get` is not GET."""

    def parse_message(self, lines: list[bytes]) -> RawRequestMessage:
        """The head of a request, its method as it was written."""
        method, _, _ = lines[0].partition(b" ")
        return super().parse_message(lines)._replace(method=method.decode("ascii"))


def _check_beginning(data: bytes) -> None:
    """Refuse at once what cannot become a head, rather than wait for its end. Raises Unreadable."""
    line = _REQUEST_LINE.match(data) if _CRLF in data else _LINE_BEGUN.fullmatch(data)
    if line is None or data.count(b"\n") != data.count(_CRLF):
        raise Unreadable(not_http())
