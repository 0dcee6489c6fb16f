"""Dates: the three forms an HTTP date may have, and no other (RFC 9110 §5.6.7)."""

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from math import floor
from typing import NamedTuple

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = f"(?P<month>{'|'.join(_MONTHS)})"
_TIME = "(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_SHORT_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_LONG_DAY = "(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)"
_FORMS = tuple(
    # ASCII, or a long s would pass for an s where case is ignored.
    re.compile(form, re.IGNORECASE | re.ASCII)
    for form in (
        rf"{_SHORT_DAY}, (?P<day>[0-9]{{2}}) {_MONTH} (?P<year>[0-9]{{4}}) {_TIME} GMT",  # IMF-fixdate
        rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-{_MONTH}-(?P<year>[0-9]{{2}}) {_TIME} GMT",  # rfc850-date
        rf"{_SHORT_DAY} {_MONTH} (?P<day>[0-9]{{2}}| [0-9]) {_TIME} (?P<year>[0-9]{{4}})",  # asctime-date
    )
)
_NEVER_MORE_AHEAD = 50  # years that a date with a two-digit year can lie in the future


class _Instant(NamedTuple):
    """A date's numbers. A year below 100 came without its century."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int


def http_date(text: str | None, now: float) -> float | None:
    """Seconds since the epoch of an HTTP date; None when it is none. Never raises.

    Case is ignored, and the zone is GMT only (RFC 9111 §4.2). The day's name has to be one, but nobody checks which. A
    leap second counts as the second before it. `now` finds the century of a year that came with two digits.
    """
    read = _read(text) if text is not None else None
    if isinstance(read, _Instant):
        return _seconds(read._replace(year=_full_year(read, now)))
    return read


def format_date(seconds: float) -> str:
    """An IMF-fixdate for seconds since the epoch; fractions are cut off.

    Raises ValueError or OverflowError beyond the year 9999.
    """
    return formatdate(floor(seconds), usegmt=True)


@lru_cache(maxsize=1024)
def _read(text: str) -> float | _Instant | None:
    """Seconds, or the numbers of a date that lacks its century."""
    match = next((match for form in _FORMS if (match := form.fullmatch(text)) is not None), None)
    if match is None:
        return None
    month = _MONTHS.index(match["month"].lower()) + 1
    clock = (int(match["hour"]), int(match["minute"]), int(match["second"]))
    instant = _Instant(int(match["year"]), month, int(match["day"]), *clock)
    return instant if len(match["year"]) == 2 else _seconds(instant)


def _full_year(instant: _Instant, now: float) -> int:
    """The last year with these two digits that does not lie more than 50 years ahead (RFC 9110 §5.6.7)."""
    today = datetime.fromtimestamp(now, UTC)
    furthest = today.year + _NEVER_MORE_AHEAD
    year = furthest - (furthest - instant.year) % 100
    rest = (today.month, today.day, today.hour, today.minute, today.second)
    return year - 100 if year == furthest and instant[1:] > rest else year


def _seconds(instant: _Instant) -> float | None:
    """None for what no calendar or clock shows."""
    if instant.second > 60:
        return None
    try:
        return datetime(*instant._replace(second=min(instant.second, 59)), tzinfo=UTC).timestamp()
    except ValueError:
        return None
