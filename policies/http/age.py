"""Age: how old an answer is by the time it comes (RFC 9111 §4.2.3, §5.1)."""

from collections.abc import Mapping
from math import floor

from policies.http.cache_control import delta_seconds
from policies.http.dates import http_date


def age_value(text: str | None) -> float | None:
    """Seconds in an Age field, of a list those of its first member; None where that is no whole number (§5.1)."""
    return delta_seconds(text.partition(",")[0].strip(" \t")) if text is not None else None


def initial_age(headers: Mapping[str, str], *, requested_at: float, received_at: float) -> float:
    """The corrected_initial_age in seconds (§4.2.3): by the origin's clock, or by what caches tell if that is more.

    Instants in seconds since the epoch. Without a Date, or with one in the future, the clocks tell nothing. A Date has
    no fractions, so those of the arrival are no age.
    """
    date = http_date(headers.get("date"), received_at)
    apparent_age = max(0.0, floor(received_at) - date) if date is not None else 0.0
    response_delay = max(0.0, received_at - requested_at)  # clocks may be set back
    return max(apparent_age, (age_value(headers.get("age")) or 0.0) + response_delay)
