"""The door: what a request has to be like before anybody asks whose it is, and what of it goes no further.

Nothing is put right in silence: a target that the upstream could resolve to another one is refused, since what Larder
keys and what the upstream answers have to be the same thing.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import HttpVersion, HttpVersion11, web
from multidict import CIMultiDict, MultiMapping

from proxy.callers.forwarded import is_host
from proxy.errors import BadRequest
from proxy.http.headers import HOP_BY_HOP
from proxy.http.refusals import expectation_failed

_ABSOLUTE = re.compile(r"(?i:https?)://([^/?#]*)(.*)")
_OUTSIDE = re.compile(r"[^!-\[\]-~]")  # RFC 3986 §2: no controls, no spaces, nothing beyond ASCII; and no backslash
_SEPARATORS = re.compile(r"[/\\?#]")
_MOST_ENCODINGS = 5  # times that a path may be percent-encoded over


class Target(NamedTuple):
    """Where a request goes (RFC 9112 §3.2)."""

    path: str  # with its query, raw; "*" for the server itself
    authority: str | None  # of the absolute form


class Admitted(NamedTuple):
    """A request that may come in, and how it is read."""

    request: web.BaseRequest
    target: str  # a raw path with its query; "*" for the server itself
    host: str  # whom it is for
    headers: MultiMapping[str]  # less what is between this caller and Larder alone


def admit(request: web.BaseRequest) -> Admitted:
    """Look at a request as the parser gave it. Raises LarderError: BadRequest, or a 417."""
    headers = request.headers
    target, authority = read_target(request.method, request.raw_path)
    check_path(target.partition("?")[0])
    host = host_of(request.version, headers.getall("Host", ()), authority)
    check_expectation(headers.getall("Expect", ()))
    return Admitted(request, target, host, end_to_end_of(headers))


def read_target(method: str, target: str) -> Target:
    """A request target, in origin, absolute or asterisk form. Raises BadRequest.

    A fragment would cut off what Larder adds behind it.
    """
    if "#" in target:
        raise BadRequest("request target", "a fragment", "a path and a query; # is written %23")
    if _OUTSIDE.search(target) is not None:
        raise BadRequest("request target", "a character no URI has", "percent-encoded")
    if target.startswith("/"):
        return Target(target, None)
    if target == "*" and method == "OPTIONS":
        return Target(target, None)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise BadRequest("request target", "neither", "a path, or a whole http URI")
    authority, path = absolute.groups()
    if not is_host(authority):  # RFC 9110 §4.2.4: user information is an error, too
        raise BadRequest("request target", "an authority that is none", "a host name or address, without a user")
    if not path and method == "OPTIONS":
        return Target("*", authority)  # RFC 9112 §3.2.4
    return Target(path if path.startswith("/") else f"/{path}", authority)


def check_path(path: str) -> None:
    """No segment is `.` or `..`, however often it is percent-encoded. Raises BadRequest.

    `..;x` counts as well: servlets take parameters off before they resolve a path (RFC 3986 §3.3 knows them).
    """
    if "/." not in path and "%" not in path:
        return
    for _ in range(_MOST_ENCODINGS):
        if any(segment.partition(";")[0].strip("\0\t ") in (".", "..") for segment in _SEPARATORS.split(path)):
            raise BadRequest("path", "a dot segment", "resolved before it is sent (RFC 3986 §5.2.4)")
        decoded = unquote(path, errors="surrogateescape")
        if decoded == path:
            return
        path = decoded
    raise BadRequest("path", "percent-encoding of percent-encoding", "encoded once")


def host_of(version: HttpVersion, hosts: Iterable[str], authority: str | None) -> str:
    """Whom a request is for: its authority, else its Host (RFC 9112 §3.2). "" where HTTP/1.0 does not say.

    Raises BadRequest.
    """
    told = list(hosts)
    if (not told and version >= HttpVersion11) or len(told) > 1:
        raise BadRequest("Host", "none or several", "there once")
    if told and not is_host(told[0]):
        raise BadRequest("Host", "what names no host", "a host name or address, with or without a port")
    return authority or "".join(told)


def check_expectation(expected: Iterable[str]) -> None:
    """Raises LarderError, a 417, on any expectation but 100-continue (RFC 9110 §10.1.1)."""
    for line in expected:
        if any(member.strip(" \t").lower() not in ("", "100-continue") for member in line.split(",")):
            raise expectation_failed()


def end_to_end_of(headers: MultiMapping[str]) -> MultiMapping[str]:
    """The header fields less those for this connection alone (RFC 9110 §7.6.1), and less those with an underscore.

    CGI and WSGI servers read X_Api_Key as X-Api-Key: what Larder does not know as a credential must not become one.
    """
    gone = {name for name in map(str.lower, headers) if name in HOP_BY_HOP or "_" in name}
    if not gone:
        return headers
    for line in headers.getall("Connection", ()):
        gone.update(name.strip(" \t").lower() for name in line.split(","))
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in gone)
