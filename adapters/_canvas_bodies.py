"""What a write to Canvas says: the names in its path, form or JSON body (UPSTREAMS.md §2.9)."""

from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

from adapters._exchanges import Sent
from adapters._json import is_too_rich, strict_json

Fields = Mapping[str, tuple[str, ...]]
"""Values by Rack's name for them: `enrollment[user_id]`, and `course_ids[]` for arrays."""

_MOST_FIELDS = 10_000


def path_segments(raw_path: str) -> tuple[str, ...]:
    """The segments of a raw path, decoded after splitting: a SIS id may hold `%2F`."""
    return tuple(unquote(segment, errors="surrogateescape") for segment in raw_path.split("/") if segment)


def fields(sent: Sent) -> Fields:
    """Everything named in query and body; nothing of bodies that are neither a form nor JSON (file uploads), or that
    are too rich to be read.
    """
    media_type = sent.headers.get("content-type", "").partition(";")[0].strip().lower()
    found: dict[str, tuple[str, ...]] = {}
    pairs = [(name, value) for name, value in sent.query if value is not None]
    if is_too_rich(sent.body):
        pass
    elif media_type.endswith("json"):
        _flatten("", strict_json(sent.body), pairs)
    elif media_type in ("", "application/x-www-form-urlencoded"):
        pairs += _form(sent.body)
    for name, value in pairs[:_MOST_FIELDS]:
        found[name] = (*found.get(name, ()), value)
    return found


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
