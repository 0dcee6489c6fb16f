"""Vary: which request fields chose an answer, and when two of their values mean the same (RFC 9111 §4.1)."""

import re
from collections.abc import Mapping
from functools import lru_cache

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# White space in them, or around a comma, may be part of what they say.
_AS_WRITTEN = frozenset({"authorization", "cookie", "user-agent"})
# Lists of names with a weight, in any case (RFC 9110 §12.4.2, §12.5.3, §12.5.4; RFC 4647 §2.1).
_WEIGHTED = {
    "accept-encoding": _TOKEN,
    "accept-language": re.compile(r"\*|[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*"),
}
_WEIGHT = re.compile(r"[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)

LONGEST = 2_048  # characters of Vary; what depends on so much matches nothing again


def vary_names(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The request fields an answer depends on: in lower case, sorted, each once (RFC 9110 §12.5.5).

    A member that is no field name counts as `*`: what it depends on cannot be known.
    """
    vary = headers.get("vary")
    if vary is None:
        return ()
    return _names_in(vary) if len(vary) <= LONGEST else ("*",)


@lru_cache(maxsize=1024)
def _names_in(vary: str) -> tuple[str, ...]:
    members = {member.strip(" \t") for member in vary.split(",")} - {""}
    return tuple(sorted({member.lower() if _TOKEN.fullmatch(member) else "*" for member in members}))


def has_star(headers: Mapping[str, str]) -> bool:
    """Whether an answer depends on more than request fields: it matches no later request (RFC 9111 §4.1)."""
    return "*" in vary_names(headers)


def canonical(name: str, value: str | None) -> str | None:
    """A request field's value, written one way: equal exactly when two values are known to mean the same.

    A field that is missing (None) is not the same as one that is empty.
    """
    if value is None:
        return None
    name, value = name.lower(), value.strip(" \t")
    if name in _WEIGHTED:
        return _by_weight(value, name)
    if name in _AS_WRITTEN or any(mark in value for mark in '"()'):
        return value
    return ",".join(member.strip(" \t") for member in value.split(","))


@lru_cache(maxsize=1024)
def _by_weight(value: str, field: str) -> str:
    """Members by falling weight, among equals as they came: some servers take the order of those for a preference."""
    names = _WEIGHTED[field]
    weights: dict[str, int] = {}
    for member in value.split(","):
        if not member.strip(" \t"):
            continue  # empty members mean nothing (RFC 9110 §5.6.1.2)
        read = _weighted(member.strip(" \t"), names)
        if read is None or read[0] in weights:  # of a name that came twice, nobody says which weight holds
            return value
        weights[read[0]] = read[1]
    ordered = sorted(weights.items(), key=lambda one: -one[1])
    return ",".join(f"{name}{_written(weight)}" for name, weight in ordered)


def _weighted(member: str, names: re.Pattern[str]) -> tuple[str, int] | None:
    """A member's name in lower case and its weight in thousandths; None where it does not parse."""
    name, semicolon, parameter = member.partition(";")
    name = name.rstrip(" \t")
    weight = _WEIGHT.fullmatch(parameter) if semicolon else None
    if not names.fullmatch(name) or (semicolon and weight is None):
        return None
    return name.lower(), 1000 if weight is None else round(float(weight[1]) * 1000)


def _written(thousandths: int) -> str:
    return "" if thousandths == 1000 else f";q={thousandths / 1000:g}"
