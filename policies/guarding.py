"""Guarding: all that stands between callers and an upstream, as one word."""

from dataclasses import dataclass, field

from policies.breaker import BreakerPolicy
from policies.concurrency import ConcurrencyPolicy
from policies.egress import EgressPolicy
from policies.hedging import HedgePolicy
from policies.pacing_account import PacingPolicy
from policies.payload import PayloadPolicy
from policies.retry import RetryPolicy
from policies.timeouts import TimeoutPolicy
from policies.writes import WritesPolicy


@dataclass(frozen=True, kw_only=True)
class GuardPolicies:
    """The policies of an upstream's guards, or of one endpoint's. The names are those of the config's blocks."""

    timeout: TimeoutPolicy = field(default_factory=TimeoutPolicy)
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    concurrency: ConcurrencyPolicy = field(default_factory=ConcurrencyPolicy)
    pacing: PacingPolicy = field(default_factory=PacingPolicy)
    hedge: HedgePolicy = field(default_factory=HedgePolicy)
    egress: EgressPolicy = field(default_factory=EgressPolicy)
    payload: PayloadPolicy = field(default_factory=PayloadPolicy)
    writes: WritesPolicy = field(default_factory=WritesPolicy)
