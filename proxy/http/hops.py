"""Hops: TRACE and OPTIONS with Max-Forwards, which ask how far a request gets (RFC 9110 §7.6.2, §9.3.7, §9.3.8)."""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from aiohttp import web
from multidict import CIMultiDict, MultiMapping

from adapters import Place
from proxy.callers.identify import redacted_path
from proxy.http.wire import WholeResponse

ALLOWED = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, QUERY, TRACE"

_COUNTED = frozenset({"TRACE", "OPTIONS"})
_NUMBER = re.compile(r"[0-9]+", re.ASCII)
_FARTHEST = 999_999_999  # the most that is counted to
_SENSITIVE = re.compile("auth|cookie|credential|key|password|secret|session|signature|token")


def hops_left(method: str, headers: Mapping[str, str]) -> int | None:
    """How many times the request may still be passed on; None where nobody said so, or not readably."""
    text = headers.get("Max-Forwards", "") if method in _COUNTED else ""
    if _NUMBER.fullmatch(text) is None:
        return None
    return int(text) if len(text) <= len(str(_FARTHEST)) else _FARTHEST


def one_hop_less(headers: MultiMapping[str], left: int) -> MultiMapping[str]:
    """The header fields as the next one gets them, where the request has `left` hops."""
    fewer = CIMultiDict(headers)
    fewer["Max-Forwards"] = str(left - 1)
    return fewer


def answer_here(request: web.BaseRequest, places: Iterable[Place]) -> WholeResponse:
    """The answer to a request that goes no further than this. `places`: where the upstream's credential stands."""
    if request.method == "OPTIONS":
        return options_here()
    secret = {place.name for place in places if place.where == "header"}
    lines = [f"TRACE {redacted_path(request.raw_path)} HTTP/1.1".encode("utf-8", "surrogateescape")]
    lines += [b"%b: %b" % field for field in request.raw_headers if not _is_sensitive(field[0], secret)]
    fields = (("Content-Type", "message/http"), ("Cache-Control", "no-store"))
    return WholeResponse(200, fields, b"\r\n".join([*lines, b"", b""]))


def options_here() -> WholeResponse:
    """What Larder answers to an OPTIONS that is for itself."""
    return WholeResponse(204, (("Allow", ALLOWED), ("Cache-Control", "no-store")), b"")


def _is_sensitive(name: bytes, secret: AbstractSet[str]) -> bool:
    """Whether a field may be a credential: it is left out of what is sent back (RFC 9110 §9.3.8)."""
    lower = name.decode("ascii").lower()
    return lower in secret or _SENSITIVE.search(lower) is not None
