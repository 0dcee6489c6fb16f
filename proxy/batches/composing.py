"""Composing: an answer made of several, and what Cache-Status says of it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from itertools import chain
from types import MappingProxyType

from adapters import NOT_JSON, Batch
from policies.http.fields import without
from proxy.answers import Answer, CacheStatus
from proxy.asking import Ask
from proxy.upstream.reading import parsed, written

NOTHING_WRONG: Mapping[int, object] = MappingProxyType({})
_TIERS = ("memory", "durable", "upstream")  # the further away, the later


def echoed(ask: Ask, answer: Answer) -> Answer:
    """The answer with what it is to repeat for this caller."""
    echo = ask.plan.endpoint.echo
    if echo is None or ask.echo is None or answer.status != 200 or answer.stream is not None:
        return answer
    body = written(echo.write(parsed(answer.body), ask.echo))
    return replace(answer, body=body, fields=without(answer.fields, {"content-length"}))


def composed(
    batch: Batch, parts: list[tuple[Ask, Answer]], calls: int, marks: Mapping[int, object] = NOTHING_WRONG
) -> Answer:
    """The answer to a request for many things, of the answers to each; one of them that is an error is that of all,
    since a provider that answers many at once has no words for it. `calls`: that were made upstream for it. `marks`:
    what stands in the places of those that were not asked for.
    """
    answers = [answer for _, answer in parts]
    error = next((answer for answer in answers if answer.status != 200), None)
    if error is not None:
        return replace(error, calls=calls)
    asked = iter(parts)
    rows = ([marks[at]] if at in marks else _placed(batch, *next(asked), at) for at in range(len(parts) + len(marks)))
    body = written([*chain.from_iterable(rows)])
    return Answer(
        200,
        tuple(field for field in answers[0].fields if field[0].lower() == "content-type"),
        body,
        status_of(answers),
        calls=calls,
        age=age_of(answers),
        tier=tier_of(answers),
    )


def age_of(answers: list[Answer]) -> int | None:
    """The age of the oldest, in seconds."""
    return max((answer.age for answer in answers if answer.age is not None), default=None)


def tier_of(answers: list[Answer]) -> str:
    """Where the one came from that had the longest way."""
    return max((answer.tier for answer in answers), key=_TIERS.index)


def _placed(batch: Batch, ask: Ask, answer: Answer, at: int) -> list[object]:
    value, echo = parsed(answer.body), ask.plan.endpoint.echo
    if echo is not None and ask.echo is not None:
        value = echo.write(value, ask.echo)
    return [*batch.place([] if value is NOT_JSON else value, at)]


def status_of(answers: list[Answer]) -> CacheStatus:
    """What became of the parts: `hit` where the cache had all, `partial` where it had some, else why it had none."""
    counts = Counter(word_of(answer.cache) for answer in answers)
    forwarded = [answer.cache for answer in answers if answer.cache.fwd]
    ttls = [answer.cache.ttl for answer in answers if answer.cache.ttl is not None]
    whole = ", ".join(f"{counts[word]} {word}" for word in ("hit", "stale", "fallback", "miss") if counts[word])
    return CacheStatus(
        hit=not forwarded,
        fwd="" if not forwarded else forwarded[0].fwd if len(forwarded) == len(answers) else "partial",
        fwd_status=next((cache.fwd_status for cache in forwarded if cache.fwd_status is not None), None),
        ttl=min(ttls, default=None),
        stored=bool(forwarded) and all(cache.stored for cache in forwarded),
        collapsed=bool(forwarded) and all(cache.collapsed for cache in forwarded),
        detail=f'"{whole}"',
    )


def word_of(cache: CacheStatus) -> str:
    """What a part counts as: `hit`, `stale`, `fallback`, else `miss`."""
    return cache.word if cache.hit or cache.word == "fallback" else "miss"
