"""Tags as an operator writes them for an event: `course:{id}`, filled from what the event says."""

import re
from collections.abc import Mapping
from typing import Any

from proxy.changes.notices import Counted, Refused

_FIELD = re.compile(r"\{(\w+)\}", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9_:.~-]{1,64}")
_TAG = re.compile(r"[A-Za-z0-9_:.~-]{1,200}")


def is_tag(text: object) -> bool:
    """Whether `text` can be a local tag: without its upstream's name, and none of those that entries imply."""
    return isinstance(text, str) and _TAG.fullmatch(text) is not None


class TagTemplate:
    """One template, checked when it is made."""

    def __init__(self, text: str) -> None:
        """Raises ValueError on anything but tag characters and {names}."""
        if not is_tag(_FIELD.sub("x", text)):
            raise ValueError(f"{text!r} is not a tag template such as course:{{id}}")
        self._text = text

    def __repr__(self) -> str:
        return f"<TagTemplate {self._text}>"

    def fill(self, data: Mapping[str, Any]) -> str:
        """The tag for an event's data. Raises Refused when a named value is missing, or could not stand in a tag."""
        tag = _FIELD.sub(lambda found: _value(data.get(found[1])), self._text)
        if not is_tag(tag):
            raise Refused(Counted.MALFORMED, "the event's data make too long a tag")
        return tag


def _value(value: object) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _VALUE.fullmatch(text):
        raise Refused(Counted.MALFORMED, "the event lacks a value that its tags are made of, or it is no id")
    return text
