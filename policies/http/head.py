"""HEAD: what its answer tells of a stored answer to GET (RFC 9111 §4.3.5)."""

from collections.abc import Mapping
from enum import Enum

_VALIDATORS = ("etag", "last-modified")


class Effect(Enum):
    """What becomes of the stored answer."""

    FRESHENS = "freshens"  # renew its fields (§3.2)
    OUTDATES = "outdates"  # it counts as stale
    NOTHING = "nothing"


def effect_on(stored: Mapping[str, str], stored_length: int, head_status: int, head: Mapping[str, str]) -> Effect:
    """What an answer to HEAD does to a stored answer to GET that could have been chosen for the same request.

    `stored_length` is the length of the stored content in bytes, in the coding it came in: HEAD speaks of that.
    """
    if head_status != 200:
        return Effect.NOTHING
    same_state = all(head[name] == stored.get(name) for name in _VALIDATORS if name in head)
    same_length = "content-length" not in head or head["content-length"].strip() == str(stored_length)
    return Effect.FRESHENS if same_state and same_length else Effect.OUTDATES
