"""Byte ranges: which part of an answer is wanted, and what is said of a part (RFC 9110 §14)."""

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from policies.http.dates import http_date
from policies.http.etags import strongly_equal
from policies.http.fields import Fields, without

MOST_RANGES = 16  # a request for more is broken, or meant to harm (§17.15)

# ASCII, or a long s would pass for an s where case is ignored.
_RANGE = re.compile(r"bytes=(.*)", re.IGNORECASE | re.ASCII | re.DOTALL)
_SPEC = re.compile(r"([0-9]*)-([0-9]*)")
_CONTENT_RANGE = re.compile(r"bytes[ \t]+([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE | re.ASCII)
_BEYOND = 10**18  # past the end of anything
_PART_FIELDS = frozenset({"content-length", "content-range", "content-digest", "content-md5"})  # of the whole content

Spec = tuple[int | None, int | None]  # first and last byte; (None, n) for the last n bytes, (n, None) for all from n on


class Part(NamedTuple):
    """A stretch of bytes, both ends included."""

    first: int
    last: int


class Wanted(Enum):
    """What a Range asks for where it is not one part."""

    WHOLE = "whole"  # ignore it, answer with everything
    UNSATISFIABLE = "unsatisfiable"  # 416 (§15.5.17)


class ContentRange(NamedTuple):
    """What a 206 says of its content: where it begins and ends, and how long the whole is, if that is known."""

    first: int
    last: int
    complete: int | None


def parse_range(value: str | None) -> tuple[Spec, ...] | None:
    """The ranges of a Range field; None where it is to be ignored: unreadable, of another unit, or of too many."""
    match = _RANGE.fullmatch(value.strip(" \t")) if value is not None else None
    if match is None:
        return None
    members = [text for member in match[1].split(",") if (text := member.strip(" \t"))]
    specs = [spec for member in members if (spec := _spec(member)) is not None]
    # One range that is invalid makes the whole field so (§14.1.1).
    return tuple(specs) if 0 < len(specs) == len(members) <= MOST_RANGES else None


def wanted(range_value: str | None, length: int) -> Part | Wanted:
    """What a GET's Range wants of `length` bytes: a part, everything, or nothing there is.

    Several ranges that do not run into one are answered with everything: a server may ignore Range (§14.2).
    """
    specs = parse_range(range_value)
    if specs is None:
        return Wanted.WHOLE
    parts = sorted(part for spec in specs if (part := _within(spec, length)) is not None)
    if not parts:
        return Wanted.UNSATISFIABLE
    return _as_one(parts) or Wanted.WHOLE


def if_range_holds(value: str | None, stored: Mapping[str, str], *, now: float) -> bool:
    """Whether a Range still counts, given the If-Range beside it (§13.1.5). Weak validators never hold."""
    if value is None:
        return True
    value = value.strip(" \t")
    if http_date(value, now) is not None:
        return value == stored.get("last-modified") and has_strong_date(stored, now=now)
    return "etag" in stored and strongly_equal(value, stored["etag"])


def has_strong_date(stored: Mapping[str, str], *, now: float) -> bool:
    """Whether Last-Modified tells any two states apart: it lies a second or more before Date (§8.8.2.2)."""
    modified, date = http_date(stored.get("last-modified"), now), http_date(stored.get("date"), now)
    return modified is not None and date is not None and date >= modified + 1


def parse_content_range(value: str | None) -> ContentRange | None:
    """A 206's Content-Range (§14.4); None where it is unreadable, invalid, of another unit, or `*/N`: not a part."""
    match = _CONTENT_RANGE.fullmatch(value.strip(" \t")) if value is not None else None
    if match is None:
        return None
    first, last = int(match[1]), int(match[2])
    complete = None if match[3] == "*" else int(match[3])
    if last < first or (complete is not None and complete <= last):
        return None
    return ContentRange(first, last, complete)


def part_fields(fields: Fields, part: Part, length: int | None) -> Fields:
    """The fields of a 206 that carries `part` of `length` bytes, None where nobody knows how many (§15.3.7)."""
    return (
        *without(fields, _PART_FIELDS),
        ("Content-Length", str(part.last - part.first + 1)),
        ("Content-Range", f"bytes {part.first}-{part.last}/{'*' if length is None else length}"),
    )


def _spec(text: str) -> Spec | None:
    match = _SPEC.fullmatch(text)
    if match is None or text == "-":
        return None
    first, last = _number(match[1]), _number(match[2])
    return None if first is not None and last is not None and last < first else (first, last)


def _number(digits: str) -> int | None:
    """Clamped: a length has no limit, but int() does (§14.1.2)."""
    if not digits:
        return None
    digits = digits.lstrip("0") or "0"
    return int(digits) if len(digits) <= 18 else _BEYOND


def _within(spec: Spec, length: int) -> Part | None:
    """The part of `length` bytes that one range stands for; None where it cannot be satisfied (§14.1.2)."""
    first, last = spec
    if first is None:
        return Part(max(0, length - last), length - 1) if last else None
    if first >= length:
        return None
    return Part(first, length - 1 if last is None else min(last, length - 1))


def _as_one(parts: Sequence[Part]) -> Part | None:
    """One part for parts in order that touch or overlap (§15.3.7.2); None if there is a gap, or not a byte in them."""
    last = parts[0].last
    for part in parts[1:]:
        if part.first > last + 1:
            return None
        last = max(last, part.last)
    return Part(parts[0].first, last) if last >= parts[0].first else None
