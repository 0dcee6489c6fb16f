"""Finding: what is stored for an ask, and what this caller may still do with it now.

The own partition first, then what is shared; the answer itself, or the variant that the ask's fields choose, or the
part in which its range lies. Memory is looked up without waiting.
"""

from collections.abc import Callable
from typing import NamedTuple

from policies import Freshness, ShelfLife
from policies.directives import NO_DIRECTIVES
from policies.http.storing import forbids_stale, may_share_authorized
from proxy.asking import SHARED, Ask
from proxy.kept.deciding import AUTHORIZED, GOES_BY_HEADERS
from proxy.kept.parts import held_part
from proxy.kept.shelf import Shelf
from proxy.kept.storing import life_under
from proxy.kept.variants import Look, chosen, is_marker, variant_keys
from proxy.messages import Entry
from proxy.store.fences import Validity


class Found(NamedTuple):
    """A stored answer, and what this caller may still do with it now."""

    entry: Entry
    freshness: Freshness
    life: ShelfLife
    validity: Validity
    tier: str

    @property
    def forbids_stale(self) -> bool:
        """Whether the upstream itself said that it must not be used without validation once stale (§4.2.4)."""
        return _forbids_stale(self.entry)

    def may_cover(self, *, disconnected: bool) -> bool:
        """Whether it may stand in for a failure; `disconnected`: not even an error came."""
        if self.freshness is Freshness.KEPT:
            return disconnected and not self.forbids_stale
        return self.freshness is not Freshness.GONE


class Finder:
    """Looks up, and weighs what it finds."""

    def __init__(self, shelf: Shelf, clock: Callable[[], float]) -> None:
        self._shelf = shelf
        self._clock = clock

    def in_memory(self, ask: Ask) -> Found | None:
        """What memory has for this ask and may be used, if only to validate it."""
        return self._found(ask, self._shelf.look, "memory")

    async def find(self, ask: Ask) -> Found | None:
        """What memory has, else what the durable store has, if there is any chance that it has something."""
        found = self.in_memory(ask)
        if found is not None or not self._may_be_recalled(ask):
            return found
        return await self.recalled(ask)

    async def recalled(self, ask: Ask) -> Found | None:
        """What the durable store has, or what came to memory while it was asked; purges that came too are seen."""
        recalled: dict[bytes, Entry | None] = {}

        async def recall(key: bytes) -> Entry | None:
            recalled[key] = await self._shelf.recall(key)
            return recalled[key]

        for key in _keys_of(ask):
            entry = await recall(key)
            keys = [key]
            if entry is not None and is_marker(entry):
                keys = list(variant_keys(ask, entry))
                for variant in keys:
                    await recall(variant)
            if "range" in ask.conditions:
                for whole in keys:
                    await recall(ask.part_key(whole))
        tier = "durable" if any(recalled.values()) else "memory"
        return self._found(ask, lambda key: self._shelf.look(key) or recalled.get(key), tier)

    def _may_be_recalled(self, ask: Ask) -> bool:
        """Parts lie under keys of their own."""
        return "range" in ask.conditions or any(map(self._shelf.may_recall, _keys_of(ask)))

    def usable(self, ask: Ask, entry: Entry, tier: str) -> Found | None:
        """The rights of an entry: by age, by purges, and by what the caller asks."""
        validity = self._shelf.validity(entry)
        if validity is Validity.HARD:
            return None
        now = self._clock()
        life = entry.life if entry.plan == ask.plan.version else life_under(ask.plan, entry)
        freshness = life.at(now)
        if entry.outcome == AUTHORIZED and not ask.plan.headers.share_authorized:
            return None  # what was shared once is not any more
        by_headers = entry.outcome in GOES_BY_HEADERS
        if validity is Validity.UNSURE:  # nobody can say whether it was purged elsewhere
            freshness = max(freshness, Freshness.FALLBACK, key=lambda one: one.value)
        elif validity is Validity.SOFT:  # what HTTP calls invalid has to be validated whatever happens (RFC 9111 §4.4)
            least = Freshness.GONE if by_headers else Freshness.FALLBACK
            freshness = max(freshness, least, key=lambda one: one.value)
        if ask.directives != NO_DIRECTIVES:
            may_be_stale = by_headers and freshness is not Freshness.FRESH and not _forbids_stale(entry)
            freshness = ask.directives.tighten(freshness, life, now - entry.stored_at, now, may_be_stale=may_be_stale)
        return Found(entry, freshness, life, validity, tier)

    def _found(self, ask: Ask, look: Look, tier: str) -> Found | None:
        entry = self._stored(ask, ask.key, look)
        if entry is None and ask.shared_key is not None:
            entry = self._stored(ask, ask.shared_key, look)
            if entry is not None and not may_share_authorized(entry.headers):
                entry = None
        return None if entry is None else self.usable(ask, entry, tier)

    def _stored(self, ask: Ask, key: bytes | None, look: Look) -> Entry | None:
        if key is None:
            return None
        entry = chosen(ask, key, look)
        if entry is not None or "range" not in ask.conditions or ask.sent.method == "HEAD":
            return entry
        marker = look(key)
        keys = variant_keys(ask, marker) if marker is not None and is_marker(marker) else [key]
        parts = (held_part(ask, one, look) for one in keys)
        return next((part for part in parts if part is not None), None)


def _keys_of(ask: Ask) -> list[bytes]:
    """Where its answer may lie, or what says where its variants do."""
    return [key for key in (ask.key, ask.shared_key) if key is not None]


def _forbids_stale(entry: Entry) -> bool:
    return entry.outcome in GOES_BY_HEADERS and forbids_stale(entry.headers, shared=entry.partition == SHARED)
