"""Timeouts: how long one attempt, and all attempts together, may take."""

from pydantic.dataclasses import dataclass

from policies.declaring import SECOND, STRICT, Duration


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TimeoutPolicy:
    """Seconds; `total` holds over queueing, attempts and the waits between them."""

    attempt: Duration = 5 * SECOND
    total: Duration = 8 * SECOND
    fallback_after: Duration = 0.0  # who has a stale answer to fall back on waits no longer for a new one; 0: `total`
