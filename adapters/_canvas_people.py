"""A person of Canvas, for erasing: everything that is theirs, or names them (34 CFR 99.3; UPSTREAMS.md §3.5, §7)."""

from adapters._canvas_changes import everything_of
from adapters._canvas_ids import id_forms
from adapters._vocabulary import Person

_KIND = "user:"


def person(tag: str) -> Person | None:
    """The person of a tag such as `user:20064`, `user:10000000020064` or `user:1~20064`.

    What nobody knows to be whose (`user:unknown:courses`) may be theirs, and goes too.
    """
    ids = id_forms(tag.removeprefix(_KIND)) if tag.startswith(_KIND) else ()
    return Person(frozenset(ids), frozenset(everything_of("user", ids))) if ids else None
