"""Entity-tags: the names an origin gives to the states of a resource, and when two are the same (RFC 9110 §8.8.3)."""

import re

ANY = ("*",)  # what `parse_etags` makes of `*`

_MEMBER = re.compile(r'[ \t]*(?:((?:W/)?"[^"]*")[ \t]*|([^,]*))(?:,|\Z)')
_WEAK = re.compile(r'W/("[^"]*")')


def parse_etags(value: str) -> tuple[str, ...] | None:
    """The tags of an If-None-Match in the order they came, `ANY` for `*` (§13.1.2); None when it names nothing.

    A comma within quotes belongs to its tag. A member that is no entity-tag is kept as it stands.
    """
    members = ((match[1] or match[2]).strip(" \t") for match in _MEMBER.finditer(value))
    return tuple(member for member in members if member) or None


def is_weak(tag: str) -> bool:
    """Whether a tag is marked as weak; in whatever case, so that a misspelt mark never passes for a strong tag."""
    return tag[:2].upper() == "W/"


def is_strong(tag: str | None) -> bool:
    """Whether there is a tag, and it is an entity-tag that is not weak."""
    return tag is not None and tag.startswith('"')


def weakly_equal(one: str, other: str) -> bool:
    """Weak comparison (§8.8.3.2): the same opaque tag, marked or not. What is no entity-tag equals its own text."""
    return _opaque(one) == _opaque(other)


def strongly_equal(one: str, other: str) -> bool:
    """Strong comparison (§8.8.3.2): the same opaque tag, and neither of them weak."""
    return one == other and not is_weak(one)


def _opaque(tag: str) -> str:
    marked = _WEAK.fullmatch(tag)
    return marked[1] if marked else tag
