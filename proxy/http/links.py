"""Links: what an upstream says of its own addresses, said again in terms of the base URL the caller used.

canvasapi follows a page link only if it begins with exactly the base URL its user typed (SDK_REQUESTS.md §5).
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from policies.http.fields import Fields

REWRITTEN = frozenset({"link", "location", "content-location"})

_TARGET = re.compile(r"<([^<>]*)>")
_LINK = re.compile(r"<([^<>]*)>([^<]*)")  # read as the loosest client would: a rel inside quotes counts too
_RELATIONS = re.compile(r"\brel\s*=\s*[\"']?([^\"';,]*)", re.IGNORECASE)
_IGNORED = re.compile(r"^[\0- ]+|[\0- ]+$|[\t\r\n]")  # by whoever reads an address (WHATWG URL §4.4)
_PAGES = frozenset({"next", "prev", "previous", "first", "last"})  # what SDKs follow (RFC 8288 §3.3, RFC 5005 §3)
_AUTHORITY = re.compile(r"[^/?#]*//[^/?#]*")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Bases(NamedTuple):
    """One place, as the upstream and as the caller name it."""

    upstream: str  # the base that answered: "https://courseworks2.columbia.edu", no slash at the end
    caller: str  # "http://127.0.0.1:8080/courseworks"
    others: tuple[str, ...] = ()  # more bases of the same upstream


def rewritten(fields: Fields, bases: Bases) -> Fields:
    """The fields, with every address of the upstream's in `Link`, `Location` and `Content-Location` as the caller's."""
    return tuple((name, _value(name.lower(), value, bases)) for name, value in fields)


def _value(name: str, value: str, bases: Bases) -> str:
    if name == "link":
        return _TARGET.sub(lambda match: f"<{_address(match[1], bases, is_link=True)}>", value)
    return _address(value, bases) if name in REWRITTEN else value


def _address(address: str, bases: Bases, *, is_link: bool = False) -> str:
    """An absolute address below one of the bases, or a path below the path of the one that answered; any other stays
    what it is. `is_link`: also as it is reached over TLS, since who follows it is to come here again; a redirect there
    is one for good.
    """
    if address.startswith("/") and not address.startswith("//"):
        inside = _below(address, urlsplit(bases.upstream).path)
        return address if inside is None else bases.caller + inside
    for base in (bases.upstream, *bases.others):
        if (inside := _inside(address, base, is_link=is_link)) is not None:
            return bases.caller + inside
    return address


def below(address: str, bases: Sequence[str]) -> str:
    """What an address says below the first of these bases that it is in; any other stays what it is."""
    return next((found for base in bases if (found := _inside(address, base, is_link=True)) is not None), address)


def page_links(headers: Mapping[str, str]) -> dict[str, str]:
    """Where `Link` says that other pages of this answer are, by relation (RFC 8288 §3)."""
    matches = _LINK.finditer(headers.get("link", ""))
    named = ((relation, match[1]) for match in matches for relation in " ".join(_RELATIONS.findall(match[2])).split())
    return {relation.lower(): address for relation, address in named if relation.lower() in _PAGES | {"current"}}


def foreign_link(headers: Mapping[str, str], bases: Sequence[str]) -> bool:
    """Whether `Link` names another page of this answer that is on none of these URLs' origins: an SDK that follows it
    would take its credential along.
    """
    link = headers.get("link")
    if link is None:
        return False
    return any(
        not _stays(match[1], bases)
        for match in _LINK.finditer(link)
        if not _PAGES.isdisjoint(" ".join(_RELATIONS.findall(match[2])).lower().split())
    )


def _stays(address: str, bases: Sequence[str]) -> bool:
    """Whether whoever follows an address comes to one of the origins, or to one over TLS, however loosely it is read:
    browsers take a backslash for a slash, and any number of slashes behind a scheme (WHATWG URL §4.4).
    """
    if any(address.startswith(base) and address[len(base) :][:1] in ("", "/", "?", "#") for base in bases):
        return True  # nearly always, and beyond doubt: what follows an authority and a path cannot change them
    address = _IGNORED.sub("", address).replace("\\", "/")
    try:
        if not urlsplit(address).scheme:
            if not address.startswith("//"):  # relative: it stays where it is
                return True
            return any(_origin(f"{urlsplit(base).scheme}:{address}") == _origin(base) for base in bases)
        return any(_origin(address) in (_origin(base), _encrypted(base)) for base in bases)
    except ValueError:
        return False


def _encrypted(base: str) -> tuple[str, str | None, int | None]:
    """The same host as it is reached over TLS: where that ends before the upstream, its links say https."""
    return "https", urlsplit(base).hostname, _DEFAULT_PORTS["https"]


def _inside(address: str, base: str, *, is_link: bool) -> str | None:
    """What follows the base in an address of the same origin (RFC 9110 §4.3.1), byte for byte; None elsewhere."""
    if address.startswith(base) and (inside := _below(address, base)) is not None:  # nearly always
        return inside
    try:
        if _origin(address) not in ({_origin(base), _encrypted(base)} if is_link else {_origin(base)}):
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
