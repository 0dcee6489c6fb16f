"""Targeted cache control: fields that speak to this cache alone, and hide what is said to all caches (RFC 9213)."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from http_sf import StructuredFieldError, Token, parse

from policies.http.cache_control import NAMING, Directives, parse_cache_control

TARGETS = ("larder-cache-control", "cdn-cache-control")  # the first that can be used counts (§2.2)
_OURS, _FOR_ALL_CDNS = TARGETS


class Control(NamedTuple):
    """The directives that hold for an answer."""

    directives: Directives
    targeted: bool  # they hide Cache-Control and Expires


def control_of(headers: Mapping[str, str]) -> Control:
    """What an answer's fields say to this cache: the first target that is valid and not empty, else Cache-Control.

    Pragma means nothing in an answer (RFC 9111 §5.4). Never raises.
    """
    return _control(headers.get(_OURS), headers.get(_FOR_ALL_CDNS), headers.get("cache-control"))


@lru_cache(maxsize=1024)
def _control(ours: str | None, for_all_cdns: str | None, cache_control: str | None) -> Control:
    for value in (ours, for_all_cdns):
        directives = _dictionary(value) if value is not None else None
        if directives is not None:
            return Control(directives, targeted=True)
    return Control(parse_cache_control(cache_control or ""), targeted=False)


def _dictionary(value: str) -> Directives | None:
    """The directives of a targeted field; None where it is empty or cannot be parsed: it is ignored as a whole (§2.1).

    Of a key that comes twice the last one counts, as in any Dictionary (RFC 9651 §3.2).
    """
    if not value.isascii():
        return None
    try:
        members = parse(value.encode(), tltype="dictionary")
    except StructuredFieldError:
        return None
    assert isinstance(members, dict)  # noqa: S101 - that is what was asked for
    if not members:
        return None
    # Each member comes with its parameters, which mean nothing (§2.1).
    values = ((name, member[0]) for name, member in members.items() if isinstance(member, tuple))
    return MappingProxyType({name: _argument(name, value) for name, value in values if value is not False})


def _argument(name: str, value: object) -> str | None:
    """A member as an argument of Cache-Control; "" where its type is none that the directive may have (§2.1)."""
    if value is True:
        return None
    if name in NAMING:
        return _field_names(value)
    return str(value) if isinstance(value, int) else ""


def _field_names(value: object) -> str:
    if isinstance(value, str | Token):
        return str(value)
    if not isinstance(value, list):
        return ""
    items = [item[0] for item in value]
    return ", ".join(map(str, items)) if all(isinstance(item, str | Token) for item in items) else ""
