"""How a fault looks on the wire: closed connections, broken bodies, and each upstream's own words for an error."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web

from sandbox.breaking import broken, gone, until_cleared_or_left
from sandbox.canvas import answers as canvas_answers
from sandbox.faults import Fault, FaultPlan
from sandbox.google import rpc
from sandbox.google.troubles import Trouble
from sandbox.state import Sandbox

Answer = Callable[[], Awaitable[web.StreamResponse]]
HTML_502 = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"

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
                await until_cleared_or_left(fault, request)
                return gone(request, with_reset=False)
            case "down" | "reset":
                return gone(request, with_reset=plan.kind == "reset")
            case "status" | "html_502" | "empty_list" | "throttle":
                return _scripted(plan, sandbox, path)
            case _:
                return await broken(fault, request, await real(), sandbox)
    return await real()


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
        known = plan.status in canvas_answers.THROTTLED_REASON
        answer = canvas_answers.throttled(plan.status if known else sandbox.canvas.settings.throttle_status)
        answer.headers.update(plan.headers or {})
        return answer
    if plan.upstream == "smartystreets":
        # `"headers": {}` leaves Retry-After out: the SDK then dies, as with the real thing (UPSTREAMS.md §1.7).
        headers = {"retry-after": "1"} if plan.headers is None else plan.headers
        return web.json_response({"errors": [{"message": "Too many requests."}]}, status=429, headers=headers)
    if path.startswith("/maps/api/"):
        body = {"results": [], "status": "OVER_QUERY_LIMIT", "error_message": "You have exceeded your rate-limit."}
        return web.json_response(body, headers=plan.headers)
    service = "addressvalidation" if path.endswith(":validateAddress") else "places"
    switches = sandbox.google.settings
    failure = rpc.failure(Trouble.OVER_QUERY_LIMIT, f"{service}.googleapis.com", retry_info=switches.retry_info)
    return web.json_response(failure.body, status=failure.code, headers=plan.headers)


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
