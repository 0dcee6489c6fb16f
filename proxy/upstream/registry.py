"""The upstreams that are called, with their guards. A reload keeps the state of guards whose policy did not change."""

from collections.abc import Iterable, Iterator

from proxy.plan import UpstreamPlan
from proxy.upstream.call import Tools, Upstream
from proxy.upstream.guards import Guards, OwnGuards


class Upstreams:
    """Every upstream, by name."""

    def __init__(self, tools: Tools, guards: Guards | None = None) -> None:
        """`guards`: None for a process that shares them with nobody."""
        self._tools = tools
        self._guards = guards or OwnGuards(tools.clock)
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
        same_place = before is not None and before.base_url == plan.base_url
        keeps_breaker = before is not None and same_place and before.breaker.policy == plan.breaker
        keeps_slots = before is not None and before.slots.policy == plan.concurrency
        budget = self._guards.budget(plan.retry)
        keeps_budget = before is not None and before.budget.policy == budget.policy
        upstream = Upstream(
            plan,
            before.breaker if before is not None and keeps_breaker else self._guards.breaker(plan),
            before.budget if before is not None and keeps_budget else budget,
            before.slots if before is not None and keeps_slots else self._guards.slots(plan),
            self._tools,
        )
        if before is not None and same_place:
            upstream.remember(before)
        return upstream
