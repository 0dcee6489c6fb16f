"""A Transport in front of an origin, and what one wants to say with it in few words."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from proxy.upstream.messages import BrokenBody, Outgoing, Reply, TransportError
from proxy.upstream.transport import Transport
from tests.raw_origin import turns

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT
ALL = 10_000_000  # bytes: any body in these tests is read whole


@dataclass
class Line:
    """Calls one origin. `read`: how many bytes of a body, as ReadUpTo has it."""

    transport: Transport
    url: str
    times: list[float]

    async def __call__(
        self,
        method: str = "GET",
        target: str = "/x",
        *fields: tuple[str, str],
        read: int | Callable[[int, Mapping[str, str]], int] = ALL,
        patience: float = 5,
        **more: Any,
    ) -> Reply:
        more = {"body": b"", "is_safe": True, "decode": False, **more}
        outgoing = Outgoing(method=method, url=more.pop("url", self.url) + target, fields=fields, **more)
        return await self.transport.send(outgoing, patience, read if callable(read) else lambda status, headers: read)

    async def failure(self, *arguments: Any, **options: Any) -> tuple[str, bool]:
        """The kind of a call's failure, and whether the upstream may have seen the request."""
        try:
            reply = await self(*arguments, **options)
        except TransportError as error:
            return error.kind, error.sent
        raise AssertionError(f"it went well: {reply}")


@asynccontextmanager
async def line(url: str, **options: Any) -> AsyncIterator[Line]:
    """A line to an origin."""
    times = [NOW]
    transport = Transport(clock=lambda: times.pop(0) if len(times) > 1 else times[0], **options)
    await transport.open()
    try:
        yield Line(transport, url, times)
    finally:
        await transport.close()


class Time:
    """The event loop's time, which can be made to pass."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        real = loop.time
        self._passed = 0.0
        monkeypatch.setattr(loop, "time", lambda: real() + self._passed)

    def passing(self, seconds: float) -> Callable[[], Awaitable[None]]:
        """So much time, when it is waited for."""

        async def passing() -> None:
            self._passed += seconds
            await turns()

        return passing


async def body_of(reply: Reply) -> bytes | None:
    """The whole body, read or streamed; None where it broke off."""
    if reply.stream is None:
        return reply.body
    body, whole = await streamed(reply)
    return body if whole else None


async def streamed(reply: Reply) -> tuple[bytes, bool]:
    """What came of a stream, and whether it was whole."""
    assert reply.stream is not None
    came = bytearray()
    try:
        async for chunk in reply.stream:
            came += chunk
    except BrokenBody:
        return bytes(came), False
    finally:
        await reply.stream.close()
    return bytes(came), True
