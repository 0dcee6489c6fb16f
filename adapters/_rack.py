"""Parameters as Rack and Rails nest them: `course[name]=x` is `{"course": {"name": "x"}}`, whatever way they come.

Rack::QueryParser: the last of repeated scalars wins, `a[]` is a list, `a[][b]` a list of objects. Rails lays what the
body says over what the query says, name by name at the top, and takes a JSON object for the same.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

from adapters._exchanges import NOT_JSON, Sent
from adapters._json import is_too_rich, strict_json
from adapters._vocabulary import BadBody

DEEPEST = 32  # names within names; Rack's own limit
MOST = 4096  # parameters; Rack's own limit

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_INNER = re.compile(r"\[([^\[\]]*)\]")
_FORM = "application/x-www-form-urlencoded"


def given(sent: Sent) -> Any:
    """All that query and body say, nested; NOT_JSON where the body is of a kind that is not read here.

    Raises BadBody for a body that is not what its media type says, or that Rack would refuse.
    """
    body = _body(sent)
    if body is NOT_JSON:
        return NOT_JSON
    query = nested((name, value or "") for name, value in sent.query)
    return {**query, **body} if isinstance(body, dict) else {**query, "_json": body}


def _body(sent: Sent) -> Any:
    if not sent.body:
        return {}
    if sent.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return NOT_JSON
    media_type = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return NOT_JSON if is_too_rich(sent.body) else _json(sent.body)
    if media_type not in ("", _FORM):
        return NOT_JSON
    try:
        pairs = parse_qsl(
            sent.body.decode("utf-8", "surrogateescape"),
            keep_blank_values=True,
            errors="surrogateescape",
            max_num_fields=MOST,
        )
    except ValueError:
        raise BadBody(f"The form has more than {MOST} fields.") from None
    return nested(pairs)


def _json(body: bytes) -> Any:
    value = strict_json(body)
    if value is NOT_JSON:
        raise BadBody("The body is not JSON, or repeats a name within an object; its Content-Type says JSON.")
    return value


def nested(pairs: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Pairs as the objects and lists that their names spell. Raises BadBody where two names contradict each other."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        match = _NAME.fullmatch(name)
        if match is None:
            found[name] = value
            continue
        path = [match[1], *_INNER.findall(match[2])]
        if len(path) > DEEPEST:
            raise BadBody(f"A field's name is nested more than {DEEPEST} levels deep.")
        _put(found, path, value)
    return found


def spelled(place: Sequence[str | int]) -> str:
    """A place as a form names it: `course[name]`, `course_ids[]`."""
    first, *inner = [""] if not place else ["" if isinstance(part, int) else part for part in place]
    return first + "".join(f"[{part}]" for part in inner)


def _put(into: dict[str, Any], path: Sequence[str], value: str) -> None:
    """One value at its place; `path` has at least one name."""
    name, rest = path[0], path[1:]
    if not rest:
        into[name] = value
    elif rest[0] == "":
        held = into.setdefault(name, [])
        if not isinstance(held, list):
            raise _contradicts()
        _append(held, rest[1:], value)
    else:
        held = into.setdefault(name, {})
        if not isinstance(held, dict):
            raise _contradicts()
        _put(held, rest, value)


def _append(held: list[Any], path: Sequence[str], value: str) -> None:
    """`a[]`: one more value; `a[][b]`: a member of the last object, or of a new one if that has it already."""
    if not path:
        held.append(value)
        return
    if not held or not isinstance(held[-1], dict) or _has(held[-1], path):
        held.append({})
    _put(held[-1], path, value)


def _has(row: Mapping[str, Any], path: Sequence[str]) -> bool:
    """Whether there is something at that place that another value would not stand beside."""
    if path[0] not in row:
        return False
    if len(path) > 1 and path[1] == "":
        return False
    inner = row[path[0]]
    return len(path) == 1 or not isinstance(inner, dict) or _has(inner, path[1:])


def _contradicts() -> BadBody:
    return BadBody("One field's name makes a value of what another one makes an object or a list.")
