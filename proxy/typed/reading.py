"""Reading a typed request: strictly, and with every error named by its field."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from adapters import NOT_JSON, Query
from proxy.config.type_words import right
from proxy.errors import BadRequest
from proxy.settings import nearest
from proxy.typed.errors import FieldError, InvalidFields, UnsupportedMediaType
from proxy.typed.patterns import WORDS
from proxy.upstream.reading import TooDeep, parsed

MOST_ERRORS = 20  # that are told at once
MOST_GUESSES = 3  # of them for which a field is looked for that may be meant: that takes its time

_JSON = "application/json"


def read_body(model: type[BaseModel], body: bytes, headers: Mapping[str, str]) -> Any:
    """The body as its model. Raises UnsupportedMediaType, BadRequest, InvalidFields."""
    media_type = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != _JSON or headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(_JSON)
    try:
        value = parsed(body)
    except TooDeep as error:
        raise BadRequest("body", "JSON nested too deep", "as its schema says") from error
    if value is NOT_JSON:
        raise BadRequest("body", _instead_of_json(body), "a JSON object")
    _refuse_repeated(body)
    return _validated(model, value)


def read_query(model: type[BaseModel] | None, query: Query, ignored: Collection[str]) -> Any:
    """The query as its model; None where a route has none. `ignored`: names of credentials. Raises InvalidFields."""
    fields: dict[str, str] = {}
    for name, value in query:
        if name in ignored or (not name and value is None):  # `?&` says nothing
            continue
        if name in fields:
            raise InvalidFields([FieldError(name, "stands there twice")])
        fields[name] = value or ""
    if model is not None:
        return _validated(model, fields, "query")
    if fields:
        raise InvalidFields([FieldError(name, "unknown field; this route takes none") for name in fields])
    return None


def errors_of(model: type[BaseModel], error: ValidationError, whole: str = "body") -> list[FieldError]:
    """pydantic's findings in a caller's words, never with a value: it may be somebody's address. `whole`: what the
    model as such is called.
    """
    found = error.errors(include_url=False, include_input=False)[:MOST_ERRORS]
    unknown = [at for at, item in enumerate(found) if item["type"] == "extra_forbidden"]
    told = [FieldError(".".join(str(part) for part in item["loc"]) or whole, right(item, WORDS)) for item in found]
    for at in unknown:
        guess = _guess(model, found[at]["loc"]) if at in unknown[:MOST_GUESSES] else ""
        told[at] = told[at]._replace(message=f"unknown field{guess}")
    return told


class _Repeated(ValueError):
    """A name stands twice in an object."""


def _instead_of_json(body: bytes) -> str:
    """What was found, and where it stops to be JSON."""
    if not body.strip():
        return "nothing"
    try:
        json.loads(body)
    except UnicodeDecodeError:
        return "what is no UTF-8"
    except json.JSONDecodeError as error:
        return f"no JSON, at line {error.lineno}, column {error.colno}"
    except ValueError:
        return "a number of too many digits"
    return "no JSON"


def _refuse_repeated(body: bytes) -> None:
    """Raises BadRequest where a name stands twice in an object: readers differ on which holds (RFC 8259 §4)."""
    try:
        json.loads(body, object_pairs_hook=_unique)
    except _Repeated as repeated:
        raise BadRequest(str(repeated), "it twice", "there once, since readers differ on which holds") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members: dict[str, object] = {}
    for name, value in pairs:
        if name in members:
            raise _Repeated(name)
        members[name] = value
    return members


def _validated(model: type[BaseModel], value: object, whole: str = "body") -> Any:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise InvalidFields(errors_of(model, error, whole)) from None


def _guess(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    return f"; {nearest(str(loc[-1])[:64], _fields_at(model, loc[:-1]))}"


def _fields_at(model: type[BaseModel], place: Iterable[int | str]) -> list[str]:
    """The fields of the model at a place within another one."""
    for part in place:
        if isinstance(part, int):
            continue
        info = model.model_fields.get(part)
        inner = next(_models_in(info.annotation), None) if info is not None else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
