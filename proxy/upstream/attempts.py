"""Attempts: the tries of one call, each through the guards in the order they act (DESIGN.md §4):

breaker · pacing · concurrency · timeout · transport
"""

import asyncio
from functools import partial

from adapters import Adapter, Kind
from policies import Circuit, CircuitBreaker, CircuitOpen
from policies.deadline import Quickest
from policies.pacing import Paced
from proxy.errors import (
    CredentialPaced,
    LarderError,
    UpstreamBusy,
    UpstreamNotAsked,
    UpstreamResting,
    UpstreamTimeout,
    UpstreamUnreachable,
)
from proxy.upstream.calls import Call, Tools
from proxy.upstream.failures import BREACHES, UpstreamFailure
from proxy.upstream.guard_set import GuardSet
from proxy.upstream.hosts import Chosen
from proxy.upstream.judging import judge, refuse_unfit
from proxy.upstream.messages import Reply, TransportError
from proxy.upstream.orders import Orders
from proxy.upstream.refusing import remembered_of
from proxy.upstream.slots import QueueFull, TooLate


class Attempts:
    """What became of one call so far, and its next try."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        call: Call,
        guards: GuardSet,
        orders: Orders,
        quickest: Quickest,
        tools: Tools,
    ) -> None:
        self._name = name
        self._adapter = adapter
        self._call = call
        self._guards = guards
        self._orders = orders
        self._quickest = quickest
        self._tools = tools
        self._tried: set[str] = set()
        self._cut_off: list[tuple[CircuitBreaker, float, float]] = []  # since when, and for how long
        self._is_over = False
        self.made = 0
        self.was_answered = False

    async def once(self) -> Reply:
        """One try. Raises UpstreamFailure."""
        self._refuse_resting()  # said at once: nobody waits for a slot at an open circuit
        while True:
            await self._pace()
            reply = await self._in_a_slot()
            if reply is not None:
                return reply

    async def _in_a_slot(self) -> Reply | None:
        """None where the upstream said meanwhile that this credential asks too often: the slot is for others."""
        call, slots = self._call, self._guards.slots
        is_shared = call.credential in ("held", "none")
        try:
            slot = await slots.take(call.credential, shared=is_shared, demand=call.demand)
            is_under_way = False
            try:
                self._refuse_late()
                if self._guards.pacer.rest(call.paced_as) > 0:
                    return None
                reply = await self._at(self._chosen())
                if reply.stream is not None:  # it is under way as long as its body is
                    is_under_way = True
                    reply.stream.then(partial(slots.give_back, slot))
                return reply
            finally:
                if not is_under_way:
                    slots.give_back(slot)
        except CircuitOpen as resting:
            raise self._resting(resting.retry_after) from resting
        except TooLate as late:
            raise declined("deadline", UpstreamTimeout(self._name)) from late
        except QueueFull as full:
            raise declined("queue-full", UpstreamBusy(self._name)) from full

    async def _at(self, chosen: Chosen) -> Reply:
        """Send it there, which is one call more for that place as long as it is under way."""
        hosts = self._guards.hosts
        hosts.began(chosen.base)
        is_under_way = False
        try:
            reply = await self._sent(chosen)
            if reply.stream is not None:
                is_under_way = True
                reply.stream.then(partial(hosts.ended, chosen.base))
            return reply
        finally:
            if not is_under_way:
                hosts.ended(chosen.base)

    def time_is_up(self) -> None:
        """The deadline cut off what was under way: as much a failure as a try that ends by its own timeout, if it had a
        fair part of that.
        """
        timeout = self._call.guards.timeout
        fair = min(timeout.attempt, timeout.total) / 2  # less says more of the queue here than of the upstream
        for breaker, began, seconds in self._cut_off:
            if seconds >= fair:
                breaker.failed(began)
                self._guards.slots.finished(seconds, failed=True)

    # before it goes out

    def _refuse_resting(self) -> None:
        """Raises UpstreamFailure where an operator says so, or no place may be called."""
        forced = self._orders.forced
        if forced is Circuit.OPEN:
            seconds = self._orders.forced_left
            raise declined("circuit-open", UpstreamResting(self._name, seconds, is_held=True))
        rest = None if forced is Circuit.CLOSED else self._guards.hosts.rest(self._call.bases)
        if rest is not None:
            raise self._resting(rest)

    def _resting(self, seconds: float) -> UpstreamFailure:
        return declined("circuit-open", UpstreamResting(self._name, seconds))

    async def _pace(self) -> None:
        """Wait as long as this credential has to. Raises UpstreamFailure where that is too long."""
        wait = self._turn(may_wait=self._guards.held_back.count < self._guards.slots.policy.queue)
        if wait > 0:
            await self._hold_back(wait)

    def _turn(self, *, may_wait: bool = True) -> float:
        """Take the next turn of this credential: seconds until then."""
        call = self._call
        try:
            lasts = self._quickest.seconds
            return self._guards.pacer.take(call.paced_as, call.demand, may_wait=may_wait, lasts=lasts)
        except Paced as paced:
            wait = paced.retry_after
            if may_wait or not call.demand.is_awaited:
                raise declined(paced.word, CredentialPaced(self._name, wait, paced.word), wait) from paced
            raise declined("queue-full", UpstreamBusy(self._name, wait), wait) from paced

    async def _hold_back(self, wait: float) -> None:
        held_back = self._guards.held_back
        held_back.count += 1
        try:
            while wait > 0:
                await self._tools.sleep(wait)
                rests = self._guards.pacer.rest(self._call.paced_as) > 0  # the upstream said no to others meanwhile
                wait = self._turn() if rests else 0.0
        finally:
            held_back.count -= 1

    def _refuse_late(self) -> None:
        """What cannot be here in time is not begun, nor what another try has brought meanwhile."""
        left = self._call.demand.left(self._tools.clock())
        may_be_late = left < self._call.guards.timeout.attempt  # no answer ever took longer
        if self._is_over or left <= 0:
            raise declined("deadline", UpstreamTimeout(self._name))
        if may_be_late and left < self._quickest.seconds:
            raise declined("too-short", UpstreamNotAsked(self._name, left, self._quickest.forgotten_in))

    def _chosen(self) -> Chosen:
        """Where it goes. Orders may have come, and circuits opened, while this call waited."""
        forced = self._orders.forced
        if forced is Circuit.OPEN:
            raise self._resting(self._orders.forced_left)
        chosen = self._guards.hosts.choose(
            self._call.bases, self._tried, forced=forced is Circuit.CLOSED, is_safe=self._call.outgoing.is_safe
        )
        self._tried.add(chosen.base)
        return chosen

    # sending, and what comes of it

    async def _sent(self, chosen: Chosen) -> Reply:
        """Send once, judge the answer, and tell the guards."""
        self.made += 1
        loop = asyncio.get_running_loop()
        started, sent_at = self._tools.clock(), loop.time()  # timeouts go by the loop's
        outgoing = self._call.sent_to(chosen.base)
        try:
            reply = await self._tools.send(outgoing, self._call.guards.timeout.attempt, self._call.read_up_to)
        except TransportError as error:
            chosen.breaker.failed(chosen.began)
            self._guards.slots.finished(self._tools.clock() - started, failed=True)
            self._observe(error.kind, started)
            raise self._failed(error.kind, sent=error.sent, was_kept=error.was_kept) from error
        except BaseException as error:
            self._observe("cut-off" if isinstance(error, asyncio.CancelledError) else "failed", started)
            self._abandoned(chosen, loop.time() - sent_at)
            raise
        reply.base = chosen.base
        self.was_answered = True
        judge(self._adapter, reply, bases=self._call.bases, now=self._tools.wall_clock())
        if reply.stream is None and outgoing.method != "HEAD":
            refuse_unfit(self._call.endpoint, reply)
        self._tell_guards(chosen, reply, self._tools.clock() - started)
        self._observe(reply.verdict.kind.value, started)
        if reply.verdict.kind in (Kind.FAILED, Kind.THROTTLED):
            raise await self._failure(reply)
        self._is_over = True
        return reply

    def _abandoned(self, chosen: Chosen, seconds: float) -> None:
        """Nobody waited for the answer any longer than that."""
        if not chosen.is_forced:  # else it was no probe
            chosen.breaker.abandoned(chosen.began)
        self._cut_off.append((chosen.breaker, chosen.began, seconds))

    def _tell_guards(self, chosen: Chosen, reply: Reply, seconds: float) -> None:
        kind, guards = reply.verdict.kind, self._guards
        is_failed = kind is Kind.FAILED
        if is_failed:
            chosen.breaker.failed(chosen.began)
        else:
            chosen.breaker.succeeded(chosen.began, seconds)
            self._quickest.answered(seconds)
        guards.slots.finished(seconds, failed=is_failed)
        self._tell_pacer(reply)
        if self._call.rests and kind is Kind.CREDENTIAL_REFUSED:
            self._remember_refusal(reply)
        elif self._call.rests and not is_failed and kind is not Kind.THROTTLED:
            guards.credentials.accepted(self._call.credential_at)

    def _remember_refusal(self, reply: Reply) -> None:
        remembered = remembered_of(reply, self._call)
        if remembered is not None:
            self._guards.credentials.refused(self._call.credential_at, remembered)

    def _tell_pacer(self, reply: Reply) -> None:
        """What the upstream says of its quota; one that goes by headers is only believed where it names a time."""
        adapter, pacer, credential = self._adapter, self._guards.pacer, self._call.paced_as
        left = adapter.quota_left(reply.headers) if adapter.quota_left is not None else None
        cost = adapter.quota_cost(reply.headers) if adapter.quota_cost is not None else None
        if left is not None or cost is not None:
            pacer.told(credential, left, cost)
        if reply.verdict.kind is not Kind.THROTTLED:
            pacer.succeeded(credential)
        elif reply.verdict.retry_after or (reply.verdict.retry_after is None and not adapter.by_headers):
            pacer.throttled(credential, reply.verdict.retry_after)

    async def _failure(self, reply: Reply) -> UpstreamFailure:
        """A failure in the upstream's own words, unless nobody may see them, or they are too large for all to share."""
        verdict = reply.verdict
        if reply.stream is not None:
            await reply.stream.close()
        if reply.stream is not None or verdict.detail in BREACHES:
            return self._failed(verdict.detail, wait=verdict.retry_after, answered=True)
        return UpstreamFailure(verdict.detail, problem=UpstreamUnreachable(self._name), reply=reply)

    def _failed(
        self,
        word: str,
        *,
        sent: bool = True,
        was_kept: bool = False,
        answered: bool = False,
        wait: float | None = None,
    ) -> UpstreamFailure:
        problem = UpstreamTimeout(self._name) if word == "timeout" else UpstreamUnreachable(self._name)
        return UpstreamFailure(word, problem=problem, sent=sent, was_kept=was_kept, answered=answered, wait=wait)

    def _observe(self, outcome: str, started: float) -> None:
        self._tools.observer.attempt(self._name, self._call.name, outcome, self._tools.clock() - started)


def declined(word: str, problem: LarderError, wait: float | None = None) -> UpstreamFailure:
    """Larder itself did not call."""
    return UpstreamFailure(word, problem=problem, sent=False, wait=wait)
