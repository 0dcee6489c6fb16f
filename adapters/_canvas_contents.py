"""What an answer of Canvas holds, as the payload check compares it with the stored one (UPSTREAMS.md §2.3).

Enrollments and assignments say when they were last changed; courses, people and sections do not.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from adapters._canvas_ids import id_forms, id_in_answer
from adapters._exchanges import Exchange
from adapters._json import mapping, rows
from policies import Holding

TERMS = "enrollment_terms"  # the one collection that comes wrapped


def collection(exchange: Exchange) -> Holding:
    """A collection, or a page of it."""
    json = exchange.json
    listed = rows(mapping(json).get(TERMS) if isinstance(json, dict) else json)
    return Holding(rows=len(listed), versions=_versions(listed))


def one(kind: str) -> Callable[[Exchange], Holding]:
    """One object, which the path names by `{kind}`; `self` and `sis_…` tell no id."""

    def holding(exchange: Exchange) -> Holding:
        asked = id_forms(exchange.sent.params.get(kind))
        return Holding(versions=_versions([mapping(exchange.json)]), asked=asked)

    return holding


def _versions(listed: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for row in listed:
        known = id_in_answer(row.get("id"))
        if known is not None:
            said = row.get("updated_at")
            versions[known] = said if isinstance(said, str) else None
    return versions
