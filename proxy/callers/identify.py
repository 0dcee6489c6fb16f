"""Who calls: from what a request presents, in the four ways of DESIGN.md §6, or because it comes from this machine.

X-Larder-Key ─▶ /@KEY prefix ─▶ a Larder key in the provider's place ─▶ the network it comes from ─▶ nobody: 401
"""

import re
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from proxy.callers.addresses import is_loopback, parse_address
from proxy.callers.registry import LOCAL, Caller, Callers
from proxy.errors import MisdirectedHost, UnknownCaller

KEY_HEADER = "X-Larder-Key"

_KEY_PREFIX = re.compile(r"/(?:@|%40)([^/?#]*)")
_AUTHORITY = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<name>[^\[\]:@/\s]+))(?::[0-9]{0,5})?")
_LONGEST_HOST = 260  # characters (RFC 1035 §2.3.4, and a port)
_REDACTED = "/@-"


class Way(StrEnum):
    """How a caller was known."""

    HEADER = "header"
    PREFIX = "prefix"
    PLACE = "place"  # its Larder key stood where the provider's credential stands
    NETWORK = "network"
    LOCAL = "local"


class Prefixed(NamedTuple):
    """A raw path, with the key that its base URL begins with taken off."""

    prefix: str  # as it was sent, "/@KEY", or ""; links to this caller begin with it
    key: str | None
    path: str  # the rest, beginning with "/"


class Presented(NamedTuple):
    """Everything in a request that may say who calls."""

    header: str | None  # of X-Larder-Key
    prefix: str | None  # KEY of /@KEY/…
    address: str | None  # of the client; None where it is not known
    host: str  # of the Host field
    candidates: Sequence[str] = ()  # what stands in the provider's places, where Larder holds its credential

    def __repr__(self) -> str:  # keys stay out of tracebacks and logs
        return "<Presented>"


class Identified(NamedTuple):
    """A caller, and how it was known."""

    caller: Caller
    way: Way
    candidate: int | None = None  # which candidate was a Larder key


def split_key(raw_path: str) -> Prefixed:
    """Take the /@KEY prefix off a raw path; `%40` is the same as `@` (RFC 3986 §6.2.2.2)."""
    match = _KEY_PREFIX.match(raw_path) if raw_path.startswith(("/@", "/%40")) else None
    if match is None:
        return Prefixed("", None, raw_path)
    rest = raw_path[match.end() :]
    return Prefixed(match[0], unquote(match[1]), rest if rest.startswith("/") else f"/{rest}")


def redacted_path(raw_path: str) -> str:
    """A path without any key in it, and without the query."""
    return _KEY_PREFIX.sub(_REDACTED, raw_path.partition("?")[0])


def identify(callers: Callers, presented: Presented) -> Identified:
    """Who calls. Raises UnknownCaller, or MisdirectedHost where only this machine may call and something else does.

    A wrong X-Larder-Key or /@KEY is refused even from a known network: whoever presents a key means to be known by it.
    A candidate that is no Larder key is left alone: it may be the provider's own.
    """
    if presented.header is not None or presented.prefix is not None:
        return _by_presented_key(callers, presented)
    for index, candidate in enumerate(presented.candidates):
        caller = callers.by_key(candidate)
        if caller is not None:
            return Identified(caller, Way.PLACE, index)
    if not callers.configured:
        return _local(presented)
    caller = None if presented.address is None else callers.by_address(presented.address)
    if caller is None:
        raise UnknownCaller
    return Identified(caller, Way.NETWORK)


def is_loopback_host(host: str) -> bool:
    """Whether a Host names this machine's own loopback interface, so that no name of somebody else's leads here."""
    return len(host) <= _LONGEST_HOST and _is_loopback_authority(host)


@lru_cache(maxsize=1024)
def _is_loopback_authority(host: str) -> bool:
    match = _AUTHORITY.fullmatch(host)
    if match is None:
        return False
    if match["ipv6"]:
        return is_loopback(match["ipv6"])
    name = match["name"].lower().removesuffix(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 §6.3
        return True
    return parse_address(name) is not None and is_loopback(name)


def _by_presented_key(callers: Callers, presented: Presented) -> Identified:
    """Each key that is presented has to be right, and all have to be the same caller's."""
    found = {callers.by_key(key) for key in (presented.header, presented.prefix) if key is not None}
    caller = found.pop()
    if caller is None or found:
        raise UnknownCaller("The Larder key of this request is not known.")
    return Identified(caller, Way.PREFIX if presented.header is None else Way.HEADER)


def _local(presented: Presented) -> Identified:
    if presented.address is None or not is_loopback(presented.address) or not is_loopback_host(presented.host):
        raise MisdirectedHost
    return Identified(LOCAL, Way.LOCAL)
