"""Strong entity-tags for JSON whose origin gives none: equal exactly when all is equal that does not change by itself.

Origins tag their octets, weakly, and those differ with every "last seen". RFC 9110 §8.8.1 wants a strong tag to change
with every octet; this one does with all that anybody could mean to compare, and so no parts are given by it (§14).
"""

import json
from collections.abc import Collection
from hashlib import blake2b

import msgspec

MOST_NAMED = 20
"""Members that are named as changed."""

_NESTED = (dict, list)
_written = msgspec.json.Encoder(order="sorted").encode


def strong_tag(value: object, volatile: Collection[str]) -> str:
    """The tag of a JSON value, less the members, at any depth, that are named as volatile."""
    return f'"{blake2b(_text(_less(value, volatile)), digest_size=16).hexdigest()}"'


def changed_members(one: object, other: object, volatile: Collection[str]) -> tuple[str, ...]:
    """The names of the members of two objects that differ, volatile ones aside; of what is no object, none."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return ()
    names = sorted({*one, *other} - {*volatile})
    differ = [name for name in names if not _is_same(one, other, name, volatile)]
    return tuple(differ[:MOST_NAMED])


def _is_same(one: dict[str, object], other: dict[str, object], name: str, volatile: Collection[str]) -> bool:
    if (name in one) is not (name in other):
        return False
    return _text(_less(one[name], volatile)) == _text(_less(other[name], volatile))


def _text(value: object) -> bytes:
    """Compared as written: to Python `1`, `1.0` and `true` are the same. msgspec is five times as quick as json, and
    refuses half of a surrogate pair and integers beyond 64 bits.
    """
    try:
        return _written(value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(value, separators=(",", ":"), sort_keys=True).encode("ascii")


def _less(value: object, volatile: Collection[str]) -> object:
    if isinstance(value, dict):
        return {
            name: _less(member, volatile) if isinstance(member, _NESTED) else member
            for name, member in value.items()
            if name not in volatile
        }
    if isinstance(value, list):
        return [_less(item, volatile) if isinstance(item, _NESTED) else item for item in value]
    return value
