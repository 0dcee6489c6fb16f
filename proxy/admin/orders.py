"""Flush orders: what `POST /admin/flush` asks for, read to the last field before anything is touched."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from proxy.admin import targets
from proxy.admin.reading import kind_of, one_of, refuse_unknown
from proxy.admin.targets import Routes
from proxy.errors import BadRequest
from proxy.messages import ALL
from proxy.store.fences import Mode

EXAMPLE = '{"tag": "courseworks/course:565"}'

TARGETS = ("all", "upstream", "endpoint", "tag", "principal", "key")
_FIELDS = (*TARGETS, "mode", "dry_run")
_MODES: Mapping[str, Mode] = {mode.value: mode for mode in Mode}


A_PERSON = "(a person)"


class FlushOrder(NamedTuple):
    """One tag to purge, and how."""

    field: str  # what the tag was named by
    named: str | bool
    tag: str
    mode: Mode
    dry_run: bool

    @property
    def on_record(self) -> dict[str, Any]:
        """What was flushed, without the persons whom it was about."""
        is_private = self.field == "principal" and not str(self.named).startswith("caller:")
        is_private = is_private or targets.is_about_a_person(self.tag)
        return {self.field: A_PERSON if is_private else self.named, "mode": self.mode.value}


def read_order(document: Mapping[str, Any], routes: Routes) -> FlushOrder:
    """The order in a body. Raises BadRequest, with nothing done."""
    refuse_unknown(document, _FIELDS)
    named = [name for name in TARGETS if name in document]
    if len(named) != 1:
        found = f"{' and '.join(named)} together" if named else "none"
        raise BadRequest(", ".join(TARGETS), found, f"exactly one of them, such as {EXAMPLE}")
    field = named[0]
    tag = _tag(field, document[field], routes)
    return FlushOrder(field, document[field], tag, _mode(document, field, tag), _dry_run(document))


def _tag(field: str, value: Any, routes: Routes) -> str:
    if field == "all":
        if value is not True:
            raise BadRequest(field, kind_of(value), "true")
        return ALL
    if not isinstance(value, str) or not value:
        found = "an empty string" if value == "" else kind_of(value)
        raise BadRequest(field, found, "a string that names it")
    named: Mapping[str, Callable[[str], str]] = {
        "upstream": partial(targets.upstream_named, routes=routes),
        "endpoint": partial(targets.tag_of_endpoint, routes=routes),
        "tag": partial(targets.tag_named, routes=routes),
        "principal": targets.principal_named,
        "key": targets.key_named,
    }
    return named[field](value)


def _mode(document: Mapping[str, Any], field: str, tag: str) -> Mode:
    """As asked; else hard where it is about a principal or a person, who may have asked to be forgotten."""
    if "mode" not in document:
        is_personal = field == "principal" or targets.is_about_a_person(tag)
        return Mode.HARD if is_personal else Mode.SOFT
    value = document["mode"]
    if not isinstance(value, str):
        raise BadRequest("mode", kind_of(value), "soft or hard")
    return one_of("mode", value, _MODES)


def _dry_run(document: Mapping[str, Any]) -> bool:
    value = document.get("dry_run", False)
    if not isinstance(value, bool):
        raise BadRequest("dry_run", kind_of(value), "true or false")
    return value
