"""Retry-After: how long an upstream asks to be left alone (RFC 9110 §10.2.3)."""

from policies.declaring import DAY
from policies.http.cache_control import delta_seconds
from policies.http.dates import http_date


def retry_after(value: str | None, now: float) -> float | None:
    """Seconds to wait, from whole seconds or an HTTP date; at most a day; None when there is no readable value."""
    if value is None:
        return None
    seconds = delta_seconds(value.strip())
    if seconds is None:
        date = http_date(value.strip(), now)
        seconds = None if date is None else max(0.0, date - now)
    return None if seconds is None else min(seconds, DAY)
