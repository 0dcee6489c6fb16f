"""Canvas ids: one object has a local, a global and a `shard~local` form (UPSTREAMS.md §2.2, §3.4)."""

import re

SHARD = 10**13  # global id = shard × SHARD + local id

Ids = tuple[str, ...]
"""The forms under which one object may be tagged; empty when it is not known which object is meant."""

_LARGEST = 2**63
_WRITTEN = re.compile(r"(?:([0-9]{1,6})~)?([0-9]{1,19})")


def id_number(value: object) -> int | None:
    """The number behind an id of a path, an answer or an event; None when it is none (`self`, `sis_user_id:…`)."""
    if isinstance(value, str):
        match = _WRITTEN.fullmatch(value)
        if match is None:
            return None
        value = int(match[1] or 0) * SHARD + int(match[2])
    elif isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 < value < _LARGEST else None


def id_in_answer(value: object) -> str | None:
    """An id of a REST answer: the home shard's are local there already, foreign ones stay global."""
    number = id_number(value)
    return None if number is None else str(number)


def id_forms(value: object, home: int | None = None) -> Ids:
    """The forms an id may have in tags. Where the home shard is not known, a global id stands for both of its forms."""
    number = id_number(value)
    if number is None:
        return ()
    shard, local = divmod(number, SHARD)
    if shard == 0 or (shard == home and local):
        return (str(local),)
    if home is not None or not local:
        return (str(number),)
    return str(local), str(number)
