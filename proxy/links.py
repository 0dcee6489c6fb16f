"""Links: what an upstream says of its own addresses, said again in terms of the base URL the caller used.

canvasapi follows a page link only if it begins with exactly the base URL its user typed (SDK_REQUESTS.md §5).
"""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from policies.http.fields import Fields

REWRITTEN = frozenset({"link", "location", "content-location"})

_TARGET = re.compile(r"<([^<>]*)>")
_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Bases(NamedTuple):
    """One place, as the upstream and as the caller name it."""

    upstream: str  # "https://courseworks2.columbia.edu", no slash at the end
    caller: str  # "http://127.0.0.1:8080/courseworks"


def rewritten(fields: Fields, bases: Bases) -> Fields:
    """The fields, with every address of the upstream's in `Link`, `Location` and `Content-Location` as the caller's."""
    return tuple((name, _value(name.lower(), value, bases)) for name, value in fields)


def _value(name: str, value: str, bases: Bases) -> str:
    if name == "link":
        return _TARGET.sub(lambda match: f"<{_address(match[1], bases)}>", value)
    return _address(value, bases) if name in REWRITTEN else value


def _address(address: str, bases: Bases) -> str:
    """An absolute address below the upstream's base, or a path below its path; any other stays what it is."""
    if address.startswith("/") and not address.startswith("//"):
        inside = _below(address, urlsplit(bases.upstream).path)
    else:
        inside = _inside(address, bases.upstream)
    return address if inside is None else bases.caller + inside


def _inside(address: str, base: str) -> str | None:
    """What follows the base in an address of the same origin (RFC 9110 §4.3.1), byte for byte; None elsewhere."""
    if address.startswith(base) and (inside := _below(address, base)) is not None:  # nearly always
        return inside
    try:
        if _origin(address) != _origin(base):
            return None
    except ValueError:
        return None
    authority = _AUTHORITY.match(address)
    return None if authority is None else _below(address[authority.end() :], urlsplit(base).path)


def _below(path: str, base: str) -> str | None:
    rest = path.removeprefix(base)
    if len(rest) == len(path) and base:
        return None
    return rest if not rest or rest[0] in "/?#" else None


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
