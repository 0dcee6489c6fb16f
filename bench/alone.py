"""Alone: what each guard does for one call that goes well, without the others."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from multidict import CIMultiDict

from bench.calls import Called
from policies import BreakerPolicy, CircuitBreaker, ConcurrencyPolicy, PacingPolicy
from policies.deadline import Quickest, caller_budget
from policies.egress import EgressPolicy
from policies.pacing import Pacer
from proxy.upstream.hedging import hedged
from proxy.upstream.hosts import Hosts
from proxy.upstream.leading import is_allowed
from proxy.upstream.messages import Reply
from proxy.upstream.slots import Slots

Work = Callable[[], Awaitable[object]]


def alone(there: Called) -> dict[str, Work]:
    """By name. In brackets: what is off by default, or is no guard."""
    slow = PacingPolicy(rate=1e9, burst=1_000_000)
    usual = there.upstream.guards
    return {
        "deadline": _deadline(there),
        "retry and its budget": _retry(there),
        "credentials at rest": _credentials(there),
        "operators' orders": _orders(there),
        "circuits by place": _circuits(there, usual.hosts),
        "pacing": _pacing(there, usual.pacer),
        "slots": _slots(there, usual.slots),
        "(pacing with a rate)": _pacing(there, Pacer(slow, time.monotonic)),
        "(slots, adaptive)": _slots(there, Slots(ConcurrencyPolicy(adaptive=True))),
        "(circuits of three places)": _circuits(there, _three_places()),
        "(a hedge that is not needed)": _hedge(there),
        "(egress, for an address met before)": _egress,
        "(no guard: judging an answer)": _judging(there),
    }


def _deadline(there: Called) -> Work:
    quickest, call, headers = Quickest(time.monotonic), there.made(), CIMultiDict({"Accept": "*/*"})

    async def work() -> None:
        caller_budget(headers)
        async with asyncio.timeout(call.guards.timeout.total):
            if call.demand.left(time.monotonic()) >= quickest.seconds:
                quickest.answered(0.1)

    return work


def _retry(there: Called) -> Work:
    upstream, call = there.upstream, there.made()

    async def work() -> int:
        upstream.budget.demand()
        return call.signature

    return work


def _credentials(there: Called) -> Work:
    credentials, call = there.upstream.guards.credentials, there.made()

    async def work() -> None:
        credentials.refusal(call.credential_at)
        credentials.accepted(call.credential_at)

    return work


def _orders(there: Called) -> Work:
    orders = there.upstream.orders

    async def work() -> object:
        return orders.forced or orders.forced

    return work


def _circuits(there: Called, hosts: Hosts) -> Work:
    bases = there.made().bases if len(hosts.bases) == 1 else hosts.bases

    async def work() -> None:
        hosts.rest(bases)
        chosen = hosts.choose(bases, set())
        hosts.began(chosen.base)
        hosts.ended(chosen.base)
        chosen.breaker.succeeded(chosen.began, 0.1)

    return work


def _three_places() -> Hosts:
    policy, places = BreakerPolicy(), [f"http://there-{number}" for number in range(3)]
    return Hosts(places, policy, lambda _: CircuitBreaker(policy, time.monotonic), time.monotonic)


def _pacing(there: Called, pacer: Pacer) -> Work:
    adapter, call, answer = there.upstream.adapter, there.made(), there.reply()

    async def work() -> None:
        pacer.take(call.credential, call.demand)
        left = adapter.quota_left(answer.headers) if adapter.quota_left is not None else None
        cost = adapter.quota_cost(answer.headers) if adapter.quota_cost is not None else None
        pacer.told(call.credential, left, cost)
        pacer.succeeded(call.credential)

    return work


def _slots(there: Called, slots: Slots) -> Work:
    call = there.made()

    async def work() -> None:
        async with slots.taken(call.credential, shared=False, demand=call.demand):
            pass
        slots.finished(0.1, failed=False)

    return work


def _hedge(there: Called) -> Work:
    async def answered() -> Reply:
        return there.reply()

    async def let_go(_: Reply) -> None:
        """Nobody: there is only one."""

    async def work() -> Reply:
        return await hedged(answered, answered, 1.0, may=lambda: False, sleep=asyncio.sleep, let_go=let_go)

    return work


async def _egress() -> bool:
    return is_allowed(_ANYWHERE, "127.0.0.1", "127.0.0.1")


def _judging(there: Called) -> Work:
    async def work() -> None:
        there.judge(there.reply())

    return work


_ANYWHERE = EgressPolicy()
