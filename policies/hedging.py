"""Hedging: a second call for a read whose first one is slow; whichever answers first is taken."""

from pydantic.dataclasses import dataclass

from policies.declaring import STRICT, Duration


@dataclass(frozen=True, kw_only=True, config=STRICT)
class HedgePolicy:
    """When a second call follows the first. Each one is a retry, and comes out of the retry budget."""

    after: Duration = 0.0  # seconds without an answer; 0: never
