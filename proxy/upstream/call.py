"""One call to an upstream. Its guards stand in the order they act (DESIGN.md §4):

deadline · retry( hedge( breaker · pacing · concurrency · timeout · transport ) )

Retry stands outside the breaker, so that each attempt is counted and an open circuit ends the retrying; the timeout is
innermost, one for each attempt. tenacity keeps a call's state on the instance, so each call has one of its own.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from cachetools import LRUCache
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from adapters import Kind
from policies import Circuit, CircuitBreaker, RetryBudget, RetryPolicy
from policies.deadline import Quickest
from policies.failure_memory import LONGEST_ASKED
from proxy.errors import UpstreamBusy, UpstreamTimeout
from proxy.plan import UpstreamPlan
from proxy.upstream.attempts import Attempts, declined
from proxy.upstream.calls import Call, Tools
from proxy.upstream.failures import POINTLESS, UpstreamFailure
from proxy.upstream.guard_set import GuardSet
from proxy.upstream.hedging import hedged
from proxy.upstream.messages import Reply
from proxy.upstream.orders import Orders
from proxy.upstream.refusing import said_again
from proxy.upstream.slots import AnySlots

REPEATED_WITHIN = 60.0  # seconds after its failure in which the same request is the caller's own retry
MOST_REPEATED = 10_000  # requests of which that is known


class Upstream:
    """An upstream with its guards' state. Policies change on reload; the state stays where they did not."""

    def __init__(
        self,
        plan: UpstreamPlan,
        guards: GuardSet,
        apart: dict[str, GuardSet],
        budget: RetryBudget,
        tools: Tools,
        before: "Upstream | None" = None,
    ) -> None:
        """`apart`: of endpoints that have guards of their own. `before`: the same upstream before a reload."""
        self.name = plan.name
        self.adapter = plan.adapter
        self.base_urls = plan.base_urls
        self.credential = plan.credential  # but not the plan itself, which goes with the last ask under it
        self.guards = guards
        self.apart = apart
        self.budget = budget
        self.orders: Orders = before.orders if before is not None else Orders(tools.clock)
        self.failures: dict[str, tuple[int, float]] = before.failures if before is not None else {}
        self.last_error: str | None = before.last_error if before is not None else None
        self.last_error_at: float | None = before.last_error_at if before is not None else None
        self.reached: bool | None = before.reached if before is not None else None  # None: nobody tried yet
        self._quickest: dict[str, Quickest] = {}
        self._failed_lately: LRUCache[int, _Failed] = LRUCache(MOST_REPEATED)
        self._may_have_failed = False  # most upstreams never do
        self._tools = tools

    @property
    def breaker(self) -> CircuitBreaker:
        """The circuit that is worst off."""
        return self.guards.hosts.worst

    @property
    def slots(self) -> AnySlots:
        """The places for calls."""
        return self.guards.slots

    @property
    def quota_left(self) -> float | None:
        """What the credential has left that has the least, by the upstream's word and in its unit."""
        return self.guards.pacer.lowest_left

    def has_room(self, name: str) -> bool:
        """Whether one more may wait for a call to this endpoint."""
        slots = self.apart.get(name, self.guards).slots
        return slots.waiting < slots.policy.queue

    def forget_before(self) -> None:
        """What was seen of the same name at another place says nothing here."""
        self.last_error = self.last_error_at = self.reached = None
        self.failures = {}

    async def call(self, call: Call) -> Reply:
        """The upstream's answer, whatever its status, unless it is the upstream's failure. Raises UpstreamFailure."""
        guards = self.apart.get(call.name, self.guards)
        may_rest = call.rests and self.orders.forced is not Circuit.CLOSED  # held closed: an operator has seen to it
        refusal = guards.credentials.refusal(call.credential_at) if may_rest else None
        if refusal is not None:
            return said_again(refusal, call, self.adapter, self.name)
        is_probe = may_rest and guards.credentials.knows(call.credential_at)
        try:
            return await self._guarded(call, guards)
        except BaseException:
            if is_probe:
                guards.credentials.abandoned(call.credential_at)
            raise

    def broke_off(self, base: str, name: str) -> None:
        """An answer to this endpoint that was taken for good broke off in its body: that counts as a failure too."""
        self.apart.get(name, self.guards).hosts.circuit(base).broke_off()
        self._note("broken-answer")

    async def _guarded(self, call: Call, guards: GuardSet) -> Reply:
        quickest = self._quickest_of(call.name)
        attempts = Attempts(self.name, self.adapter, call, guards, self.orders, quickest, self._tools)
        self.budget.demand()
        try:
            self._refuse_early(call)
            async with asyncio.timeout(call.guards.timeout.total):
                reply = await self._tried(call, attempts, quickest)
        except TimeoutError as error:
            attempts.time_is_up()
            late = UpstreamFailure("timeout", problem=UpstreamTimeout(self.name), sent=attempts.made > 0)
            raise self._noted(late, call, attempts) from error
        except UpstreamFailure as failure:
            raise self._noted(failure, call, attempts) from failure.__cause__
        self.reached = True
        if self._may_have_failed:
            self._failed_lately.pop(call.signature, None)
        reply.calls = attempts.made
        return reply

    async def _tried(self, call: Call, attempts: Attempts, quickest: Quickest) -> Reply:
        """The first attempt, and others under tenacity's rules if it fails. Most calls never need those."""
        try:
            return await self._raced(call, attempts)
        except UpstreamFailure as failure:
            if not _may_repeat(failure, call):  # as all that Larder declines: then thousands a minute come this way
                raise
            first: list[UpstreamFailure] = [failure]

        async def attempt() -> Reply:
            if first:
                raise first.pop()
            return await self._raced(call, attempts)

        retries = self._retries(call)
        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, UpstreamFailure) and _may_repeat(error, call)),
            stop=_any_of(stop_after_attempt(retries.attempts), self._stop(call, retries, quickest)),
            wait=lambda state: self._wait(state, retries),
            sleep=self._tools.sleep,
            before_sleep=lambda _: self._tools.observer.retry(self.name),
            reraise=True,
        )
        try:
            reply: Reply = await retrying(attempt)
        except UpstreamFailure as failure:
            raise failure.with_traceback(None)  # noqa: B904 - it leads to tenacity's future, which leads back to it
        finally:
            retrying.iter_state.reset()  # its actions lead back to it, and by its rules to this upstream
        return reply

    async def _raced(self, call: Call, attempts: Attempts) -> Reply:
        """One attempt; where the endpoint is hedged, a second one once the first is slow."""
        after = call.guards.hedge.after
        if not after or not call.outgoing.is_safe:
            return await attempts.once()
        made = attempts.made

        def may_hedge() -> bool:
            """One that waits at home is helped by none behind it."""
            return attempts.made > made and self.budget.spend()

        return await hedged(attempts.once, attempts.once, after, may=may_hedge, sleep=self._tools.sleep, let_go=_let_go)

    def _retries(self, call: Call) -> RetryPolicy:
        """A caller who tries again by itself is not tried for again: SDKs do so up to six times (UPSTREAMS.md §1.8)."""
        failed = self._failed_lately.get(call.signature)
        is_repeated = failed is not None and self._tools.clock() < failed.at + REPEATED_WITHIN
        return ONCE if is_repeated else call.retries

    def _refuse_early(self, call: Call) -> None:
        """A read that the upstream wants to hear again later is not sent before. Raises UpstreamFailure."""
        may_have_failed = self._may_have_failed and call.outgoing.is_safe
        failed = self._failed_lately.get(call.signature) if may_have_failed else None
        wait = failed.not_before - self._tools.clock() if failed is not None else 0.0
        if wait > 0:
            raise declined(
                "paused", UpstreamBusy(self.name, wait, f"{self.name} wants to be asked for this later."), wait
            )

    def _stop(self, call: Call, retries: RetryPolicy, quickest: Quickest) -> Callable[[RetryCallState], bool]:
        """No retry beyond the deadline, past the longest wait, or beyond the budget that all callers share."""

        def stop(state: RetryCallState) -> bool:
            asked = _asked(state)
            if asked is not None and (asked > retries.max_wait or asked >= call.guards.timeout.total):
                return True
            left = call.demand.left(self._tools.clock())
            if state.upcoming_sleep >= left or state.upcoming_sleep + quickest.seconds > left:
                return True
            return not self.budget.spend()

        return stop

    def _wait(self, state: RetryCallState, policy: RetryPolicy) -> float:
        """Full jitter under a doubling ceiling; never earlier than the upstream asked for."""
        ceiling = min(policy.max_wait, policy.wait * 2 ** (state.attempt_number - 1))
        return float((_asked(state) or 0.0) + ceiling * self._tools.random())

    def _quickest_of(self, name: str) -> Quickest:
        found = self._quickest.get(name)
        if found is None:
            found = self._quickest[name] = Quickest(self._tools.clock)
        return found

    def _noted(self, failure: UpstreamFailure, call: Call, attempts: Attempts) -> UpstreamFailure:
        failure.calls = failure.problem.calls = attempts.made
        failure.problem.word = failure.detail
        if attempts.was_answered:
            self.reached = True
        if attempts.made:
            now, self._may_have_failed = self._tools.clock(), True
            asked = failure.wait if failure.detail != "throttled" else None  # that is for all its credential's calls
            self._failed_lately[call.signature] = _Failed(now, now + min(asked or 0.0, LONGEST_ASKED))
        self._note(failure.detail)
        return failure

    def _note(self, word: str) -> None:
        count, _ = self.failures.get(word, (0, 0.0))
        self.last_error, self.last_error_at = word, self._tools.wall_clock()
        self.failures[word] = (count + 1, self.last_error_at)


ONCE = RetryPolicy(attempts=1)


class _Failed(NamedTuple):
    """When a request failed, and when the upstream wants to hear it again."""

    at: float
    not_before: float


def _asked(state: RetryCallState) -> float | None:
    failure = state.outcome.exception() if state.outcome is not None else None
    return failure.wait if isinstance(failure, UpstreamFailure) else None


def _any_of(
    first: Callable[[RetryCallState], bool], second: Callable[[RetryCallState], bool]
) -> Callable[[RetryCallState], bool]:
    """In this order: the second, which spends from the budget, is only asked where another attempt may follow."""
    return lambda state: first(state) or second(state)


def _may_repeat(failure: UpstreamFailure, call: Call) -> bool:
    """Only what is safe to repeat, and only where a repeat can help."""
    if not call.outgoing.is_safe or failure.detail in POINTLESS:
        return False
    may_ask_elsewhere = len(call.bases) > 1
    if not (call.retries.answers or failure.was_kept or may_ask_elsewhere):
        return False
    if failure.reply is not None and failure.reply.verdict.kind is Kind.THROTTLED:
        return failure.wait is not None  # without a word on when, asking again only makes its day worse
    return True


async def _let_go(reply: Reply) -> None:
    if reply.stream is not None:
        await reply.stream.close()
