"""The life of a request, top to bottom.

lookup ── FRESH ──────────────────────────────▶ answer
       ├─ STALE ── refresh behind ────────────▶ answer
       ├─ FALLBACK ── flight ── failed? ──────▶ answer with its age
       ├─ KEPT ────── flight ── no answer? ───▶ answer with its age
       └─ GONE ────── flight ─────────────────▶ answer
"""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any

from adapters import Kind
from policies import Freshness
from policies.failure_memory import FailureMemory
from policies.http.fields import without
from proxy.answers import Answer, CacheStatus, from_entry, from_reply
from proxy.asking import Ask
from proxy.errors import NothingCached, ValidationFailed
from proxy.fetching import Fetcher
from proxy.finding import Finder, Found
from proxy.flights import Flight, Flights
from proxy.landing import Landing, failed
from proxy.presenting import presented
from proxy.shared_flights import SharedFlights
from proxy.sharing.leases import Leases
from proxy.shelf import Shelf
from proxy.stock import Stock
from proxy.store.fences import Validity
from proxy.upstream.call import UpstreamFailure
from proxy.validating import Stored
from proxy.writing import Writer


class Engine:
    """Answers asks: from the shelf while it may, from the upstream when it must."""

    def __init__(
        self,
        shelf: Shelf,
        fetcher: Fetcher,
        writer: Writer,
        failures: FailureMemory,
        clock: Callable[[], float],
        leases: Leases | None = None,
    ) -> None:
        """`leases`: what flights are shared by with other processes, if there are any."""
        self._shelf = shelf
        self._finder = Finder(shelf, clock)
        self._stock = Stock(shelf)
        self._fetcher = fetcher
        self._shared = (
            SharedFlights(leases, fetcher, self._finder, shelf, failures, clock=clock) if leases is not None else None
        )
        self._writer = writer
        self._failures = failures
        self._clock = clock
        self._flights: Flights[Landing] = Flights()
        self._behind: set[asyncio.Task[Any]] = set()

    def at_once(self, ask: Ask) -> Answer | None:
        """The answer, if memory has one that is fresh enough. Does not wait for anything."""
        ask.arrived = self._shelf.fences.number
        ask.order = self._shelf.fences.sequence
        ask.is_sure = self._shelf.fences.is_coherent
        if ask.key is None:
            return None
        found = self._finder.in_memory(ask)
        if found is None or found.freshness.value > Freshness.STALE.value:
            return None
        return self._serve(ask, found)

    async def answer(self, ask: Ask) -> Answer:
        """The answer, waited for. `at_once` must have been asked first. Raises LarderError."""
        if ask.is_unsafe:
            return await self._writer.write(ask)
        if ask.key is None:
            if ask.directives.only_if_cached:
                raise NothingCached
            return await self._pass_on(ask, "request" if ask.directives.no_store else "bypass")
        found = self._finder.in_memory(ask) or await self._finder.recalled(ask)
        match found.freshness if found is not None else Freshness.GONE:
            case Freshness.FRESH | Freshness.STALE if found is not None:
                return self._serve(ask, found)
            case Freshness.FALLBACK | Freshness.KEPT if found is not None and self._is_known_to_fail(ask, found):
                return self._cover(ask, found, CacheStatus(hit=True, detail="failure-remembered"))
            case _ if ask.directives.only_if_cached:
                raise NothingCached
            case _ if ask.sent.method == "HEAD":
                return await self._head(ask, found)
            case _:
                return await self._fetched(ask, found)

    async def drain(self) -> None:
        """Wait for flights, writes and refreshes under way."""
        await self._writer.drain()
        await self._flights.all_landed()
        if self._shared is not None:
            await self._shared.drain()
        while self._behind:
            await asyncio.wait(self._behind)

    # serving what is stored

    def _serve(self, ask: Ask, found: Found) -> Answer:
        """A stored answer that is fresh, or stale and refreshed behind."""
        now = self._clock()
        if found.life.wants_refresh(now) and ask.key is not None and self._failures.is_due(ask.key):
            self._refresh_behind(ask, found)
        answer = from_entry(found.entry, found.life, now, CacheStatus(hit=True), found.tier)
        return presented(ask, answer, made_at=found.entry.stored_at, now=now)

    def _cover(self, ask: Ask, found: Found, status: CacheStatus, calls: int = 0) -> Answer:
        """A stored answer in place of one that could not be had."""
        if found.validity is Validity.SOFT:
            status.detail = "purged"
        elif found.validity is Validity.UNSURE:
            status.detail = "coherence-lost"
        now = self._clock()
        answer = from_entry(found.entry, found.life, now, status, found.tier, calls)
        self._fetcher.observer.covered(ask.plan.upstream.name, status.detail)
        return presented(ask, answer, made_at=found.entry.stored_at, now=now)

    def _is_known_to_fail(self, ask: Ask, found: Found) -> bool:
        """Whether asking again so soon is pointless, and what is stored may stand in."""
        if self._failures.is_due(ask.key):
            return False
        return found.may_cover(disconnected=self._failures.is_disconnected(ask.key))

    # fetching

    async def _pass_on(self, ask: Ask, fwd: str) -> Answer:
        """Neither looked up nor stored, and joined by nobody."""
        status = CacheStatus(fwd=fwd)
        try:
            return from_reply(await self._fetcher.pass_on(ask), status)
        except UpstreamFailure as failure:
            return _as_it_came(failure, status)

    async def _head(self, ask: Ask, found: Found | None) -> Answer:
        """HEAD goes upstream as it is; what it says of GET's answer holds for the stored one (RFC 9111 §4.3.5)."""
        status = CacheStatus(fwd=self._why_forwarded(ask, found))
        try:
            flight: Flight[Landing] = Flight(self._shelf.fences.number, self._shelf.fences.next_sequence())
            reply = await self._fetcher.head(ask, flight, found.entry if found is not None else None)
        except UpstreamFailure as failure:
            landing = failed(failure, ask)
            may_be_covered = found is not None and landing.may_be_covered
            covered = self._covered(ask, found, landing, status) if found is not None and may_be_covered else None
            return covered or _as_it_came(failure, status)
        return from_reply(reply, status)

    async def _fetched(self, ask: Ask, found: Found | None) -> Answer:
        status = CacheStatus(fwd=self._why_forwarded(ask, found))
        landing, is_joined = await self._landing(ask, found)
        status.collapsed = is_joined or landing.is_elsewhere
        status.stored = landing.stored
        if landing.may_be_covered and found is not None:
            covered = self._covered(ask, found, landing, status)
            if covered is not None:
                await landing.unclaimed()
                return covered
        now = self._clock()
        if landing.failure is not None and status.collapsed and not landing.may_be_told(ask):
            raise landing.failure.problem
        if landing.failure is not None:
            answer = _as_it_came(landing.failure, status)
        else:
            answer = landing.answer(status, now, collapsed=status.collapsed)
            if landing.stored:
                answer = presented(ask, answer, made_at=landing.made_at, now=now)
        if status.collapsed:  # an error that many share sets nobody else's cookies
            answer.fields = without(answer.fields, {"set-cookie"})
        return answer

    def _covered(self, ask: Ask, found: Found, landing: Landing, status: CacheStatus) -> Answer | None:
        """What is stored in place of what could not be had, where it still may. Raises ValidationFailed."""
        disconnected, failure = landing.is_disconnected, landing.failure
        still = self._finder.usable(ask, found.entry, found.tier)
        if still is not None and still.may_cover(disconnected=disconnected):
            calls = landing.calls_for(collapsed=status.collapsed)
            return self._cover(ask, still, _covered_status(landing, status), calls)
        if disconnected and failure is not None and failure.calls and found.forbids_stale:
            raise ValidationFailed(ask.plan.upstream.name, failure.detail, failure.calls)
        return None

    async def _landing(self, ask: Ask, found: Found | None) -> tuple[Landing, bool]:
        """What a flight brought that this caller may have; and whether it was another's flight."""
        while True:
            stored = self._stock.stored_for(ask, found)
            what = self._stock.flight_of(ask, stored)
            flight = self._flights.under_way(what)
            if flight is None:
                return await self._take(self._take_off(what, ask, stored)), False
            if ask.wants_news and flight.sequence <= ask.order:
                await asyncio.wait([flight.landing])  # it may have left before the caller came: its news may be old
                self._flights.leave(what, flight)
                continue
            if not await flight.shared():
                return await self._alone(ask), False
            landing = await flight.landed()
            if not landing.fits(ask) or not landing.is_fresh_for(ask, self._clock()):
                return await self._alone(ask), False
            if landing.all_tags:
                is_late = self._shelf.fences.purged_between(landing.all_tags, flight.fence, ask.arrived)
            else:  # an error tells no tags: any purge since may have been of it
                is_late = flight.fence < ask.arrived
            if not is_late:
                return landing, True
            self._flights.leave(what, flight)  # its body may still be under way; nobody who came later may have it

    async def _alone(self, ask: Ask) -> Landing:
        """For a caller who may not share: its own call, stored if it may be, joined by nobody."""
        return await self._take(self._take_off(object(), ask, self._stock.stored_for(ask, None)))

    def _why_forwarded(self, ask: Ask, found: Found | None) -> str:
        """RFC 9211 §2.2."""
        if found is None:
            if "range" in ask.conditions and ask.key is not None and self._shelf.look(ask.part_key(ask.key)):
                return "partial"
            return "miss" if self._stock.marker_of(ask) is None else "vary-miss"
        is_fresh = found.validity is Validity.CURRENT and found.life.at(self._clock()) is Freshness.FRESH
        return "request" if is_fresh or ask.directives.no_cache else "stale"

    def _take_off(self, what: Hashable, ask: Ask, stored: Stored) -> Flight[Landing]:
        fences, shared = self._shelf.fences, self._shared
        return self._flights.take_off(
            what,
            fences.number,
            fences.next_sequence(),
            lambda flight: (
                shared.fly(what, ask, flight, stored)
                if shared is not None and isinstance(what, tuple)
                else self._fetcher.fetch(ask, flight, stored)
            ),
        )

    async def _take(self, flight: Flight[Landing]) -> Landing:
        """The leader waits for its flight; if it leaves, its place at a body under way is given up."""
        try:
            return await flight.landed()
        except asyncio.CancelledError:
            self._keep(_unclaimed(flight))
            raise

    def _refresh_behind(self, ask: Ask, found: Found) -> None:
        """Fetch while the caller already has its answer."""
        whole = ask.unconditional()
        stored = self._stock.stored_for(whole, found)
        what = self._stock.flight_of(whole, stored)
        if self._flights.under_way(what) is None:
            self._keep(_unclaimed(self._take_off(what, whole, stored)))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)


async def _unclaimed(flight: Flight[Landing]) -> None:
    landing = await flight.landed()
    await landing.unclaimed()


def _covered_status(landing: Landing, status: CacheStatus) -> CacheStatus:
    """Forwarded and failed, or (circuit open, queue full) not forwarded at all: then it is a hit (RFC 9211 §2.1)."""
    failure = landing.failure
    if failure is not None and not failure.calls:
        return CacheStatus(hit=True, detail=failure.detail)
    status.detail = landing.detail
    status.fwd_status = landing.status
    return status


def _as_it_came(failure: UpstreamFailure, status: CacheStatus) -> Answer:
    """The upstream's own words on its failure, where it had any; else Larder's. Raises LarderError."""
    if failure.reply is None or failure.reply.verdict.kind not in (Kind.FAILED, Kind.THROTTLED):
        raise failure.problem
    status.detail = failure.detail
    answer = from_reply(failure.reply, status)
    answer.calls = failure.calls
    return answer
