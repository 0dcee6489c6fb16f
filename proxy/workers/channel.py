"""A channel: messages both ways between a supervisor and one worker, over a socketpair that dies with either of them.

length (4 bytes, big-endian) · msgpack
"""

import asyncio
import socket
from contextlib import suppress
from typing import Any, Generic, TypeVar

import msgspec

from proxy.workers.control import Order, Word

MOST = 64 * 1024 * 1024  # bytes of a message: what is longer was never sent by one of us

_PREFIX = 4

Heard = TypeVar("Heard")


class Channel(Generic[Heard]):
    """One end. `hear` from one task only; `say` from any."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, heard: Any) -> None:
        """`heard` is the type of the messages that come in."""
        self._reader = reader
        self._writer = writer
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(heard).decode

    async def hear(self) -> Heard | None:
        """The next message; None when the other side is gone, or says what nobody here understands."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_PREFIX), "big")
            if length > MOST:
                return None
            message: Heard = self._decode(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError, msgspec.DecodeError):
            return None
        return message

    async def say(self, message: Order | Word) -> bool:
        """Send a message, as fast as the other side reads; False when it is gone, which `hear` says too."""
        if self._writer.is_closing():
            return False
        data = self._encode(message)
        self._writer.write(len(data).to_bytes(_PREFIX, "big") + data)
        try:
            await self._writer.drain()
        except OSError:
            return False
        return True

    async def close(self) -> None:
        """Let go of this end."""
        self._writer.close()
        with suppress(OSError):  # the other side went first
            await self._writer.wait_closed()


async def to_supervisor(end: socket.socket) -> Channel[Order]:
    """A worker's end."""
    reader, writer = await asyncio.open_unix_connection(sock=end)
    return Channel(reader, writer, Order)


async def to_worker(end: socket.socket) -> Channel[Word]:
    """A supervisor's end."""
    reader, writer = await asyncio.open_unix_connection(sock=end)
    return Channel(reader, writer, Word)
