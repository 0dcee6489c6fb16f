"""Invalidation: which stored answers a change at the origin takes away (RFC 9111 §4.4)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

# What the IANA registry of methods calls safe (RFC 9110 §9.2.1, §16.1.1).
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PRI", "PROPFIND", "QUERY", "REPORT", "SEARCH", "TRACE"})

_NAMING = ("location", "content-location")
_DEFAULT_PORTS = {"http": 80, "https": 443}
# RFC 3986 appendix B, less the fragment: it never reaches the origin.
_REFERENCE = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?")
_AUTHORITY = re.compile(r"(?:[^@]*@)?(\[[^\[\]]*\]|[^:@\[\]]+)(?::([0-9]{0,5}))?")


class _Reference(NamedTuple):
    """A URI reference in its components (RFC 3986 §4.1); None for one that is not there, but empty where it is."""

    scheme: str | None
    authority: str | None
    path: str
    query: str | None


def invalidates(method: str, status: int) -> bool:
    """Whether an answer invalidates what is stored of its target: no error, to a method not known to be safe."""
    return method not in SAFE_METHODS and 200 <= status < 400


def other_targets(headers: Mapping[str, str], *, base_url: str, path: str) -> tuple[tuple[str, str], ...]:
    """Path and query, below `base_url`, of what Location and Content-Location name, each once.

    `path` is the target's, below `base_url` too: relative references start from there. What is of another origin
    (RFC 9110 §4.3.1) or not below `base_url` is left out. The query is "" where there is none. Never raises.
    """
    base = _parse(base_url + path)
    root = _parse(base_url.rstrip("/"))
    targets = (_below(root, _resolve(base, _parse(headers[name].strip(" \t")))) for name in _NAMING if name in headers)
    return tuple(dict.fromkeys(target for target in targets if target is not None))


def _below(root: _Reference, target: _Reference) -> tuple[str, str] | None:
    """A target's path less the root's, and its query; None where the root is not above it, or of another origin."""
    if _origin(target) is None or _origin(target) != _origin(root):
        return None
    path = target.path or "/"  # RFC 9110 §4.2.3
    if path != root.path and not path.startswith(f"{root.path}/"):
        return None
    return path[len(root.path) :], target.query or ""


def _origin(uri: _Reference) -> tuple[str, str, int] | None:
    """Scheme, host and port, the scheme's own port where none is given; None for what is no HTTP URI."""
    scheme = (uri.scheme or "").lower()
    authority = _AUTHORITY.fullmatch(uri.authority or "")
    if scheme not in _DEFAULT_PORTS or authority is None:
        return None
    return scheme, authority[1].lower(), int(authority[2] or _DEFAULT_PORTS[scheme])


def _parse(text: str) -> _Reference:
    match = _REFERENCE.match(text)
    assert match is not None  # noqa: S101 - every part of it may be empty
    return _Reference(match[1], match[2], match[3], match[4])


def _resolve(base: _Reference, reference: _Reference) -> _Reference:
    """The target of a reference (RFC 3986 §5.2.2)."""
    if reference.scheme is not None:
        return reference._replace(path=_without_dots(reference.path))
    if reference.authority is not None:
        return reference._replace(scheme=base.scheme, path=_without_dots(reference.path))
    if not reference.path:
        return base._replace(query=base.query if reference.query is None else reference.query)
    path = reference.path if reference.path.startswith("/") else _merged(base, reference.path)
    return base._replace(path=_without_dots(path), query=reference.query)


def _merged(base: _Reference, path: str) -> str:
    """A relative path in the place of the base path's last segment (RFC 3986 §5.2.3)."""
    return base.path[: base.path.rfind("/") + 1] + path if base.path else f"/{path}"


def _without_dots(path: str) -> str:
    """A path less its dot segments (RFC 3986 §5.2.4), for paths that begin with a slash, as those of HTTP URIs do."""
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    if segments and segments[-1] in {".", ".."}:
        kept.append("")
    return "".join(f"/{segment}" for segment in kept)
