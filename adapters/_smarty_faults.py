"""Lookups of a batch that Smarty refuses, and the whole batch with them (§4.5).

What is sure to be refused, for a field of the wrong type, is told before it is sent. What Smarty may take goes to
Smarty; whether it was refused for one of its lookups, the answer says.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from adapters._batches import Fault
from adapters._exchanges import NOT_JSON, Received, Sent
from adapters._json import Number, mapping, rows, strict_json, written_json
from adapters._smarty_limits import INPUT_ID, INPUT_INDEX, MOST, MOST_BYTES

TEXTS = frozenset(
    {
        *("street", "street2", "secondary", "city", "state", "zipcode", "lastline", "addressee", "urbanization"),
        *(INPUT_ID, "match", "format", "county_source"),
    }
)
CANDIDATES = "candidates"
OF_A_LOOKUP = frozenset({400, 413, 422})  # malformed, too large, without what it needs; all else is about no lookup


def faults(sent: Sent) -> Mapping[int, Sequence[Fault]]:
    """What is wrong with which element of a POST; nothing where all of the body is no batch."""
    elements = strict_json(sent.body) if len(sent.body) <= MOST_BYTES else NOT_JSON
    if not isinstance(elements, list) or len(elements) > MOST:
        return {}
    found = {at: _of(at, element) for at, element in enumerate(elements)}
    return {at: wrong for at, wrong in found.items() if wrong}


def less(sent: Sent, places: Collection[int]) -> Sent:
    """The same POST without the elements at these places."""
    elements = json.loads(sent.body)
    kept = [element for at, element in enumerate(elements) if at not in places]
    return replace(sent, body=written_json(kept))


def mark(sent: Sent, at: int, wrong: Sequence[Fault]) -> dict[str, Any]:
    """What an answer says in the place of such an element: no candidate, but why there is none."""
    given = mapping(json.loads(sent.body)[at]).get(INPUT_ID)
    named = {INPUT_ID: given} if isinstance(given, str) and given else {}
    return {**named, INPUT_INDEX: at, "errors": [{"field": one.field, "message": one.message} for one in wrong]}


def refusal(received: Received) -> str | None:
    """What Smarty says is wrong with a lookup, or with all of a batch for it; None: that is not why it refused."""
    if received.status not in OF_A_LOOKUP:
        return None
    if received.json is NOT_JSON:
        return received.body.decode(errors="replace")
    said = (error.get("message") for error in rows(mapping(received.json).get("errors")))
    return "; ".join(message for message in said if isinstance(message, str))


def _of(at: int, element: object) -> Sequence[Fault]:
    if not isinstance(element, dict):
        return [Fault("", f'[{at}]: must be an object such as {{"street": …}}, not {_kind(element)}')]
    return [
        Fault(name, f"[{at}].{name}: must be {'a whole number' if name == CANDIDATES else 'text'}, not {_kind(value)}")
        for name, value in element.items()
        if value is not None and not _fits(name, value)
    ]


def _fits(name: str, value: object) -> bool:
    if name == CANDIDATES:
        return isinstance(value, str)  # a Number is one; how large, and whether text will do, is Smarty's to say
    return name not in TEXTS or (isinstance(value, str) and not isinstance(value, Number))


def _kind(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "an object"
