"""The planner: adapter facts and the operator's settings, resolved once into plans, and who said each value."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from hashlib import blake2b
from math import inf
from typing import Any

from pydantic import BaseModel

from adapters import Adapter, Endpoint
from policies import (
    BatchPolicy,
    CachePolicy,
    CollectionPolicy,
    Partition,
    RefreshBehind,
)
from policies.http.storing import HeadersPolicy
from proxy.config.file import Place
from proxy.config.guard_plans import guards_of, guards_within, rows_of_guards
from proxy.config.layers import BUILT_IN, Layer, Sourced, resolve_policy
from proxy.config.setting_fields import BY_HEADERS_FIELDS
from proxy.plan import APART, AS_BUILT, UNKNOWN, LoadAdapter, Plan, Plans, UpstreamPlan, UpstreamRules
from proxy.routing import parse_route
from proxy.settings import EndpointBlock, Settings, UpstreamBlock


class Planner:
    """Resolves settings into plans. `line_of` tells where the config says a field."""

    def __init__(self, settings: Settings, load_adapter: LoadAdapter, source: Callable[[Place], str]) -> None:
        self._settings = settings
        self._load = load_adapter
        self._source = source

    def plans(self) -> Plans:
        """All plans. The settings must have been checked before."""
        blocks = self._settings.upstreams
        return Plans(self._settings, {name: self._upstream(name, block) for name, block in blocks.items()})

    def _upstream(self, name: str, block: UpstreamBlock) -> UpstreamPlan:
        adapter_name = block.adapter or name
        adapter = self._load(adapter_name)
        guards, sources = guards_of(
            adapter,
            adapter_name,
            lambda word: [self._layer(("defaults", word)), self._layer(("upstreams", name, word))],
        )
        credential = {key: value for key, value in block.credential.items() if value} or None
        rules = UpstreamRules(
            name=name,
            adapter_name=adapter_name,
            adapter=adapter,
            base_urls=tuple(url.rstrip("/") for url in block.base_urls or (block.base_url or adapter.base_url or "",)),
            credential=credential,
            signature=adapter.sign(credential) if credential and adapter.sign is not None else None,
            keep_at_most=self._keep_at_most(name, block, adapter, adapter_name, sources),
            learn_user=block.learn_user,
            terms_accepted=not adapter.terms or bool(set(block.terms_accepted) & set(adapter.terms)),
            guards=guards,
            settle=self._settings.defaults.settle,
        )
        if adapter.terms:
            sources += (*self._acceptance(rules, block), *_terms(rules)[1])
        if adapter.by_headers:
            sources += self._headers(rules, None)[1]
        return self._with_endpoints(replace(rules, sources=tuple(sources)), block)

    def _acceptance(self, upstream: UpstreamRules, block: UpstreamBlock) -> Iterator[Sourced]:
        """Whose word it is that something may be kept at all, and that others may have it."""
        known = [version for version in block.terms_accepted if version in upstream.adapter.terms]
        for name, said in (("terms_accepted", ", ".join(known)), ("sharing_agreed", block.sharing_agreed)):
            source = self._source(("upstreams", upstream.name, name)) if said else BUILT_IN
            yield Sourced(name, said or None, source)

    def _keep_at_most(
        self, name: str, block: UpstreamBlock, adapter: Adapter, adapter_name: str, sources: list[Sourced]
    ) -> float:
        declared = CachePolicy(ttl=0).keep_at_most if adapter.keep_at_most is None else adapter.keep_at_most
        value, source = declared, BUILT_IN if adapter.keep_at_most is None else f"adapters/{adapter_name}.py"
        if block.keep_at_most is not None:
            value, source = block.keep_at_most, self._source(("upstreams", name, "keep_at_most"))
            if adapter.terms and not adapter.content_terms and value > declared:  # a provider's terms are a hard end
                value, source = declared, f"adapters/{adapter_name}.py"
        sources.append(Sourced("keep_at_most", value, source))
        return value

    def _with_endpoints(self, rules: UpstreamRules, block: UpstreamBlock) -> UpstreamPlan:
        declared = {shape_of(endpoint.route): endpoint for endpoint in rules.adapter.endpoints}
        blocks = {shape_of(route): route for route in block.endpoints}
        routes = list(declared.values())
        routes += [Endpoint(route=route) for shape, route in blocks.items() if shape not in declared]
        inherited = rows_of_guards(rules.sources)
        plans = [self._plan(rules, inherited, endpoint, blocks.get(shape_of(endpoint.route))) for endpoint in routes]
        by_name = {plan.name: plan for plan in plans}
        endpoints = [_kept_as(by_name.get(plan.kept_as, plan), plan) for plan in plans]
        return UpstreamPlan.of(rules, endpoints, self._plan(rules, inherited, Endpoint(route=UNKNOWN), None))

    def _plan(
        self, upstream: UpstreamRules, inherited: Mapping[str, list[Sourced]], endpoint: Endpoint, route: str | None
    ) -> Plan:
        place: Place | None = None if route is None else ("upstreams", upstream.name, "endpoints", route)
        guards, guard_rows, apart = guards_within(upstream.guards, inherited, lambda word: self._own(place, word))
        declared, by = self._declared(upstream, endpoint, route)
        by_headers = declared is None and upstream.adapter.by_headers
        cache, outcomes, rows = self._caches(upstream, endpoint, declared, by, place)
        terms, more = _terms(upstream)
        rows += more if cache is not None else []
        headers, headers_rows = self._headers(upstream, place)
        rows += headers_rows if by_headers else []
        is_collected = endpoint.collection is not None and cache is not None
        collection, more = self._collection(upstream, place) if is_collected else (None, [])
        rows += more
        gathers, more = self._batch(upstream, endpoint, place)
        rows += more
        rows += guard_rows
        return Plan(
            upstream=upstream,
            name=endpoint.route,
            endpoint=endpoint,
            cache=cache,
            outcomes=outcomes,
            guards=guards,
            version=_version(cache, outcomes, upstream.keep_at_most, headers if by_headers else None, terms),
            by_headers=by_headers,
            headers=headers,
            batch=gathers,
            collection=collection if collection is not None and collection.whole else None,
            terms=terms,
            apart=apart,
            sources=tuple(rows),
        )

    def _declared(
        self, upstream: UpstreamRules, endpoint: Endpoint, route: str | None
    ) -> tuple[CachePolicy | None, str]:
        """The cache that an endpoint has before the operator's fields, and who declares it: the adapter, or nobody but
        the operator who wants one.
        """
        block = self._settings.upstreams[upstream.name].endpoints[route] if route is not None else EndpointBlock()
        if endpoint.cache is None and "cache" in block.model_fields_set:
            return CachePolicy(ttl=0, refresh_behind=refresh_behind_of(upstream.adapter)), BUILT_IN
        return endpoint.cache, f"adapters/{upstream.adapter_name}.py"

    def _caches(
        self, upstream: UpstreamRules, endpoint: Endpoint, declared: CachePolicy | None, by: str, place: Place | None
    ) -> tuple[CachePolicy | None, dict[str, CachePolicy], list[Sourced]]:
        """An endpoint's cache and those of its outcomes, where anything of it may be kept."""
        if declared is None or not upstream.terms_accepted:
            return None, {}, []
        outcomes = {}
        cache, rows = self._cache(upstream, declared, by, place, "cache")
        for name, policy in endpoint.outcomes.items():
            outcomes[name], more = self._cache(upstream, policy, by, place, f"outcomes.{name}")
            rows += more
        return (None, {}, rows) if cache.partition is Partition.NONE else (cache, outcomes, rows)

    def _headers(self, upstream: UpstreamRules, place: Place | None) -> tuple[HeadersPolicy, list[Sourced]]:
        """How far the upstream's own headers are followed, where nothing else was declared."""
        places: list[Place] = [("upstreams", upstream.name), *([place] if place is not None else [])]
        layers = [self._layer(one) for one in places]
        layers = [
            Layer({name: value for name, value in layer.values.items() if name in BY_HEADERS_FIELDS}, layer.source)
            for layer in layers
        ]
        return resolve_policy(AS_BUILT, BUILT_IN, layers, "")

    def _collection(self, upstream: UpstreamRules, place: Place | None) -> tuple[CollectionPolicy, list[Sourced]]:
        """How the pages of a list are kept."""
        layers = [self._layer(("upstreams", upstream.name, "collection")), *self._own(place, "collection")]
        return resolve_policy(CollectionPolicy(), BUILT_IN, layers, "collection.")

    def _batch(
        self, upstream: UpstreamRules, endpoint: Endpoint, place: Place | None
    ) -> tuple[BatchPolicy, list[Sourced]]:
        """How those go upstream that could go as one read of many."""
        batches = [other.batch for other in upstream.adapter.endpoints if other.batch is not None]
        if all(batch.single != endpoint.route for batch in batches):
            return APART, []
        layers = [self._layer(("upstreams", upstream.name, "batch")), *self._own(place, "batch")]
        return resolve_policy(APART, BUILT_IN, layers, "batch.")

    def _cache(
        self, upstream: UpstreamRules, declared: CachePolicy, by: str, place: Place | None, word: str
    ) -> tuple[CachePolicy, list[Sourced]]:
        """An endpoint's cache, or that of one of its outcomes: `defaults` tune only what the file does not name."""
        layers = [self._layer(("defaults", "cache"))] if word == "cache" else []
        layers += self._own(place, *word.split("."))
        policy, rows = resolve_policy(declared, by, layers, f"{word}.")
        if declared.refresh_behind is RefreshBehind.FORBIDDEN:  # a provider's terms: nobody here allows it again
            policy = replace(policy, refresh_behind=declared.refresh_behind)
            rows = [
                Sourced(row.field, policy.refresh_behind, by) if row.field.endswith("refresh_behind") else row
                for row in rows
            ]
        if policy.keep_at_most > upstream.keep_at_most:
            policy = replace(policy, keep_at_most=upstream.keep_at_most)
            source = next(row.source for row in upstream.sources if row.field == "keep_at_most")
            rows = [
                Sourced(row.field, upstream.keep_at_most, source) if row.field.endswith("keep_at_most") else row
                for row in rows
            ]
        return policy, rows

    def _own(self, place: Place | None, *word: str) -> list[Layer]:
        return [] if place is None else [self._layer((*place, *word))]

    def _layer(self, place: Place) -> Layer:
        """What the operator set in the block at `place`."""
        block: Any = self._settings
        for part in place:
            block = block.get(part) if isinstance(block, dict) else getattr(block, str(part), None)
        values = {}
        if isinstance(block, BaseModel):
            values = {name: getattr(block, name) for name in block.model_fields_set}
        return Layer(values, lambda name: self._source((*place, name)))


def refresh_behind_of(adapter: Adapter) -> RefreshBehind:
    """Whether an endpoint that only the operator caches may be refreshed behind: not where none of the others may."""
    declared = [endpoint.cache.refresh_behind for endpoint in adapter.endpoints if endpoint.cache is not None]
    return RefreshBehind.FORBIDDEN if set(declared) == {RefreshBehind.FORBIDDEN} else RefreshBehind.ALLOWED


def shape_of(route: str) -> tuple[str, ...]:
    """A route with the names in its braces left out: two spellings of one endpoint are one."""
    parsed = parse_route(route)
    return parsed.method, *("{}" if part.startswith("{") and "..." not in part else part for part in parsed.segments)


def _kept_as(single: Plan, plan: Plan) -> Plan:
    """A plan that keeps by the rules of another one: an answer to many things, by those of the one for each."""
    if single is plan:
        return plan
    rows = [row for row in plan.sources if not row.field.startswith(("cache.", "outcomes."))]
    return replace(
        plan,
        cache=single.cache,
        outcomes=single.outcomes,
        version=single.version,
        single=single,
        sources=(Sourced("kept_as", single.name, f"adapters/{plan.upstream.adapter_name}.py"), *rows),
    )


def _terms(upstream: UpstreamRules) -> tuple[dict[str, float], list[Sourced]]:
    """How long a provider's terms let each kind of content be kept, and where they say so."""
    by = f"adapters/{upstream.adapter_name}.py"
    said = upstream.adapter.content_terms
    rows = [Sourced(f"terms.{kind}", term.keep_at_most, f"{by}: {term.clause}") for kind, term in said.items()]
    return {kind: inf if term.keep_at_most is None else term.keep_at_most for kind, term in said.items()}, rows


def _version(
    cache: CachePolicy | None,
    outcomes: Mapping[str, CachePolicy],
    keep_at_most: float,
    headers: HeadersPolicy | None,
    terms: Mapping[str, float],
) -> str:
    said = (keep_at_most, cache, sorted(outcomes.items(), key=lambda item: item[0]), headers)
    text = repr((*said, sorted(terms.items())) if terms else said)
    return blake2b(text.encode(), digest_size=6).hexdigest()
