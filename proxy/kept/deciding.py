"""Deciding: may an answer be kept, in which partition, under which key and rules? Purely, before anything acts."""

from collections.abc import Mapping
from functools import lru_cache
from math import inf
from typing import NamedTuple

from adapters import Exchange, Kind
from policies import CachePolicy
from policies.http.storing import (
    Received,
    lifetime,
    may_share_authorized,
    stale_windows,
    why_not_stored,
)
from policies.http.targeted import control_of
from policies.http.vary import has_star, vary_names
from proxy.asking import SHARED, Ask
from proxy.plan import MISSING, UNDER_TERMS, Plan, policy_for
from proxy.upstream.messages import Reply

BY_HEADERS = "headers"  # the outcome of what is kept as the upstream's own headers say
AUTHORIZED = "headers-authorized"  # the same of what came for a credential and may go to everybody (RFC 9111 §3.5)
GOES_BY_HEADERS = frozenset({BY_HEADERS, AUTHORIZED})


class Decision(NamedTuple):
    """Whether an answer is kept. `why_not` is a fixed word."""

    policy: CachePolicy | None
    why_not: str = ""
    partition: str = ""
    vary: tuple[str, ...] = ()
    outcome: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether everybody may have it."""
        return self.partition == SHARED


def decide(ask: Ask, reply: Reply, *, me: str | None) -> Decision:
    """May the answer be kept, and under which rules? `me` is the user behind the credential, where known."""
    kind = reply.verdict.kind
    if ask.key is None:
        return Decision(None, "not-cacheable")
    if ask.goes_by_headers:
        return decide_by_headers(ask, reply)
    if kind not in (Kind.ANSWER, Kind.MISSING):
        return Decision(None, kind.value)
    barred = bar_to_storing(reply.status, reply.headers)
    if barred is None and is_private(reply.headers) and ask.identity.partition == SHARED:
        barred = "private"
    if barred is not None:
        return Decision(None, barred)
    outcome = _outcome(ask, reply, me)
    policy = policy_for(ask.plan, outcome)
    if not policy.keep_at_most:
        return Decision(None, "terms")
    if not policy.ttl and not policy.stale_if_error:
        return Decision(None, "ttl-0")
    vary = vary_names(reply.headers) if ask.plan.upstream.adapter.by_headers else ()
    return Decision(policy, partition=ask.identity.partition, vary=vary, outcome=outcome)


def decide_by_headers(ask: Ask, reply: Reply) -> Decision:
    """RFC 9111 §3, by the upstream's headers alone; shared with others only where §3.5 allows.

    A 206 is judged as the 200 that it is a part of (§3.3): whoever keeps it keeps it as a part.
    """
    plan, partition, outcome = ask.plan, ask.identity.partition, BY_HEADERS
    if partition != SHARED and plan.headers.share_authorized and may_share_authorized(reply.headers):
        partition, outcome = SHARED, AUTHORIZED
    shared = partition == SHARED
    status = 200 if reply.status == 206 else reply.status
    as_get = ask.sent.method == "HEAD" or plan.endpoint.reads
    answer = Received(
        "GET" if as_get else ask.sent.method, status, reply.headers, reply.requested_at, reply.received_at
    )
    barred = why_not_stored(answer, shared=shared, policy=plan.headers)
    if barred is not None:
        return Decision(None, barred)
    policy = policy_by_headers(plan, answer, shared=shared)
    return Decision(policy, partition=partition, vary=vary_names(reply.headers), outcome=outcome)


def policy_by_headers(plan: Plan, answer: Received, *, shared: bool) -> CachePolicy:
    """How long an answer keeps its rights by its own headers."""
    while_stale, if_error = stale_windows(answer.headers, shared=shared)
    return _policy(
        lifetime(answer, shared=shared, policy=plan.headers),
        while_stale,
        if_error,
        plan.headers.stale_if_disconnected,
        plan.upstream.keep_at_most,
    )


def bar_to_storing(status: int, headers: Mapping[str, str]) -> str | None:
    """What binds even an endpoint whose cache is declared: a fixed word for why not, or None (DESIGN.md §4)."""
    if status == 206:
        return "partial"
    if "no-store" in control_of(headers).directives:
        return "no-store"
    if has_star(headers):
        return "vary"
    return "set-cookie" if "set-cookie" in headers else None


def is_private(headers: Mapping[str, str]) -> bool:
    """Whether the upstream says the answer is for one user only (RFC 9111 §5.2.2.7)."""
    return "private" in control_of(headers).directives


def is_for_others(ask: Ask, status: int, headers: Mapping[str, str]) -> bool:
    """Whether, by its headers, callers of the same key and credential may share this very answer."""
    if bar_to_storing(status, headers) is not None:
        return False
    return not (is_private(headers) and ask.identity.partition == SHARED)


def _outcome(ask: Ask, reply: Reply, me: str | None) -> str:
    if reply.verdict.kind is Kind.MISSING:
        return MISSING
    exchange = Exchange(ask.sent, reply.status, reply.json, me)
    outcome = ask.plan.endpoint.outcome
    named = (outcome(exchange) or "") if outcome is not None else ""
    return named + _content(ask.plan, exchange)


def kept_by_terms(plan: Plan, exchange: Exchange) -> float:
    """Seconds for which a provider's terms let a good answer be kept; inf: they set no end."""
    kind = _first_to_end(plan, exchange)
    return inf if kind is None else plan.terms.get(kind, 0.0)


def _content(plan: Plan, exchange: Exchange) -> str:
    kind = _first_to_end(plan, exchange)
    return "" if kind is None else UNDER_TERMS + kind


def _first_to_end(plan: Plan, exchange: Exchange) -> str | None:
    """What an answer holds that the terms end first: by that all of it ends, since it is kept as one."""
    content = plan.upstream.adapter.content
    if content is None:
        return None
    kinds = sorted(content(exchange))  # of those that end together always the same one
    return min(kinds, key=lambda kind: plan.terms.get(kind, 0.0), default=None)


@lru_cache(maxsize=1024)
def _policy(
    ttl: float, while_stale: float, if_error: float, if_disconnected: float, keep_at_most: float
) -> CachePolicy:
    return CachePolicy(
        ttl=min(ttl, keep_at_most),
        stale_while_revalidate=while_stale,
        stale_if_error=if_error,
        stale_if_disconnected=if_disconnected,
        keep_at_most=keep_at_most,
    )
