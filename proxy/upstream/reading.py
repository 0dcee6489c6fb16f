"""Reading: a body as JSON, no deeper than what reads it later can take; and the same written again."""

import json
from itertools import chain

import msgspec
from pydantic_core import from_json

from adapters import NOT_JSON

DEEPEST = 200  # levels of arrays and objects; jiter, which reads for pydantic, refuses one more

_TOO_DEEP = "recursion limit exceeded"  # in jiter's words


class TooDeep(ValueError):
    """JSON of more levels than anybody means: who walks it would run out of stack."""


def parsed(body: bytes) -> object:
    """The body as JSON, or NOT_JSON. Raises TooDeep.

    jiter is quick, and says the same as `json` of all it takes; what it refuses (UTF-16, half of a surrogate pair) is
    left to `json`, which takes more.
    """
    try:
        value: object = from_json(body)
    except ValueError as error:
        if str(error).startswith(_TOO_DEEP):
            raise TooDeep(f"JSON of more than {DEEPEST} levels") from error
        return _parsed_slowly(body)
    return value


def written(value: object) -> bytes:
    """What was parsed, as JSON again; half of a surrogate pair and the largest numbers as they came."""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # msgspec writes no number of more than 64 bits
        return json.dumps(value, separators=(",", ":")).encode()


def _parsed_slowly(body: bytes) -> object:
    try:
        value: object = json.loads(body)
    except RecursionError as error:
        raise TooDeep(f"JSON of more than {DEEPEST} levels") from error
    except ValueError:
        return NOT_JSON
    if _is_deeper(value, DEEPEST):
        raise TooDeep(f"JSON of more than {DEEPEST} levels")
    return value


def _is_deeper(value: object, levels: int) -> bool:
    """Whether it has more levels; walked one after the other, without a stack."""
    nested = [value] if isinstance(value, dict | list) else []
    for _ in range(levels):
        inside = chain.from_iterable(one.values() if isinstance(one, dict) else one for one in nested)
        nested = [one for one in inside if isinstance(one, dict | list)]
    return bool(nested)
