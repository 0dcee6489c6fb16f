"""gRPC-style requests and errors over HTTP: JSON bodies checked as the proto would, errors with details (§5.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aiohttp import web

from sandbox.google.messages import Mask, Message, camel, masked, rendered, wants_numbers
from sandbox.google.state import State
from sandbox.google.troubles import Trouble

HEADERS = {"Vary": "Origin, X-Origin, Referer", "Cache-Control": "private", "Server": "scaffolding on HTTPServer2"}
RETRY_DELAY = "2s"
_TYPE = "type.googleapis.com/google.rpc."
_SESSION_TOKEN = re.compile(r"[A-Za-z0-9_=-]{1,36}")

# What a body may hold: a type, an enum, a list of one of these, an object with the members named, or (`object`)
# anything that this stand-in does not look into
Schema = Mapping[str, Any]


class RpcError(Exception):
    """A request that gets an error object."""

    def __init__(self, code: int, status: str, message: str, details: tuple[Message, ...] = ()) -> None:
        super().__init__(f"{code} {status}: {message}")
        self.code = code
        self.body = {"error": {"code": code, "message": message, "status": status}}
        if details:
            self.body["error"]["details"] = list(details)

    def response(self) -> web.Response:
        return answer(self.body, self.code)


@dataclass(frozen=True)
class RpcCall:
    """One gRPC-style request, its payer known. `place` is the last path segment of a GET."""

    query: Mapping[str, str]
    body: bytes
    mask: Mask
    consumer: str
    service: str
    state: State
    place: str = ""

    def check(self, text: str) -> None:
        """RpcError when this request is to fail: by a switch, a quota, or a street in its text."""
        if trouble := self.state.trouble(self.consumer, text):
            raise failure(trouble, self.service, retry_info=self.state.settings.retry_info)

    def reply(self, message: Message) -> web.Response:
        """The message as asked for: enums as names or numbers, fields as masked."""
        written = rendered(message, as_numbers=wants_numbers(self.query))
        return answer(masked(written, self.mask) if self.mask else written)


def answer(body: Any, code: int = 200) -> web.Response:
    text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
    headers = {**HEADERS, "Content-Type": "application/json; charset=UTF-8"}
    return web.Response(status=code, headers=headers, body=text.encode())


def error_info(reason: str, service: str) -> Message:
    return {
        "@type": f"{_TYPE}ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": service},
    }


def failure(trouble: Trouble, service: str, *, retry_info: bool) -> RpcError:
    details = [error_info(trouble.reason, service)] if trouble.reason else []
    if retry_info and trouble is Trouble.OVER_QUERY_LIMIT:
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": RETRY_DELAY})
    return RpcError(trouble.code, trouble.status, trouble.message, tuple(details))


def invalid(message: str, field: str = "") -> RpcError:
    """400 INVALID_ARGUMENT, with the field at fault where there is one."""
    violations = [{"field": field, "description": message}] if field else []
    details = ({"@type": f"{_TYPE}BadRequest", "fieldViolations": violations},) if violations else ()
    return RpcError(400, "INVALID_ARGUMENT", message, details)


def read_body(body: bytes, schema: Schema) -> Message:
    """The request message, by JSON names, nulls dropped. RpcError: 400 for what the proto does not have."""
    try:
        parsed = json.loads(body or b"{}", parse_constant=_no_constant)
        json.dumps(parsed, ensure_ascii=False).encode()  # half of a surrogate pair is JSON, but no text
    except (ValueError, RecursionError) as error:
        raise invalid("Invalid JSON payload received. Unexpected token.") from error
    if not isinstance(parsed, dict):
        raise invalid("Invalid JSON payload received. Root element must be a message.")
    return _read_object(parsed, schema, "")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def session_token(given: str) -> str:
    """The token, when it is one: at most 36 URL-safe characters (UPSTREAMS.md §5.2)."""
    if given and not _SESSION_TOKEN.fullmatch(given):
        raise invalid("The session token must be at most 36 URL and filename safe base64 characters.", "session_token")
    return given


def _read_object(given: Mapping[str, Any], schema: Schema, where: str) -> Message:
    message = {}
    for raw_name, value in given.items():
        name = camel(raw_name)
        if name not in schema:
            at = f" at '{where}'" if where else ""
            raise invalid(f'Invalid JSON payload received. Unknown name "{raw_name}"{at}: Cannot find field.', where)
        if value is not None:
            message[name] = _read_value(value, schema[name], f"{where}.{name}" if where else name)
    return message


def _read_value(value: Any, schema: Any, where: str) -> Any:
    if isinstance(schema, Mapping) and isinstance(value, dict):
        return _read_object(value, schema, where)
    if isinstance(schema, list) and isinstance(value, list):
        return [_read_value(element, schema[0], where) for element in value]
    if isinstance(schema, type) and issubclass(schema, IntEnum):
        return _read_enum(value, schema, where)
    if schema is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if schema is object or type(value) is schema:
        return value
    raise invalid(f"Invalid value at '{where}'.", where)


def _read_enum(value: Any, schema: type[IntEnum], where: str) -> IntEnum:
    try:
        return schema[value] if isinstance(value, str) else schema(value)
    except (KeyError, ValueError) as error:
        raise invalid(f"Invalid value at '{where}'.", where) from error
