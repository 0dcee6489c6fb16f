"""What can only be checked once everything is resolved: nobody's answers for others, no lifetime that cannot hold."""

from collections.abc import Callable, Iterator
from typing import Any

from policies import Partition
from proxy.config.file import Place
from proxy.config.planner import shape_of
from proxy.config.setting_fields import BY_HEADERS_FIELDS
from proxy.config.spoken import spoken
from proxy.plan import Plan, Plans, UpstreamPlan, UpstreamRules
from proxy.settings import EndpointBlock, UpstreamBlock, nearest

Checks = Iterator[tuple[Place, str]]
_OF_ADDRESSES = (
    ("providers", "verification", "verify addresses"),
    ("autocomplete", "completion", "complete addresses"),
)


def plan_checks(plans: Plans, is_doubtful: Callable[[Place], bool]) -> Checks:
    """Where the resolved plans would break a promise, and why; nothing of upstreams whose block is doubtful."""
    for upstream in plans.upstreams.values():
        yield from _of_upstream(plans.settings.upstreams[upstream.name], upstream)
        yield from _agreement(plans, upstream)
        for plan in upstream.endpoints:
            yield from _of_endpoint(plans, plan)
    for field, word, what in _OF_ADDRESSES:
        for index, name in enumerate(getattr(plans.settings.v1.addresses, field) or ()):
            if not is_doubtful(("upstreams", name)):
                yield from _provider(plans, index, field, word, what)
    named = plans.settings.v1.courses.upstream
    if named is not None and not is_doubtful(("upstreams", named)):
        yield from _catalogue(plans, named)


def _of_upstream(block: UpstreamBlock, upstream: UpstreamPlan) -> Checks:
    place: Place = ("upstreams", upstream.name)
    if not upstream.adapter.by_headers:
        yield from _by_headers(block, place)
    if all(plan.endpoint.holds is None for plan in upstream.endpoints):
        yield from _payload(block, place)
    if all(upstream.many_for(plan) is None for plan in upstream.endpoints):
        yield from _gather(block, place)


def _of_endpoint(plans: Plans, plan: Plan) -> Checks:
    blocks = plans.settings.upstreams[plan.upstream.name].endpoints
    route = next((route for route in blocks if shape_of(route) == shape_of(plan.name)), None)
    yield from _partition(plans, plan, route)
    if route is None:
        return
    place: Place = ("upstreams", plan.upstream.name, "endpoints", route)
    if plan.endpoint.holds is None:
        yield from _payload(blocks[route], place)
    if not plan.by_headers:
        yield from _by_headers(blocks[route], place)
    yield from _of_many(plans.upstreams[plan.upstream.name], plan, blocks[route], place)
    yield from _lifetimes(plan, blocks[route], (*place, "cache"))


def _provider(plans: Plans, index: int, field: str, word: str, what: str) -> Checks:
    """Who is asked below /v1/addresses is there, and can do it."""
    named = getattr(plans.settings.v1.addresses, field)
    able = tuple(name for name, upstream in plans.upstreams.items() if getattr(upstream.adapter, word) is not None)
    place: Place = ("v1", "addresses", field, index)
    if named[index] not in able:
        yield place, f"no upstream of that name can {what}; {nearest(named[index], able)}"
    elif named[index] in named[:index]:
        yield place, "this name stands here twice"


def _catalogue(plans: Plans, named: str) -> Checks:
    """Who is asked below /v1/courses is there, and can tell of them."""
    able = tuple(name for name, upstream in plans.upstreams.items() if upstream.adapter.catalogue is not None)
    if named not in able:
        yield ("v1", "courses", "upstream"), f"no upstream of that name can tell of courses; {nearest(named, able)}"


def _by_headers(block: Any, place: Place) -> Checks:
    """What is said of answers that go by their own headers means nothing where they do not."""
    for name in sorted(block.model_fields_set & BY_HEADERS_FIELDS):
        yield (*place, name), "holds only for the adapter http, on endpoints without a cache of their own"


def _payload(block: Any, place: Place) -> Checks:
    """What is said of doubts means nothing where nobody knows what an answer holds."""
    if block.payload.model_fields_set:
        yield (*place, "payload"), "holds only for endpoints whose adapter says what their answers hold (`holds`)"


def _of_many(upstream: UpstreamPlan, plan: Plan, block: EndpointBlock, place: Place) -> Checks:
    """Each of many things is kept by the rules of the endpoint for one; and only what one reads can go with others."""
    if plan.kept_as != plan.name:
        for name in sorted({"cache", "outcomes"} & block.model_fields_set):
            yield (*place, name), f'each thing in it is kept as by itself: say it at "{plan.kept_as}"'
    if upstream.many_for(plan) is None:
        yield from _gather(block, place, "" if plan.kept_as == plan.name else f': say it at "{plan.kept_as}"')


def _gather(block: Any, place: Place, instead: str = "") -> Checks:
    if block.batch.model_fields_set:
        yield (*place, "batch"), f"holds only for endpoints whose reads can go upstream as a batch{instead}"


def _partition(plans: Plans, plan: Plan, route: str | None) -> Checks:
    upstream = plan.upstream
    allowed = _allowed(upstream, has_agreement=bool(plans.settings.upstreams[upstream.name].sharing_agreed.strip()))
    if plan.cache is None or plan.cache.partition in allowed:
        return
    place: Place = ("defaults", "cache", "partition")
    if route is not None:
        cache: Any = plans.settings.upstreams[upstream.name].endpoints[route].cache
        if cache is not None and "partition" in cache.model_fields_set:
            place = ("upstreams", upstream.name, "endpoints", route, "cache", "partition")
    unless = " unless `sharing_agreed` names what allows it" if _is_the_callers(upstream) else ""
    names = ", ".join(sorted(allowed)) + unless
    yield place, f"answers of {upstream.name} to one would reach others; it may be one of {names}"


def _agreement(plans: Plans, upstream: UpstreamPlan) -> Checks:
    """An agreement lifts what a provider's terms forbid, and nothing else: a caller's own credential stays its own."""
    if plans.settings.upstreams[upstream.name].sharing_agreed and not _is_the_callers(upstream):
        place: Place = ("upstreams", upstream.name, "sharing_agreed")
        yield place, "holds only where Larder holds the credential of a provider whose terms forbid sharing"


def _is_the_callers(upstream: UpstreamRules) -> bool:
    return upstream.credential is not None and upstream.adapter.held_partition is Partition.CALLER


def _allowed(upstream: UpstreamRules, *, has_agreement: bool) -> set[Partition]:
    """The partitions that keep apart what the credential keeps apart (DESIGN.md §4)."""
    if upstream.credential is None:
        return set(Partition) - {Partition.SHARED}
    if upstream.adapter.held_partition is Partition.SHARED or (has_agreement and _is_the_callers(upstream)):
        return set(Partition)
    if upstream.adapter.held_partition is Partition.CALLER:  # one principal for all callers would be sharing
        return {Partition.AUTO, Partition.CALLER, Partition.NONE}
    return set(Partition) - {Partition.SHARED}


def _lifetimes(plan: Plan, block: EndpointBlock, place: Place) -> Checks:
    """Only what this endpoint's own block says: general words give way without a complaint."""
    written: Any = block.cache
    said: set[str] = set() if written is None else written.model_fields_set
    cache = plan.cache
    if cache is None:
        return
    if "ttl" in said and cache.ttl > cache.keep_at_most:
        yield (*place, "ttl"), f"is longer than keep_at_most, which is {spoken('keep_at_most', cache.keep_at_most)}"
    if "refresh_after" in said and cache.refresh_after is not None and cache.refresh_after > cache.ttl:
        ttl = spoken("ttl", cache.ttl)
        yield (
            (*place, "refresh_after"),
            f"has to be at most ttl, which is {ttl}: later the answer is not fresh any more",
        )
