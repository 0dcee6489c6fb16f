"""Keys: equal exactly when two requests are the same to the upstream and for the same partition (DESIGN.md §4)."""

import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from urllib.parse import quote_plus, unquote_plus

from adapters import Place, Query

KEY_BYTES = 16

_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

Part = str | None


class Digester:
    """Makes digests under the store's secret, so that nobody without it can guess what a key stands for."""

    def __init__(self, secret: bytes) -> None:
        secret = blake2b(secret, digest_size=32).digest()
        self._keyed = blake2b(digest_size=KEY_BYTES, key=secret)  # each digest goes on from a copy: half the work

    def digest(self, purpose: str, parts: Iterable[Part]) -> bytes:
        """The digest of parts, each with its length before it, so that no two lists run into the same bytes."""
        parts = tuple(parts)
        told = purpose + "".join(["-" if part is None else f"{len(part)}:{part}" for part in parts])
        if not told.isascii():  # a length is in bytes
            told = purpose + "".join(["-" if part is None else f"{len(_encoded(part))}:{part}" for part in parts])
        keyed = self._keyed.copy()
        keyed.update(_encoded(told))
        return keyed.digest()

    def principal(self, upstream: str, credential: Iterable[str]) -> str:
        """The name of the partition that belongs to an upstream credential."""
        return f"principal:{self.digest('principal', (upstream, *credential)).hex()}"


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def hex_digest(digester: Digester) -> Callable[[str, Iterable[str]], str]:
    """What makes digests as text."""
    return lambda purpose, parts: digester.digest(purpose, parts).hex()


def split_query(raw: str) -> Query:
    """The pairs of a raw query as a form decoder reads them; a name without `=` stays apart from one with."""
    if not raw:
        return ()
    return tuple(_pair(part) for part in raw.split("&"))


def written_query(query: Query) -> str:
    """The raw query that `split_query` reads as these pairs."""
    return "&".join([_quoted(name) if value is None else f"{_quoted(name)}={_quoted(value)}" for name, value in query])


def _quoted(text: str) -> str:
    return text if text.isascii() and text.isalnum() else quote_plus(text, errors="surrogateescape")


def _pair(part: str) -> tuple[str, str | None]:
    name, equals, value = part.partition("=")
    return _decoded(name), _decoded(value) if equals else None


def _decoded(text: str) -> str:
    return unquote_plus(text, errors="surrogateescape") if "%" in text or "+" in text else text


def without_parameters(raw: str, names: frozenset[str]) -> str:
    """A raw query less the named parameters; all else stays as it was sent, byte for byte."""
    if not raw or not names:
        return raw
    return "&".join(part for part in raw.split("&") if _decoded(part.partition("=")[0]) not in names)


def normalised(raw: str) -> str:
    """A raw path or query with what RFC 3986 §6.2.2 calls equivalent made equal: hex case, unreserved characters."""
    if "%" not in raw:
        return raw
    return _ENCODED.sub(_normalise_octet, raw)


def _normalise_octet(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if character in _UNRESERVED else match[0].upper()


def joined(headers: Mapping[str, str], name: str) -> str | None:
    """All values of a field that came more than once, as one (RFC 9110 §5.3): the upstream sees each of them."""
    getall = getattr(headers, "getall", None)  # quicker than to ask for its abstract class, a dozen times a request
    if getall is None:
        return headers.get(name)
    values = getall(name, ())
    return ", ".join(values) if values else None


def credential_of(places: Iterable[Place], headers: Mapping[str, str], query: Query) -> tuple[str, ...]:
    """Everything in a request that says who asks, each part with its place; empty when nothing does."""
    parts: list[str] = []
    for place in places:
        if place.where == "header":
            value = joined(headers, place.name)
            if value is not None:
                parts += (f"header {place.name}", value)
        else:
            for name, value in query:
                if name == place.name:
                    parts += (f"query {name}", value or "")
    return tuple(parts)
