"""Header fields: as they came, each line for itself, and as what they say together (RFC 9110 §5.3)."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

Fields = tuple[tuple[str, str], ...]
"""Header fields as (name, value), in the order and the case they came in; a name may come more than once."""


def as_mapping(fields: Fields) -> Mapping[str, str]:
    """By lower-case name, repeats joined with a comma (RFC 9110 §5.3)."""
    joined: dict[str, str] = {}
    for name, value in fields:
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    return joined


def without(fields: Fields, names: AbstractSet[str]) -> Fields:
    """The fields whose lower-case name is not among `names`."""
    return tuple([field for field in fields if field[0].lower() not in names])
