"""Raw sockets on both sides of Larder: a caller that sends any bytes, and an origin that keeps what it is sent."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

END = b"\r\n\r\n"
PATIENCE = 10.0  # seconds until a test that waits for bytes in vain fails


class Message(NamedTuple):
    """A request or an answer, taken apart by nobody's parser."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes

    @property
    def status(self) -> int:
        return int(self.line.split(" ")[1])

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def one(self, name: str) -> str:
        [value] = self.all(name)
        return value


async def read_message(reader: asyncio.StreamReader, *, may_have_body: bool = True) -> Message:
    """The next message. Raises IncompleteReadError when it is none, or not whole."""
    lines = (await reader.readuntil(END)).decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    fields = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    message = Message(lines[0], fields, b"")
    return message._replace(body=await _body(reader, message)) if may_have_body else message


async def _body(reader: asyncio.StreamReader, head: Message) -> bytes:
    is_answer = head.line.startswith("HTTP/")
    if is_answer and (head.status < 200 or head.status in (204, 304)):
        return b""
    if head.all("Transfer-Encoding"):
        body = b""
        while size := int(await reader.readuntil(b"\r\n"), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readuntil(b"\r\n")
        return body
    if head.all("Content-Length"):
        return await reader.readexactly(int(head.one("Content-Length")))
    return await reader.read() if is_answer else b""


@dataclass
class Caller:
    """One connection to Larder."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, *, may_have_body: bool = True) -> Message:
        async with asyncio.timeout(PATIENCE):
            return await read_message(self.reader, may_have_body=may_have_body)

    async def answers(self) -> list[Message]:
        """Every answer, until Larder closes."""
        found = []
        async with asyncio.timeout(PATIENCE):
            while not self.reader.at_eof():
                try:
                    found.append(await read_message(self.reader))
                except asyncio.IncompleteReadError as ended:
                    if ended.partial:
                        raise
                except ConnectionResetError:
                    break
        return found

    async def rest(self) -> bytes:
        """Every byte, until Larder closes or aborts."""
        got = b""
        async with asyncio.timeout(PATIENCE):
            try:
                while data := await self.reader.read(65_536):
                    got += data
            except ConnectionResetError:
                return got
        return got


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    """A connection to Larder."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.close()


def ok(body: bytes = b"hello", *fields: str) -> bytes:
    """A 200 with these header lines."""
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body)}", *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


Script = Callable[[Message], bytes | AsyncIterator[bytes]]
"""What is said to a request: bytes at once, or one piece after the other."""


@dataclass
class Origin:
    """An upstream."""

    say: Script
    url: str = ""
    seen: list[Message] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                request = await read_message(reader)
                self.seen.append(request)
                said = self.say(request)
                if isinstance(said, bytes):
                    writer.write(said)
                else:
                    async for piece in said:
                        writer.write(piece)
                        await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # Larder let go of the connection
        finally:
            writer.close()


@asynccontextmanager
async def raw_origin(say: Script) -> AsyncIterator[Origin]:
    """An origin on a port of its own."""
    origin = Origin(say)
    server = await asyncio.start_server(origin.serve, "127.0.0.1", 0)
    origin.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield origin
    finally:
        server.close()


def mirror(url: str, **more: object) -> dict[str, object]:
    """The config of an upstream that is cached by its own header fields."""
    return {"upstreams": {"mirror": {"adapter": "http", "base_url": url, **more}}}


def get(target: str, *lines: str, host: str = "localhost") -> bytes:
    """A plain GET with these header lines."""
    return "\r\n".join([f"GET {target} HTTP/1.1", f"Host: {host}", *lines, "", ""]).encode("latin-1")
