"""The base URL a caller used and the address it has, also behind front proxies (RFC 7239, X-Forwarded-*).

What a request says of itself counts only as far as trusted proxies wrote it: the chain is read from our end, and the
first address that is not a trusted proxy is the client. Whatever stands beyond it may be the client's own invention.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from proxy.callers.addresses import Networks, parse_address
from proxy.callers.rfc7239 import Malformed, node_address, parse_forwarded
from proxy.errors import BadRequest

# uri-host (RFC 3986 §3.2.2) without what no host of a base URL needs: escapes, sub-delimiters, user information
_HOST = re.compile(
    r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[(?P<ipv6>[0-9A-Fa-f:.]{2,45})\])(?::(?P<port>\d{1,5}))?"
)
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+;=:@%-]+)+")
_LONGEST = 512  # characters of a prefix
_LONGEST_HOST = 260  # characters, its port included


class Base(NamedTuple):
    """What the URL a caller used begins with."""

    scheme: str
    host: str  # with the port, where it was given
    prefix: str = ""  # of a front proxy's path, "/larder"; never ends with "/"

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"{self.scheme}://{self.host}{self.prefix}"


class Origin(NamedTuple):
    """Where a request comes from."""

    base: Base
    client: str | None  # address; None: trusted proxies do not say, or contradict each other


class _Told(NamedTuple):
    """What one family of header fields says."""

    client: str | None
    scheme: str | None = None
    host: str | None = None


class Forwarding:
    """Knows the trusted proxies: addresses or networks of `server.trusted_proxies`. Raises ValueError on others."""

    def __init__(self, trusted_proxies: Iterable[str]) -> None:
        self._trusted = Networks((network, True) for network in trusted_proxies)

    def origin(self, peer: str, scheme: str, host: str, values: Callable[[str], list[str]]) -> Origin:
        """Where a request comes from.

        `values(name)` gives every value of a header field. Raises BadRequest when the Host field is none (RFC 9112
        §3.2).
        """
        if not is_host(host):
            raise BadRequest("Host", "something else", "a host name or address, with or without a port")
        direct = Origin(Base(scheme, host), peer)
        if self._trusted.find(peer) is None:
            return direct
        standard = self._from_forwarded(values("Forwarded"))
        customary = self._from_x_forwarded(values)
        prefix = _prefix(_last(values("X-Forwarded-Prefix"), 1))
        if standard is None and customary is None:
            return direct._replace(base=direct.base._replace(prefix=prefix))
        told = _agreed(standard, customary)
        return Origin(Base(told.scheme or scheme, told.host or host, prefix), told.client)

    def _from_forwarded(self, lines: list[str]) -> _Told | None:
        """RFC 7239 §4: each proxy adds an element at the end; it says who asked that proxy, and for what."""
        try:
            elements = parse_forwarded(", ".join(line for line in lines if line.strip(" \t")))
        except Malformed:
            return _Told(None)
        if not elements:
            return None
        hops, client = self._walk([element.get("for") for element in elements])
        believed = elements[len(elements) - hops :]
        scheme = next((scheme for element in believed if (scheme := _scheme(element.get("proto")))), None)
        host = next((host for element in believed if (host := _host(element.get("host")))), None)
        return _Told(client, scheme, host)

    def _from_x_forwarded(self, values: Callable[[str], list[str]]) -> _Told | None:
        chain = _listed(values("X-Forwarded-For"))
        scheme, host = values("X-Forwarded-Proto"), values("X-Forwarded-Host")
        if not chain and not scheme and not host:
            return None
        hops, client = self._walk(chain)
        return _Told(client, _scheme(_last(scheme, hops)), _host(_last(host, hops)))

    def _walk(self, chain: Sequence[str | None]) -> tuple[int, str | None]:
        """How many elements at the end were written by trusted proxies, and whom the first of those names.

        Read from the right, and no further than needed: what stands beyond may be long, and is anybody's.
        """
        hops, client = 0, None
        for hops, node in enumerate(reversed(chain), start=1):  # noqa: B007 - hops is wanted after the loop
            client = node_address(node)
            if client is None or self._trusted.find(client) is None:
                break
        return hops, client


def is_host(text: str) -> bool:
    """Whether a text is a host, with or without a port, that may stand in a base URL."""
    return len(text) <= _LONGEST_HOST and _is_host(text)


@lru_cache(maxsize=1024)
def _is_host(text: str) -> bool:
    match = _HOST.fullmatch(text)
    if match is None:
        return False
    if match["ipv6"] is not None and parse_address(match["ipv6"]) is None:
        return False
    return match["port"] is None or int(match["port"]) <= 65_535


def _agreed(standard: _Told | None, customary: _Told | None) -> _Told:
    """What both families say.

    A proxy that writes one family may let the other through as the client sent it, and nobody can tell which: where
    they name different clients neither is believed, lest a client choose its own address.
    """
    if standard is None or customary is None:
        return standard or customary or _Told(None)
    if standard.client != customary.client:
        return _Told(None)
    scheme = standard.scheme or customary.scheme
    return _Told(standard.client, scheme, standard.host or customary.host)


def _listed(lines: list[str]) -> list[str]:
    return [item.strip(" \t") for line in lines for item in line.split(",") if item.strip(" \t")]


def _last(lines: list[str], hops: int) -> str | None:
    """The value the outermost trusted proxy wrote: proxies append to a list, or put a single value in its place."""
    items = _listed(lines)
    return items[-min(max(hops, 1), len(items))] if items else None


def _scheme(text: str | None) -> str | None:
    lower = text.lower() if text is not None else None
    return lower if lower in ("http", "https") else None


def _host(text: str | None) -> str | None:
    return text if text is not None and is_host(text) else None


def _prefix(text: str | None) -> str:
    """A path prefix, or "" when it is none: "//x" would lead to another host, and ".." out of the prefix."""
    stripped = (text or "").rstrip("/")
    if len(stripped) > _LONGEST or _PREFIX.fullmatch(stripped) is None:
        return ""
    return "" if any(segment in (".", "..") for segment in stripped.split("/")) else stripped
