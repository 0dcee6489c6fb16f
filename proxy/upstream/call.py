"""One call to an upstream. Its guards stand in the order they act (DESIGN.md §4):

deadline · retry( breaker · concurrency · timeout · transport )

Retry stands outside the breaker, so that each attempt is counted and an open circuit ends the retrying; the timeout is
innermost, one for each attempt. tenacity keeps a call's state on the instance, so each call has one of its own.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NamedTuple, Protocol

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from adapters import NOT_JSON, Endpoint, Kind, Received, Verdict
from policies import Circuit, CircuitBreaker, CircuitOpen, RetryBudget, RetryPolicy, TimeoutPolicy
from policies.retry_after import retry_after
from proxy.errors import LarderError, UpstreamBusy, UpstreamResting, UpstreamTimeout, UpstreamUnreachable
from proxy.plan import UpstreamPlan
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply, TransportError
from proxy.upstream.slots import AnySlots, QueueFull

Send = Callable[[Outgoing, float, ReadUpTo], Awaitable[Reply]]


class Observer(Protocol):
    """Who wants to know of each attempt."""

    def attempt(self, upstream: str, endpoint: str, outcome: str, seconds: float) -> None:
        """One attempt ended; `outcome` is a fixed word."""

    def retry(self, upstream: str) -> None:
        """Another attempt will be made."""


class Call(NamedTuple):
    """What is to be called, and how hard to try."""

    outgoing: Outgoing
    endpoint: Endpoint
    name: str  # the endpoint's template
    credential: str
    timeout: TimeoutPolicy
    retry: RetryPolicy
    read_up_to: ReadUpTo


class UpstreamFailure(Exception):
    """No usable answer. `reply` is what the upstream said, where it said something; `problem` what a caller is told."""

    def __init__(
        self,
        detail: str,
        *,
        problem: LarderError,
        reply: Reply | None = None,
        sent: bool = True,
        wait: float | None = None,
        answered: bool = False,
        was_kept: bool = False,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.problem = problem
        self.reply = reply
        self.sent = sent  # whether the upstream may have seen the request
        self.answered = answered or reply is not None  # with an error of its own
        self.was_kept = was_kept  # lost on a connection that may have ended before
        self.calls = 0
        self.wait = reply.verdict.retry_after if reply is not None else wait  # seconds the upstream asked for


class Upstream:
    """An upstream with its guards' state. Policies change on reload; the state stays where they did not."""

    def __init__(
        self,
        plan: UpstreamPlan,
        breaker: CircuitBreaker,
        budget: RetryBudget,
        slots: AnySlots,
        tools: "Tools",
    ) -> None:
        self.name = plan.name
        self.adapter = plan.adapter
        self.base_url = plan.base_url
        self.breaker = breaker
        self.budget = budget
        self.slots = slots
        self.quota_left: float | None = None
        self.last_error: str | None = None
        self.last_error_at: float | None = None
        self.reached: bool | None = None  # None: nobody tried yet
        self._tools = tools

    def remember(self, before: "Upstream") -> None:
        """Take over what was last seen of the same upstream."""
        self.quota_left, self.reached = before.quota_left, before.reached
        self.last_error, self.last_error_at = before.last_error, before.last_error_at

    async def call(self, call: Call) -> Reply:
        """The upstream's answer, whatever its status, unless it is the upstream's failure. Raises UpstreamFailure."""
        attempts = _Attempts()
        self.budget.demand()
        try:
            async with asyncio.timeout(call.timeout.total):
                reply = await self._tried(call, attempts)
        except TimeoutError as error:
            if attempts.began is not None:  # cut short by the deadline: as much a failure as one by its own timeout
                self.breaker.failed(attempts.began)
            problem = UpstreamTimeout(self.name)
            raise self._noted(UpstreamFailure("timeout", problem=problem), attempts) from error
        except UpstreamFailure as failure:
            raise self._noted(failure, attempts) from failure.__cause__
        reply.calls = attempts.made
        return reply

    def broke_off(self) -> None:
        """An answer that was taken for good broke off in its body: that counts as a failure too."""
        self.breaker.broke_off()
        self.last_error, self.last_error_at = "broken-answer", self._tools.wall_clock()

    async def _tried(self, call: Call, attempts: "_Attempts") -> Reply:
        """The first attempt, and others under tenacity's rules if it fails. Most calls never need those."""
        try:
            return await self._attempt(call, attempts)
        except UpstreamFailure as failure:
            first: list[UpstreamFailure] = [failure]

        async def attempt() -> Reply:
            if first:
                raise first.pop()
            return await self._attempt(call, attempts)

        retrying = AsyncRetrying(
            retry=retry_if_exception(lambda error: isinstance(error, UpstreamFailure) and _may_repeat(error, call)),
            stop=_any_of(stop_after_attempt(call.retry.attempts), self._stop(call)),
            wait=lambda state: self._wait(state, call.retry),
            sleep=self._tools.sleep,
            before_sleep=lambda _: self._tools.observer.retry(self.name),
            reraise=True,
        )
        reply: Reply = await retrying(attempt)
        return reply

    async def _attempt(self, call: Call, attempts: "_Attempts") -> Reply:
        if self.breaker.state is Circuit.OPEN:  # said at once: nobody waits for a slot at an open circuit
            raise self._resting(self.breaker.rest)
        try:
            async with AsyncExitStack() as slot:
                taken = self.slots.taken(call.credential, shared=call.credential in ("held", "none"))
                await slot.enter_async_context(taken)
                began = self.breaker.check()  # it may have opened while this call waited
                attempts.made += 1
                attempts.began = began
                try:
                    reply = await self._sent(call, began)
                except UpstreamFailure:
                    attempts.began = None  # reported already
                    raise
                if reply.stream is not None:  # it is under way as long as its body is
                    reply.stream.then(slot.pop_all().aclose)
                return reply
        except CircuitOpen as resting:
            raise self._resting(resting.retry_after) from resting
        except QueueFull as full:
            raise UpstreamFailure("queue-full", problem=UpstreamBusy(self.name), sent=False) from full

    def _resting(self, seconds: float) -> UpstreamFailure:
        return UpstreamFailure("circuit-open", problem=UpstreamResting(self.name, seconds), sent=False)

    async def _sent(self, call: Call, began: float) -> Reply:
        """Send once, judge the answer, and tell the breaker."""
        started = self._tools.clock()
        try:
            reply = await self._tools.send(call.outgoing, call.timeout.attempt, call.read_up_to)
        except TransportError as error:
            self.breaker.failed(began)
            self._observe(call, error.kind, started)
            problem = UpstreamTimeout(self.name) if error.kind == "timeout" else UpstreamUnreachable(self.name)
            raise UpstreamFailure(error.kind, problem=problem, sent=error.sent, was_kept=error.was_kept) from error
        except BaseException:
            self.breaker.abandoned(began)
            raise
        self.reached = True
        self._judge(call, reply)
        kind = reply.verdict.kind
        (self.breaker.failed if kind is Kind.FAILED else self.breaker.succeeded)(began)
        self._observe(call, kind.value, started)
        if kind in (Kind.FAILED, Kind.THROTTLED):
            if reply.stream is not None:  # too large for all who share the call: they get Larder's own words
                await reply.stream.close()
                wait, reply.stream = reply.verdict.retry_after, None
                raise UpstreamFailure(
                    reply.verdict.detail, problem=UpstreamUnreachable(self.name), wait=wait, answered=True
                )
            raise UpstreamFailure(reply.verdict.detail, problem=UpstreamUnreachable(self.name), reply=reply)
        return reply

    def _judge(self, call: Call, reply: Reply) -> None:
        """What the adapter, and then the endpoint's model, make of the answer."""
        if reply.stream is None and not self.adapter.by_headers:
            reply.json = parsed(reply.body)
        verdict = self.adapter.verdict(Received(reply.status, reply.headers, reply.body, reply.json))
        if verdict.retry_after is None:
            asked = retry_after(reply.headers.get("retry-after"), self._tools.wall_clock())
            verdict = verdict._replace(retry_after=asked)
        has_body = reply.stream is None and call.outgoing.method != "HEAD"
        if verdict.kind is Kind.ANSWER and has_body and not _fits(call.endpoint, reply):
            verdict = Verdict(Kind.UNUSABLE, detail="payload-refused")
        reply.verdict = verdict
        if self.adapter.quota_left is not None:
            left = self.adapter.quota_left(reply.headers)
            self.quota_left = self.quota_left if left is None else left

    def _stop(self, call: Call) -> Callable[[RetryCallState], bool]:
        """No retry beyond the deadline, past the longest wait, or beyond the budget that all callers share."""

        def stop(state: RetryCallState) -> bool:
            failure = state.outcome.exception() if state.outcome is not None else None
            asked = failure.wait if isinstance(failure, UpstreamFailure) else None
            if asked is not None and asked > min(call.retry.max_wait, call.timeout.total):
                return True
            return not self.budget.spend()

        return stop

    def _wait(self, state: RetryCallState, policy: RetryPolicy) -> float:
        """Full jitter under a doubling ceiling; never earlier than the upstream asked for."""
        ceiling = min(policy.max_wait, policy.wait * 2 ** (state.attempt_number - 1))
        failure = state.outcome.exception() if state.outcome is not None else None
        asked = failure.wait if isinstance(failure, UpstreamFailure) else None
        return float((asked or 0.0) + ceiling * self._tools.random())

    def _observe(self, call: Call, outcome: str, started: float) -> None:
        self._tools.observer.attempt(self.name, call.name, outcome, self._tools.clock() - started)

    def _noted(self, failure: UpstreamFailure, attempts: "_Attempts") -> UpstreamFailure:
        failure.calls = failure.problem.calls = attempts.made
        failure.problem.word = failure.detail
        self.last_error, self.last_error_at = failure.detail, self._tools.wall_clock()
        return failure


class Tools(NamedTuple):
    """What a call needs from outside, so that tests can bring their own."""

    send: Send
    observer: Observer
    clock: Callable[[], float]  # monotonic seconds
    wall_clock: Callable[[], float]  # seconds since the epoch
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]  # 0 to 1


class _Attempts:
    """What became of one call so far."""

    made = 0
    began: float | None = None  # the attempt under way, by the breaker's clock


def _any_of(
    first: Callable[[RetryCallState], bool], second: Callable[[RetryCallState], bool]
) -> Callable[[RetryCallState], bool]:
    """In this order: the second, which spends from the budget, is only asked where another attempt may follow."""
    return lambda state: first(state) or second(state)


def _may_repeat(failure: UpstreamFailure, call: Call) -> bool:
    """Only what is safe to repeat, and only where a repeat can help."""
    if not call.outgoing.is_safe or failure.detail in ("circuit-open", "queue-full"):
        return False
    if not call.retry.answers and not failure.was_kept:
        return False
    if failure.reply is not None and failure.reply.verdict.kind is Kind.THROTTLED:
        return failure.wait is not None  # without a word on when, asking again only makes its day worse
    return True


def parsed(body: bytes) -> object:
    """The body as JSON, or NOT_JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return NOT_JSON


def _fits(endpoint: Endpoint, reply: Reply) -> bool:
    """The payload check: does a good body parse as the endpoint's model?"""
    if endpoint.model is None or reply.status != 200:
        return True
    try:
        endpoint.model.validate_python(reply.json)
    except (ValueError, RecursionError):
        return False
    return True
