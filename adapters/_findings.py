"""What is read of a provider's answer, which may hold anything: a value of the right type, or none."""

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

_WORD = re.compile(r"\w+")


def text(source: Mapping[str, Any], name: str) -> str | None:
    """A text; an empty one is none."""
    return sayable(source.get(name)) or None


def texts(value: object) -> list[str]:
    """The texts in a list, but for the empty ones."""
    return [said for item in value if (said := sayable(item))] if isinstance(value, list) else []


def sayable(value: object) -> str | None:
    """A text. Half of a surrogate pair, which JSON may hold and UTF-8 cannot say, is a question mark."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def flag(source: Mapping[str, Any], name: str) -> bool | None:
    """A "Y" or "N" of the postal service."""
    return {"Y": True, "N": False}.get(text(source, name) or "")


def number(source: Mapping[str, Any], name: str) -> float | None:
    """A finite number."""
    value = source.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def words_of(lines: Iterable[str]) -> frozenset[str]:
    """The words of some lines, however they are spelled: `P.O. Box` is `PO Box`."""
    return frozenset(word for line in lines for word in _WORD.findall(line.casefold().replace(".", "")))
