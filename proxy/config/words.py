"""pydantic's findings in an operator's words: what a field has to be, never what it is, which may be a secret."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from proxy.config.file import Place
from proxy.config.setting_fields import BASE_URL, CALLBACK_URL, HASH, HTTP_URL, NAME, PREFIX
from proxy.config.spoken import spoken
from proxy.config.type_words import SAID
from proxy.settings import Settings, nearest

KINDS = ("canvas-live-events", "standard-webhooks")
_BLOCK = frozenset({"model_type", "model_attributes_type", "dict_type", "dataclass_type", "mapping_type"})
_LISTS = frozenset({"tuple_type", "list_type"})
_BLOCKS: Mapping[str, str] = {  # whose fields an operator names
    "upstreams": "courseworks: {base_url: https://canvas.example.edu}",
    "endpoints": '"GET /api/v1/courses": {cache: {ttl: 5m}}',
    "credential": "{auth_id: …, auth_token: …}",
    "webhooks": "canvas: {kind: canvas-live-events, upstream: courseworks, …}",
    "outcomes": "graded: {ttl: 60s}",
    "events": 'course.updated: ["course:{id}"]',
}
_SAID: Mapping[str, str] = {**SAID, "string_type": "has to be text: put quotes around it"}


def place_of(item: Any) -> Place:
    """Where it is; of the alternatives for a webhook pydantic names the one it took."""
    place = tuple(item["loc"])
    return place[:2] + place[3:] if place[:1] == ("webhooks",) and place[2:3] and place[2] in KINDS else place


def words_of(item: Any) -> str:
    """What would be right."""
    place, kind, given = place_of(item), item["type"], item["input"]
    if kind == "extra_forbidden":
        return _unknown(place)
    if kind.startswith("union_tag"):
        return _kind(given)
    if kind in _BLOCK:
        return _block(place, given)
    if kind in _LISTS:
        return "has to be a list: [one, another], or a line for each that begins with `- `"
    if kind == "string_pattern_mismatch":
        return _PATTERNS[item["ctx"]["pattern"]](given)
    if kind == "string_type" and isinstance(given, dict | list):
        return "has to be text"
    return _SAID.get(kind) or _limit(kind, str(place[-1]), item.get("ctx", {})) or _message(item)


def meant_by(item: Any) -> str:
    """The field that a misspelt one was meant to be; nothing where that is not plain."""
    place = place_of(item)
    if item["type"] != "extra_forbidden":
        return ""
    return next(iter(get_close_matches(str(place[-1]), fields_at(place[:-1]), n=1)), "")


def _unknown(place: Place) -> str:
    name = str(place[-1])
    if ":" in name and " " not in name:
        return f"unknown field; a space has to follow the colon: {name.partition(':')[0]}: …"
    return f"unknown field; {nearest(name, fields_at(place[:-1]))}"


def _kind(given: Any) -> str:
    none = "" if isinstance(given, dict) and "kind" in given else "; it says none"
    return f"`kind` has to be {' or '.join(KINDS)}{none}"


def _block(place: Place, given: Any) -> str:
    if given is None:
        return "is empty: write its fields below it, indented further; or leave it out"
    fields = fields_at(place)
    such_as = _BLOCKS.get(str(place[-1]), "name: …")
    right = f"has to be a block of fields: {', '.join(fields)}" if fields else f"has to be a block such as `{such_as}`"
    return f"{right}. After a colon there has to be a space" if isinstance(given, str) and ":" in given else right


def _limit(kind: str, name: str, limits: Mapping[str, Any]) -> str | None:
    """Numbers with their units: at most 100%, at least 200ms."""
    for word, key, says in (
        ("greater_than_equal", "ge", "at least"),
        ("less_than_equal", "le", "at most"),
        ("greater_than", "gt", "more than"),
    ):
        if kind == word:
            return f"has to be {says} {spoken(name, limits[key])}"
    return f"needs at least {limits['min_length']}" if kind == "too_short" else None


def _message(item: Any) -> str:
    message = str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "has to be")
    if item["type"] == "value_error":  # such a message begins with the value
        message = message.removeprefix(f"{item['input']!r} ").removeprefix(f"{item['input']} ")
    return message[0].lower() + message[1:]


def _base_url(given: str) -> str:
    """Which part of the address is not what it has to be."""
    scheme, separator, rest = given.partition("://")
    if scheme not in ("http", "https") or not separator:
        return "has to begin with http:// or https://, such as https://canvas.example.edu"
    if "?" in rest or "#" in rest:
        return "has to end before its ? or #: a query belongs to each request"
    if "@" in rest:
        return "may not hold a user or a password: they go under `credential:`, or come with each request"
    return "has to be an address such as https://canvas.example.edu, without blanks"


def _hash(given: str) -> str:
    if given.startswith("sha256:"):
        return "has to be sha256: and 64 digits from 0-9a-f: copy the whole `hash:` line of `larder key`"
    return "has to be the hash, not the key: the line `hash: sha256:…` of `larder key`"


_PATTERNS: Mapping[str, Callable[[str], str]] = {
    BASE_URL: _base_url,
    HASH: _hash,
    CALLBACK_URL: lambda _: "has to be a URL such as https://app.example.org/jobs",
    HTTP_URL: lambda _: "has to begin with http:// or https://",
    NAME: lambda _: "may only have letters, digits and . _ -, at most 64 of them",
    PREFIX: lambda _: "may only have letters, digits and . _ -, at most 40 of them",
}


def has_port(url: str) -> bool:
    """Whether what stands for a port in an address is one."""
    try:
        return urlsplit(url.replace("{", "").replace("}", "")).port != 0
    except ValueError:
        return False


@cache
def _schema() -> Any:
    return Settings.model_json_schema()


def fields_at(place: Place) -> list[str]:
    """The fields that a block may have."""
    schema: Any = _schema()
    definitions = schema["$defs"]
    for part in place:
        schema = _step(schema, part, definitions)
    return list(_resolved(schema, definitions).get("properties", {}))


def _step(schema: Any, part: str | int, definitions: Any) -> Any:
    schema = _resolved(schema, definitions)
    if isinstance(part, int):
        return schema.get("items", {})
    return schema.get("properties", {}).get(part) or schema.get("additionalProperties") or {}


def _resolved(schema: Any, definitions: Any) -> Any:
    """A schema with its references followed; of alternatives those fields that any of them has."""
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    choices = [_resolved(choice, definitions) for choice in schema.get("anyOf", schema.get("oneOf", []))]
    if not choices:
        return schema
    merged: dict[str, Any] = {"properties": {}}
    for choice in choices:
        merged["properties"] |= choice.get("properties", {})
        merged.setdefault("items", choice.get("items", {}))
        if isinstance(choice.get("additionalProperties"), dict):
            merged["additionalProperties"] = choice["additionalProperties"]
    return merged
