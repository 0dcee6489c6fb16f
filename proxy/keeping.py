"""Keeping: answers go on the shelf, renew what lies there, or end it."""

from collections.abc import Callable

from msgspec.structs import replace

from policies.http.head import Effect, effect_on
from policies.http.invalidation import other_targets
from policies.http.storing import HeadersPolicy, Received, lifetime
from proxy.asking import Ask, target_of
from proxy.deciding import decide_by_headers
from proxy.flights import Flight
from proxy.landing import Landing
from proxy.messages import Entry, implied_tags, key_tag, pack_head
from proxy.parts import PARTIAL, part_of
from proxy.purging import Purger
from proxy.shelf import Shelf
from proxy.store.fences import Mode, Validity
from proxy.storing import GROUP, Made, entry_of, freshened, kept_fields, life_of, stored_at_of, tags_of
from proxy.upstream.messages import Reply
from proxy.variants import VARIES, marker_of, siblings, variant_keys

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
        entry = self._entry(ask, landing, flight)
        if entry is None:
            self.announce(ask, landing, flight, stored=False)
            return
        landing.all_tags = tuple(entry.tags)
        landing.fresh_until = entry.life.fresh_until
        landing.stored = self._put(ask, landing, entry)

    def announce(self, ask: Ask, landing: Landing, flight: Flight[Landing], *, stored: bool) -> None:
        """Say what will become of an answer: kept once its body is here, or not kept."""
        plan, decision, reply = ask.plan, landing.decision, landing.reply
        landing.stored = stored
        partition = ask.identity.partition
        if decision is not None and decision.policy is not None and reply is not None:
            partition = decision.partition
            if ask.goes_by_headers:
                landing.fresh_until = life_of(reply, decision, self._made(landing, flight)).fresh_until
        landing.all_tags = (*landing.tags, *implied_tags(plan.upstream.name, plan.name, partition))

    def renew(self, ask: Ask, entry: Entry, reply: Reply, flight: Flight[Landing]) -> None:
        """A 304 says that this stored answer holds too: it takes the new fields and a new life (RFC 9111 §4.3.4)."""
        merged = freshened(entry, reply)
        decision = decide_by_headers(ask, merged)
        if decision.policy is None or decision.partition != entry.partition:
            return
        settles = self._shelf.fences.settles(entry.tags)
        made = Made(flight.fence, flight.sequence, reply.received_at, 0.0, settles)
        self._shelf.keep(
            replace(
                entry,
                head=pack_head(kept_fields(merged.fields, decision)),
                stored_at=stored_at_of(merged),
                life=life_of(merged, decision, made),
                fence=made.fence,
                sequence=made.sequence,
                plan=ask.plan.version,
            )
        )

    def for_get(self, ask: Ask, reply: Reply) -> Landing | None:
        """An answer to POST that may be kept as GET's (RFC 9110 §9.3.3). To be asked before the POST's own purge, since
        what others purged while it was under way may not be undone.
        """
        if reply.stream is not None or ask.sent.method != "POST" or not ask.goes_by_headers:
            return None
        get = ask.as_get()
        if get.key is None or not _answers_get(get, reply):
            return None
        tags = tags_of(get, reply, None)
        if self._shelf.fences.purged_between(tags, ask.arrived, self._shelf.fences.number):
            return None
        decision = decide_by_headers(get, reply)
        return Landing(reply=reply, leader=get, now=reply.received_at, decision=decision, tags=tags)

    def keep_for_get(self, landing: Landing) -> bool:
        """Keep it, after the POST's own purge; whether it is kept."""
        fences = self._shelf.fences
        if landing.leader is not None:
            self.keep(landing.leader, landing, Flight(fences.number, fences.next_sequence()))
        return landing.stored

    async def groups_of(self, ask: Ask) -> set[str]:
        """The tags of the cache groups that GET's stored answers of the same target are in (RFC 9875 §2.2.1)."""
        get = ask.as_get()
        found: list[Entry | None] = []
        for key in (get.key, get.shared_key):
            entry = (self._shelf.look(key) or await self._shelf.recall(key)) if key is not None else None
            found += [entry, *siblings(entry, self._shelf.look)]
        marked = f"{ask.plan.upstream.name}/{GROUP}"
        return {tag for entry in found if entry is not None for tag in entry.tags if tag.startswith(marked)}

    async def learn_from_head(self, ask: Ask, entry: Entry, head: Reply, flight: Flight[Landing]) -> None:
        """What a HEAD tells of the stored answer to GET: that it still holds, or that it does not (RFC 9111 §4.3.5)."""
        match effect_on(entry.headers, len(entry.body), head.status, head.headers):
            case Effect.FRESHENS:
                self.renew(ask, entry, head, flight)
            case Effect.OUTDATES:
                await self._purger.purge([key_tag(entry.key)])
            case Effect.NOTHING:
                pass

    async def forget(self, ask: Ask) -> None:
        """What is kept for this ask goes, bytes and all: its permission is gone, or it was replaced."""
        if ask.key is None:
            return
        entry = self._shelf.look(ask.key) or await self._shelf.recall(ask.key)
        if entry is None:
            return
        keys = list(variant_keys(ask, entry)) if entry.status == VARIES else [ask.key]
        await self._purger.purge([key_tag(key) for key in keys], Mode.HARD)

    def _made(self, landing: Landing, flight: Flight[Landing]) -> Made:
        settles = self._shelf.fences.settles(landing.tags)
        return Made(flight.fence, flight.sequence, landing.now, self._random(), settles)

    def _entry(self, ask: Ask, landing: Landing, flight: Flight[Landing]) -> Entry | None:
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


def _answers_get(ask: Ask, reply: Reply) -> bool:
    """Whether a POST's answer says how long it is fresh, and that it is what its own target holds."""
    location = reply.headers.get("content-location")
    received = Received("GET", reply.status, reply.headers, reply.requested_at, reply.received_at)
    if location is None or not lifetime(received, shared=True, policy=EXPLICIT):
        return False
    target = target_of(ask)
    named = other_targets({"content-location": location}, base_url=target.origin, path=target.path)
    return named == ((target.path, target.query),)
