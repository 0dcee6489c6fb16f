"""Fetching: ask the upstream for an answer, learn from it, and put it on the shelf. Runs as a flight's task."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol

from adapters import Kind
from policies import RetryPolicy
from policies.failure_memory import FailureMemory
from policies.http.fields import Fields
from policies.http.vary import vary_names
from proxy.asking import Ask
from proxy.calling import SAME_FOR_ALL, Calling, is_used_up
from proxy.doubts.doubting import Doubting
from proxy.errors import UpstreamUnreachable
from proxy.flights.flights import Flight
from proxy.flights.landing import WAITED_FOR, Landing, failed, is_final_word
from proxy.flights.spool import Spool
from proxy.kept.deciding import Decision, decide, decide_by_headers, is_for_others
from proxy.kept.keeping import Keeper
from proxy.kept.parts import PARTIAL, completed
from proxy.kept.storing import freshened, tags_of
from proxy.kept.validating import Stored, is_for_caller, is_out_of_place, preconditions, range_of, selected
from proxy.learning import Learner
from proxy.messages import Entry
from proxy.store.contract import StoreError
from proxy.strong_tags import tagged
from proxy.upstream.failures import OUT_OF_TIME, UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply

ONCE = RetryPolicy(attempts=1)


class Observer(Protocol):
    """Who wants to know what became of a fetch. Words are fixed, never data."""

    def covered(self, upstream: str, detail: str) -> None:
        """A stale answer was given in place of one that could not be had."""

    def store_failed(self, operation: str, error: StoreError) -> None:
        """Something could not be kept on disk."""

    def payload_refused(self, upstream: str, endpoint: str) -> None:
        """A payload was kept from replacing a stored answer."""


class Known(NamedTuple):
    """What was known before the answer came."""

    chosen: Entry | None  # what was stored for the ask
    me: str | None  # the user behind its credential


class Fetcher:
    """Everything between "the upstream must be asked" and "its answer is on the shelf"."""

    def __init__(  # noqa: PLR0913 - what a fetch meets, one after the other
        self,
        calling: Calling,
        keeper: Keeper,
        failures: FailureMemory,
        learner: Learner,
        doubting: Doubting,
        observer: Observer,
        *,
        max_entry: Callable[[], int],
        clock: Callable[[], float],
    ) -> None:
        """`max_entry` is in bytes, `clock` in seconds since the epoch."""
        self._calling = calling
        self._keeper = keeper
        self._failures = failures
        self._learner = learner
        self._doubting = doubting
        self.observer = observer
        self._max_entry = max_entry
        self._clock = clock

    def _at_headers(self, ask: Ask, flight: Flight[Landing]) -> ReadUpTo:
        """Who may not share an answer hears so before its body is here."""

        def at_headers(status: int, headers: Mapping[str, str]) -> int:
            if status < 500 and status not in SAME_FOR_ALL and not is_for_others(ask, status, headers):
                flight.may_be_shared(yes=False)
            return self._max_entry()

        return at_headers

    def may_refresh(self, ask: Ask) -> bool:
        """Whether it may be asked for though nobody waits: not again so soon, not while an operator forbids it, and not
        only to be refused.
        """
        return self._failures.is_due(ask.key) and not self._calling.is_drained(ask) and self._calling.has_room(ask)

    async def fetch(self, ask: Ask, flight: Flight[Landing], stored: Stored) -> None:
        """Ask the upstream, land the flight with what it says, and shelve it once its body is here."""
        landing = await self._landing(ask, flight, stored)
        flight.land(landing)
        if landing.spool is not None:
            await self._take_in(ask, flight, landing, landing.spool)
        if landing.waits:
            await asyncio.sleep(0)  # who waits for it has it first; who comes before it is kept joins this flight
            self._keeper.keep(ask, landing, flight)

    async def pass_on(self, ask: Ask, conditions: Fields = (), retry: RetryPolicy | None = None) -> Reply:
        """An answer that is neither looked up nor stored. Raises UpstreamFailure."""
        reply = await self._calling.call(ask, conditions, retry=retry)
        if reply.verdict.kind is Kind.FORBIDDEN and not ask.is_unsafe:
            await self._keeper.forget(ask.as_get())  # whoever may not see it, may not see what is kept of it
        return reply

    async def head(self, ask: Ask, flight: Flight[Landing], stored: Entry | None) -> Reply:
        """A HEAD's answer, which may renew or end what is stored of GET's. Raises UpstreamFailure."""
        own = preconditions(ask, None, ()) if ask.goes_by_headers else ()
        tests = tuple(field for field in own if field[0] not in ("Range", "If-Range"))  # for GET only (RFC 9110 §14.2)
        try:
            reply = await self.pass_on(ask, tests, ONCE if stored is not None and ask.goes_by_headers else None)
        except UpstreamFailure as failure:
            self._remember(ask, failed(failure, ask), failure)
            raise
        if stored is not None and ask.goes_by_headers:
            await self._keeper.learn_from_head(ask, stored, reply, flight)
        return reply

    async def _landing(self, ask: Ask, flight: Flight[Landing], stored: Stored) -> Landing:
        """What the upstream says. Never raises UpstreamFailure: a landing tells."""
        learning = asyncio.ensure_future(self._learner.me(ask)) if ask.plan.endpoint.knows_me else None
        try:
            reply = await self._validated(ask, flight, stored)
        except UpstreamFailure as failure:
            answered = _deliberate(ask, failure) if not stored.may_cover else None
            if answered is None:
                landing = failed(failure, ask)
                self._remember(ask, landing, failure)
                return landing
            reply = answered
        finally:
            me = await learning if learning is not None else self._learner.known(ask.identity.partition)
        return await self._landed(ask, reply, flight, Known(stored.chosen, me))

    def _remember(self, ask: Ask, landing: Landing, failure: UpstreamFailure) -> None:
        """The next try for it is due later; not where it was the caller who could not wait."""
        if not landing.may_be_covered or failure.detail in OUT_OF_TIME:
            return
        if failure.is_declined and failure.detail not in WAITED_FOR:
            self._failures.declined(ask.key)
        else:
            self._failures.failed(ask.key, failure.wait, disconnected=not failure.answered)

    async def _validated(self, ask: Ask, flight: Flight[Landing], stored: Stored) -> Reply:
        """The answer; where the upstream says that a stored one still holds, that one, renewed (RFC 9111 §4.3.3)."""
        by_headers = ask.plan.upstream.adapter.by_headers
        read_up_to = self._calling.read_failures if by_headers else self._at_headers(ask, flight)
        if stored.part is not None:
            return await self._completed(ask, stored.part, stored.conditions, read_up_to)
        is_known = stored.chosen is not None or bool(stored.siblings)
        retry = ONCE if ask.goes_by_headers and is_known else None  # with an answer at hand it is asked but once
        reply = await self._asked(ask, stored.conditions, read_up_to, retry)
        if reply.status != 304 or not is_known or is_for_caller(ask, reply, stored):
            return reply
        picked = [entry for entry in selected(reply, stored) if not self._keeper.is_gone(entry)]
        if not picked:  # it is about nothing that anybody may have: asked again, for the answer itself
            return await self._asked(ask, range_of(ask), read_up_to, retry)
        for entry in picked if ask.goes_by_headers else ():
            if entry is not stored.chosen:  # that one is kept anew with the answer it gives
                self._keeper.renew(ask, entry, reply, flight)
        return freshened(picked[0], reply)

    async def _completed(self, ask: Ask, part: Entry, conditions: Fields, read_up_to: ReadUpTo) -> Reply:
        """The whole answer from its stored beginning and the rest; what does not fit is asked for as a whole."""
        reply = await self._asked(ask, conditions, self._calling.read_all)
        if reply.status not in (PARTIAL, 416):
            return reply
        whole = completed(part, reply) if reply.stream is None and not self._keeper.is_gone(part) else None
        if whole is not None:
            return whole
        if reply.stream is not None:
            await reply.stream.close()
        return await self._asked(ask, (), read_up_to)

    async def _asked(
        self, ask: Ask, conditions: Fields, read_up_to: ReadUpTo, retry: RetryPolicy | None = None
    ) -> Reply:
        """One call. Raises UpstreamFailure, also on a 304 to no condition."""
        reply = await self._calling.call(ask, conditions, read_up_to, retry)
        if is_out_of_place(reply, conditions):
            failure = UpstreamFailure(
                "broken-answer", problem=UpstreamUnreachable(ask.plan.upstream.name), answered=True
            )
            failure.calls = failure.problem.calls = reply.calls
            failure.problem.word = failure.detail
            raise failure
        return reply

    async def _landed(self, ask: Ask, reply: Reply, flight: Flight[Landing], known: Known) -> Landing:
        vary = vary_names(reply.headers) if ask.plan.upstream.adapter.by_headers else ()
        await self._doubting.look_at(ask, reply, flight, known.chosen, known.me)
        detail, now = reply.verdict.detail, self._clock()
        if ask.is_whole and reply.requested_at:
            now = reply.requested_at  # as old as its first page, however long the others took
        landing = Landing(reply=reply, leader=ask, now=now, detail=detail, vary=vary)
        match reply.verdict.kind:
            case Kind.CREDENTIAL_REFUSED if ask.identity.credential == "held" or is_used_up(reply):
                self._failures.failed(ask.key)
                landing.covers_failure = True
            case Kind.UNUSABLE:
                self.observer.payload_refused(ask.plan.upstream.name, ask.plan.name)
                self._failures.failed(ask.key)
                landing.covers_failure = True
            case Kind.FORBIDDEN if not ask.goes_by_headers:
                await self._keeper.forget(ask, flight, chosen=known.chosen)
            case kind:
                self._failures.succeeded(ask.key)
                if kind is Kind.FORBIDDEN:
                    await self._keeper.forget(ask, flight, chosen=known.chosen)
                if ask.goes_by_headers or kind in (Kind.ANSWER, Kind.MISSING):
                    await self._shelve(ask, landing, flight, known)
        if reply.stream is not None and landing.spool is None:
            landing.pass_through(Spool(on_disk_error=self._disk_failed))
        flight.may_be_shared(yes=_may_be_joined(ask, landing))
        return landing

    async def _shelve(self, ask: Ask, landing: Landing, flight: Flight[Landing], known: Known) -> None:
        """Keep an answer that is here; say how one will be kept whose body is still under way."""
        assert landing.reply is not None  # noqa: S101 - only called with one
        reply = landing.reply = tagged(ask, landing.reply)
        is_judged = ask.plan.upstream.adapter.by_headers or reply.stream is None  # by its body, where that matters
        me = known.me or self._learner.told(ask, reply)
        landing.tags = tags_of(ask, reply, me) if is_judged else ()
        if reply.stream is None and not self._keeper.came_too_late(ask, landing, flight):
            self._learner.learn(ask, reply)
        landing.decision = decide(ask, reply, me=known.me) if is_judged else Decision(None, "too-large")
        landing.chosen = known.chosen
        if reply.stream is None:
            landing.waits = self._keeper.may_wait(ask, landing, flight)
            if landing.waits:
                self._keeper.announce(ask, landing, flight, stored=True)
                return
            self._keeper.keep(ask, landing, flight)
        else:
            largest = self._max_entry()
            keep = 0 if landing.decision.policy is None or (reply.length or 0) > largest else largest
            landing.pass_through(Spool(keep=keep, on_disk_error=self._disk_failed))
            self._keeper.announce(ask, landing, flight, stored=keep > 0)
        if landing.spool is None:
            await self._end_older(ask, landing, flight)

    async def _end_older(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> None:
        """What is kept and not replaced is older than an answer that came whole: it goes."""
        if landing.reply is not None and landing.reply.status == PARTIAL:
            await self._keeper.end_outdated_whole(ask, landing, flight)
        if landing.reply is not None and is_final_word(landing.reply):
            await self._keeper.forget(ask, flight, but=landing.key, chosen=landing.chosen)

    def _disk_failed(self, error: OSError) -> None:
        self.observer.store_failed("spool", StoreError(error.strerror or "cannot be written"))

    async def _take_in(self, ask: Ask, flight: Flight[Landing], landing: Landing, spool: Spool) -> None:
        """Read the body to its end, for all who read along, and for the shelf if it came whole."""
        reply = landing.reply
        assert reply is not None and reply.stream is not None  # noqa: S101, PT018 - spools are made for streams
        try:
            is_whole = await spool.fill(reply.stream)
            if spool.is_broken:
                self._failures.failed(ask.key, disconnected=True)
                self._calling.broke_off(ask, reply.base)
            body = await spool.whole() if is_whole and landing.stored else None
        finally:
            spool.close()
            await reply.stream.close()
        if body is not None:
            landing.reply = replace(reply, body=body, stream=None)
            self._keeper.keep(ask, landing, flight)
        if is_whole:
            await self._end_older(ask, landing, flight)


def _deliberate(ask: Ask, failure: UpstreamFailure) -> Reply | None:
    """An error that says how long it holds is an answer (RFC 9111 §3), where it hides no better one."""
    reply = failure.reply
    if reply is None or not ask.goes_by_headers:
        return None
    policy = decide_by_headers(ask, reply).policy
    return reply if policy is not None and policy.ttl > 0 else None


def _may_be_joined(ask: Ask, landing: Landing) -> bool:
    """Whether others may have an answer that came while they waited. Of a refusal, everybody would hear the same."""
    reply = landing.reply
    if reply is None or reply.status in SAME_FOR_ALL or not ask.plan.upstream.adapter.by_headers:
        return True
    policy = landing.decision.policy if landing.decision is not None else None
    is_fresh = policy is not None and policy.ttl > 0  # what has to be validated is nobody else's (RFC 9111 §4)
    status = 200 if reply.status == PARTIAL else reply.status
    return is_for_others(ask, status, reply.headers) and (is_fresh or status == 304 or status >= 400)
