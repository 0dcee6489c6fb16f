"""The ways Google can be in trouble, each as a classic status and as a gRPC-style error (UPSTREAMS.md §5.3, §5.5)."""

from __future__ import annotations

from enum import Enum
from typing import Literal

TroubleName = Literal[
    "off", "over_query_limit", "over_daily_limit", "request_denied", "unknown_error", "unavailable", "deadline_exceeded"
]


class Trouble(Enum):
    """(name in settings, classic status, HTTP code, gRPC status, reason or empty, message)"""

    OVER_QUERY_LIMIT = (
        "over_query_limit",
        "OVER_QUERY_LIMIT",
        429,
        "RESOURCE_EXHAUSTED",
        "RATE_LIMIT_EXCEEDED",
        "Quota exceeded for quota metric 'Requests' and limit 'Requests per minute'.",
    )
    OVER_DAILY_LIMIT = (
        "over_daily_limit",
        "OVER_DAILY_LIMIT",
        403,
        "PERMISSION_DENIED",
        "BILLING_DISABLED",
        "This API method requires billing to be enabled.",
    )
    REQUEST_DENIED = (
        "request_denied",
        "REQUEST_DENIED",
        403,
        "PERMISSION_DENIED",
        "API_KEY_SERVICE_BLOCKED",
        "Requests to this API are blocked for this key.",
    )
    UNKNOWN_ERROR = ("unknown_error", "UNKNOWN_ERROR", 500, "INTERNAL", "", "Internal error encountered.")
    UNAVAILABLE = ("unavailable", "UNKNOWN_ERROR", 503, "UNAVAILABLE", "", "The service is currently unavailable.")
    DEADLINE_EXCEEDED = (
        "deadline_exceeded",
        "UNKNOWN_ERROR",
        504,
        "DEADLINE_EXCEEDED",
        "",
        "Deadline expired before operation could complete.",
    )

    def __init__(self, name: str, classic: str, code: int, status: str, reason: str, message: str) -> None:
        self.switch = name
        self.classic = classic
        self.code = code
        self.status = status
        self.reason = reason
        self.message = message


# Streets that bring trouble wherever they are asked for; `overonce lane N` only the first time (SDK_REQUESTS.md §3)
STREETS = {
    "overlimit lane": Trouble.OVER_QUERY_LIMIT,
    "overdaily lane": Trouble.OVER_DAILY_LIMIT,
    "denied lane": Trouble.REQUEST_DENIED,
    "unknown error lane": Trouble.UNKNOWN_ERROR,
    "unavailable lane": Trouble.UNAVAILABLE,
}
ONCE = "overonce lane"
NOWHERE = "zero results lane"
