"""proto3's JSON as Google writes it: defaults left out, enums as names or numbers, field masks applied."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

Message = dict[str, Any]
Mask = tuple[tuple[str, ...], ...]
EVERYTHING: Mask = (("*",),)


@dataclass(frozen=True)
class Present:
    """A field with presence of its own: written even when false (`optional bool` in the proto)."""

    value: Any


def rendered(value: Any, *, as_numbers: bool) -> Any:
    """The JSON of a message. False, zero, empty and unspecified members are left out (UPSTREAMS.md §5.2)."""
    if isinstance(value, Present):
        return value.value
    if isinstance(value, IntEnum):
        return int(value) if as_numbers else value.name
    if isinstance(value, Mapping):
        members = {name: rendered(member, as_numbers=as_numbers) for name, member in value.items() if _is_set(member)}
        return {name: member for name, member in members.items() if member != {}}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [rendered(element, as_numbers=as_numbers) for element in value]
    return value


def _is_set(value: Any) -> bool:
    return isinstance(value, Present) or bool(value)


def wants_numbers(query: Mapping[str, str]) -> bool:
    """Whether `$alt=json;enum-encoding=int` asks for enums as numbers, as every GAPIC REST call does."""
    return "enum-encoding=int" in (query.get("$alt") or query.get("alt") or "")


def read_mask(query: Mapping[str, str], headers: Mapping[str, str]) -> Mask:
    """The field mask from the header or the query, as paths of JSON names; empty when none was given."""
    given = headers.get("X-Goog-FieldMask") or query.get("$fields") or query.get("fields") or ""
    return tuple(tuple(map(camel, path.strip().split("."))) for path in given.split(",") if path.strip())


def camel(name: str) -> str:
    """The JSON name of a proto field: `formatted_address` → `formattedAddress`."""
    return re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name)


def masked(message: Any, mask: Mask) -> Any:
    """Only what the mask names; a path reaches into every element of a list."""
    if any(not path or path[0] == "*" for path in mask):
        return message
    if isinstance(message, list):
        return [masked(element, mask) for element in message]
    if not isinstance(message, dict):
        return message
    kept = {}
    for name, member in message.items():
        inner = tuple(path[1:] for path in mask if path[0] == name)
        if inner:
            kept[name] = masked(member, inner)
    return kept
