"""The life of a request, top to bottom.

lookup ── FRESH ──────────────────────────────▶ answer
       ├─ STALE ── refresh behind ────────────▶ answer
       ├─ FALLBACK ── flight ── failed? ──────▶ answer with its age
       ├─ KEPT ────── flight ── no answer? ───▶ answer with its age
       └─ GONE ────── flight ─────────────────▶ answer
"""

import asyncio
import time
from collections.abc import Callable, Coroutine, Hashable
from collections.abc import Set as AbstractSet
from typing import Any

from policies import Demand, Freshness, Priority
from policies.failure_memory import FailureMemory
from policies.http.fields import without
from proxy.answers import Answer, CacheStatus, from_entry, from_reply
from proxy.asking import Ask
from proxy.behind import Behind
from proxy.errors import NothingCached
from proxy.flights.covering import Coverer, as_it_came, out_of_time
from proxy.flights.fetching import Fetcher
from proxy.flights.flights import Flight, Flights
from proxy.flights.landing import Landing, failed
from proxy.flights.shared_flights import SharedFlights
from proxy.flights.unclaimed import let_go, unclaimed
from proxy.kept.finding import Finder, Found
from proxy.kept.hot import Hot
from proxy.kept.shelf import Shelf
from proxy.kept.stock import Stock
from proxy.kept.validating import Stored
from proxy.patience import TimeIsUp, within
from proxy.presenting import presented
from proxy.sharing.leases import Leases
from proxy.store.fences import Validity
from proxy.strong_tags import less_foreign_tag
from proxy.upstream.failures import UpstreamFailure
from proxy.writes.writing import Writer


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
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`leases`: what flights are shared by with other processes, if there are any."""
        self._shelf = shelf
        self._finder = Finder(shelf, clock)
        self._stock = Stock(shelf)
        self._fetcher = fetcher
        self._shared = (
            SharedFlights(leases, fetcher, self._finder, shelf, failures, clock=clock) if leases is not None else None
        )
        self._coverer = Coverer(self._finder, failures, fetcher.observer.covered, clock)
        self._writer = writer
        self._failures = failures
        self._clock = clock
        self._monotonic = monotonic
        self._flights: Flights[Landing] = Flights()
        self.hot = Hot(shelf, clock)
        self._behind = Behind()
        self._refreshing: set[bytes | None] = set()  # keys: while that goes on, a stale read costs no more than a hit

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
        total = ask.plan.timeout.total
        ask.demand.deadline = self._monotonic() + (total if ask.budget is None else min(ask.budget, total))
        if ask.is_unsafe:
            return await self._in_time(ask, self._writer.write(ask))
        if ask.key is None:
            if ask.directives.only_if_cached:
                raise NothingCached
            return await self._in_time(ask, self._pass_on(ask, "request" if ask.directives.no_store else "bypass"))
        found = await self._finder.find(ask)
        match found.freshness if found is not None else Freshness.GONE:
            case Freshness.FRESH | Freshness.STALE if found is not None:
                return self._serve(ask, found)
            case Freshness.FALLBACK | Freshness.KEPT if found is not None and self._coverer.is_known_to_fail(
                ask, found
            ):
                return self._coverer.cover(ask, found, CacheStatus(hit=True, detail="failure-remembered"))
            case _ if ask.directives.only_if_cached:
                raise NothingCached
            case _ if ask.sent.method == "HEAD":
                return await self._in_time(ask, self._head(ask, found))
            case _:
                return await self._fetched(ask, found)

    def is_seen_to(self, key: bytes) -> bool:
        """Whether what lies under a key is being fetched anew, or was tried so lately that it is not due again."""
        return key in self._refreshing or not self._failures.is_due(key)

    async def drain(self) -> None:
        """Wait for flights, writes and refreshes under way."""
        await self._writer.drain()
        await self._flights.all_landed()
        if self._shared is not None:
            await self._shared.drain()
        await self._behind.drain()

    # serving what is stored

    def _serve(self, ask: Ask, found: Found) -> Answer:
        """A stored answer that is fresh, or stale and refreshed behind."""
        now = self._clock()
        found.entry.hit_at = now
        key = ask.key
        wants = found.life.wants_refresh(now) and key is not None and key not in self._refreshing
        if wants and self._fetcher.may_refresh(ask):
            self._refresh_behind(ask, found)
        answer = from_entry(found.entry, found.life, now, CacheStatus(hit=True), found.tier)
        return presented(ask, answer, made_at=found.entry.stored_at, now=now)

    # fetching

    async def _pass_on(self, ask: Ask, fwd: str) -> Answer:
        """Neither looked up nor stored, and joined by nobody."""
        status = CacheStatus(fwd=fwd)
        try:
            return from_reply(await self._fetcher.pass_on(ask), status)
        except UpstreamFailure as failure:
            return as_it_came(failure, status)

    async def _head(self, ask: Ask, found: Found | None) -> Answer:
        """HEAD goes upstream as it is; what it says of GET's answer holds for the stored one (RFC 9111 §4.3.5)."""
        status = CacheStatus(fwd=self._why_forwarded(ask, found))
        try:
            flight: Flight[Landing] = Flight(self._shelf.fences.number, self._shelf.fences.next_sequence())
            reply = await self._fetcher.head(ask, flight, found.entry if found is not None else None)
        except UpstreamFailure as failure:
            landing = failed(failure, ask)
            may_be_covered = found is not None and landing.may_be_covered
            covered = (
                self._coverer.covered(ask, found, landing, status) if found is not None and may_be_covered else None
            )
            return covered or as_it_came(failure, status)
        answer = from_reply(reply, status)
        answer.fields = less_foreign_tag(ask, answer.fields)
        return answer

    async def _fetched(self, ask: Ask, found: Found | None) -> Answer:
        status = CacheStatus(fwd=self._why_forwarded(ask, found))
        ask.demand.has_fallback = not ask.wants_news and found is not None and found.may_cover(disconnected=True)
        try:
            landing, is_joined = await within(ask.patience, self._landing(ask, found))
        except TimeIsUp:
            return self._coverer.too_late(ask, found, status)
        status.collapsed = is_joined or landing.is_elsewhere
        status.stored = landing.stored
        if landing.may_be_covered and found is not None:
            covered = self._coverer.covered(ask, found, landing, status)
            if covered is not None:
                await landing.unclaimed()
                return covered
        now = self._clock()
        if landing.failure is not None and status.collapsed and not landing.may_be_told(ask):
            raise landing.failure.problem
        if landing.failure is not None:
            answer = as_it_came(landing.failure, status)
        else:
            answer = landing.answer(status, now, collapsed=status.collapsed)
            if landing.stored:
                self.hot.brought(ask)
                answer = presented(ask, answer, made_at=landing.made_at, now=now)
        if status.collapsed:  # an error that many share sets nobody else's cookies
            answer.fields = without(answer.fields, {"set-cookie"})
        return answer

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
            flight.demand.joined(ask.demand)
            if ask.party is not None:
                ask.party.release(ask)
            if not await flight.shared():
                return await self._alone(ask), False
            landing = await flight.landed()
            if landing.was_declined and not ask.demand.has_fallback:
                self._flights.leave(what, flight)  # it was not begun, for one who could not wait or do without
                continue
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
        flight = self._flights.take_off(
            what,
            fences.number,
            fences.next_sequence(),
            lambda flight: (
                shared.fly(what, ask, flight, stored)
                if shared is not None and isinstance(what, tuple)
                else self._fetcher.fetch(ask, flight, stored)
            ),
        )
        flight.demand = ask.demand
        return flight

    async def _take(self, flight: Flight[Landing]) -> Landing:
        """The leader waits for its flight; if it leaves, its place at a body under way is given up."""
        try:
            return await flight.landed()
        except asyncio.CancelledError:
            self._behind.begin(unclaimed(flight))
            raise

    def refresh_hot(self, tags: AbstractSet[str], within: float) -> None:
        """Fetch anew what a purge of these tags has made old and was read within so many seconds, though nobody waits:
        as a notification would have it done.
        """
        for ask in self.hot.purged(tags, within):
            ask.arrived, ask.order = self._shelf.fences.number, self._shelf.fences.sequence
            ask.is_sure = self._shelf.fences.is_coherent
            found = self._finder.in_memory(ask)
            if found is not None and self._fetcher.may_refresh(ask):
                self._refresh_behind(ask, found, Priority.NOTIFIED)

    def _refresh_behind(self, ask: Ask, found: Found, priority: Priority = Priority.BEHIND) -> None:
        """Fetch while the caller already has its answer."""
        whole = ask.unconditional()
        whole.demand = Demand(priority, has_fallback=True)
        stored = self._stock.stored_for(whole, found)
        what = self._stock.flight_of(whole, stored)
        if self._flights.under_way(what) is None:
            flight, key, party = self._take_off(what, whole, stored), ask.key, ask.party
            self._refreshing.add(key)
            flight.landing.add_done_callback(lambda _: self._refreshing.discard(key))
            if party is not None:
                party.expect(whole)
                flight.landing.add_done_callback(lambda _: party.release(whole))
            self._behind.begin(unclaimed(flight))

    async def _in_time(self, ask: Ask, work: Coroutine[Any, Any, Answer]) -> Answer:
        """Wait for an answer as long as the caller does; what it asked for goes on without it, and is judged. What was
        not sent by then never is. Raises UpstreamTimeout.
        """
        task = asyncio.ensure_future(work)
        try:
            return await within(ask.budget, asyncio.shield(task))
        except (TimeIsUp, asyncio.CancelledError) as error:
            ask.demand.deadline = self._monotonic()
            self._behind.begin(let_go(task))
            if isinstance(error, TimeIsUp):
                raise out_of_time(ask) from error
            raise
