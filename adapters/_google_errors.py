"""How Google says no: a `status` inside a 200 in its older APIs, an `error` object in its newer ones (§5.3, §5.5)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from adapters._answers import ERROR_INSIDE, NOT_WHAT_IT_SAYS, is_of_another, is_success, is_unreadable
from adapters._exchanges import Kind, Received, Verdict, http_verdict
from adapters._json import mapping, rows, written_json
from adapters._vocabulary import Problem

BACK_OFF = 1.0  # seconds; the least to wait when throttled, for a Retry-After is normally absent (§5.3)

CLASSIC: Mapping[str, Verdict] = {
    "OK": Verdict(Kind.ANSWER),
    "ZERO_RESULTS": Verdict(Kind.ANSWER),
    "NOT_FOUND": Verdict(Kind.MISSING),
    "OVER_QUERY_LIMIT": Verdict(Kind.THROTTLED, BACK_OFF, "throttled"),
    "OVER_DAILY_LIMIT": Verdict(Kind.CREDENTIAL_REFUSED, detail="quota-used-up"),
    "REQUEST_DENIED": Verdict(Kind.CREDENTIAL_REFUSED, detail="credential-refused"),
    "INVALID_REQUEST": Verdict(Kind.CALLER_ERROR),
    "UNKNOWN_ERROR": Verdict(Kind.FAILED, detail="upstream-failed"),
}
GRPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
# Reasons that are about the key or its project, whatever was asked (google.rpc.ErrorInfo).
KEY_REASONS = frozenset(
    {"SERVICE_DISABLED", "BILLING_DISABLED", "CONSUMER_INVALID", "CONSUMER_SUSPENDED", "CREDENTIALS_MISSING"}
)

_DELAY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)s")


def verdict(received: Received) -> Verdict:
    """What an answer means: by the body of the older APIs, by code and reason of the newer ones."""
    if (is_success(received) and is_unreadable(received)) or is_of_another(received):
        return NOT_WHAT_IT_SAYS
    body = mapping(received.json)
    status = body.get("status")
    if isinstance(status, str) and "error" not in body:
        said = CLASSIC.get(status)
        if said is None:
            return Verdict(Kind.UNUSABLE, detail="unknown-status") if is_success(received) else http_verdict(received)
        # A code that says error and a body that says success: the code is the worse, so it holds.
        if is_success(received) or said.kind not in (Kind.ANSWER, Kind.MISSING):
            return said
        return http_verdict(received)
    return _by_error(received, _error(received.json))


def shape_error(problem: Problem, path: str) -> bytes | None:
    """An error as the API at `path` words it; None for XML."""
    text = problem.detail or problem.title
    if path.startswith("/maps/"):
        return None if path.endswith("/xml") else _classic_error(problem, path, text)
    error: dict[str, Any] = {"code": problem.status, "message": text, "status": GRPC.get(problem.status, "UNKNOWN")}
    if problem.retry_after is not None:
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{problem.retry_after}s"}
        error["details"] = [delay]
    return written_json({"error": error})


def _classic_error(problem: Problem, path: str, text: str) -> bytes:
    statuses = {
        400: "INVALID_REQUEST",
        401: "REQUEST_DENIED",
        402: "OVER_DAILY_LIMIT",
        403: "REQUEST_DENIED",
        429: "OVER_QUERY_LIMIT",
    }
    body: dict[str, Any] = {"status": statuses.get(problem.status, "UNKNOWN_ERROR"), "error_message": text}
    return written_json({**body, "predictions" if "autocomplete" in path else "results": []})


def _by_error(received: Received, error: Mapping[str, Any]) -> Verdict:
    if is_success(received):
        return ERROR_INSIDE if error else http_verdict(received)
    if received.status in (400, 403) and any(_is_about_the_key(reason) for reason in _details(error, "reason")):
        return Verdict(Kind.CREDENTIAL_REFUSED, detail="credential-refused")
    if received.status == 429:
        return Verdict(Kind.THROTTLED, _retry_delay(error), "throttled")
    return http_verdict(received)


def _error(json: Any) -> Mapping[str, Any]:
    """The error object; streamed answers wrap it in a list."""
    return next((mapping(row["error"]) or {"code": 0} for row in rows(json) if "error" in row), {})


def _details(error: Mapping[str, Any], name: str) -> Iterator[str]:
    for detail in rows(error.get("details")):
        value = detail.get(name)
        if isinstance(value, str):
            yield value


def _is_about_the_key(reason: str) -> bool:
    return reason.startswith("API_KEY_") or reason in KEY_REASONS


def _retry_delay(error: Mapping[str, Any]) -> float:
    """Seconds in a google.rpc.RetryInfo, at least the least back-off."""
    delays = (_DELAY.fullmatch(delay) for delay in _details(error, "retryDelay"))
    return max([BACK_OFF, *(float(match[1]) for match in delays if match)])
