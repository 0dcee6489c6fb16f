"""Batching: reads of one thing may go upstream together, as one read of many."""

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import STRICT, Duration


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BatchPolicy:
    """Whether reads that came one by one are sent as a batch."""

    gather: Annotated[Duration, Field(le=1)] = 0.0  # seconds that the first waits for others; 0: each goes by itself
