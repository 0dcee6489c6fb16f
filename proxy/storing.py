"""Storing: may an answer be kept, under which key, with which rights and tags? Decided purely, before anything acts."""

from collections.abc import Iterable, Mapping
from math import inf
from sys import intern
from typing import NamedTuple

from adapters import Exchange, Kind, Verdict
from policies import CachePolicy, ShelfLife
from policies.freshness import SETTLED_TTL
from policies.storable import (
    bar_to_storing,
    initial_age,
    is_private,
    may_share_authorized,
    policy_of_headers,
    vary_names,
)
from proxy.asking import SHARED, Ask
from proxy.headers import as_mapping
from proxy.messages import Entry, Fields, pack_head
from proxy.plan import Plan, policy_for
from proxy.upstream.call import parsed
from proxy.upstream.messages import Reply

MISSING = "missing"
BY_HEADERS = "headers"
VARIES = 0  # the status of an entry that only says by which headers its variants differ

_NOT_KEPT = frozenset({"set-cookie", "age", "cache-status", "x-request-cost", "x-rate-limit-remaining"})


class Decision(NamedTuple):
    """Whether an answer is kept. `why_not` is a fixed word."""

    policy: CachePolicy | None
    why_not: str = ""
    key: bytes = b""
    partition: str = ""
    vary: tuple[str, ...] = ()
    outcome: str = ""


def decide(ask: Ask, reply: Reply, now: float, *, me: str | None) -> Decision:
    """May the answer be kept, and under which rules? `me` is the user behind the credential, where known."""
    kind = reply.verdict.kind
    if ask.key is None or kind not in (Kind.ANSWER, Kind.MISSING):
        return Decision(None, "not-cacheable" if ask.key is None else kind.value)
    if ask.goes_by_headers:
        return _decide_by_headers(ask, reply, now)
    barred = bar_to_storing(reply.status, reply.headers)
    if barred is None and is_private(reply.headers) and ask.identity.partition == SHARED:
        barred = "private"
    if barred is not None:
        return Decision(None, barred)
    outcome = _outcome(ask, reply, me)
    policy = policy_for(ask.plan, outcome)
    if not policy.ttl and not policy.stale_if_error:
        return Decision(None, "ttl-0")
    vary = vary_names(reply.headers) if ask.plan.upstream.adapter.by_headers else ()
    partition = ask.identity.partition
    key = ask.key_in(partition, vary) if vary else ask.key
    return Decision(policy, key=key, partition=partition, vary=vary, outcome=outcome)


def _outcome(ask: Ask, reply: Reply, me: str | None) -> str:
    if reply.verdict.kind is Kind.MISSING:
        return MISSING
    endpoint = ask.plan.endpoint
    if endpoint.outcome is None:
        return ""
    return endpoint.outcome(Exchange(ask.sent, reply.status, reply.json, me)) or ""


def may_be_stored_by_headers(ask: Ask, status: int, headers: Mapping[str, str], now: float) -> bool:
    """Whether the upstream's headers let an answer be stored at all: the rest can stream. A 304 is always read."""
    return status == 304 or _header_policy(ask, status, headers, now)[1] is not None


def _header_policy(ask: Ask, status: int, headers: Mapping[str, str], now: float) -> tuple[str, CachePolicy | None]:
    """RFC 9111 §3: by the upstream's headers alone; shared with others only where §3.5 allows."""
    partition = ask.identity.partition
    if partition != SHARED and may_share_authorized(headers):
        partition = SHARED
    keep_at_most = ask.plan.upstream.keep_at_most
    shared = partition == SHARED
    return partition, policy_of_headers(status, headers, shared=shared, keep_at_most=keep_at_most, now=now)


def _decide_by_headers(ask: Ask, reply: Reply, now: float) -> Decision:
    partition, policy = _header_policy(ask, reply.status, reply.headers, now)
    if policy is None:
        return Decision(None, "headers")
    vary = vary_names(reply.headers)
    key = ask.key_in(partition, vary) if vary else ask.key_in(partition)
    return Decision(policy, key=key, partition=partition, vary=vary, outcome=BY_HEADERS)


def tags_of(ask: Ask, reply: Reply, me: str | None) -> tuple[str, ...]:
    """The entry's own tags, namespaced by upstream."""
    name, endpoint = ask.plan.upstream.name, ask.plan.endpoint
    local: Iterable[str] = ()
    if endpoint.tags is not None and reply.verdict.kind in (Kind.ANSWER, Kind.MISSING):
        local = endpoint.tags(Exchange(ask.sent, reply.status, reply.json, me))
    tags = {f"{name}/{tag}" for tag in local}
    if ask.plan.upstream.adapter.by_headers:
        tags.add(ask.uri_tag())
    return tuple(sorted(tags))


class Made(NamedTuple):
    """When and in which order an answer was fetched."""

    fence: int
    sequence: int
    now: float  # when its headers came, in seconds since the epoch
    jitter: float  # 0 to 1
    settles: bool  # a change to one of its tags is so recent that replicas may lag


def entry_of(ask: Ask, reply: Reply, decision: Decision, tags: tuple[str, ...], made: Made) -> Entry:
    """The entry for an answer that may be kept."""
    assert decision.policy is not None  # noqa: S101 - `decide` said it may be kept
    plan = ask.plan
    by_headers = decision.outcome == BY_HEADERS
    stored_at = made.now - (initial_age(reply.headers, made.now) if by_headers else 0.0)
    policy = decision.policy.settling() if made.settles else decision.policy
    jitter = 0.0 if by_headers else made.jitter
    life = policy.shelf_life(stored_at, jitter)
    return Entry(
        key=decision.key,
        status=reply.status,
        head=pack_head(kept_fields(reply.fields, dated=by_headers)),
        body=reply.body,
        stored_at=stored_at,
        life=life,
        fence=made.fence,
        sequence=made.sequence,
        upstream=intern(plan.upstream.name),
        endpoint=intern(plan.name),
        partition=intern(decision.partition),
        tagged="\n".join(tag.removeprefix(f"{plan.upstream.name}/") for tag in tags),
        plan=intern(plan.version),
        outcome=intern(decision.outcome),
        jitter=jitter,
        ceiling=made.now + SETTLED_TTL if made.settles else inf,
    )


def variants_marker(entry: Entry, ask: Ask, vary: tuple[str, ...]) -> Entry:
    """What lies under the plain key when an answer varies: the header names its variants' keys are made from."""
    return Entry(
        key=ask.key_in(entry.partition),
        status=VARIES,
        head=pack_head(tuple(("vary", name) for name in vary)),
        body=b"",
        stored_at=entry.stored_at,
        life=entry.life,
        fence=entry.fence,
        sequence=entry.sequence,
        upstream=entry.upstream,
        endpoint=entry.endpoint,
        partition=entry.partition,
        tagged=entry.tagged,
        plan=entry.plan,
        outcome=entry.outcome,
    )


def kept_fields(fields: Fields, *, dated: bool = True) -> Fields:
    """The fields that stay with an entry. `Date` is what `stored_at` says again, but where HTTP's own rules need it."""
    left_out = _NOT_KEPT if dated else _NOT_KEPT | {"date"}
    return tuple((name, value) for name, value in fields if name.lower() not in left_out)


def freshened(old: Entry, reply: Reply) -> Reply:
    """A 304's answer: what is stored, with the fields that came anew (RFC 9111 §3.2, §4.3.4)."""
    renewed = {name.lower() for name, _ in reply.fields}
    fields = (*(field for field in old.fields if field[0].lower() not in renewed), *kept_fields(reply.fields))
    headers = {**as_mapping(fields), "age": reply.headers.get("age", "0")}
    verdict = Verdict(Kind.MISSING if old.outcome == MISSING or old.status in (404, 410) else Kind.ANSWER)
    return Reply(old.status, fields, headers, old.body, json=parsed(old.body), verdict=verdict, calls=reply.calls)


def life_under(plan: Plan, entry: Entry) -> ShelfLife:
    """An entry's life under the plan as it is now, so that tuning holds at once; never past what bound it before."""
    if entry.outcome == BY_HEADERS:
        end = entry.stored_at + plan.upstream.keep_at_most
        life = entry.life.no_longer_than(ShelfLife(end, end, end, end))
        return life if plan.cache is None else life.no_longer_than(plan.cache.shelf_life(entry.stored_at))
    if plan.cache is None:
        return ShelfLife(0, 0, 0, 0)
    policy = policy_for(plan, entry.outcome)
    if entry.ceiling != inf:
        policy = policy.settling()
    life = policy.shelf_life(entry.stored_at, entry.jitter)
    return (
        life.no_longer_than(ShelfLife(entry.ceiling, entry.ceiling, entry.ceiling, inf))
        if entry.ceiling != inf
        else life
    )
