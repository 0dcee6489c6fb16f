"""Policies: small rules about time, failure, load and sameness. No I/O; they import nothing of the project."""

from policies.batching import BatchPolicy
from policies.breaker import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen
from policies.collecting import CollectionPolicy, Recheck
from policies.concurrency import ConcurrencyPolicy
from policies.declaring import DAY, GIB, HOUR, KIB, MIB, MINUTE, SECOND, STRICT, Duration, Rate, Ratio, Size
from policies.demand import Demand, Priority
from policies.egress import EgressPolicy
from policies.freshness import UNLIMITED, CachePolicy, Freshness, Partition, RefreshBehind, ShelfLife
from policies.guarding import GuardPolicies
from policies.hedging import HedgePolicy
from policies.pacing_account import PacingPolicy
from policies.payload import Doubt, Doubted, Holding, PayloadPolicy
from policies.retry import RetryBudget, RetryPolicy
from policies.timeouts import TimeoutPolicy
from policies.writes import WritesPolicy

__all__ = [
    "DAY",
    "GIB",
    "HOUR",
    "KIB",
    "MIB",
    "MINUTE",
    "SECOND",
    "STRICT",
    "UNLIMITED",
    "BatchPolicy",
    "BreakerPolicy",
    "CachePolicy",
    "Circuit",
    "CircuitBreaker",
    "CircuitOpen",
    "CollectionPolicy",
    "ConcurrencyPolicy",
    "Demand",
    "Doubt",
    "Doubted",
    "Duration",
    "EgressPolicy",
    "Freshness",
    "GuardPolicies",
    "HedgePolicy",
    "Holding",
    "PacingPolicy",
    "Partition",
    "PayloadPolicy",
    "Priority",
    "Rate",
    "Ratio",
    "Recheck",
    "RefreshBehind",
    "RetryBudget",
    "RetryPolicy",
    "ShelfLife",
    "Size",
    "TimeoutPolicy",
    "WritesPolicy",
]
