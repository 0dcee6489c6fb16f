"""What a request to Smarty asks: the same as which other, and how one for many is many for one (UPSTREAMS.md §4)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from adapters._batches import Batch
from adapters._exchanges import NOT_JSON, Query, Sent
from adapters._json import Number, rows, strict_json
from adapters._smarty_faults import faults, less, mark, refusal
from adapters._smarty_limits import INPUT_ID, INPUT_INDEX, MOST, MOST_BYTES
from adapters._vocabulary import Echo

EMBEDDED = "key"  # an embedded key, which is good for GET only (§4.1)
CREDENTIAL = frozenset({"auth-id", "auth-token", EMBEDDED})
OF_ALL = CREDENTIAL | {"license", "features"}  # asked once, for all of a batch

# Where case and spaces mean nothing (§4.4). Not `addressee`: the answer repeats it.
ADDRESS = frozenset({"street", "street2", "secondary", "city", "state", "zipcode", "lastline", "urbanization"})
NUMBERS = frozenset({"candidates"})  # written as a number in a body

_SPACES = re.compile("[ \t]+")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can say it, UTF-8 cannot

MOST_DIGITS = 9  # of a number; Smarty knows no larger one than 10 candidates


def canonical_query(query: Query) -> Query:
    """Without the credential, ordered by name; repeated names keep their order."""
    return tuple(sorted((pair for pair in query if pair[0] not in CREDENTIAL), key=lambda pair: pair[0]))


def canonical_lookup(query: Query) -> Query:
    """The same of an address: spelled with other case and spaces it is the same one; an empty field is none
    (but for repeats, of which Smarty may take any)."""
    names = [name for name, _ in query]
    spelled = ((name, _spelled(value) if name in ADDRESS else value) for name, value in query)
    return canonical_query(
        tuple((name, value) for name, value in spelled if value or name not in ADDRESS or names.count(name) > 1)
    )


def _spelled(value: str | None) -> str:
    """Spaces alone: a line break may be one to Smarty, too. Not casefold: "ß" and "ss" are two spellings there."""
    return _SPACES.sub(" ", value or "").strip(" ").lower()


def _with_input_id(answer: Any, value: str) -> list[dict[str, Any]]:
    return [{INPUT_ID: value, **row} for row in rows(answer)]


def split(sent: Sent, needed: str | None) -> Sequence[Query] | None:
    """Each element of a POST as the query of a GET; None for what Smarty refuses, or might read otherwise. `needed`:
    the field without which a GET is refused (§4.5), though a POST only finds no match for it.
    """
    if not all(name in OF_ALL and name != EMBEDDED for name, _ in sent.query):
        return None
    elements = strict_json(sent.body) if len(sent.body) <= MOST_BYTES else NOT_JSON
    if not isinstance(elements, list) or not 0 < len(elements) <= MOST:
        return None
    queries = [_query(element, needed) for element in elements]
    known = [query for query in queries if query is not None]
    return [(*sent.query, *query) for query in known] if len(known) == len(queries) else None


def _query(element: object, needed: str | None) -> Query | None:
    if not isinstance(element, dict) or not OF_ALL.isdisjoint(element):
        return None
    members = {name: value for name, value in element.items() if value is not None}
    if not all(_is_text(name, value) for name, value in members.items()) or not _has(members, needed):
        return None
    return tuple((name, str(value)) for name, value in members.items())


def _is_text(name: str, value: object) -> bool:
    """Whether a member is written as Smarty reads it, and as it can stand in a query."""
    if isinstance(value, Number):
        return name in NUMBERS and _is_number(value)
    return isinstance(value, str) and name not in NUMBERS and not _LONE_SURROGATE.search(name + value)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS


def _has(members: Mapping[str, str], needed: str | None) -> bool:
    return needed is None or bool(members.get(needed, "").strip())


def pack(query: Query, needed: str | None) -> Mapping[str, Any] | None:
    """A lookup as an element of a POST; None where it would be another one there, or is refused."""
    members = {name: value or "" for name, value in query if name not in OF_ALL}
    is_spelled = len(members) == sum(name not in OF_ALL for name, _ in query)
    if not is_spelled or not _has(members, needed) or any(name == EMBEDDED for name, _ in query):
        return None
    if not all(_is_number(value) if name in NUMBERS else _is_text(name, value) for name, value in members.items()):
        return None
    return {name: int(value) if name in NUMBERS else value for name, value in members.items()}


def share(answer: Any, count: int) -> Sequence[list[dict[str, Any]]] | None:
    """The rows of each input, as it would have got them alone; an input without any has no match (§4.3)."""
    shares: list[list[dict[str, Any]]] = [[] for _ in range(count)]
    for row in rows(answer):
        index = row.get(INPUT_INDEX)
        if not isinstance(index, int) or not 0 <= index < count:
            return None
        shares[index].append({**row, INPUT_INDEX: 0})
    return shares


def place(answer: Any, index: int) -> Sequence[dict[str, Any]]:
    """The rows of one input among those of all."""
    return [{**row, INPUT_INDEX: index} for row in rows(answer)]


ECHO = Echo(INPUT_ID, _with_input_id)


def batch_of(route: str, needed: str | None) -> Batch:
    """A POST of many lookups, each of which could be the GET of this route, which is refused without a field."""
    return Batch(
        single=route,
        most=MOST,
        most_bytes=MOST_BYTES,
        common=OF_ALL,
        split=lambda sent: split(sent, needed),
        pack=lambda query: pack(query, needed),
        share=share,
        place=place,
        faults=faults,
        less=less,
        mark=mark,
        refusal=refusal,
    )
