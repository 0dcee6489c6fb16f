"""How Canvas answers: JSON with a weak ETag, and each error in the words SDKs match on (UPSTREAMS.md §2.6, §2.7)."""

import hashlib
import json
from http import HTTPStatus
from typing import Any

from aiohttp import web

REVALIDATE = "max-age=0, private, must-revalidate"
STRING_IDS = "application/json+canvas-string-ids"
REALM = 'Bearer realm="canvas-lms"'
THROTTLED_REASON = {429: "Too Many Requests", 403: "Forbidden"}


class Refused(Exception):
    """An answer that is not a success; raised where it is decided, rendered in `routes`."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"refused with {status}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def message(text: str, **more: Any) -> dict[str, Any]:
    return {**more, "errors": [{"message": text}]}


def not_found() -> Refused:
    return Refused(404, message("The specified resource does not exist."))


def no_token() -> Refused:
    body = message("user authorization required", status="unauthenticated")
    return Refused(401, body, {"www-authenticate": REALM})


def bad_token(text: str = "Invalid access token.", **more: Any) -> Refused:
    return Refused(401, message(text, **more), {"www-authenticate": REALM})


def insufficient_scopes() -> Refused:
    return Refused(401, message("Insufficient scopes on access token."))


def not_permitted(status: int) -> Refused:
    return Refused(status, message("user not authorized to perform that action", status="unauthorized"))


def bad_request(text: str) -> Refused:
    return Refused(400, message(text))


def invalid(field: str, text: str) -> Refused:
    return Refused(422, {"errors": [{"field": field, "message": text, "error_code": "invalid"}]})


def error_body(status: int) -> dict[str, Any]:
    """What Canvas says for a status when nothing more is known."""
    if status == 404:
        return message("The specified resource does not exist.")
    if status == 401:
        return message("Invalid access token.")
    if status == 403:
        return message("user not authorized to perform that action", status="unauthorized")
    if status >= 500:
        errors = [{"message": "An error occurred.", "error_code": "internal_server_error"}]
        return {"errors": errors, "error_report_id": 123}
    try:
        return message(HTTPStatus(status).phrase)
    except ValueError:
        return message("Unknown")


def throttled(status: int) -> web.Response:
    """Plain text, no cost and no Retry-After (UPSTREAMS.md §2.5)."""
    text = f"{status} {THROTTLED_REASON[status]} (Rate Limit Exceeded)\n"
    return web.Response(status=status, text=text, content_type="text/plain", headers={"x-rate-limit-remaining": "0.0"})


def rendered(value: Any, request: web.Request, headers: dict[str, str] | None = None) -> web.Response:
    """200 with the JSON, or 304 when the caller already has these very bytes."""
    if STRING_IDS in request.headers.get("accept", ""):
        value = with_string_ids(value)
    body = _json(value)
    all_headers = {"content-type": "application/json; charset=utf-8", "cache-control": REVALIDATE, **(headers or {})}
    if request.method in ("GET", "HEAD"):
        etag = f'W/"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        all_headers["etag"] = etag
        if _matches(request.headers.get("if-none-match"), etag):
            del all_headers["content-type"]
            return web.Response(status=304, headers=all_headers)
    return web.Response(body=body, headers=all_headers)


def rendered_refusal(refusal: Refused) -> web.Response:
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-cache", **refusal.headers}
    return web.Response(status=refusal.status, body=_json(refusal.body), headers=headers)


def uncacheable(value: Any, status: int = 200) -> web.Response:
    headers = {"content-type": "application/json; charset=utf-8", "cache-control": "no-store"}
    return web.Response(status=status, body=_json(value), headers=headers)


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _matches(condition: str | None, etag: str) -> bool:
    """Weak comparison, RFC 9110 §8.8.3.2."""
    if condition is None:
        return False
    opaque = etag.removeprefix("W/")
    return any(tag.strip() == "*" or tag.strip().removeprefix("W/") == opaque for tag in condition.split(","))


def with_string_ids(value: Any, name: str = "") -> Any:
    """Integers under `id`, `…_id` and `…_ids` become strings, at every depth."""
    if isinstance(value, dict):
        return {key: with_string_ids(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [with_string_ids(inner, name) for inner in value]
    is_id = name == "id" or name.endswith(("_id", "_ids"))
    return str(value) if is_id and isinstance(value, int) and not isinstance(value, bool) else value
