"""HTTP/1.1 as a client speaks it: a request written octet for octet, an answer that is doubted before it is believed.

aiohttp resolves, encrypts, pools and parses. Its session is left out: it changes methods and octets, repeats requests
by itself, and costs as much again as all the rest. RFC 9112.
"""

import re
from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable
from typing import cast

import aiohttp
from aiohttp.abc import AbstractResolver
from aiohttp.connector import Connection
from aiohttp.http import HttpVersion11, RawResponseMessage
from aiohttp.streams import EMPTY_PAYLOAD
from cachetools import LRUCache
from yarl import URL

from policies.egress import EgressPolicy
from policies.http.fields import Fields, as_mapping
from proxy.http.headers import from_upstream
from proxy.upstream.content import Content, Undoing, is_undone
from proxy.upstream.http_client import Connector, Wire
from proxy.upstream.leading import EgressRefused, is_allowed, lead_by
from proxy.upstream.messages import Outgoing, TooLarge

MOST_FIELDS = 1_000  # of one answer
MOST_INFORMATIONAL = 64  # answers before the final one

_ORIGIN_AND_TARGET = re.compile(r"(https?://[^/?#]+)([^#]*)")  # a fragment is never sent (RFC 9110 §7.1)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 §5.6.2
_DIGITS = re.compile(r"[0-9]{1,18}")
_EXPECT_CONTENT = frozenset({"PATCH", "POST", "PUT"})
_WRITTEN_HERE = frozenset({"connection", "content-length", "host", "transfer-encoding"})
_NO_CONTENT = frozenset({204, 304})  # RFC 9112 §6.3 rule 1
_ORIGINS = 256  # remembered; an upstream has one, or one for each API


_UNTIMED = aiohttp.ClientTimeout()  # whoever asks sees to the time
_NOTHING = Content(EMPTY_PAYLOAD, None, 0)


class BrokenAnswer(Exception):
    """What came is no answer, or one whose end cannot be told for sure."""


class Connections:
    """Connections to all upstreams. Made inside the event loop. `reuse`: one may carry one request after the other."""

    def __init__(self, *, reuse: bool, max_head: int, resolver: AbstractResolver | None = None) -> None:
        self._max_head = max_head
        self._connector = Connector(reuse=reuse, resolver=resolver)
        self._origins: LRUCache[str, aiohttp.ClientRequest] = LRUCache(_ORIGINS)

    async def close(self) -> None:
        """Close every connection."""
        await self._connector.close()

    async def connect(self, outgoing: Outgoing) -> "Exchange":
        """A connection for this request; nothing is sent yet. Raises aiohttp.ClientError, OSError and EgressRefused,
        and ValueError where the request's parts cannot stand in a head; it quotes none of them.
        """
        origin, target = self._split(outgoing.url)
        head = head_of(outgoing, target, origin.headers["Host"], last=self._connector.force_close)
        connection = await self._connected(origin, outgoing.egress)
        wire = cast(Wire, connection.protocol)
        wire.set_response_params(
            skip_payload=outgoing.method == "HEAD",
            read_until_eof=True,
            auto_decompress=False,  # aiohttp undoes a gzip that lacks its end without a word
            read_timeout=None,  # until the head is here, whoever waits for it sees to the time
            max_line_size=self._max_head,
            max_field_size=self._max_head,
            max_headers=MOST_FIELDS,
        )
        return Exchange(connection, wire, outgoing, head)

    async def _connected(self, origin: aiohttp.ClientRequest, policy: EgressPolicy) -> Connection:
        """A connection to where the policy lets it lead. One that was kept, and does not, makes way for a new one."""
        lead_by(policy)
        while True:
            try:
                connection = await self._connector.connect(origin, [], _UNTIMED)
            except ValueError as error:
                raise OSError("a host that no resolver takes") from error
            wire = cast(Wire, connection.protocol)
            if wire.allowed_by is policy or is_allowed(policy, origin.url.raw_host or "", wire.peer):
                wire.allowed_by = policy
                return connection
            connection.close()
            if not wire.is_kept:
                raise EgressRefused("a connection to where this host may not lead")

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
        self._ending: TimerHandle | None = None
        self._is_head = outgoing.method == "HEAD"
        self._decodes = outgoing.decode
        self._most = outgoing.egress.max_body
        self.content = _NOTHING
        self.status = 0
        self.fields: Fields = ()  # as they came
        self.length: int | None = None  # what Content-Length says
        self.is_decoded = False  # a content coding was taken off

    @property
    def has_body(self) -> bool:
        """Whether the answer is of a kind that may have content (RFC 9110 §6.4.1)."""
        return not (self._is_head or self.status in _NO_CONTENT)

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

    async def head(self, informational: Callable[[int, Fields], None] | None) -> None:
        """Wait for the head of the final answer; `informational` is told of those before it, but for 100, which answers
        an Expect that was not sent (RFC 9110 §15.2). Raises BrokenAnswer, TooLarge, HttpProcessingError,
        aiohttp.ClientError, OSError.
        """
        for _ in range(MOST_INFORMATIONAL + 1):
            message, content = await self._wire.read()
            fields = _fields_of(message)
            length = _length_of(message, fields)
            if message.code >= 200:
                self.status, self.fields, self.length = message.code, fields, length
                if self.has_body and (length or 0) > self._most:
                    raise TooLarge
                self.content = Content(content, self._undoing(), self._most)
                content.on_eof(self._ended)
                return
            if message.code != 100 and informational is not None:
                informational(message.code, from_upstream(fields))
        raise BrokenAnswer("one interim answer after the other")

    def bear(self, pause: float, whole: float) -> None:
        """From now on a pause in the answer may last so many seconds, and what is left of it so many."""
        self._wire.read_timeout = pause
        self._wire.start_timeout()
        if self._connection is not None:
            self._ending = get_running_loop().call_later(whole, self.close)

    def close(self) -> None:
        """Let go. A connection whose answer has not come to its end is of no use to others."""
        if self._connection is not None:
            self._drop(self._connection)

    def _undoing(self) -> Undoing | None:
        """What takes the content coding off. A part of what is coded stays as it is (RFC 9110 §14.1.2)."""
        if not self._decodes or self.status == 206:
            return None
        coding = as_mapping(self.fields).get("content-encoding")
        if coding is None or not is_undone(coding):
            return None
        self.is_decoded = True
        return Undoing(coding)

    def _ended(self) -> None:
        """The answer has come to its end."""
        connection = self._connection
        if connection is None:
            return
        self._stop_ending()
        self._wire.is_asked = False
        transport = connection.transport
        if transport is None or transport.get_write_buffer_size():  # an answer that did not wait for its request
            self._drop(connection)
        else:
            self._connection, self._wire.is_kept = None, True
            connection.release()

    def _stop_ending(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _drop(self, connection: Connection) -> None:
        self._stop_ending()
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
        [
            (name.decode("latin-1").rstrip(), value.decode("utf-8", "surrogateescape"))
            for name, value in message.raw_headers
        ]
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
