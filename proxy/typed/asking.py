"""Asking: a provider's lookups as the asks that its own SDK's requests would be, through the same engine."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from adapters import Lookup
from proxy.asking import Ask, Incoming
from proxy.batches.batching import Batching, Came, Each, unheard
from proxy.plan import UpstreamPlan
from proxy.routing import parse_route
from proxy.typed.patience import Patience
from proxy.typed.providers import at_a_time
from proxy.typed.visitors import Credential, Visitor, headers_for, query_for


class Lookups(NamedTuple):
    """Things to look up at one provider."""

    upstream: UpstreamPlan
    route: str  # of one
    many: str | None  # of many at once, whose batches are of that one
    each: Sequence[Lookup]


class Asking:
    """Asks providers for one visitor."""

    def __init__(self, batching: Batching, visitor: Visitor, own: Mapping[str, Credential]) -> None:
        self._batching = batching
        self._visitor = visitor
        self._own = own

    async def answers(self, lookups: Lookups, patience: Patience, came: Came = unheard) -> Each:
        """What the provider, or the cache, says to each. `came` hears of answers."""
        single = lookups.upstream.match(*_target(lookups.route))[0]
        if lookups.many is not None and single.cache is not None:
            whole = self._ask(lookups.upstream, lookups.many, Lookup(body=b"[]"), patience.left)
            queries = [(*whole.sent.query, *one.query) for one in lookups.each]
            return await self._batching.each(whole, queries, came)
        asks = [self._ask(lookups.upstream, lookups.route, one, patience.left) for one in lookups.each]
        return await self._batching.apart(asks, at_a_time(lookups.upstream), lambda: patience.left, came)

    def _ask(self, upstream: UpstreamPlan, route: str, lookup: Lookup, budget: float | None) -> Ask:
        method, path = _target(route)
        plan, params = upstream.match(method, path)
        own = self._own.get(upstream.name)
        incoming = Incoming(
            method,
            path,
            query_for(own, lookup.query),
            headers_for(self._visitor, own, budget),
            lookup.body,
            self._visitor.caller.name,
        )
        return replace(self._visitor.runtime.asker.ask(upstream, plan, params, incoming), is_read=True)


def _target(route: str) -> tuple[str, str]:
    parsed = parse_route(route)
    return parsed.method, "/" + "/".join(parsed.segments)
