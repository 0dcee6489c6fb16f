"""How a fault looks on the wire: closed connections, cut bodies, and each upstream's own words for an error."""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from sandbox.canvas import answers as canvas_answers
from sandbox.faults import Fault, FaultPlan
from sandbox.state import Sandbox

Answer = Callable[[], Awaitable[web.StreamResponse]]
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
CHUNK = 64
LOOK_AGAIN = 0.2  # seconds between two looks whether a caller that hangs has left

GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


async def answer_with(
    faults: list[Fault], request: web.Request, sandbox: Sandbox, real: Answer, path: str
) -> web.StreamResponse:
    """Lets the faults act in their order; the last one, or the real upstream, answers."""
    for fault in faults:
        plan = fault.plan
        match plan.kind:
            case "latency":
                await sandbox.sleep(plan.seconds)
            case "hang":
                await _until_cleared_or_left(fault, request)
                return _gone(request, with_reset=False)
            case "down" | "reset":
                return _gone(request, with_reset=plan.kind == "reset")
            case "reset_mid_body":
                return await _cut_off(request, await real())
            case "malformed":
                return _half(await real())
            case "chunked":
                return await _in_chunks(request, await real())
            case _:
                return _scripted(plan, sandbox, path)
    return await real()


async def _until_cleared_or_left(fault: Fault, request: web.Request) -> None:
    while not fault.cleared.is_set() and request.transport is not None and not request.transport.is_closing():
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await fault.cleared.wait()
        except TimeoutError:
            continue  # look again whether the caller is still there


def _gone(request: web.Request, *, with_reset: bool) -> web.Response:
    """Ends the connection; what is returned can no longer be written."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if with_reset and connection is not None:
            # Linger 0: close() then sends RST and drops what is unsent (socket(7), SO_LINGER).
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=500)


def _body(answer: web.StreamResponse) -> bytes:
    body = getattr(answer, "body", None)
    return body if isinstance(body, bytes) else b""


def _framed_anew(answer: web.StreamResponse) -> web.StreamResponse:
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.StreamResponse(status=answer.status, headers=headers)


async def _cut_off(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = _body(answer)
    partial = _framed_anew(answer)
    partial.content_length = len(body) + 1  # an empty body must be cut too
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    await asyncio.sleep(0)  # the half that was promised leaves before the reset
    _gone(request, with_reset=True)
    return partial


def _half(answer: web.StreamResponse) -> web.Response:
    body = _body(answer)
    headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
    return web.Response(status=answer.status, headers=headers, body=body[: len(body) // 2])


async def _in_chunks(request: web.Request, answer: web.StreamResponse) -> web.StreamResponse:
    body = _body(answer)
    chunked = _framed_anew(answer)
    chunked.enable_chunked_encoding()
    await chunked.prepare(request)
    for start in range(0, len(body), CHUNK):
        await chunked.write(body[start : start + CHUNK])
    await chunked.write_eof()
    return chunked


def _scripted(plan: FaultPlan, sandbox: Sandbox, path: str) -> web.Response:
    headers = plan.headers or {}
    match plan.kind:
        case "html_502":
            return web.Response(status=502, text=HTML_502, content_type="text/html", headers=headers)
        case "empty_list":
            return web.json_response([], headers=headers)
        case "throttle":
            return throttled(plan, sandbox, path)
        case _:
            return _status(plan)


def throttled(plan: FaultPlan, sandbox: Sandbox, path: str) -> web.Response:
    """Each upstream's way to say "slow down": UPSTREAMS.md §2.5, §4.5, §5.3, §5.5."""
    if plan.upstream == "courseworks":
        answer = canvas_answers.throttled(sandbox.canvas.settings.throttle_status)
        answer.headers.update(plan.headers or {})
        return answer
    if plan.upstream == "smartystreets":
        # `"headers": {}` leaves Retry-After out: the SDK then dies, as with the real thing (UPSTREAMS.md §1.7).
        headers = {"retry-after": "1"} if plan.headers is None else plan.headers
        return web.json_response({"errors": [{"message": "Too many requests."}]}, status=429, headers=headers)
    if path.startswith("/maps/api/"):
        body = {"results": [], "status": "OVER_QUERY_LIMIT", "error_message": "You have exceeded your rate-limit."}
        return web.json_response(body, headers=plan.headers)
    return web.json_response(_error_body("google", 429), status=429, headers=plan.headers)


def _status(plan: FaultPlan) -> web.Response:
    headers = plan.headers or {}
    if isinstance(plan.body, str):
        return web.Response(status=plan.status, text=plan.body, headers=headers)
    if plan.body is None and plan.status in (204, 304):
        return web.Response(status=plan.status, headers=headers)
    body = _error_body(plan.upstream, plan.status) if plan.body is None else plan.body
    return web.Response(
        status=plan.status, text=json.dumps(body), headers={"content-type": "application/json", **headers}
    )


def _error_body(upstream: str, status: int) -> dict[str, Any]:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    if upstream == "google":
        return {"error": {"code": status, "message": phrase, "status": GOOGLE_STATUS.get(status, "UNKNOWN")}}
    if upstream == "courseworks":
        return canvas_answers.error_body(status)
    return {"errors": [{"message": phrase}]}
