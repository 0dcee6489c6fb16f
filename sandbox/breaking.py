"""Bodies that go wrong on their way: cut off, dripping, hanging, without an end, larger than they look."""

import asyncio
import gzip
import socket
import struct
import zlib
from collections.abc import AsyncIterator

from aiohttp import web

from sandbox.faults import Fault, FaultPlan
from sandbox.state import Sandbox

SMALL = 64  # bytes of a chunk where there are to be many
LARGE = 64 * 1024
LOOK_AGAIN = 0.2  # seconds between two looks whether a caller that hangs has left

_GZIP = 31  # wbits


def gone(request: web.Request, *, with_reset: bool) -> web.Response:
    """Ends the connection; what is returned can no longer be written."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if with_reset and connection is not None:
            # Linger 0: close() then sends RST and drops what is unsent (socket(7), SO_LINGER).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)


async def until_cleared_or_left(fault: Fault, request: web.Request) -> None:
    """As long as the fault is in force and the caller there."""
    while not fault.cleared.is_set() and not _has_left(request):
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await fault.cleared.wait()
        except TimeoutError:
            continue  # look again whether the caller is still there


async def broken(
    fault: Fault, request: web.Request, answer: web.StreamResponse, sandbox: Sandbox
) -> web.StreamResponse:
    """The real answer, with what the fault makes of its body."""
    plan = fault.plan
    match plan.kind:
        case "malformed":
            return _half(answer)
        case "truncated_gzip":
            return await _without_its_end(request, answer)
        case "chunked":
            return await _in_chunks(request, answer)
        case "drip":
            return await _dripping(fault, request, answer, sandbox)
        case "bomb":
            return await _chunks(request, _framed_anew(answer, coding="gzip"), _grown(plan))
        case "endless":
            return await _chunks(request, _framed_anew(answer), _without_end(fault))
        case _:
            return await _stopped(fault, request, answer)


async def _stopped(fault: Fault, request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    """The head, or the head and half a body, and then a reset or nothing."""
    kind, body = fault.plan.kind, _body(answer)
    partial = _framed_anew(answer)
    partial.content_length = len(body) + 1  # an empty body must be cut too
    await partial.prepare(request)
    if kind.endswith("_mid_body"):
        await partial.write(body[: len(body) // 2])
    await asyncio.sleep(0)  # what was promised leaves before the reset
    if kind.startswith("hang_"):
        await until_cleared_or_left(fault, request)
    gone(request, with_reset=kind.startswith("reset_"))
    return partial


def _half(answer: web.StreamResponse) -> web.Response:
    body = _body(answer)
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.Response(status=answer.status, headers=headers, body=body[: len(body) // 2])


async def _without_its_end(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = gzip.compress(_body(answer), mtime=0)
    cut = _framed_anew(answer, coding="gzip")
    cut.content_length = len(body) // 2
    await cut.prepare(request)
    await cut.write(body[: len(body) // 2])
    await cut.write_eof()
    return cut


async def _in_chunks(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = _body(answer)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), SMALL):
            yield body[start : start + SMALL]

    return await _chunks(request, _framed_anew(answer), pieces())


async def _dripping(
    fault: Fault, request: web.Request, answer: web.StreamResponse, sandbox: Sandbox
) -> web.StreamResponse:
    """A byte, a wait, a byte; when the fault is cleared, all the rest."""
    body = _body(answer)
    slow = _framed_anew(answer)
    slow.content_length = len(body)
    await slow.prepare(request)
    try:
        for at in range(len(body)):
            if fault.cleared.is_set():
                await slow.write(body[at:])
                break
            await slow.write(body[at : at + 1])
            await sandbox.sleep(fault.plan.seconds)
        await slow.write_eof()
    except ConnectionError:
        pass  # the caller left
    return slow


async def _grown(plan: FaultPlan) -> AsyncIterator[bytes]:
    """A gzip of an empty JSON list, behind so many spaces that it has `size` bytes; about a thousandth of them."""
    packer = zlib.compressobj(wbits=_GZIP)
    left = plan.size - 2
    while left > 0:
        yield packer.compress(b" " * min(left, LARGE))
        left -= LARGE
    yield packer.compress(b"[]") + packer.flush()


async def _without_end(fault: Fault) -> AsyncIterator[bytes]:
    while not fault.cleared.is_set():
        yield b" " * LARGE


async def _chunks(request: web.Request, answer: web.StreamResponse, pieces: AsyncIterator[bytes]) -> web.StreamResponse:
    """An answer in these chunks, for as long as the caller takes them."""
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    try:
        async for piece in pieces:
            await answer.write(piece)
            await asyncio.sleep(0)  # what is made quickly leaves room for others
            if _has_left(request):
                return answer
        await answer.write_eof()
    except ConnectionError:
        pass  # the caller left
    return answer


def _has_left(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _body(answer: web.StreamResponse) -> bytes:
    body = getattr(answer, "body", None)
    return body if isinstance(body, bytes) else b""


def _framed_anew(answer: web.StreamResponse, coding: str | None = None) -> web.StreamResponse:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    if coding is not None:
        headers["Content-Encoding"] = coding
    return web.StreamResponse(status=answer.status, headers=headers)
