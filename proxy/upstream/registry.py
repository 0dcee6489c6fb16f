"""The upstreams that are called, with their guards. A reload keeps the state of guards whose policy did not change."""

from collections.abc import Collection, Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

from policies import CircuitBreaker, GuardPolicies
from policies.credential_circuit import CredentialCircuit
from policies.pacing import Pacer
from proxy.plan import Plan, UpstreamPlan
from proxy.upstream.call import Upstream
from proxy.upstream.calls import Tools
from proxy.upstream.guard_set import GuardSet
from proxy.upstream.guards import Guards, OwnGuards
from proxy.upstream.hosts import Hosts
from proxy.upstream.messages import Reply
from proxy.upstream.slots import AnySlots


class Upstreams:
    """Every upstream, by name."""

    def __init__(self, tools: Tools, guards: Guards | None = None) -> None:
        """`guards`: None for a process that shares them with nobody."""
        self._tools = tools
        self._guards = guards or OwnGuards(tools.clock)
        self._by_name: dict[str, Upstream] = {}
        self._under: WeakKeyDictionary[UpstreamPlan, Upstream] = WeakKeyDictionary()  # as long as asks are under way

    def __iter__(self) -> Iterator[Upstream]:
        return iter(self._by_name.values())

    def __getitem__(self, name: str) -> Upstream:
        return self._by_name[name]

    def under(self, plan: UpstreamPlan) -> Upstream:
        """Where asks under this plan are sent, if it was reloaded since or not; what was taken out of the config is as
        it was last.
        """
        return self._under[plan]

    def follow(self, plans: Collection[UpstreamPlan]) -> None:
        """Make the guards what the plans say; calls under way end under the guards they began with."""
        self._by_name = {plan.name: self._upstream(plan, self._by_name.get(plan.name)) for plan in plans}
        for plan in (*self._under, *plans):
            if plan.name in self._by_name:
                self._under[plan] = self._by_name[plan.name]
        self._guards.keep_only(self._in_use())

    def _in_use(self) -> Iterator[CircuitBreaker | Pacer]:
        for upstream in self:
            for guards in (upstream.guards, *upstream.apart.values()):
                yield from guards.hosts
                yield guards.pacer

    def _upstream(self, plan: UpstreamPlan, before: Upstream | None) -> Upstream:
        same_place = before is not None and before.base_urls == plan.base_urls
        kept = before if same_place else None
        budget = self._guards.budget(plan.guards.retry)
        if before is not None and before.budget.policy == budget.policy:
            budget = before.budget
        own = self._guard_set(_Place(plan, kept), plan.guards, before.guards if before is not None else None)
        apart = {
            endpoint.name: self._apart(_Place(plan, kept, endpoint.name), endpoint, own, before)
            for endpoint in plan.endpoints
            if endpoint.apart
        }
        upstream = Upstream(plan, own, apart, budget, self._tools, before)
        if not same_place:
            upstream.forget_before()
        return upstream

    def _guard_set(self, place: "_Place", policies: GuardPolicies, before: GuardSet | None) -> GuardSet:
        """Guards by these policies, with the state of those that stay what they were."""
        return GuardSet(
            self._hosts(place, policies, before),
            self._pacer(place, policies, before),
            self._slots(place, policies, before),
            self._credentials(place, policies, before),
            policies,
        )

    def _apart(self, place: "_Place", endpoint: Plan, upstream: GuardSet, before: Upstream | None) -> GuardSet:
        """An endpoint's guards: its own where its block names one, else its upstream's."""
        earlier = before.apart.get(endpoint.name) if before is not None else None
        own = endpoint.apart
        if earlier is not None and before is not None and earlier.apart != own:
            earlier = None  # some of what it had was its upstream's
        return GuardSet(
            self._hosts(place, endpoint.guards, earlier) if "breaker" in own else upstream.hosts,
            self._pacer(place, endpoint.guards, earlier) if "pacing" in own else upstream.pacer,
            self._slots(place, endpoint.guards, earlier) if "concurrency" in own else upstream.slots,
            upstream.credentials,
            endpoint.guards,
            own,
        )

    def _hosts(self, place: "_Place", policies: GuardPolicies, before: GuardSet | None) -> Hosts:
        if before is not None and place.is_kept and before.hosts.policy == policies.breaker:
            return before.hosts
        name, policy = place.name, policies.breaker
        return Hosts(
            place.plan.base_urls, policy, lambda base: self._guards.breaker(name, base, policy), self._tools.clock
        )

    def _pacer(self, place: "_Place", policies: GuardPolicies, before: GuardSet | None) -> Pacer:
        if before is not None and place.is_kept and before.pacer.policy == policies.pacing:
            return before.pacer
        return self._guards.pacer(place.plan, policies.pacing, place.apart)

    def _slots(self, place: "_Place", policies: GuardPolicies, before: GuardSet | None) -> AnySlots:
        if before is not None and before.slots.policy == policies.concurrency:
            return before.slots
        return self._guards.slots(policies.concurrency, place.name)

    def _credentials(
        self, place: "_Place", policies: GuardPolicies, before: GuardSet | None
    ) -> CredentialCircuit[Reply]:
        """Another credential in the config is not the one that was refused."""
        same = place.kept is not None and place.kept.credential == place.plan.credential
        if before is not None and same and before.policies.breaker == policies.breaker:
            return before.credentials
        return CredentialCircuit(policies.breaker.credential_cooldown, self._tools.clock)


class _Place(NamedTuple):
    """Whose guards they are."""

    plan: UpstreamPlan
    kept: Upstream | None  # the upstream of this name before a reload, where it is at the same place
    apart: str = ""  # an endpoint's name

    @property
    def name(self) -> str:
        return f"{self.plan.name} {self.apart}".rstrip()

    @property
    def is_kept(self) -> bool:
        return self.kept is not None
