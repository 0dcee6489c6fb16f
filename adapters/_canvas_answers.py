"""What an answer of Canvas means: throttling, refusals, and errors in Canvas' own shape (UPSTREAMS.md §2.5, §2.6)."""

from collections.abc import Mapping
from typing import Any

from adapters._answers import (
    ERROR_INSIDE,
    NOT_WHAT_IT_SAYS,
    finite,
    header_number,
    is_of_another,
    is_success,
    is_unreadable,
)
from adapters._canvas_ids import id_in_answer
from adapters._exchanges import Kind, Received, Verdict, http_verdict
from adapters._json import mapping, written_json
from adapters._vocabulary import Problem
from policies import PacingPolicy

THROTTLED = b"Rate Limit Exceeded"  # the reason words before it differ by version, this does not
CHARGE = 50.0  # units a request is charged up front
LEAK = 10.0  # units a second that drain away
REMAINING = "x-rate-limit-remaining"
COST = "x-request-cost"
# Of 600 to 700 units: slow down below `low`, serve stale below `reserve` (UPSTREAMS.md §2.5).
PACING = PacingPolicy(low=200, reserve=100, refill=LEAK, charge=CHARGE)


def verdict(received: Received) -> Verdict:
    """What an answer means. Throttled is 429, or 403 with that text (until October 2025), and nothing else."""
    if received.status == 429 or (received.status == 403 and THROTTLED in received.body):
        return Verdict(Kind.THROTTLED, wait(received.headers), "throttled")
    if is_of_another(received):
        return NOT_WHAT_IT_SAYS
    if received.status == 401 and "www-authenticate" not in received.headers:
        # Only a token problem has that header: this one is a missing permission or scope (§2.6).
        return Verdict(Kind.FORBIDDEN, detail="forbidden")
    if is_success(received):
        if is_unreadable(received):
            return NOT_WHAT_IT_SAYS
        if _is_error(received.json):
            return ERROR_INSIDE
    return http_verdict(received)


def wait(headers: Mapping[str, str]) -> float:
    """Seconds until the bucket has room for one more request: no Retry-After is sent (§2.5)."""
    remaining = finite(headers.get(REMAINING)) or 0.0
    return max(1.0, (CHARGE - max(remaining, 0.0)) / LEAK)


def quota_left(headers: Mapping[str, str]) -> float | None:
    """Units left in the token's bucket."""
    return header_number(headers, REMAINING)


def quota_cost(headers: Mapping[str, str]) -> float | None:
    """Units that the request cost; a throttled answer does not say."""
    return header_number(headers, COST)


def shape_error(problem: Problem, _path: str) -> bytes:
    """An error as canvasapi reads it; it parses the body of every 401 as JSON."""
    errors: list[dict[str, str]] = [
        {"field": fault.field, "message": fault.message, "error_code": fault.code} for fault in problem.faults
    ]
    body: dict[str, Any] = {"errors": errors or [{"message": problem.detail or problem.title}]}
    if problem.status == 401:
        body = {"status": "unauthenticated", **body}
    return written_json(body)


def own_id(json: Any) -> str | None:
    """The user in an answer to users/self."""
    return id_in_answer(mapping(json).get("id"))


def _is_error(json: Any) -> bool:
    """An object of errors alone; GraphQL gives errors beside its data, and some objects have errors of their own."""
    found = mapping(json)
    return ("errors" in found or "error" in found) and "id" not in found and "data" not in found
