"""Concurrency: at most so many calls in the air; a bounded number wait, the rest are refused at once."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ConcurrencyPolicy:
    """How many calls may be under way at one time."""

    upstream: int = Field(default=100, ge=1)  # calls in flight to the whole upstream
    credential: int = Field(default=6, ge=1)  # and for one credential (Canvas charges 50 units for each)
    queue: int = Field(default=200, ge=0)  # how many may wait for their turn
    adaptive: bool = False  # lower the upstream's limit while its answers get slower than they were
    least: int = Field(default=4, ge=1)  # calls that an adaptive limit leaves in any case
