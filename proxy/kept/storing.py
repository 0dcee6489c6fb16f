"""Storing: the entries that answers become, and those that say which variants there are. Nothing here acts."""

from collections.abc import Iterable
from math import inf
from sys import intern
from typing import NamedTuple

from adapters import NOT_JSON, Endpoint, Exchange, Kind, Verdict
from policies import ShelfLife
from policies.freshness import SETTLED_TTL
from policies.http.age import initial_age
from policies.http.fields import Fields, as_mapping, without
from policies.http.groups import groups
from policies.http.storing import Received, fields_not_kept
from policies.http.validation import renewed
from proxy.asking import SHARED, Ask
from proxy.kept.deciding import GOES_BY_HEADERS, Decision, policy_by_headers
from proxy.messages import UNLEARNED, Entry, one_copy, pack_head, whose
from proxy.plan import MISSING, Plan, policy_for
from proxy.upstream.messages import Reply
from proxy.upstream.reading import parsed

_NOT_KEPT_OF_DECLARED = frozenset(
    {"age", "cache-status", "date", "set-cookie", "x-rate-limit-remaining", "x-request-cost"}
)  # what is about one exchange, not about the answer

GROUP = "group:"  # how the tag of a cache group begins, behind the upstream's name


class Made(NamedTuple):
    """When and in which order an answer was fetched."""

    fence: int
    sequence: int
    now: float  # when its headers came, in seconds since the epoch
    jitter: float  # 0 to 1
    settles: bool  # a change to one of its tags is so recent that replicas may lag


class Span(NamedTuple):
    """An answer's time on the shelf."""

    made_at: float  # seconds since the epoch
    jitter: float  # 0 to 1
    life: ShelfLife


def tags_of(ask: Ask, reply: Reply, me: str | None) -> tuple[str, ...]:
    """The entry's own tags, namespaced by upstream."""
    name, endpoint = ask.plan.upstream.name, ask.plan.endpoint
    local: Iterable[str] = ()
    if endpoint.tags is not None and reply.verdict.kind in (Kind.ANSWER, Kind.MISSING):
        local = endpoint.tags(Exchange(ask.sent, reply.status, reply.json, me))
    tags = {f"{name}/{tag}" for tag in local}
    if ask.plan.upstream.adapter.person is not None:
        tags |= {f"{name}/{tag}" for tag in _whose_tags(endpoint, me)}
    if ask.plan.upstream.adapter.by_headers:
        tags.add(ask.uri_tag())
        tags |= group_tags(name, reply.headers.get("cache-groups"))
    return tuple(sorted(tags))


def _whose_tags(endpoint: Endpoint, me: str | None) -> set[str]:
    """Whose credential read it; and where the adapter does not say whom it names, it may be anybody."""
    return {whose(me)} if endpoint.tags is not None else {whose(me), UNLEARNED}


def own_tags(ask: Ask, tags: Iterable[str]) -> str:
    """Tags as an entry keeps them: without the upstream's name, that all of them begin with."""
    return "\n".join(tag.removeprefix(f"{ask.plan.upstream.name}/") for tag in tags)


def group_tags(upstream: str, value: str | None) -> set[str]:
    """The tags of cache groups (RFC 9875 §2); they are the origin's, so they are the upstream's."""
    return {f"{upstream}/{GROUP}{group}" for group in groups(value)}


def key_of(ask: Ask, decision: Decision) -> bytes:
    """Where the answer is kept."""
    if not decision.vary and decision.partition == ask.identity.partition and ask.key is not None:
        return ask.key
    return ask.key_in(decision.partition, decision.vary or None)


def entry_of(ask: Ask, reply: Reply, decision: Decision, tags: tuple[str, ...], made: Made) -> Entry:
    """The entry for an answer that may be kept."""
    assert decision.policy is not None  # noqa: S101 - `decide` said it may be kept
    plan = ask.plan
    span = span_of(reply, decision, made)
    return Entry(
        key=key_of(ask, decision),
        status=reply.status,
        head=pack_head(kept_fields(reply.fields, decision)),
        body=reply.body,
        stored_at=span.made_at,
        life=span.life,
        fence=made.fence,
        sequence=made.sequence,
        upstream=intern(plan.upstream.name),
        endpoint=intern(plan.kept_as),
        partition=one_copy(decision.partition),
        tagged=own_tags(ask, tags),
        plan=intern(plan.version),
        outcome=intern(decision.outcome),
        jitter=span.jitter,
        ceiling=made.now + SETTLED_TTL if made.settles else inf,
    )


def stored_at_of(reply: Reply) -> float:
    """When the upstream made it: the moment of its arrival less the age it had by then (RFC 9111 §4.2.3)."""
    age = initial_age(reply.headers, requested_at=reply.requested_at, received_at=reply.received_at)
    return reply.received_at - age


def span_of(reply: Reply, decision: Decision, made: Made) -> Span:
    """Since when and how long an answer has its rights; what goes by headers has exactly those that they say."""
    assert decision.policy is not None  # noqa: S101 - `decide` said it may be kept
    by_headers = decision.outcome in GOES_BY_HEADERS
    made_at, jitter = (stored_at_of(reply), 0.0) if by_headers else (made.now, made.jitter)
    policy = decision.policy.settling() if made.settles else decision.policy
    return Span(made_at, jitter, policy.shelf_life(made_at, jitter))


def kept_fields(fields: Fields, decision: Decision) -> Fields:
    """The fields that stay with an entry. A declared cache's `Date` is what `stored_at` says again."""
    if decision.outcome not in GOES_BY_HEADERS:
        return without(fields, _NOT_KEPT_OF_DECLARED)
    return without(fields, {"age"} | fields_not_kept(as_mapping(fields), shared=decision.is_shared))


def freshened(old: Entry, reply: Reply) -> Reply:
    """A 304's answer: what is stored, with the fields that came anew (RFC 9111 §3.2, §4.3.4)."""
    by_headers = old.outcome in GOES_BY_HEADERS
    fields = renewed(old.fields, reply.fields, as_stored=by_headers)
    headers = as_mapping(fields)
    if "age" in reply.headers:  # not kept, but the arithmetic of this validation needs it
        headers = {**headers, "age": reply.headers["age"]}
    verdict = Verdict(Kind.MISSING if old.outcome == MISSING or old.status in (404, 410) else Kind.ANSWER)
    return Reply(
        old.status,
        fields,
        headers,
        old.body,
        json=NOT_JSON if by_headers else parsed(old.body),
        verdict=verdict,
        calls=reply.calls,
        validated_by=reply.status,
        cookies=tuple(field for field in reply.fields if field[0].lower() == "set-cookie"),
        requested_at=reply.requested_at,
        received_at=reply.received_at,
    )


def life_under(plan: Plan, entry: Entry) -> ShelfLife:
    """An entry's life under the plan as it is now, so that tuning holds at once; never past what bound it before."""
    if entry.outcome in GOES_BY_HEADERS:
        received = Received("GET", entry.status, entry.headers, entry.stored_at, entry.stored_at)
        policy = policy_by_headers(plan, received, shared=entry.partition == SHARED)
        life = entry.life.no_longer_than(policy.shelf_life(entry.stored_at))
        return life if plan.cache is None else life.no_longer_than(plan.cache.shelf_life(entry.stored_at))
    if plan.cache is None:
        return ShelfLife(0, 0, 0, 0)
    policy = policy_for(plan, entry.outcome)
    if entry.ceiling != inf:
        policy = policy.settling()
    life = policy.shelf_life(entry.stored_at, entry.jitter)
    if entry.ceiling == inf:
        return life
    return life.no_longer_than(ShelfLife(entry.ceiling, entry.ceiling, entry.ceiling, inf, inf))
