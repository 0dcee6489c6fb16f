"""The switches of the Canvas stand-in: `POST /_sandbox/settings {"canvas": {…}}`."""

from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from sandbox.settings import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CanvasSettings:
    """Times in seconds; the bucket's numbers are Canvas' defaults in source (UPSTREAMS.md §2.5).

    `throttle_status`: 429 since October 2025, 403 before; `api_auth_error_updates`: 403 instead of 401 for a missing
    permission; `replica_lag`: reads show the state of so long ago; `latency`: how long each answer takes, during which
    it holds its up-front charge; `request_cost`: units one request costs.
    """

    throttle_status: Literal[403, 429] = 429
    api_auth_error_updates: bool = False
    replica_lag: float = Field(default=0.0, ge=0)
    latency: float = Field(default=0.0, ge=0)
    high_water: float = Field(default=600.0, gt=0)
    maximum: float = Field(default=800.0, gt=0)
    leak: float = Field(default=10.0, ge=0)
    up_front: float = Field(default=50.0, ge=0)
    request_cost: float = Field(default=0.03, ge=0)
