"""JSON as adapters read it: strictly, so that what two parsers could read differently counts as no JSON at all."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from adapters._exchanges import NOT_JSON

DEEPEST = 64  # levels; a body nested deeper is compared by its bytes


MOST_PARTS = 20_000  # of a body that is read while others wait: some ten milliseconds


def is_too_rich(body: bytes) -> bool:
    """Whether a request's body has so many parts, as JSON or as a form, that reading it would hold everybody up."""
    return len(body) > MOST_PARTS and sum(map(body.count, (b",", b"[", b"{", b"&"))) > MOST_PARTS


class Number(str):
    """A JSON number as it was written: `1.0` and `1` may mean two things to an upstream."""

    __slots__ = ()


def strict_json(body: bytes) -> Any:
    """The parsed body; NOT_JSON for what is no JSON, repeats a name within an object or holds NaN or Infinity.

    Repeated names are read differently by different parsers (RFC 8259 §4), so Larder does not guess.
    """
    try:
        return json.loads(
            body.decode(),
            parse_int=Number,
            parse_float=Number,
            parse_constant=_refuse,
            object_pairs_hook=_unique,
        )
    except (ValueError, RecursionError):
        return NOT_JSON


def canonical_json(body: bytes, reduce: Callable[[Any], Any] | None = None) -> bytes:
    """One spelling for all spellings of a JSON text; bytes that `strict_json` refuses or that are too rich stay so.

    `reduce` takes out what the upstream treats as absent.
    """
    value = NOT_JSON if is_too_rich(body) else strict_json(body)
    if value is NOT_JSON:
        return body
    try:
        return _written(value if reduce is None else reduce(value), DEEPEST).encode()
    except (ValueError, RecursionError):
        return body


def written_json(value: object) -> bytes:
    """Compact JSON of an answer that Larder words itself."""
    return json.dumps(value, separators=(",", ":")).encode()


def mapping(value: object) -> Mapping[str, Any]:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def rows(value: object) -> list[dict[str, Any]]:
    """The objects in a JSON array; an object alone counts as an array of itself."""
    if isinstance(value, dict):
        return [value]
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is no JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return members


def _written(value: object, levels: int) -> str:
    if isinstance(value, Number):
        return str.__str__(value)
    if not isinstance(value, dict | list):
        return json.dumps(value)
    if levels == 0:
        raise ValueError("nested too deep")
    if isinstance(value, list):
        return f"[{','.join([_written(item, levels - 1) for item in value])}]"
    members = [f"{json.dumps(name)}:{_written(member, levels - 1)}" for name, member in sorted(value.items())]
    return f"{{{','.join(members)}}}"
