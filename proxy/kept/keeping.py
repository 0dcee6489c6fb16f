"""Keeping: answers go on the shelf, renew what lies there, or end it."""

from collections.abc import Callable

from msgspec.structs import replace

from policies.http.head import Effect, effect_on
from policies.http.invalidation import other_targets
from policies.http.partial import may_combine
from policies.http.storing import HeadersPolicy, Received, lifetime
from policies.http.vary import has_star, vary_names
from proxy.asking import Ask
from proxy.flights.flights import Flight
from proxy.flights.landing import Landing
from proxy.kept.deciding import decide_by_headers
from proxy.kept.parts import PARTIAL, part_of
from proxy.kept.purging import Purger
from proxy.kept.shelf import Shelf
from proxy.kept.storing import (
    GROUP,
    Made,
    entry_of,
    freshened,
    kept_fields,
    key_of,
    own_tags,
    span_of,
    stored_at_of,
    tags_of,
)
from proxy.kept.variants import VARIES, marker_of, named_keys, variant_keys
from proxy.messages import Entry, implied_tags, key_tag, pack_head, partition_tag
from proxy.outgoing import target_of
from proxy.store.fences import Mode, Validity
from proxy.upstream.messages import Reply

EXPLICIT = HeadersPolicy(heuristic_fraction=0.0)


class Keeper:
    """What becomes of the shelf when an answer has come."""

    def __init__(self, shelf: Shelf, purger: Purger, random: Callable[[], float], max_entry: Callable[[], int]) -> None:
        """`random` gives 0 to 1; `max_entry` is in bytes."""
        self._shelf = shelf
        self._purger = purger
        self._random = random
        self._max_entry = max_entry

    def keep(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> None:
        """Put an answer that is here on the shelf, if it may be kept; the landing tells what became of it."""
        entry = self.entry_for(ask, landing, flight)
        if entry is None:
            self.announce(ask, landing, flight, stored=False)
            return
        landing.all_tags = tuple(entry.tags)
        landing.life, landing.made_at = entry.life, entry.stored_at
        landing.stored = self._put(ask, landing, entry)
        landing.key = entry.key if landing.stored else None

    def announce(self, ask: Ask, landing: Landing, flight: Flight[Landing], *, stored: bool) -> None:
        """Say what will become of an answer: kept once its body is here, or its callers have it; or not kept."""
        plan, decision, reply = ask.plan, landing.decision, landing.reply
        landing.stored = stored
        implied = implied_tags(plan.upstream.name, plan.kept_as, ask.identity.partition)
        if decision is not None and decision.policy is not None and reply is not None:
            key = key_of(ask, decision)
            implied = (*implied_tags(plan.upstream.name, plan.kept_as, decision.partition), key_tag(key))
            landing.made_at, _, landing.life = span_of(reply, decision, self._made(landing, flight))
        landing.all_tags = (*landing.tags, *implied)

    def may_wait(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> bool:
        """Whether an answer may go on the shelf behind its callers. So it may where nothing is kept for its ask yet,
        here or behind, that it takes the place of or is put together with, and it will surely be kept: nothing was
        purged while it was on its way, say; but not where others in this process look for it there as soon as it has
        come: batches, lists and their pages.
        """
        reply, decision = landing.reply, landing.decision
        if flight.fence < self._shelf.fences.number:
            return False
        if ask.party is not None or ask.plan.endpoint.collection is not None:
            return False
        if ask.key is None or reply is None or reply.status == PARTIAL or decision is None or decision.policy is None:
            return False
        is_kept = self._shelf.memory.takes(len(reply.body)) and landing.chosen is None
        return is_kept and not any(map(self._shelf.may_hold, (ask.key, ask.part_key(ask.key))))

    def renew(self, ask: Ask, entry: Entry, reply: Reply, flight: Flight[Landing]) -> bool:
        """An answer says that this stored one holds too: it takes the new fields and a new life (RFC 9111 §4.3.4).

        False where it cannot: a later answer lies there already, or it would not be chosen, kept or read as it was.
        """
        merged = freshened(entry, reply)
        decision = decide_by_headers(ask, merged)
        if decision.policy is None or decision.partition != entry.partition or not _is_same(entry, merged):
            return False
        if self._is_replaced(entry):
            return False
        tags = tags_of(ask, merged, None)
        made = Made(flight.fence, flight.sequence, reply.received_at, 0.0, self._shelf.fences.settles(tags))
        return self._shelf.keep(
            replace(
                entry,
                head=pack_head(kept_fields(merged.fields, decision)),
                stored_at=stored_at_of(merged),
                life=span_of(merged, decision, made).life,
                fence=made.fence,
                sequence=made.sequence,
                tagged=own_tags(ask, tags),
                plan=ask.plan.version,
                checked=0,
                softened=-1,
                marks=b"",
            )
        )

    def lying(self, ask: Ask, now: float) -> Entry | None:
        """What lies in memory for an ask with a declared cache, of which anything may still be used at `now`."""
        entry = self._shelf.look(ask.key) if ask.key is not None and not ask.goes_by_headers else None
        return entry if entry is not None and entry.life.gone_at > now and not self.is_gone(entry) else None

    def is_gone(self, entry: Entry) -> bool:
        """Whether nothing of an entry may be used any more."""
        return self._shelf.validity(entry) is Validity.HARD

    def came_too_late(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> bool:
        """Whether what an answer is about was purged for good since it was asked for: nothing is to be known of it."""
        tags = (*landing.tags, partition_tag(ask.identity.partition))
        return self._shelf.fences.validity(tags, flight.fence) is Validity.HARD

    def for_get(self, ask: Ask, reply: Reply) -> Landing | None:
        """An answer to POST that may be kept as GET's (RFC 9110 §9.3.3). To be asked right before the POST's own purge:
        what others purged while it was under way may not be undone.
        """
        if reply.stream is not None or ask.sent.method != "POST" or not ask.goes_by_headers or ask.directives.no_store:
            return None
        get = ask.as_get()
        if get.key is None or not _answers_get(get, reply):
            return None
        landing = Landing(reply=reply, leader=get, now=reply.received_at, decision=decide_by_headers(get, reply))
        landing.tags = tags_of(get, reply, None)
        flight: Flight[Landing] = Flight(ask.arrived, ask.order)
        self.announce(get, landing, flight, stored=False)
        fences = self._shelf.fences
        return None if fences.purged_between(landing.all_tags, ask.arrived, fences.number) else landing

    def keep_for_get(self, landing: Landing, purged: int) -> bool:
        """Keep it, after the POST's own purge, which took the fence `purged`; whether it is kept."""
        if landing.leader is not None:
            self.keep(landing.leader, landing, Flight(purged, self._shelf.fences.next_sequence()))
        return landing.stored

    async def groups_of(self, ask: Ask) -> set[str]:
        """The tags of the cache groups that GET's stored answers of the same target are in (RFC 9875 §2.2.1)."""
        get = ask.as_get()
        found: list[Entry | None] = []
        for key in (get.key, get.shared_key):
            entry = await self._held(key) if key is not None else None
            found += [entry, *[await self._held(variant) for variant in named_keys(entry)]]
        marked = f"{ask.plan.upstream.name}/{GROUP}"
        return {tag for entry in found if entry is not None for tag in entry.tags if tag.startswith(marked)}

    async def learn_from_head(self, ask: Ask, entry: Entry, head: Reply, flight: Flight[Landing]) -> None:
        """What a HEAD tells of the stored answer to GET: that it still holds, or that it does not (RFC 9111 §4.3.5)."""
        if self._is_replaced(entry):
            return
        match effect_on(entry.headers, len(entry.body), head.status, head.headers):
            case Effect.FRESHENS if self.renew(ask, entry, head, flight):
                pass
            case Effect.FRESHENS | Effect.OUTDATES:
                await self._purger.purge([key_tag(entry.key)])
            case Effect.NOTHING:
                pass

    async def forget(
        self,
        ask: Ask,
        flight: Flight[Landing] | None = None,
        *,
        but: bytes | None = None,
        chosen: Entry | None = None,
    ) -> None:
        """What is kept for this ask goes, bytes and all: its permission is gone, or it was replaced.

        `flight`: whose answer ends it; what was fetched later stays. `but`: the key of what took its place. `chosen`:
        what was found for the ask, wherever it lay.
        """
        if ask.key is None:
            return
        plain = await self._held(ask.key)
        keys = list(variant_keys(ask, plain)) if plain is not None and plain.status == VARIES else [ask.key]
        keys += [ask.part_key(key) for key in keys]
        if chosen is not None:
            keys.append(chosen.key)
        doomed = []
        for key in dict.fromkeys(keys):
            held = await self._held(key) if key != but else None
            if held is not None and (flight is None or self._is_older(held, flight)):
                doomed.append(key_tag(key))
        if doomed:
            await self._purger.purge(doomed, Mode.HARD)

    async def end_outdated_whole(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> None:
        """A part of another state than that of the whole which is kept tells that the whole is outdated."""
        reply, decision = landing.reply, landing.decision
        if reply is None or decision is None or decision.policy is None or landing.key is None:
            return
        whole = await self._held(key_of(ask, decision))
        if whole is None or whole.key == landing.key or not self._is_older(whole, flight):
            return
        if not may_combine(whole.headers, reply.headers, now=reply.received_at):
            await self._purger.purge([key_tag(whole.key)])

    def _is_replaced(self, entry: Entry) -> bool:
        """Whether a later answer lies in its place."""
        held = self._shelf.look(entry.key)
        return held is not None and held.order != entry.order

    async def _held(self, key: bytes) -> Entry | None:
        return self._shelf.look(key) or await self._shelf.recall(key)

    @staticmethod
    def _is_older(entry: Entry, flight: Flight[Landing]) -> bool:
        return entry.order <= (flight.fence, flight.sequence)

    def _made(self, landing: Landing, flight: Flight[Landing]) -> Made:
        settles = self._shelf.fences.settles(landing.tags)
        if landing.jitter is None:  # else it was announced already
            landing.jitter = self._random()
        return Made(flight.fence, flight.sequence, landing.now, landing.jitter, settles)

    def entry_for(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> Entry | None:
        """What would be kept of an answer that is here; None: nothing."""
        reply, decision = landing.reply, landing.decision
        if reply is None or decision is None or decision.policy is None:
            return None
        entry = entry_of(ask, reply, decision, landing.tags, self._made(landing, flight))
        if reply.status != PARTIAL:
            return entry
        before = self._shelf.look(ask.part_key(entry.key))
        if before is not None and self._shelf.validity(before) is not Validity.CURRENT:
            before = None
        return part_of(ask, entry, before, self._max_entry())

    def _put(self, ask: Ask, landing: Landing, entry: Entry) -> bool:
        stored = self._shelf.keep(entry)
        decision = landing.decision
        if decision is not None and decision.vary and stored:
            plain = ask.key_in(entry.partition)
            self._shelf.keep(marker_of(entry, ask, decision.vary, self._shelf.look(plain)))
        return stored


def _is_same(entry: Entry, merged: Reply) -> bool:
    """Whether it is still chosen by the same fields, and its body still coded as it says."""
    before = entry.headers
    coding = before.get("content-encoding") == merged.headers.get("content-encoding")
    return coding and vary_names(before) == vary_names(merged.headers) and not has_star(merged.headers)


def _answers_get(ask: Ask, reply: Reply) -> bool:
    """Whether a POST's answer says how long it is fresh, and that it is what its own target holds."""
    location = reply.headers.get("content-location")
    received = Received("GET", reply.status, reply.headers, reply.requested_at, reply.received_at)
    if location is None or not lifetime(received, shared=True, policy=EXPLICIT):
        return False
    target = target_of(ask)
    named = other_targets({"content-location": location}, base_url=target.origin, path=target.path)
    return named == ((target.path, target.query),)
