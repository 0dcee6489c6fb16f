"""Routing: method and path → what the adapter and the operator say of that endpoint.

A route is "GET /api/v1/courses/{course}": {name} stands for one segment, {name...} for the rest of the path.
Segments are compared percent-decoded, so that `v1%3AvalidateAddress` is found, but split while still encoded, so that
an id with `%2F` inside stays one segment (UPSTREAMS.md §2.2, §10).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar
from urllib.parse import unquote

T = TypeVar("T")


class Route(NamedTuple):
    """A parsed route."""

    method: str
    segments: tuple[str, ...]


class Match(NamedTuple, Generic[T]):
    """What a path leads to, and what its {names} stand for."""

    target: T
    params: Mapping[str, str]


@lru_cache(1024)  # those of all adapters, which each reading of a config asks for again
def parse_route(route: str) -> Route:
    """Parse "METHOD /path". Raises ValueError that says what is wrong."""
    method, space, path = route.partition(" ")
    if not space or not method.isupper() or not path.startswith("/"):
        right = "the method in capitals, one space, and a path that begins with /"
        raise ValueError(f"{route!r} is not a route such as 'GET /things/{{thing}}': {right}")
    segments = tuple(path[1:].split("/"))
    if any(_is_rest(segment) for segment in segments[:-1]):
        raise ValueError(f"{route!r}: only the last segment may stand for the rest of the path")
    return Route(method, segments)


def decoded_segments(raw_path: str) -> tuple[str, ...]:
    """The segments of a raw path, each percent-decoded; bytes that are not UTF-8 are kept apart."""
    if "%" not in raw_path:
        return tuple(raw_path[1:].split("/"))
    return tuple(unquote(segment, errors="surrogateescape") for segment in raw_path[1:].split("/"))


class Router(Generic[T]):
    """Finds the most literal route for a path: literal segments win over {names}, {names} over {rest...}."""

    def __init__(self, routes: Sequence[tuple[str, T]]) -> None:
        self._by_method: dict[str, list[tuple[Route, T]]] = {}
        for text, target in routes:
            route = parse_route(text)
            self._by_method.setdefault(route.method, []).append((route, target))
        for candidates in self._by_method.values():
            candidates.sort(key=lambda candidate: [_rank(segment) for segment in candidate[0].segments])

    def find(self, method: str, segments: tuple[str, ...]) -> Match[T] | None:
        """The match for decoded segments, or None."""
        for route, target in self._by_method.get(method, ()):
            params = _params(route.segments, segments)
            if params is not None:
                return Match(target, params)
        return None


def _is_rest(segment: str) -> bool:
    return segment.startswith("{") and segment.endswith("...}")


def _rank(segment: str) -> int:
    return 2 if _is_rest(segment) else 1 if segment.startswith("{") else 0


def _params(pattern: tuple[str, ...], segments: tuple[str, ...]) -> dict[str, str] | None:
    """What the {names} stand for, or None where the pattern does not fit."""
    if len(segments) < len(pattern) or (len(segments) > len(pattern) and not _is_rest(pattern[-1])):
        return None
    params = {}
    for index, expected in enumerate(pattern):
        if _is_rest(expected):
            params[expected[1:-4]] = "/".join(segments[index:])
        elif expected.startswith("{"):
            if not segments[index]:
                return None
            params[expected[1:-1]] = segments[index]
        elif expected != segments[index]:
            return None
    return params
