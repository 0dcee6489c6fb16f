"""How the admin listener reads: bodies and parameters, refused with the field, what was found and what would be right.

No value that was sent comes back in an error: somebody may have pasted a token into the wrong field.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from aiohttp import web

from proxy.errors import BadRequest, BodyTooLarge

MAX_BODY = 1024 * 1024  # bytes

T = TypeVar("T")


class _Twice(ValueError):
    """A member stands twice in an object (RFC 8259 §4: what that means is anyone's guess)."""


async def read_object(request: web.Request, example: str) -> dict[str, Any]:
    """The JSON object in a body. Raises BadRequest, BodyTooLarge."""
    right = f"a JSON object such as {example}"
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise BodyTooLarge(MAX_BODY) from None
    except web.RequestPayloadError:
        raise BadRequest("body", "what is not as its Content-Encoding says", right) from None
    try:
        document = json.loads(raw, object_pairs_hook=_members, parse_constant=_no_number)
    except _Twice as twice:
        raise BadRequest(str(twice), "it twice", "there once") from None
    except json.JSONDecodeError as error:
        found = f"what is not JSON, at line {error.lineno}, column {error.colno}" if raw.strip() else "nothing"
        raise BadRequest("body", found, right) from None
    except (ValueError, RecursionError):  # not UTF-8, NaN, too deep
        raise BadRequest("body", "what is not JSON", right) from None
    if not isinstance(document, dict):
        raise BadRequest("body", kind_of(document), right)
    return document


async def read_nothing(request: web.Request) -> None:
    """Of what takes neither parameters nor a body: whoever says more means something else than what would be done.

    An empty object says nothing. Raises BadRequest, BodyTooLarge.
    """
    read_parameters(request, ())
    if request.can_read_body:
        refuse_unknown(await read_object(request, "{}"), ())


def read_parameters(request: web.Request, known: Sequence[str]) -> dict[str, str]:
    """The query's parameters, empty ones left out. Raises BadRequest on those not known, or given twice."""
    given: dict[str, str] = {}
    for name, value in request.query.items():
        refuse_unknown([name], known)
        if name in given:
            raise BadRequest(name, "it twice", "there once")
        given[name] = value
    return {name: value for name, value in given.items() if value}


def limit_in(given: Mapping[str, str], usual: int, most: int) -> int:
    """The parameter `limit`. Raises BadRequest."""
    text, right = given.get("limit", str(usual)), f"a whole number from 1 to {most}"
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("limit", said(text), right)
    if len(text) > 9 or not 1 <= int(text) <= most:
        raise BadRequest("limit", "a number out of range", right)
    return int(text)


def refuse_unknown(names: Iterable[str], known: Sequence[str]) -> None:
    """Raises BadRequest on names that are none of those known."""
    unknown = [name for name in names if name not in known]
    if len(unknown) == 1:
        raise BadRequest(unknown[0], "an unknown field", nearest(unknown[0], known))
    if unknown:
        raise BadRequest(", ".join(unknown), "unknown fields", f"one of {', '.join(known)}" if known else "left out")


def one_of(field: str, word: str, choices: Mapping[str, T]) -> T:
    """The choice that a word names. Raises BadRequest."""
    if word not in choices:
        raise BadRequest(field, said(word), nearest(word, choices))
    return choices[word]


def nearest(word: str, known: Iterable[str], most: int = 20) -> str:
    """What would have been right in place of `word`: what is near it, and all there is where that is not much."""
    names = sorted(known)
    if not names:
        return "left out"
    near = get_close_matches(word[:200], names, n=3)
    meant = f"did you mean {' or '.join(near)}?" if near else ""
    listed = f"one of {', '.join(names)}" if len(names) <= most else ""
    return "; ".join(part for part in (listed, meant) if part) or f"one of the {len(names)} there are"


def kind_of(value: Any) -> str:
    """What JSON calls the kind of a value; the two booleans by their names."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    names = {str: "a string", int: "a number", float: "a number", list: "an array", dict: "an object"}
    return names[type(value)]


def said(value: Any) -> str:
    """What was found, as far as it may be told: of text its length, since it may be a secret in the wrong place."""
    if isinstance(value, str):
        return f"a string of {len(value)} characters" if value else "an empty string"
    return kind_of(value)


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise _Twice(name)
        members[name] = value
    return members


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")
