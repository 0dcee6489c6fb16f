"""The life of a request, top to bottom.

lookup ── FRESH ──────────────────────────────▶ answer
       ├─ STALE ── refresh behind ────────────▶ answer
       ├─ FALLBACK ── flight ── failed? ──────▶ answer with its age
       └─ GONE ────── flight ─────────────────▶ answer
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple

from adapters import Kind
from policies import Freshness, ShelfLife
from policies.failure_memory import FailureMemory
from policies.storable import may_share_authorized
from proxy.answers import Answer, CacheStatus, from_entry, from_reply
from proxy.asking import Ask
from proxy.errors import NothingCached
from proxy.fetching import Fetcher, Landing
from proxy.flights import Flight, Flights
from proxy.headers import without
from proxy.messages import Entry
from proxy.shelf import Shelf
from proxy.store.fences import Validity
from proxy.storing import VARIES, life_under
from proxy.upstream.call import UpstreamFailure
from proxy.writing import Writer


class Found(NamedTuple):
    """A stored answer, and what this caller may still do with it now."""

    entry: Entry
    freshness: Freshness
    life: ShelfLife
    validity: Validity
    tier: str


class Engine:
    """Answers asks: from the shelf while it may, from the upstream when it must."""

    def __init__(
        self,
        shelf: Shelf,
        fetcher: Fetcher,
        writer: Writer,
        failures: FailureMemory,
        clock: Callable[[], float],
    ) -> None:
        self._shelf = shelf
        self._fetcher = fetcher
        self._writer = writer
        self._failures = failures
        self._clock = clock
        self._flights: Flights[Landing] = Flights()
        self._behind: set[asyncio.Task[Any]] = set()

    def at_once(self, ask: Ask) -> Answer | None:
        """The answer, if memory has one that is fresh enough. Does not wait for anything."""
        ask.arrived = self._shelf.fences.number
        ask.order = self._shelf.fences.sequence
        if ask.key is None:
            return None
        found = self._found(ask, self._shelf.look, "memory")
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
            return await self._pass_on(ask)
        found = self._found(ask, self._shelf.look, "memory") or await self._recalled(ask)
        match found.freshness if found is not None else Freshness.GONE:
            case Freshness.FRESH | Freshness.STALE if found is not None:
                return self._serve(ask, found)
            case Freshness.FALLBACK if found is not None and not self._failures.is_due(ask.key):
                return self._cover(ask, found, CacheStatus(hit=True, detail="failure-remembered"))
            case _ if ask.directives.only_if_cached:
                raise NothingCached
            case _:
                return await self._fetched(ask, found)

    async def drain(self) -> None:
        """Wait for flights, writes and refreshes under way."""
        await self._writer.drain()
        await self._flights.all_landed()
        while self._behind:
            await asyncio.wait(self._behind)

    # looking up

    def _found(self, ask: Ask, look: Callable[[bytes], Entry | None], tier: str) -> Found | None:
        """What is stored for this ask and may be used at all."""
        entry = self._variant(ask, ask.key, look)
        if entry is None and ask.shared_key is not None:
            entry = self._variant(ask, ask.shared_key, look)
            if entry is not None and not may_share_authorized(dict(entry.lower_fields)):
                entry = None
        return None if entry is None else self._usable(ask, entry, tier)

    def _variant(self, ask: Ask, key: bytes | None, look: Callable[[bytes], Entry | None]) -> Entry | None:
        entry = look(key) if key is not None else None
        if entry is None or entry.status != VARIES:
            return entry
        vary = tuple(name for _, name in entry.fields)
        return look(ask.key_in(entry.partition, vary))

    def _usable(self, ask: Ask, entry: Entry, tier: str) -> Found | None:
        """The rights of an entry: by age, by purges, and by what the caller asks."""
        validity = self._shelf.validity(entry)
        if validity is Validity.HARD:
            return None
        now = self._clock()
        life = entry.life
        if entry.plan != ask.plan.version:
            life = life_under(ask.plan, entry)
        freshness = life.at(now)
        if validity is Validity.SOFT and freshness.value < Freshness.FALLBACK.value:
            freshness = Freshness.FALLBACK
        if ask.directives:
            freshness = ask.directives.tighten(freshness, life, now - entry.stored_at, now)
        return Found(entry, freshness, life, validity, tier)

    async def _recalled(self, ask: Ask) -> Found | None:
        """What the durable store has, or what came to memory while it was asked; purges that came too are seen."""
        recalled: dict[bytes, Entry | None] = {}
        for key in (ask.key, ask.shared_key):
            if key is None:
                continue
            entry = recalled[key] = await self._shelf.recall(key)
            if entry is not None and entry.status == VARIES:
                variant = ask.key_in(entry.partition, tuple(name for _, name in entry.fields))
                recalled[variant] = await self._shelf.recall(variant)
        tier = "durable" if any(recalled.values()) else "memory"
        return self._found(ask, lambda key: self._shelf.look(key) or recalled.get(key), tier)

    # serving what is stored

    def _serve(self, ask: Ask, found: Found) -> Answer:
        """A stored answer that is fresh, or stale and refreshed behind."""
        now = self._clock()
        if found.life.wants_refresh(now) and ask.key is not None and self._failures.is_due(ask.key):
            self._refresh_behind(ask, found.entry)
        return from_entry(found.entry, found.life, now, CacheStatus(hit=True), found.tier)

    def _cover(self, ask: Ask, found: Found, status: CacheStatus, calls: int = 0) -> Answer:
        """A stored answer in place of one that could not be had."""
        if found.validity is Validity.SOFT:
            status.detail = "purged"
        answer = from_entry(found.entry, found.life, self._clock(), status, found.tier, calls)
        self._fetcher.observer.covered(ask.plan.upstream.name, status.detail)
        return answer

    # fetching

    async def _pass_on(self, ask: Ask) -> Answer:
        """Neither looked up nor stored, and joined by nobody."""
        status = CacheStatus(fwd="request" if ask.directives.no_store else "bypass")
        try:
            return from_reply(await self._fetcher.call(ask), status)
        except UpstreamFailure as failure:
            return _as_it_came(failure, status)

    async def _fetched(self, ask: Ask, found: Found | None) -> Answer:
        landing, collapsed = await self._landing(ask, found)
        status = CacheStatus(fwd="miss" if found is None else _why_forwarded(ask), collapsed=collapsed)
        status.stored = landing.stored
        if landing.covers_failure and found is not None and found.freshness is Freshness.FALLBACK:
            still = self._usable(ask, found.entry, found.tier)
            if still is not None and still.freshness is not Freshness.GONE:
                return self._cover(ask, still, _covered_status(landing, status), landing.calls_for(collapsed=collapsed))
        if landing.failure is not None:
            answer = _as_it_came(landing.failure, status)
        else:
            answer = landing.answer(status, collapsed=collapsed)
        if collapsed:  # an error that many share sets nobody else's cookies
            answer.fields = without(answer.fields, {"set-cookie"})
        return answer

    async def _landing(self, ask: Ask, found: Found | None) -> tuple[Landing, bool]:
        """What a flight brought that this caller may have; and whether it was another's flight."""
        what = self._flight_of(ask)
        while True:
            flight = self._flights.under_way(what)
            if flight is None:
                flight = self._take_off(what, ask, found.entry if found is not None else None)
                return await self._take(flight), False
            if ask.directives.no_cache and flight.sequence <= ask.order:
                await asyncio.wait([flight.task])  # it may have left before the caller came: its news may be old
                continue
            if not await flight.shared():
                return await self._fetcher.fetch_alone(ask), False
            landing = await flight.landed()
            if landing.stream is not None or not landing.fits(ask):
                return await self._fetcher.fetch_alone(ask), False
            if landing.all_tags:
                is_late = self._shelf.fences.purged_between(landing.all_tags, flight.fence, ask.arrived)
            else:  # an error tells no tags: any purge since may have been of it
                is_late = flight.fence < ask.arrived
            if not is_late:
                return landing, True

    def _flight_of(self, ask: Ask) -> tuple[bytes | None, str]:
        """What callers share a flight by; variants that are known to differ do not wait for each other."""
        by_headers = ask.plan.upstream.adapter.by_headers
        marker = self._shelf.look(ask.key) if by_headers and ask.key is not None else None
        if marker is None or marker.status != VARIES:
            return ask.key, ask.identity.credential
        vary = tuple(name for _, name in marker.fields)
        return ask.key_in(ask.identity.partition, vary), ask.identity.credential

    def _take_off(self, what: tuple[bytes | None, str], ask: Ask, stored: Entry | None) -> Flight[Landing]:
        fences = self._shelf.fences
        return self._flights.take_off(
            what, fences.number, fences.next_sequence(), lambda flight: self._fetcher.fetch(ask, flight, stored)
        )

    async def _take(self, flight: Flight[Landing]) -> Landing:
        """The leader waits for its flight; if it leaves, a body still under way is let go."""
        try:
            return await flight.landed()
        except asyncio.CancelledError:
            self._keep(self._close_unclaimed(flight))
            raise

    async def _close_unclaimed(self, flight: Flight[Landing]) -> None:
        landing = await flight.landed()
        if landing.stream is not None:
            await landing.stream.close()

    def _refresh_behind(self, ask: Ask, entry: Entry) -> None:
        """Fetch while the caller already has its answer."""
        what = self._flight_of(ask)
        if self._flights.under_way(what) is None:
            flight = self._take_off(what, ask, entry)
            self._keep(self._close_unclaimed(flight))

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._behind.discard)


def _why_forwarded(ask: Ask) -> str:
    return "request" if ask.directives.no_cache else "stale"


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
