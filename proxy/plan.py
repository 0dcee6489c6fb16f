"""Plans: adapter facts and the operator's settings, resolved once into what runs. Frozen; a reload makes new ones.

Precedence, field by field: built-in < adapter < `defaults` < `upstreams.X` < endpoint.

Nothing here leads back to what it is part of: what a reload replaces goes with the last request that it is asked for,
and waits for no garbage collection.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from math import inf
from types import MappingProxyType
from urllib.parse import urlsplit

from adapters import Adapter, Endpoint, Signature
from policies import (
    BatchPolicy,
    CachePolicy,
    CollectionPolicy,
    GuardPolicies,
    RetryPolicy,
    TimeoutPolicy,
    WritesPolicy,
)
from policies.http.storing import HeadersPolicy
from proxy.config.file import ConfigProblem
from proxy.config.layers import Sourced
from proxy.routing import Router, decoded_segments
from proxy.settings import Settings

MISSING = "missing"  # the outcome of 404 and 410
UNKNOWN = "*"  # the name of every endpoint that nobody declared: passed through, never stored
UNDER_TERMS = "@"  # in an outcome: behind it stands the kind of content that a provider's terms end it by
AS_BUILT = HeadersPolicy()
APART = BatchPolicy()

LoadAdapter = Callable[[str], Adapter]


@dataclass(frozen=True, eq=False, kw_only=True)
class UpstreamRules:
    """What was resolved for an upstream as a whole, as its endpoints know it."""

    name: str
    adapter_name: str
    adapter: Adapter
    base_urls: tuple[str, ...]  # one, or several that answer alike
    credential: Mapping[str, str] | None
    signature: Signature | None
    keep_at_most: float
    learn_user: bool
    terms_accepted: bool
    guards: GuardPolicies
    settle: float
    sources: tuple[Sourced, ...] = field(default=(), repr=False)

    @property
    def base_url(self) -> str:
        """The one that keys, links and tags are made by, whichever is called."""
        return self.base_urls[0]

    @cached_property
    def has_no_path(self) -> bool:
        """Whether the base URL ends with its authority."""
        return not urlsplit(self.base_url).path


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything resolved for one endpoint."""

    upstream: UpstreamRules
    name: str  # the route, such as "GET /api/v1/courses/{course}"
    endpoint: Endpoint
    cache: CachePolicy | None
    outcomes: Mapping[str, CachePolicy]
    guards: GuardPolicies
    version: str  # changes when a lifetime does
    by_headers: bool = False  # no cache was declared, and the upstream's headers decide instead (RFC 9111)
    headers: HeadersPolicy = AS_BUILT  # how far they do
    batch: BatchPolicy = APART  # where reads of one thing may go as one of many
    collection: CollectionPolicy | None = None  # where its answers are pages of a list that is kept whole
    terms: Mapping[str, float] = field(default_factory=dict)  # seconds that kinds of content may be kept; inf: no end
    apart: frozenset[str] = frozenset()  # guards that it has for itself, apart from its upstream's
    single: "Plan | None" = None  # of one that answers many things: that which answers each alone, and keeps it
    sources: tuple[Sourced, ...] = field(default=(), repr=False)

    @property
    def shortest_term(self) -> float:
        """Seconds after which the first of what may be kept at all has to go; inf: there are no terms."""
        return min((seconds for seconds in self.terms.values() if seconds), default=inf)

    @cached_property
    def is_end_said(self) -> bool:
        """Whether it is the operator who says how long its answers are kept at most."""
        rows = (*(self.single or self).sources, *self.upstream.sources)
        said = [row for row in rows if row.field in ("cache.keep_at_most", "keep_at_most")]
        return bool(said) and said[0].is_operators

    @property
    def kept_as(self) -> str:
        """The endpoint that its answers are kept, counted and flushed under: of many things, that of each."""
        return self.name if self.endpoint.batch is None else self.endpoint.batch.single

    @property
    def timeout(self) -> TimeoutPolicy:
        """How long its calls may take."""
        return self.guards.timeout

    @property
    def retry(self) -> RetryPolicy:
        """How its failed calls are repeated."""
        return self.guards.retry

    @property
    def writes(self) -> WritesPolicy:
        """What is done for a write beside sending it once."""
        return self.guards.writes


@dataclass(frozen=True, eq=False, kw_only=True)
class UpstreamPlan(UpstreamRules):
    """Everything resolved for one upstream: the same, and its endpoints."""

    endpoints: tuple[Plan, ...]
    router: Router[Plan]
    unknown: Plan

    @classmethod
    def of(cls, rules: UpstreamRules, endpoints: Sequence[Plan], unknown: Plan) -> "UpstreamPlan":
        """An upstream with these endpoints, which were resolved under its rules."""
        said = {entry.name: getattr(rules, entry.name) for entry in fields(rules)}
        router = Router([(plan.name, plan) for plan in endpoints])
        return cls(**said, endpoints=tuple(endpoints), router=router, unknown=unknown)

    def match(self, method: str, path: str) -> tuple[Plan, Mapping[str, str]]:
        """The plan for a raw path below the upstream's prefix, and what its {names} stand for. HEAD is GET's."""
        found = self.router.find("GET" if method == "HEAD" else method, decoded_segments(path))
        return (found.target, found.params) if found is not None else (self.unknown, MappingProxyType({}))

    def many_for(self, single: Plan) -> Plan | None:
        """The endpoint that answers many of an endpoint's things at once, if there is one."""
        return self._many.get(single.name)

    @cached_property
    def _many(self) -> Mapping[str, Plan]:
        return {plan.single.name: plan for plan in reversed(self.endpoints) if plan.single is not None}


@dataclass(frozen=True)
class Plans:
    """What runs until the next reload."""

    settings: Settings
    upstreams: Mapping[str, UpstreamPlan]
    notices: tuple[ConfigProblem, ...] = ()  # what holds, but may not be what was meant

    @property
    def longest_kept(self) -> float:
        """Seconds the longest-lived entry may be kept."""
        return max((upstream.keep_at_most for upstream in self.upstreams.values()), default=0.0)


def policy_for(plan: Plan, outcome: str) -> CachePolicy:
    """The policy of an outcome of a cached endpoint; one that is not known any more goes by the endpoint's own."""
    if plan.cache is None:
        raise ValueError(f"{plan.name} has no cache")
    if outcome == MISSING:
        return plan.cache.negative()
    outcome, _, kind = outcome.partition(UNDER_TERMS)
    policy = plan.outcomes.get(outcome, plan.cache)
    if not plan.terms:
        return policy
    # Without a kind: kept before anybody looked. A kind that nobody knows any more may not be kept.
    return policy.ending_after(plan.terms.get(kind, 0.0) if kind else plan.shortest_term)
