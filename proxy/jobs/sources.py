"""Sources: what a job's answer is made of, place by place, and what that means for how it may be kept.

Whatever ends one of them for good ends the answer: a purge of its tags, or its hard end.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from math import inf

from proxy.answers import Answer
from proxy.asking import Ask
from proxy.messages import UNLEARNED, Entry, implied_tags, unlearned_tag
from proxy.plan import Plan
from proxy.store.fences import Fences, Validity

Place = tuple[str, str, str]  # upstream, endpoint, partition


@dataclass(eq=False)
class Source:
    """Everything that came from one endpoint for one partition."""

    upstream: str
    endpoint: str
    partition: str
    tags: dict[str, None] = field(default_factory=dict)  # own ones, as Entry.tagged has them
    ends: float = inf  # seconds since the epoch; nothing of it may be kept longer


@dataclass(eq=False)
class Sources:
    """All of them, as they were right under `fence`: what is purged for good from there on ends them."""

    fence: int
    each: list[Source] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)  # of the entries
    all_kept: bool = True  # each of them lies on the shelf as an entry: so what it says may be written down
    is_purged: bool = False  # for good, and since it was asked for


Find = Callable[[bytes], Awaitable[Entry | None]]


async def sources_of(parts: Iterable[tuple[Ask, Answer]], find: Find, fences: Fences, begun: int) -> Sources:
    """Of these answers. `begun`: the fence when the first of them was asked for; what is kept now may be newer than
    what was answered, so that nothing counts as fetched later than that.
    """
    places: dict[Place, Source] = {}
    sources = Sources(fences.number)
    for ask, answer in parts:
        entry = await find(ask.key) if ask.key is not None else None
        source = _at(places, ask, entry)
        if entry is None:
            sources.all_kept = False
            if ask.plan.upstream.adapter.person is not None:  # it is not looked into: whoever is erased may be in it
                source.tags[UNLEARNED] = None
            continue
        sources.keys.append(entry.key)
        purged = fences.validity(entry.tags, min(entry.fence, begun)) is Validity.HARD
        sources.is_purged = sources.is_purged or purged
        source.tags.update(dict.fromkeys(filter(None, entry.tagged.split("\n"))))
        made_at = entry.stored_at if answer.made_at is None else min(entry.stored_at, answer.made_at)
        source.ends = min(source.ends, made_at + longest(ask.plan))
    sources.each = list(places.values())
    besides = {tag for one in sources.each for tag in implied_tags(one.upstream, one.endpoint, one.partition)}
    besides |= {unlearned_tag(one.upstream) for one in sources.each if UNLEARNED in one.tags}
    sources.is_purged = sources.is_purged or fences.validity(besides, begun) is Validity.HARD
    return sources


def longest(plan: Plan) -> float:
    """Seconds for which nothing that an endpoint answers may be kept longer: whatever an answer holds, by the strictest
    of its provider's terms.
    """
    declared = [one.keep_at_most for one in (plan.cache, *plan.outcomes.values()) if one is not None]
    return min(plan.upstream.keep_at_most, plan.shortest_term, *declared)


def _at(places: dict[Place, Source], ask: Ask, entry: Entry | None) -> Source:
    if entry is not None:
        place = (entry.upstream, entry.endpoint, entry.partition)
    else:
        place = (ask.plan.upstream.name, ask.plan.kept_as, ask.identity.partition)
    return places.setdefault(place, Source(*place))
