"""An origin and a caller on raw sockets, so that every byte of a message is the script's own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.origin import Seen

Lines = list[tuple[str, str]]  # header fields as they stand on the wire, in order

_PATIENCE = 20  # seconds of real time: an answer that never ends fails its rule, not the whole run


@dataclass
class Got:
    """An answer as it came, to its end or to where it broke off."""

    status: int
    lines: Lines
    body: bytes = b""
    is_complete: bool = True

    def value(self, name: str) -> str | None:
        """All lines of a field as one (RFC 9110 §5.3); None where there is none."""
        found = [value for key, value in self.lines if key.lower() == name.lower()]
        return ", ".join(found) if found else None


@dataclass
class RawOrigin:
    """Writes what `answer` makes of a request: the bytes, and whether the connection stays open after them."""

    answer: Callable[[Seen], tuple[bytes, bool]]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request by request."""
        self._writers.add(writer)
        try:
            stays = True
            while stays and (seen := await _request(reader)) is not None:
                self.seen.append(seen)
                data, stays = self.answer(seen)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass  # Larder may leave whenever it likes; what it asked has been noted
        finally:
            self._writers.discard(writer)
            writer.close()

    def leave(self) -> None:
        """Drop every connection."""
        for writer in self._writers:
            writer.transport.abort()


@asynccontextmanager
async def raw_origin(answer: Callable[[Seen], tuple[bytes, bool]]) -> AsyncIterator[RawOrigin]:
    """An origin on a port of its own."""
    made = RawOrigin(answer)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield made
    finally:
        server.close()
        made.leave()
        await server.wait_closed()


async def call(port: int, method: str, target: str, lines: Lines, body: bytes = b"") -> Got:
    """One request on a connection of its own, and its final answer."""
    if body or method in ("POST", "PUT", "PATCH"):
        lines = [*lines, ("Content-Length", str(len(body)))]
    head = "".join(f"{name}: {value}\r\n" for name, value in [("Host", f"127.0.0.1:{port}"), *lines])
    async with asyncio.timeout(_PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body)
            return await _answer(reader, method)
        finally:
            writer.close()
            await writer.wait_closed()


async def _request(reader: asyncio.StreamReader) -> Seen | None:
    try:
        start, lines = await _head(reader)
    except asyncio.IncompleteReadError:
        return None
    method, target, _ = start.split(" ")
    seen = Seen(method, target, lines, b"")
    length = seen.all("Content-Length")
    if seen.all("Transfer-Encoding"):
        seen.body = await _chunks(reader, bytearray())
    elif length:
        seen.body = await reader.readexactly(int(length[0]))
    return seen


async def _answer(reader: asyncio.StreamReader, method: str) -> Got:
    got = Got(100, [])
    while got.status < 200:
        start, lines = await _head(reader)
        got = Got(int(start.split(" ")[1]), lines)
    if method == "HEAD" or got.status in (204, 304):
        return got
    came = bytearray()
    try:
        got.body = await _body(reader, got, came)
    except (
        asyncio.IncompleteReadError,
        ConnectionError,
        ValueError,
    ) as error:  # ValueError: no chunk where one should be
        rest = error.partial if isinstance(error, asyncio.IncompleteReadError) else b""
        got.body, got.is_complete = bytes(came + rest), False
    return got


async def _body(reader: asyncio.StreamReader, got: Got, came: bytearray) -> bytes:
    length = got.value("Content-Length")
    if got.value("Transfer-Encoding") is not None:
        return await _chunks(reader, came)
    if length is not None:
        return await reader.readexactly(int(length))
    return await reader.read()


async def _head(reader: asyncio.StreamReader) -> tuple[str, Lines]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8", "surrogateescape")
    start, *lines = text.removesuffix("\r\n\r\n").split("\r\n")
    pairs = [line.partition(":") for line in lines]
    return start, [(name, value.strip(" \t")) for name, _, value in pairs]


async def _chunks(reader: asyncio.StreamReader, came: bytearray) -> bytes:
    """A chunked body, `came` filled as it comes; trailer fields are read over."""
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        came += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
    return bytes(came)
