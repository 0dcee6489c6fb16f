"""An origin that keeps what it sees, a Larder in front of it, and what of the one request leads to which sight.

`surveyed` asks a base request and many that differ from it in one input: each with an empty cache, to learn what the
upstream sees of it, and then all after one another, in both orders, with the cache as the others left it. Where an
answer came from an entry for which the upstream had seen something else, that is a breach. `read` says what counts as
something else.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from proxy.larder import Larder
from proxy.messages import ALL
from proxy.store.fences import Mode
from tests.house import Clock, running_larder

Lines = tuple[tuple[str, str], ...]  # header fields as they stand on the wire, in order

OUR_OWN = frozenset({"host", "traceparent", "via"})  # Larder's words to the upstream about the hop, not about the wish
END = b"\r\n\r\n"


class Wish(NamedTuple):
    """A request to Larder, octet for octet."""

    method: str
    path: str
    query: str = ""
    lines: Lines = ()
    body: bytes = b""

    def octets(self, port: int) -> bytes:
        """The request as it is sent; its Host and length are added where it does not say them itself."""
        said = {name.lower() for name, _ in self.lines}
        lines = [] if "host" in said else [("Host", f"127.0.0.1:{port}")]
        lines += self.lines
        if (self.body or self.method == "POST") and said.isdisjoint({"content-length", "transfer-encoding"}):
            lines.append(("Content-Length", str(len(self.body))))
        target = f"{self.path}?{self.query}" if self.query else self.path
        head = [f"{self.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in lines)]
        return "\r\n".join(head).encode("utf-8") + END + self.body


class Sight(NamedTuple):
    """A request as the upstream sees it, less what Larder says for itself."""

    method: str
    target: str
    lines: Lines
    body: bytes


Read = Callable[[Sight], object]


class Breach(NamedTuple):
    """An answer that was made for another sight. `varied`: the wish that the upstream sees otherwise than the base."""

    varied: str
    asked: str
    made_for: str


@dataclass
class Survey:
    """What became of the wishes about one endpoint."""

    cold: dict[str, Sight] = field(default_factory=dict)  # what the upstream sees of each, with nothing stored
    refused: set[str] = field(default_factory=set)  # by Larder itself
    given: list[tuple[str, str]] = field(default_factory=list)  # who was given whose answer
    breaches: set[Breach] = field(default_factory=set)

    def note(self, asked: str, made_for: str, seen: Sight, read: Read) -> None:
        """One wish was given the answer that was made for another one, for which the upstream had `seen` this."""
        self.given.append((asked, made_for))
        own = read(self.cold[asked])
        if own != read(seen):
            self.breaches.add(Breach(made_for if own == read(self.cold["base"]) else asked, asked, made_for))


@dataclass
class Scene:
    """A Larder, the origin behind it, and one caller's connection."""

    larder: Larder
    sights: list[Sight]
    wires: "Wires"

    async def ask(self, wish: Wish) -> int | None:
        """One wish: the number of the sight for which its answer was made; None where Larder refused it."""
        return await self.wires.call(wish, self.larder.listener.port)

    async def sight_of(self, wish: Wish) -> Sight:
        """What the upstream sees of a wish when nothing is stored."""
        await self.flush()
        before = len(self.sights)
        number = await self.ask(wish)
        assert number is not None
        assert number >= before, "something was stored"
        return self.sights[number]

    async def flush(self) -> None:
        """Empty the cache, once nobody is at work on it."""
        await self.larder.engine.drain()
        await self.larder.purger.purge([ALL], Mode.HARD)


class Wires:
    """A caller's connection, made anew whenever Larder closed it."""

    def __init__(self) -> None:
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def call(self, wish: Wish, port: int) -> int | None:
        """Send a wish, and read its final answer to the end: what the origin wrote on it."""
        reader, writer = self._open or await asyncio.open_connection("127.0.0.1", port)
        self._open = reader, writer
        writer.write(wish.octets(port))
        status = 100
        while status < 200:
            start, lines = await _head(reader)
            status = int(start.split(" ")[1])
        fields = {name.lower(): value for name, value in lines}
        if wish.method != "HEAD" and status not in (204, 304):
            await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            await self.close()
        return int(fields["x-answer"]) if "x-answer" in fields else None

    async def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            _, writer = self._open
            self._open = None
            writer.close()
            await writer.wait_closed()


@asynccontextmanager
async def scene(config: Callable[[str], Mapping[str, Any]], samples: Callable[[str], bytes]) -> AsyncIterator[Scene]:
    """A scene whose Larder's config knows the origin's URL; `samples` gives the body for a target."""
    sights: list[Sight] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                sight = await _sight(reader)
                sights.append(sight)
                body = b"" if sight.method == "HEAD" else samples(sight.target)
                head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Answer: {len(sights) - 1}\r\n"
                writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()  # Larder let go of the connection

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    wires = Wires()
    try:
        async with running_larder(dict(config(f"http://127.0.0.1:{port}")), Clock().clocks) as (larder, _):
            yield Scene(larder, sights, wires)
            await wires.close()
    finally:
        server.close()


async def surveyed(there: Scene, base: Wish, varied: Mapping[str, Wish], read: Read) -> Survey:
    """What the upstream sees of the base request and its variations, and who is given whose answer."""
    survey = Survey()
    wishes = {"base": base, **varied}
    given: list[tuple[str, str, Sight]] = []
    for order in (list(wishes), list(reversed(wishes))):
        await there.flush()
        made_for: dict[int, str] = {}
        for name in order:
            number = await there.ask(wishes[name])
            if number is None:
                survey.refused.add(name)
            elif made_for.setdefault(number, name) == name:
                survey.cold[name] = there.sights[number]
            else:
                given.append((name, made_for[number], there.sights[number]))
    for name in wishes.keys() - survey.cold.keys() - survey.refused:
        survey.cold[name] = await there.sight_of(wishes[name])
    for name, owner, sight in given:
        survey.note(name, owner, sight, read)
    return survey


async def _sight(reader: asyncio.StreamReader) -> Sight:
    start, lines = await _head(reader)
    method, target, _ = start.split(" ")
    length = next((int(value) for name, value in lines if name.lower() == "content-length"), 0)
    body = await reader.readexactly(length)
    return Sight(method, target, tuple(line for line in lines if line[0].lower() not in OUR_OWN), body)


async def _head(reader: asyncio.StreamReader) -> tuple[str, Lines]:
    text = (await reader.readuntil(END)).removesuffix(END).decode("latin-1")
    start, *lines = text.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return start, tuple((name, value.strip(" \t")) for name, _, value in pairs)
