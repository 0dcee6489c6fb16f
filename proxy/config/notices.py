"""Notices: what holds in a config, but may not be what was meant. Told by `larder check`, at start and by a reload."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from proxy.config.file import Place
from proxy.config.planner import shape_of
from proxy.config.spoken import DURATIONS, SIZES, spoken
from proxy.plan import Plans, UpstreamPlan
from proxy.routing import Router, decoded_segments, parse_route
from proxy.settings import Settings, UpstreamBlock

Notices = Iterator[tuple[Place, str]]


def notices(plans: Plans, data: Mapping[str, Any]) -> Notices:
    """Of a config without mistakes; `data` is what its file says."""
    yield from _without_units(data, ())
    for upstream in plans.upstreams.values():
        declared = {shape_of(endpoint.route): endpoint.route for endpoint in upstream.adapter.endpoints}
        for route in plans.settings.upstreams[upstream.name].endpoints if declared else ():
            if shape_of(route) not in declared:
                place: Place = ("upstreams", upstream.name, "endpoints", route)
                yield place, _own_endpoint(upstream, route, tuple(declared.values()))


def moved(before: Settings, after: Settings) -> Notices:
    """Of a config in place of another: upstreams that are at none of the places any more where they were. What is kept
    goes by an upstream's name, so that one that moves keeps it; another system by that name would inherit it.
    """
    for name, block in after.upstreams.items():
        was = before.upstreams.get(name)
        if was is not None and not _places_of(was) & _places_of(block):
            place: Place = ("upstreams", name, "base_urls" if block.base_urls else "base_url")
            yield (
                place,
                (
                    "what was stored from where it was before is served on; if this is another system, "
                    f"larder flush --upstream {name} --mode hard"
                ),
            )


def _places_of(block: UpstreamBlock) -> set[str]:
    return {str(one) for one in (block.base_urls or (block.base_url,))}


def _without_units(value: Any, place: Place) -> Notices:
    """A number alone is taken as seconds or bytes, which is seldom what somebody meant who wrote no unit."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _without_units(inner, (*place, name))
    elif place and place[-1] in DURATIONS | SIZES and isinstance(value, int | float) and value:
        yield place, f"read as {spoken(str(place[-1]), value)}: write the unit"


def _own_endpoint(upstream: UpstreamPlan, route: str, declared: tuple[str, ...]) -> str:
    """The feature that a misspelt route looks like: endpoints beside those that an adapter declares."""
    near = get_close_matches(route, declared, n=1)
    instead = f'; nearest: "{near[0]}"' if near else ""
    method, path = parse_route(route).method, route.partition(" ")[2]
    taken = Router([(one, one) for one in declared]).find(method, decoded_segments(path))
    if taken is not None and "{" not in path:
        instead = f'; its requests no longer go by "{taken.target}"'
    return (
        f"{upstream.adapter_name} declares no such endpoint{instead}. It will be an endpoint of its own, "
        "of whose answers no tags, pages or checks are known"
    )
