"""Cache-Control: the directives a message gives to caches, read by the grammar (RFC 9111 §5.2, RFC 9110 §5.6).

What cannot be read never widens what a cache may do: a value outside the grammar forbids storing, and of a directive
that comes twice with two lifetimes neither is believed (RFC 9111 §4.2.1).
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

Directives = Mapping[str, str | None]
"""Arguments by lower-case name: None for a directive without one, and "" for one that is of no use."""

LONGEST = 2**31  # seconds; whatever is longer counts as this (RFC 9111 §1.2.2)
NAMING = frozenset({"no-cache", "private"})  # the directives that can be limited to the fields they name

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - RFC 9110 §5.6.2
_QUOTED = r'"((?:[\t !\x23-\x5b\x5d-\x7e\x80-\U0010ffff]|\\[\t -\x7e\x80-\U0010ffff])*)"'  # RFC 9110 §5.6.4
# White space around commas only, and members may be empty (RFC 9110 §5.6.1.2).
_MEMBER = re.compile(rf"[ \t]*(?:({_TOKEN})(?:=(?:({_TOKEN})|{_QUOTED}))?[ \t]*)?(?:,|\Z)")
_QUOTED_PAIR = re.compile(r"\\(.)")
_FIELD_NAME = re.compile(_TOKEN)


@lru_cache(maxsize=1024)
def parse_cache_control(value: str) -> Directives:
    """The directives of a Cache-Control value. Never raises; not to be changed.

    At the first member outside the grammar reading ends, and `no-store` is added to what came before; a
    `must-understand` among that goes, so that it cannot lift this `no-store` (RFC 9111 §5.2.2.3).
    """
    directives: dict[str, str | None] = {}
    at = 0
    while at < len(value):
        match = _MEMBER.match(value, at)
        if match is None:
            directives.pop("must-understand", None)
            directives["no-store"] = None
            break
        if match[1] is not None:
            name, argument = match[1].lower(), _argument(match)
            directives[name] = _both(name, directives[name], argument) if name in directives else argument
        at = match.end()
    return MappingProxyType(directives)


def delta_seconds(text: str | None) -> float | None:
    """Seconds of a delta-seconds argument (RFC 9111 §1.2.2), huge ones clamped; None when it is none."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    digits = text.lstrip("0") or "0"
    return float(min(int(digits), LONGEST)) if len(digits) <= 10 else float(LONGEST)


def seconds(directives: Directives, name: str) -> float | None:
    """Seconds that a directive gives: None where it is absent, 0 where its argument is missing or unusable (§4.2.1)."""
    if name not in directives:
        return None
    return delta_seconds(directives[name]) or 0.0


def names_in(argument: str | None) -> frozenset[str]:
    """The field names, in lower case, that `no-cache` or `private` is limited to (RFC 9111 §5.2.2.4, §5.2.2.7).

    Empty where it is limited to none; and so it is where one of them is no field name, and nobody knows what is meant.
    """
    if argument is None:
        return frozenset()
    names = frozenset(name.strip(" \t").lower() for name in argument.split(",")) - {""}
    return names if all(_FIELD_NAME.fullmatch(name) for name in names) else frozenset()


def _argument(member: re.Match[str]) -> str | None:
    quoted: str | None = member[3]
    return member[2] if quoted is None else _QUOTED_PAIR.sub(r"\1", quoted)


def _both(name: str, one: str | None, other: str | None) -> str | None:
    """What holds of a directive that came twice: the wider of two prohibitions, and no lifetime if they differ."""
    if name in NAMING:
        return f"{one}, {other}" if names_in(one) and names_in(other) else None
    same = one == other or (delta_seconds(one) is not None and delta_seconds(one) == delta_seconds(other))
    return one if same else ""
