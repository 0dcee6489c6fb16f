"""The upstreams that are called, with their guards. A reload keeps the state of guards whose policy did not change."""

from collections.abc import Iterable, Iterator

from policies import CircuitBreaker, RetryBudget
from proxy.plan import UpstreamPlan
from proxy.upstream.call import Tools, Upstream
from proxy.upstream.slots import Slots


class Upstreams:
    """Every upstream, by name."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._by_name: dict[str, Upstream] = {}
        self._gone: dict[str, Upstream] = {}  # taken out of the config; requests under way still end there

    def __iter__(self) -> Iterator[Upstream]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Upstream:
        return self._by_name.get(name) or self._gone[name]

    def follow(self, plans: Iterable[UpstreamPlan]) -> None:
        """Make the guards what the plans say; calls under way end under the guards they began with."""
        self._gone |= self._by_name
        self._by_name = {plan.name: self._upstream(plan, self._by_name.get(plan.name)) for plan in plans}

    def _upstream(self, plan: UpstreamPlan, before: Upstream | None) -> Upstream:
        clock = self._tools.clock
        same_place = before is not None and before.base_url == plan.base_url
        if before is not None and same_place and before.breaker.policy == plan.breaker:
            breaker = before.breaker
        else:
            breaker = CircuitBreaker(plan.breaker, clock)
        keeps_budget = before is not None and before.budget.policy == plan.retry
        keeps_slots = before is not None and before.slots.policy == plan.concurrency
        upstream = Upstream(
            plan,
            breaker,
            before.budget if before is not None and keeps_budget else RetryBudget(plan.retry, clock),
            before.slots if before is not None and keeps_slots else Slots(plan.concurrency),
            self._tools,
        )
        if before is not None and same_place:
            upstream.remember(before)
        return upstream
