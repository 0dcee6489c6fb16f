"""Sources: what a job's answer is made of, place by place, and what that means for how it may be kept.

Whatever ends one of them for good ends the answer: its tags, the fence it was fetched under, and its hard end.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from math import inf

from proxy.asking import Ask
from proxy.messages import Entry
from proxy.plan import Plan

Place = tuple[str, str, str]  # upstream, endpoint, partition


@dataclass(eq=False)
class Source:
    """Everything that came from one endpoint for one partition."""

    upstream: str
    endpoint: str
    partition: str
    tags: dict[str, None] = field(default_factory=dict)  # own ones, as Entry.tagged has them
    fence: int = 0  # the lowest that any of it was fetched under
    ends: float = inf  # seconds since the epoch; nothing of it may be kept longer


@dataclass(eq=False)
class Sources:
    """All of them."""

    each: list[Source]
    keys: list[bytes]  # of the entries
    all_kept: bool  # each of them lies on the shelf as an entry: so what it says may be written down


Find = Callable[[bytes], Awaitable[Entry | None]]


async def sources_of(asks: Iterable[Ask], find: Find, fence: int) -> Sources:
    """Of the answers to these asks. `fence`: when the first of them was made; what is not kept counts from there."""
    places: dict[Place, Source] = {}
    keys: list[bytes] = []
    all_kept = True
    for ask in asks:
        entry = await find(ask.key) if ask.key is not None else None
        all_kept = all_kept and entry is not None
        source = _at(places, ask, entry)
        source.fence = min(source.fence, fence if entry is None else entry.fence)
        if entry is not None:
            keys.append(entry.key)
            source.tags.update(dict.fromkeys(filter(None, entry.tagged.split("\n"))))
            source.ends = min(source.ends, entry.stored_at + longest(ask.plan))
    return Sources(list(places.values()), keys, all_kept)


def longest(plan: Plan) -> float:
    """Seconds for which nothing that an endpoint answers may be kept longer."""
    policies = [plan.cache, *plan.outcomes.values()]
    return min([plan.upstream.keep_at_most, *(one.keep_at_most for one in policies if one is not None)])


def _at(places: dict[Place, Source], ask: Ask, entry: Entry | None) -> Source:
    if entry is not None:
        place = (entry.upstream, entry.endpoint, entry.partition)
    else:
        place = (ask.plan.upstream.name, ask.plan.kept_as, ask.identity.partition)
    found = places.get(place)
    if found is None:
        found = places[place] = Source(*place, fence=ask.arrived if entry is None else entry.fence)
    return found
