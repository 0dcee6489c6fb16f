"""Differences: where two configs say different things, field by field."""

from collections.abc import Iterator
from typing import Any

from proxy.admin.redaction import shown
from proxy.settings import Settings

Field = tuple[str, ...]

MOST_FIELDS = 100  # in one record


def differing(before: Any, after: Any, place: Field = ()) -> Iterator[Field]:
    """The fields that differ, of blocks within blocks; a list counts as one value."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from differing(before.get(name), after.get(name), (*place, str(name)))
    elif before != after:
        yield place


def value_at(document: Any, field: Field) -> Any:
    """What a document has there; None: nothing."""
    for name in field:
        document = document.get(name) if isinstance(document, dict) else None
    return document


def changes(before: Settings, after: Settings) -> tuple[str, ...]:
    """The fields that differ; their values are nobody's business here."""
    return tuple(".".join(field) for field in differing(before.model_dump(), after.model_dump()))


def changed_values(before: Settings, after: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the fields that differ were, and what they are: secrets taken out, and of very many fields the first."""
    fields = list(differing(before.model_dump(), after.model_dump()))
    documents = [shown(settings) for settings in (before, after)]
    was, became = ({".".join(field): value_at(one, field) for field in fields[:MOST_FIELDS]} for one in documents)
    more = len(fields) - MOST_FIELDS
    return was, became | ({"": f"and {more} more fields"} if more > 0 else {})
