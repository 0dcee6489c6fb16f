"""Shared flights: one fetch for all processes and machines that want the same thing at the same time (promise *once*).

take the lease ─ mine ──▶ landed meanwhile? ── no ─▶ ask the upstream ─▶ kept where all find it ─▶ release
               ├ held ──▶ wait, holding nothing ─▶ what landed elsewhere, or the lease after all
               └ answers cannot be shared ─▶ ask the upstream, and queue behind nobody

Only processes wait for each other here; a process's own callers share its flight (proxy/flights/flights.py). The lease
is on the key and the credential, so nothing is ever waited for, or had, across partitions.
"""

import asyncio
import time
from collections.abc import Callable, Hashable
from dataclasses import replace
from hashlib import blake2b

from adapters import NOT_JSON, Kind, Verdict
from policies import Freshness
from policies.failure_memory import FailureMemory
from policies.http.vary import vary_names
from proxy.asking import Ask
from proxy.errors import UpstreamUnreachable
from proxy.flights.fetching import Fetcher
from proxy.flights.flights import Flight
from proxy.flights.landing import Landing, failed
from proxy.kept.finding import Finder, Found
from proxy.kept.shelf import Shelf
from proxy.kept.validating import Stored
from proxy.sharing.leases import Lease, Leases, Refusal
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Reply

UNSHAREABLE_FOR = 60.0  # seconds in which nobody queues for an answer that could not be kept when it last came


class SharedFlights:
    """Fetches, unless another process does or just did."""

    def __init__(
        self,
        leases: Leases,
        fetcher: Fetcher,
        finder: Finder,
        shelf: Shelf,
        failures: FailureMemory,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock` tells seconds since the epoch."""
        self._leases = leases
        self._fetcher = fetcher
        self._finder = finder
        self._shelf = shelf
        self._failures = failures
        self._clock = clock
        self._monotonic = monotonic
        self._releases: set[asyncio.Task[None]] = set()

    async def fly(self, what: tuple[Hashable, ...], ask: Ask, flight: Flight[Landing], stored: Stored) -> None:
        """Land `flight` with what the upstream says, asked by this process or by another. `what`: as Stock.flight_of
        says, of which the conditions do not count here: they follow from what each process has stored.
        """
        if ask.key is None or ask.wants_news:  # who wants the truth takes nothing that may have left before
            await self._fetcher.fetch(ask, flight, stored)
            return
        digest = digest_of(what[:2])
        began = self._monotonic()
        taken = await self._leases.take(digest)
        if taken is Refusal.HELD:
            taken = await self._wait(digest, ask, flight, stored)
            ask = _with_less_time(ask, self._monotonic() - began)
        if isinstance(taken, Lease):
            await self._fly_leased(taken, ask, flight, stored)
        elif not flight.landing.done():
            await self._fetcher.fetch(ask, flight, stored)

    async def drain(self) -> None:
        """Wait until every lease is given back."""
        while self._releases:
            await asyncio.wait(self._releases)

    async def _wait(self, digest: bytes, ask: Ask, flight: Flight[Landing], stored: Stored) -> Lease | Refusal:
        """Until another process's flight has landed, or its lease is this process's, or time is up."""
        until = self._monotonic() + ask.plan.timeout.total  # who is ahead began earlier, and ends by the same
        taken: Lease | Refusal = Refusal.HELD
        while taken is Refusal.HELD:
            left = until - self._monotonic()
            if left <= 0 or not await self._leases.wait(digest, left):
                return Refusal.HELD
            await self._land_elsewhere(ask, flight, stored)
            if not flight.landing.done() and stored.may_cover and not self._failures.is_due(ask.key):
                flight.land(failed(_remembered(ask), ask))
            if flight.landing.done():
                return Refusal.HELD
            flight.fence = self._shelf.fences.number  # what was purged while it waited is not in what it fetches now
            taken = await self._leases.take(digest)
        return taken

    async def _fly_leased(self, lease: Lease, ask: Ask, flight: Flight[Landing], stored: Stored) -> None:
        flight.sequence = max(flight.sequence, lease.token)
        try:
            await self._land_elsewhere(ask, flight, stored)  # what came between this process's look and its lease
            if not flight.landing.done():
                await self._fetcher.fetch(ask, flight, stored)
        finally:  # behind the flight: nobody may join an answer while its lease is on its way back
            release = asyncio.create_task(self._release(lease, ask, flight))
            self._releases.add(release)
            release.add_done_callback(self._releases.discard)

    async def _release(self, lease: Lease, ask: Ask, flight: Flight[Landing]) -> None:
        """Once what came is where others find it, or at once if nothing can be found."""
        landing = None
        if flight.landing.done() and not flight.landing.cancelled() and flight.landing.exception() is None:
            landing = flight.landing.result()
        if landing is not None and landing.stored:
            await self._shelf.written([key for key in (landing.key, ask.key) if key is not None])
        unshareable_for = UNSHAREABLE_FOR if landing is not None and _is_barred(landing) else 0.0
        await self._leases.release(lease, unshareable_for=unshareable_for)

    async def _land_elsewhere(self, ask: Ask, flight: Flight[Landing], stored: Stored) -> None:
        """Land with what another process has kept since this one looked, if this ask may have it as current."""
        found = await self._finder.recalled(ask)
        if found is None or found.freshness.value > Freshness.STALE.value:
            return
        before = stored.chosen
        if before is not None and found.entry.order <= before.order:
            return  # what was looked at already, and was to be refreshed
        flight.land(landed_elsewhere(ask, found, self._clock()))


def _is_barred(landing: Landing) -> bool:
    """Whether it was the answer itself that said it may not be kept, so that the next one will say so too."""
    decision, status = landing.decision, landing.status
    if landing.failure is not None or decision is None or decision.policy is not None or status is None:
        return False
    return status in (404, 410) or 200 <= status < 300


def _remembered(ask: Ask) -> UpstreamFailure:
    """What another process has just failed at is not tried again at once."""
    problem = UpstreamUnreachable(ask.plan.upstream.name)
    return UpstreamFailure("failure-remembered", problem=problem, sent=False)


def _with_less_time(ask: Ask, waited: float) -> Ask:
    """Who waited for another process has that much less for a call of its own."""
    timeout = ask.plan.timeout
    shorter = replace(timeout, total=max(0.0, timeout.total - waited))
    again = replace(ask, plan=replace(ask.plan, guards=replace(ask.plan.guards, timeout=shorter)))
    vars(again)["conditions"] = ask.conditions  # a refresh behind has none, whatever its caller's fields say
    return again


def digest_of(what: Hashable) -> bytes:
    """What a flight is leased by: of digests, another one."""
    return blake2b(repr(what).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def landed_elsewhere(ask: Ask, found: Found, now: float) -> Landing:
    """A landing with what another process brought."""
    entry = found.entry
    kind = Kind.MISSING if entry.status in (404, 410) else Kind.ANSWER
    reply = Reply(entry.status, entry.fields, entry.headers, entry.body, json=NOT_JSON, verdict=Verdict(kind), calls=0)
    return Landing(
        reply=reply,
        life=found.life,
        made_at=entry.stored_at,
        key=entry.key,
        stored=True,
        all_tags=tuple(entry.tags),
        vary=vary_names(entry.headers) if ask.plan.upstream.adapter.by_headers else (),
        leader=ask,
        now=now,
        is_elsewhere=True,
    )
