"""A person of Canvas, for erasing: everything that is theirs, or names them (34 CFR 99.3; UPSTREAMS.md §3.5, §7)."""

from collections.abc import Iterator
from typing import Any

from adapters._canvas_changes import UNKNOWN, everything_of, holders
from adapters._canvas_ids import id_forms, id_in_answer
from adapters._vocabulary import Person

_KIND = "user:"
_NAMING = ("associated_user_id", "author_id", "grader_id", "observed_user_id", "observer_id", "student_id", "user_id")
_NAMING_MANY = ("assignment_visibility", "student_ids", "user_ids")
_OF_A_USER = frozenset({"display_name", "full_name", "login_id", "short_name", "sortable_name"})


def person(tag: str) -> Person | None:
    """The person of a tag such as `user:20064`, `user:10000000020064` or `user:1~20064`.

    What nobody knows to be whose (`user:unknown:courses`) may be theirs, and goes too.
    """
    ids = id_forms(tag.removeprefix(_KIND)) if tag.startswith(_KIND) else ()
    everything = {f"{_KIND}{UNKNOWN}", *everything_of("user", ids)}
    return Person(frozenset(ids), frozenset(everything)) if ids else None


def people(json: Any) -> frozenset[str]:
    """The tags of all whom an answer names or shows, however deep in it (a submission within an assignment, say)."""
    return frozenset(holders("user", _named_in(json)))


def _named_in(json: Any) -> Iterator[str]:
    waiting = [json]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            ids = [value.get(name) for name in _NAMING]
            for name in _NAMING_MANY:
                many = value.get(name)
                ids += many if isinstance(many, list) else []
            if not _OF_A_USER.isdisjoint(value):
                ids.append(value.get("id"))
            yield from (known for one in ids if (known := id_in_answer(one)) is not None)
            waiting += (member for member in value.values() if isinstance(member, dict | list))
