"""Providers: who is asked below /v1/addresses, what an answer of theirs is worth, and whether another is asked instead.

Another provider is asked where no answer came: it could not be reached, rests, is busy or has nothing left for this
account. Never because of what an answer says (UPSTREAMS.md §11).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from adapters import Kind, Problem
from policies.http.fields import as_mapping
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.batches.refusals import is_given_up, refusal
from proxy.errors import (
    SHORTEST_WAIT,
    LarderError,
    UpstreamBusy,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamUnreachable,
    ValidationFailed,
)
from proxy.plan import Plans, UpstreamPlan
from proxy.settings import nearest
from proxy.typed.errors import (
    CredentialRefused,
    FieldError,
    InvalidFields,
    NotConfigured,
    ProviderRefused,
    QuotaUsedUp,
    RefusedTogether,
)
from proxy.typed.visitors import Visitor
from proxy.upstream.judging import judge, refuse_unfit
from proxy.upstream.messages import Reply

# No answer came, and it says nothing of what was asked. A credential that is refused rests as an open circuit does
# (UPSTREAMS.md §12).
ELSEWHERE = (
    CredentialRefused,
    QuotaUsedUp,
    UpstreamBusy,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamUnreachable,
    ValidationFailed,
)


class Good(NamedTuple):
    """An answer that may be read."""

    ask: Ask
    answer: Answer
    json: Any


def verifiers(plans: Plans) -> tuple[str, ...]:
    """The upstreams that are asked to verify addresses, in their order."""
    named = plans.settings.v1.addresses.providers
    able = [one for one in plans.upstreams.values() if one.adapter.verification is not None]
    return _freest_first(able) if named is None else named


def completers(plans: Plans) -> tuple[str, ...]:
    """The upstreams that are asked to complete addresses, in their order."""
    named = plans.settings.v1.addresses.autocomplete
    found = ((one, one.adapter.completion) for one in plans.upstreams.values())
    able = [one for one, completion in found if completion is not None and not completion.only_if_named]
    return _freest_first(able) if named is None else named


def _freest_first(upstreams: Iterable[UpstreamPlan]) -> tuple[str, ...]:
    """Those first whose answers no terms forbid to keep and share; else as they stand in the config."""
    return tuple(one.name for one in sorted(upstreams, key=lambda one: bool(one.adapter.terms)))


def chosen(visitor: Visitor, configured: Sequence[str], named: Sequence[str], what: str) -> list[UpstreamPlan]:
    """Who is asked: those the request names, else all that are configured; never one that the caller may not use.

    Raises NotConfigured, InvalidFields, CallerNotAllowed.
    """
    if not configured:
        raise NotConfigured(what)
    errors = [
        FieldError(f"providers.{index}", f"is not configured to {what}; {nearest(name[:64], list(configured))}")
        for index, name in enumerate(named)
        if name not in configured
    ]
    errors += [
        FieldError(f"providers.{index}", "stands there twice")
        for index, name in enumerate(named)
        if name in named[:index]
    ]
    if errors:
        raise InvalidFields(errors)
    return visitor.may_use(named or configured)


async def good(ask: Ask, outcome: Answer | LarderError, now: float) -> Good:
    """An answer that is one. Raises LarderError: one of ELSEWHERE where another provider is to be asked.

    `now`: seconds since the epoch.
    """
    name = ask.plan.upstream.name
    if isinstance(outcome, LarderError):
        raise outcome
    if outcome.stream is not None:  # of more bytes than are ever read
        await outcome.stream.close()
        raise UpstreamUnreachable(name)
    reply = Reply(outcome.status, outcome.fields, as_mapping(outcome.fields), outcome.body)
    judge(ask.plan.upstream.adapter, reply, bases=ask.plan.upstream.base_urls, now=now)
    refuse_unfit(ask.plan.endpoint, reply)
    if reply.verdict.kind is Kind.ANSWER and outcome.status == 200:
        return Good(ask, outcome, reply.json)
    error = _error(ask, outcome, reply)
    error.word, error.calls = reply.verdict.detail or outcome.cache.detail or error.word, outcome.calls
    raise error


def together(errors: Sequence[LarderError]) -> Problem:
    """What is told where nobody who was asked in turn could give an answer: the last one's problem, why each could not,
    and the soonest time at which one of them may.
    """
    problems = [error.problem for error in errors]
    waits = [one.retry_after for one in problems if one.retry_after is not None]
    detail = " ".join(dict.fromkeys(one.detail for one in problems))
    return replace(problems[-1], detail=detail, retry_after=min(waits) if len(waits) == len(problems) else None)


def _error(ask: Ask, answer: Answer, reply: Reply) -> LarderError:
    """What an answer that is none is to be called."""
    name, wait = ask.plan.upstream.name, reply.verdict.retry_after
    rest = ask.plan.guards.breaker.credential_cooldown  # seconds for which a refused credential is left alone
    match reply.verdict.kind:
        case Kind.THROTTLED:
            return UpstreamBusy(
                name, SHORTEST_WAIT if wait is None else wait, f"{name} said that it is asked too often."
            )
        case Kind.CREDENTIAL_REFUSED if reply.verdict.detail == "quota-used-up":
            return QuotaUsedUp(name, rest if wait is None else wait)
        case Kind.CREDENTIAL_REFUSED:
            return CredentialRefused(name)
        case Kind.ANSWER | Kind.FAILED | Kind.UNUSABLE:
            return UpstreamUnreachable(name)
        case Kind.CALLER_ERROR if is_given_up(answer):
            return RefusedTogether(name, reply.status)
        case _:
            many = ask.upstream.many_for(ask.plan)
            batch = many.endpoint.batch if many is not None else None
            said = None if batch is None else refusal(batch, answer)
            return ProviderRefused(name, reply.status, said or "")


def at_a_time(upstream: UpstreamPlan) -> int:
    """How many lookups of one request may wait for an upstream that takes only one in a call."""
    limit = upstream.guards.concurrency
    return max(1, min(limit.upstream, limit.credential))
