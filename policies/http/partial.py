"""Partial answers: what a stored 206 may answer, and how parts of one representation become a whole.

RFC 9111 §3.3 and §3.4, RFC 9110 §15.3.7.
"""

from collections.abc import Mapping
from typing import NamedTuple

from policies.http.etags import strongly_equal
from policies.http.ranges import Part, has_strong_date, parse_range, wanted


class Held(NamedTuple):
    """The bytes that are held of a representation, both ends included, and how long it is in all, if that is known."""

    first: int
    last: int
    complete: int | None


def covered(held: Held, range_value: str | None) -> Part | None:
    """The part that a Range asks for, if it lies wholly within what is held (RFC 9111 §3.3); else None."""
    part = _bounded(range_value) if held.complete is None else wanted(range_value, held.complete)
    if not isinstance(part, Part):
        return None
    return part if held.first <= part.first and part.last <= held.last else None


def may_combine(stored: Mapping[str, str], new: Mapping[str, str], *, now: float) -> bool:
    """Whether the parts of two answers are of one representation: they share a strong validator (RFC 9111 §3.4)."""
    if "etag" in stored or "etag" in new:
        return "etag" in stored and "etag" in new and strongly_equal(stored["etag"], new["etag"])
    same = stored.get("last-modified") == new.get("last-modified")
    return same and has_strong_date(stored, now=now) and has_strong_date(new, now=now)


def joined(held: Held, held_body: bytes, more: Held, more_body: bytes) -> tuple[Held, bytes] | None:
    """Two parts that touch or overlap as one; None if there is a gap, or what is said of them cannot be true."""
    if not (_fits(held, held_body) and _fits(more, more_body) and _agree(held, more)):
        return None
    complete = more.complete if held.complete is None else held.complete
    if more.first < held.first:
        held, held_body, more, more_body = more, more_body, held, held_body
    if more.first > held.last + 1:
        return None
    whole = Held(held.first, max(held.last, more.last), complete)
    return (whole, held_body + more_body[held.last + 1 - more.first :]) if _is_possible(whole) else None


def is_whole(held: Held) -> bool:
    """Whether nothing is missing: it may be used as a complete 200 (RFC 9110 §15.3.7.3)."""
    return held.complete is not None and held.first == 0 and held.last == held.complete - 1


def missing(held: Held) -> str | None:
    """The Range that would complete a beginning; None for a part that is no beginning, or whose end is not known."""
    if held.first != 0 or held.complete is None or is_whole(held):
        return None
    return f"bytes={held.last + 1}-"


def _bounded(range_value: str | None) -> Part | None:
    """A single range that says both its ends: all that can be placed while the complete length is not known."""
    specs = parse_range(range_value)
    if specs is None or len(specs) != 1:
        return None
    first, last = specs[0]
    return None if first is None or last is None else Part(first, last)


def _fits(held: Held, body: bytes) -> bool:
    return len(body) == held.last - held.first + 1


def _agree(one: Held, other: Held) -> bool:
    return one.complete is None or other.complete is None or one.complete == other.complete


def _is_possible(held: Held) -> bool:
    return held.complete is None or held.last < held.complete
