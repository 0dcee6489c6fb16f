"""Doubting: an answer beside the stored one, before it takes that one's place (DESIGN.md §4, *payload check*).

Whether something speaks against it is `policies/payload.py`'s to say, of what the endpoint's adapter says that both
hold. What is doubted is refused and quarantined, until it is believed.
"""

from collections.abc import Callable
from typing import Protocol

from adapters import NOT_JSON, Exchange, Kind, Verdict
from policies import Doubt, Doubted, Holding
from policies.payload import doubted
from proxy.asking import Ask
from proxy.doubts.quarantine import Quarantine
from proxy.doubts.repeats import ACCEPTED
from proxy.doubts.sightings import Sighting
from proxy.flights.flights import Flight
from proxy.flights.landing import Landing
from proxy.kept.deciding import decide
from proxy.kept.keeping import Keeper
from proxy.kept.storing import tags_of
from proxy.lists.snapshots import Snapshot, is_snapshot
from proxy.messages import Entry, implied_tags, key_tag
from proxy.plan import MISSING, policy_for
from proxy.store.fences import Fences
from proxy.upstream.messages import Reply
from proxy.upstream.reading import TooDeep, parsed

# An answer is refused as one that is not as it should be: the stored one covers for it where it may.
REFUSED = {
    Doubt.SHRANK: Verdict(Kind.UNUSABLE, detail="collection-shrank"),
    Doubt.OTHER_ID: Verdict(Kind.UNUSABLE, detail="other-id"),
    Doubt.OLDER: Verdict(Kind.UNUSABLE, detail="older-than-stored"),
    Doubt.INCOMPLETE: Verdict(Kind.UNUSABLE, detail="pages-incomplete"),
}


# Nothing that an endpoint answers of which a model says what: led elsewhere (to a login, a page of maintenance), or
# without its body.
_NO_ANSWER = Verdict(Kind.UNUSABLE, detail="payload-refused")

_EXPLAINED = (Doubt.SHRANK, Doubt.OLDER)
"""What a change that was notified may explain: never that an object became another, or that pages are missing."""


class Observer(Protocol):
    """Who hears of what is refused, and of what is believed after all. Words are fixed, never data."""

    def quarantined(self, sighting: Sighting, *, is_new: bool) -> None:
        """An answer was refused; `is_new`: this change for the first time."""

    def believed(self, sighting: Sighting, why: str) -> None:
        """A change that was doubted is let in: "told" by a notification or another purge, "accepted" or "repeated"."""


def stored_json(ask: Ask, entry: Entry) -> object:
    """What a stored answer says, as JSON; NOT_JSON where it is none. The one place that reads it to compare."""
    body = Snapshot(entry.body).all_rows if ask.is_whole and is_snapshot(entry.body) else entry.body
    try:
        return parsed(body)
    except TooDeep:
        return NOT_JSON


def says_the_same(ask: Ask, one: bytes, other: bytes) -> bool:
    """Whether two bodies say the same; of lists that are kept whole, whenever and in whatever pages they came."""
    if ask.is_whole and is_snapshot(one) and is_snapshot(other):
        return bool(Snapshot(one).content == Snapshot(other).content)
    return one == other


class Doubting:
    """Refuses what is doubted. `clock` tells seconds since the epoch."""

    def __init__(
        self,
        quarantine: Quarantine,
        keeper: Keeper,
        fences: Callable[[], Fences],
        observer: Observer,
        clock: Callable[[], float],
    ) -> None:
        self._quarantine = quarantine
        self._keeper = keeper
        self._fences = fences
        self._observer = observer
        self._clock = clock

    async def look_at(
        self, ask: Ask, reply: Reply, flight: Flight[Landing], chosen: Entry | None, me: str | None
    ) -> None:
        """Give a good answer another verdict, if it is not to take the place of the stored one: `chosen`, or what lies
        there though this ask did not look (it could not share another's call, say).
        """
        chosen = chosen or self._keeper.lying(ask, self._clock())
        if chosen is not None and self._keeper.is_gone(chosen):  # purged for good while this one was under way
            chosen = None
        if reply.verdict.kind is Kind.ANSWER and reply.status != 200 and ask.plan.endpoint.model is not None:
            reply.verdict = _NO_ANSWER
        if reply.verdict.kind is Kind.UNUSABLE:
            await self.unusable(ask, reply, flight, chosen)
        if reply.verdict.kind is not Kind.ANSWER or ask.key is None:
            return
        still_holds = reply.validated_by is not None  # the stored one, says the upstream
        if still_holds or (chosen is not None and says_the_same(ask, chosen.body, reply.body)):
            await self._quarantine.good_came(ask.key)
            return
        before, after = _holding_of(ask, chosen, me), _holding(ask, reply, me)
        found = doubted(before, after, ask.plan.guards.payload) if after is not None else None
        if found is None or after is None:
            await self._quarantine.good_came(ask.key)
            return
        await self.doubt(ask, reply, flight, chosen, Comparison(found, before, after, me))

    async def doubt(
        self, ask: Ask, reply: Reply, flight: Flight[Landing], chosen: Entry | None, compared: "Comparison"
    ) -> bool:
        """Refuse an answer for what speaks against it, unless that is believed by now; whether it was refused."""
        entry = self._as_entry(ask, reply, flight, compared.me)
        change = (compared.found.doubt.value, *compared.found.change)
        sighting = self._sighting(ask, reply, flight, chosen, change)._replace(
            apart=ask.plan.guards.payload.apart,
            rows=(compared.before.rows if compared.before is not None else None, compared.after.rows),
            entry=entry,
        )
        if entry is not None:
            sighting = sighting._replace(tags=tuple(entry.tags))
            if ask.plan.cache is not None:  # what it holds may end it sooner than others of its endpoint
                kept = policy_for(ask.plan, entry.outcome).keep_at_most
                sighting = sighting._replace(keep=min(sighting.keep, kept))
        why = await self._why_believed(sighting, flight, chosen, compared.found.doubt, ask.plan.guards.payload.repeats)
        if why is not None:
            await self._quarantine.let_in(sighting, for_others=why == "accepted")
            self._observer.believed(sighting, why)
            return False
        reply.verdict = REFUSED[compared.found.doubt]
        return True

    async def unusable(self, ask: Ask, reply: Reply, flight: Flight[Landing], chosen: Entry | None) -> None:
        """List an answer that is of no use whatever anybody says: it does not parse, or has an error inside."""
        sighting = self._sighting(ask, reply, flight, chosen, (reply.verdict.detail,))
        is_new = not self._quarantine.is_known(sighting.id)
        await self._quarantine.hold(sighting)
        self._observer.quarantined(sighting, is_new=is_new)

    async def _why_believed(
        self, sighting: Sighting, flight: Flight[Landing], chosen: Entry | None, doubt: Doubt, repeats: int
    ) -> str | None:
        if doubt in _EXPLAINED and chosen is not None and self._was_told(chosen, flight):
            return "told"
        if self._quarantine.is_believed(sighting.id):
            return "accepted"
        is_new = not self._quarantine.is_known(sighting.id)
        times = await self._quarantine.count(sighting)
        if times >= ACCEPTED:
            return "accepted"
        self._observer.quarantined(sighting, is_new=is_new)
        return "repeated" if 0 < repeats <= times else None

    def _was_told(self, chosen: Entry, flight: Flight[Landing]) -> bool:
        """Whether the stored answer was purged before this one was asked for by what it is or holds: something was to
        have changed. A flush of an endpoint, an upstream or all says nothing of what it holds.
        """
        own = [tag for tag in chosen.tags if not tag.startswith("@")]
        return self._fences().purged_between(own, chosen.fence, flight.fence)

    def _sighting(
        self, ask: Ask, reply: Reply, flight: Flight[Landing], chosen: Entry | None, change: tuple[str, ...]
    ) -> Sighting:
        """`change`: the reason first, then what else makes it this change."""
        plan, partition, key = ask.plan, ask.identity.partition, ask.key or b""
        digest = ask.digester.digest("quarantine", (key.hex(), *change))
        return Sighting(
            id=digest.hex(),
            key=key,
            upstream=plan.upstream.name,
            endpoint=plan.kept_as,
            partition=partition,
            reason=change[0],
            at=self._clock(),
            keep=plan.cache.keep_at_most if plan.cache is not None else plan.upstream.keep_at_most,
            base=chosen.order if chosen is not None else (0, 0),
            sizes=(len(chosen.body) if chosen is not None else None, len(reply.body)),
            tags=(key_tag(key), *implied_tags(plan.upstream.name, plan.kept_as, partition)),
            fetch=(flight.fence, flight.sequence),
            may_be_kept=ask.key is not None,
        )

    def _as_entry(self, ask: Ask, reply: Reply, flight: Flight[Landing], me: str | None) -> Entry | None:
        """As it would be stored; None where it may not be."""
        landing = Landing(reply=reply, leader=ask, now=self._clock(), decision=decide(ask, reply, me=me))
        landing.tags = tags_of(ask, reply, me)
        return self._keeper.entry_for(ask, landing, flight)


class Comparison:
    """What speaks against an answer, and what it and the stored one hold."""

    __slots__ = ("after", "before", "found", "me")

    def __init__(self, found: Doubted, before: Holding | None, after: Holding, me: str | None) -> None:
        self.found, self.before, self.after, self.me = found, before, after, me


def _holding(ask: Ask, reply: Reply, me: str | None) -> Holding | None:
    """What an answer holds; None where its endpoint does not say, or it is no whole one."""
    holds = ask.plan.endpoint.holds
    if holds is None or reply.status != 200 or reply.stream is not None or reply.json is NOT_JSON:
        return None
    return holds(Exchange(ask.sent, reply.status, reply.json, me))


def _holding_of(ask: Ask, entry: Entry | None, me: str | None) -> Holding | None:
    """What the stored answer holds."""
    holds = ask.plan.endpoint.holds
    if holds is None or entry is None or entry.status != 200 or entry.outcome == MISSING:
        return None
    json = stored_json(ask, entry)
    return None if json is NOT_JSON else holds(Exchange(ask.sent, entry.status, json, me))
