"""Retry: which failures are tried again, how often, and how long between. The upstream never pays for our hope."""

from collections.abc import Callable

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import SECOND, STRICT, Duration, Rate, Ratio


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RetryPolicy:
    """How a failed call that is safe to repeat is repeated."""

    attempts: int = Field(default=3, ge=1, le=10)  # in all, the first included
    wait: Duration = 0.1  # the ceiling of the first full-jitter wait, in seconds; doubles each time
    max_wait: Duration = 2 * SECOND  # no wait is longer; a Retry-After beyond it ends the retrying
    answers: bool = True  # whatever failed; false: only what was lost on a kept connection, which had ended unseen
    budget: Ratio = 0.2  # retries, as a share of demand
    floor: Rate = 1.0  # retries a second that are allowed whatever the demand


class RetryBudget:
    """Retries an upstream's callers have earned together: a share of their first calls, plus a small floor.

    So upstream calls ≤ (1 + budget) × demand + floor × time, also when everything fails.
    """

    CEILING = 10.0  # seconds of saved-up floor, and the least number of retries that can be saved up

    def __init__(self, policy: RetryPolicy, clock: Callable[[], float]) -> None:
        self.policy = policy
        self._clock = clock
        self._saved = self._most = max(policy.floor * self.CEILING, 1.0) if policy.floor else 0.0
        self._seen = clock()

    def __repr__(self) -> str:
        return f"<RetryBudget {self.left:.1f} left>"

    @property
    def left(self) -> float:
        """Retries that could be made now."""
        self._earn_floor()
        return self._saved

    def demand(self) -> None:
        """A first call goes out: it earns its share of a retry."""
        self._earn_floor()
        self._saved = min(self._saved + self.policy.budget, max(self._most, self.CEILING * self.policy.budget, 1.0))

    def spend(self) -> bool:
        """Take one retry, if one is left."""
        self._earn_floor()
        if self._saved < 1:
            return False
        self._saved -= 1
        return True

    def _earn_floor(self) -> None:
        now = self._clock()
        self._saved = max(self._saved, min(self._saved + (now - self._seen) * self.policy.floor, self._most))
        self._seen = now
