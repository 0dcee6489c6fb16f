"""What a write to Canvas says: the names in its path, form or JSON body (UPSTREAMS.md §2.9)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from adapters._exchanges import NOT_JSON, Sent
from adapters._json import is_too_rich, strict_json

Fields = Mapping[str, tuple[str, ...]]
"""Values by Rack's name for them: `enrollment[user_id]`, and `course_ids[]` for arrays."""

_MOST_FIELDS = 10_000


def path_segments(raw_path: str) -> tuple[str, ...]:
    """The segments of a raw path, decoded after splitting: a SIS id may hold `%2F`."""
    return tuple(unquote(segment, errors="surrogateescape") for segment in raw_path.split("/") if segment)


def fields(sent: Sent) -> Fields:
    """Everything named in query and body; nothing of a body that is not read."""
    found: dict[str, tuple[str, ...]] = {}
    pairs = [(name, value) for name, value in sent.query if value is not None]
    for name, value in (*pairs, *(_said(sent) or ()))[:_MOST_FIELDS]:
        found[name] = (*found.get(name, ()), value)
    return found


def is_read(sent: Sent) -> bool:
    """Whether all that the body says is in its fields."""
    return _said(sent) is not None


def _said(sent: Sent) -> list[tuple[str, str]] | None:
    """What a form or JSON names. None of bodies that are neither (file uploads), coded, too rich to be read, or JSON
    that two parsers could read differently.
    """
    if not sent.body:
        return []
    if is_too_rich(sent.body) or sent.headers.get("content-encoding", "identity").strip().lower() != "identity":
        return None
    media_type = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type in ("", "application/x-www-form-urlencoded"):
        return _form(sent.body)
    value = strict_json(sent.body) if media_type.endswith("json") else NOT_JSON
    if value is NOT_JSON:
        return None
    pairs: list[tuple[str, str]] = []
    _flatten("", value, pairs)
    return pairs


def _form(body: bytes) -> list[tuple[str, str]]:
    return parse_qsl(body.decode("utf-8", "surrogateescape"), keep_blank_values=True, errors="surrogateescape")


def _flatten(name: str, value: object, pairs: list[tuple[str, str]]) -> None:
    """Two levels are all that Canvas' parameters for what is cached here have."""
    if isinstance(value, dict) and name.count("[") < 2:
        for key, member in value.items():
            _flatten(f"{name}[{key}]" if name else key, member, pairs)
    elif isinstance(value, list):
        pairs += ((f"{name}[]", item) for item in value if isinstance(item, str))
    elif isinstance(value, bool):
        pairs.append((name, "true" if value else "false"))
    elif isinstance(value, str):
        pairs.append((name, value))
