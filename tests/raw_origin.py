"""An origin that speaks octets: it says a script's segments to each request, right or wrong, and keeps what it read."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum


class End(Enum):
    """How a connection ends."""

    FIN = "closed"
    RST = "reset"


Step = bytes | End | Callable[[], Awaitable[object]]
"""A segment, an end, or something to wait for."""

TURNS = 10  # of the event loop, after which what was written to a loopback socket has been read at its other end


async def turns(count: int = TURNS) -> None:
    """Let everybody else go on."""
    for _ in range(count):
        await asyncio.sleep(0)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what must come."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@dataclass
class RawOrigin:
    """Answers one request after the other with the next script, the last one for ever."""

    scripts: list[tuple[Step, ...]]
    port: int = 0
    seen: list[bytes] = field(default_factory=list)  # whole requests
    connections: int = 0
    gone: int = 0  # connections that came to their end
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.ensure_future(self._talk(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (request := await _request(reader)) is not None:
                self.seen.append(request)
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                if not await _say(script, writer):
                    return
        except ConnectionError:
            pass
        finally:
            self.gone += 1
            writer.close()


@asynccontextmanager
async def raw_origin(*scripts: Step | tuple[Step, ...]) -> AsyncIterator[RawOrigin]:
    """An origin with these scripts, one for each request; a lone segment is a script too."""
    there = RawOrigin([script if isinstance(script, tuple) else (script,) for script in scripts])
    server = await asyncio.start_server(there.connected, "127.0.0.1", 0, limit=2**24)
    there.port = server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        server.close()
        await there.stop()
        await turns()


async def _request(reader: asyncio.StreamReader) -> bytes | None:
    """The next request, by its Content-Length; None where there is no more."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        return head + await reader.readexactly(int(lengths[0]) if lengths else 0)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


async def _say(script: tuple[Step, ...], writer: asyncio.StreamWriter) -> bool:
    """Say it; whether the connection goes on."""
    for step in script:
        match step:
            case bytes():
                writer.write(step)
                await writer.drain()
                await turns()
            case End.FIN:
                return False
            case End.RST:
                linger = struct.pack("ii", 1, 0)  # closing sends a reset
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                writer.transport.abort()
                return False
            case _:
                await step()
    return True
