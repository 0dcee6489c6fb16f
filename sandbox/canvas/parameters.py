"""What a request carries, read as Rack reads it: the last of repeated scalars wins, `name[]` is a list."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

from aiohttp import web

NOT_IN_LINKS = frozenset({"page", "per_page", "access_token", "api_key"})


class Given:
    """Parameters of the query and, on a write, of the form or JSON body (which wins, as in Rails)."""

    def __init__(self, query: str, body: list[tuple[str, str]] | None = None) -> None:
        self.query_pairs = parse_qsl(query, keep_blank_values=True)
        self._pairs = self.query_pairs + (body or [])

    def one(self, name: str) -> str | None:
        """The last value of a scalar."""
        values = [value for key, value in self._pairs if key == name]
        return values[-1] if values else None

    def many(self, name: str) -> list[str]:
        """All values of `name[]`, and of a plain `name` as Canvas' older callers write it."""
        return [value for key, value in self._pairs if key in (f"{name}[]", name)]

    def asks_for(self, name: str) -> bool:
        """Whether `include[]` names it."""
        return name in self.many("include")

    def has_any(self, prefix: str) -> bool:
        return any(key.startswith(f"{prefix}[") for key, _ in self._pairs)

    def for_links(self) -> str:
        """The query a page link keeps: Rails' `to_query`, sorted by name, scalars once, credentials left out."""
        kept: dict[str, list[str]] = {}
        for key, value in self.query_pairs:
            if key in NOT_IN_LINKS:
                continue
            if key.endswith("[]"):
                kept.setdefault(key, []).append(value)
            else:
                kept[key] = [value]
        return urlencode([(key, value) for key in sorted(kept) for value in kept[key]])


async def read(request: web.Request) -> Given:
    """Raises ValueError when a JSON body does not parse."""
    _, _, query = request.raw_path.partition("?")
    body = await request.read()
    if not body:
        return Given(query)
    kind = request.content_type
    if kind == "application/x-www-form-urlencoded":
        return Given(query, parse_qsl(body.decode(), keep_blank_values=True))
    if kind == "application/json":
        return Given(query, _flattened(json.loads(body)))
    return Given(query)


def _flattened(value: Any, name: str = "") -> list[tuple[str, str]]:
    """JSON members under the names a form would give them: `{"course": {"name": …}}` is `course[name]`."""
    if isinstance(value, dict):
        pairs = []
        for key, inner in value.items():
            pairs += _flattened(inner, f"{name}[{key}]" if name else str(key))
        return pairs
    if isinstance(value, list):
        return [pair for inner in value for pair in _flattened(inner, f"{name}[]")]
    if isinstance(value, bool):
        return [(name, "true" if value else "false")]
    return [(name, "" if value is None else str(value))]
