"""pydantic's findings in the words of whoever wrote the value: what it has to be, never what it is."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

SAID: Mapping[str, str] = {
    "missing": "is required here",
    "string_type": "has to be text",
    "string_unicode": "has to be text that UTF-8 can write",
    "int_type": "has to be a whole number",
    "int_parsing": "has to be a whole number",
    "int_parsing_size": "has to be a whole number of fewer digits",
    "int_from_float": "has to be a whole number",
    "float_type": "has to be a number",
    "float_parsing": "has to be a number",
    "finite_number": "has to be a number that ends somewhere",
    "bool_type": "has to be true or false",
    "bool_parsing": "has to be true or false",
    "tuple_type": "has to be a list",
    "list_type": "has to be a list",
    "model_type": "has to be an object",
    "model_attributes_type": "has to be an object",
    "dict_type": "has to be an object",
}
_COUNTED: Mapping[str, tuple[str, str, str]] = {
    "too_short": ("at least", "min_length", "item"),
    "too_long": ("at most", "max_length", "item"),
    "string_too_short": ("at least", "min_length", "character"),
    "string_too_long": ("at most", "max_length", "character"),
}
_BOUNDS: Mapping[str, tuple[str, str]] = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "less_than": ("less than", "lt"),
}


def right(item: Any, patterns: Mapping[str, str] = MappingProxyType({})) -> str:
    """What would be right, of one of `ValidationError.errors()`; with its context, if numbers are to be told.

    `patterns`: what a text has to be, by the pattern that it has to match.
    """
    kind, limits = item["type"], item.get("ctx", {})
    if kind == "string_pattern_mismatch" and limits.get("pattern") in patterns:
        return patterns[limits["pattern"]]
    if kind in _COUNTED and limits:
        says, key, unit = _COUNTED[kind]
        return f"has to have {says} {limits[key]:,} {unit}{'' if limits[key] == 1 else 's'}"
    if kind in _BOUNDS and limits:
        says, key = _BOUNDS[kind]
        return f"has to be {says} {limits[key]}"
    return SAID.get(kind) or str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "has to be")
