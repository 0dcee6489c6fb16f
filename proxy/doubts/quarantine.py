"""The quarantine: answers that were kept from replacing good ones, with why, until somebody or something decides.

In memory of the process, bounded by number and bytes, a day at most; and in the store, where all who share it find
them (stored.py). How often in a row a change came is counted by all, too (repeats.py). Nothing of a body, a path or an
id is told of any.

seen ─▶ held ─┬─ the same change so often, or an operator's word ─▶ believed
              ├─ discarded, or purged for good, or too old ───────▶ gone
              └─ a good answer came ──────────────────────────────▶ held on, counted anew
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from proxy.doubts.records import Known
from proxy.doubts.repeats import Repeats
from proxy.doubts.sightings import LONGEST, MOST, MOST_BYTES, Decided, Fate, Quarantined, Sighting
from proxy.doubts.stored import CROWDED_OUT, StoredDoubts, record_key
from proxy.kept.shelf import Shelf
from proxy.messages import Entry
from proxy.store.contract import StoreError
from proxy.store.fences import Validity
from proxy.store.memory import MemoryStore

_MOST_BELIEVED = 1_000  # operators' words that no answer has met yet


@dataclass(slots=True)
class _Held:
    last: Sighting
    first_seen: float
    seen: int = 0
    counted: int = 0  # refreshes in a row that brought it
    counted_at: float = 0.0

    @property
    def bytes(self) -> int:
        return self.last.entry.size if self.last.entry is not None else 0


class Quarantine:
    """Holds what was refused. `clock` tells seconds since the epoch."""

    def __init__(
        self, shelf: Shelf, clock: Callable[[], float], *, most: int = MOST, most_bytes: int = MOST_BYTES
    ) -> None:
        """Where there is no room, what cannot be accepted goes first, then what was not seen for the longest."""
        self._shelf = shelf
        self._clock = clock
        self._repeats = Repeats(shelf.durable, clock, shelf.on_error)
        self.stored = StoredDoubts(shelf.durable, lambda: shelf.fences, clock)
        self._most, self._most_bytes = most, most_bytes
        self._held: dict[str, _Held] = {}  # the one seen last is the last
        self._of_key: dict[bytes, set[str]] = {}
        self._believed: dict[str, float] = {}  # ids, and until when
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    async def count(self, sighting: Sighting) -> int:
        """Hold one; in how many refreshes in a row it has come by now, in whichever process."""
        here = await self.hold(sighting)
        return max(here, await self._repeats.count(sighting.key, sighting.id, sighting.base, sighting.apart))

    async def hold(self, sighting: Sighting) -> int:
        """Hold one, here and in the store; in how many refreshes in a row it has come by now, as far as this process
        knows. That it is written nobody waits for.
        """
        kept = await self._shelf.behind(record_key(sighting.id)) if sighting.may_be_kept else None
        known = self.stored.read(kept)
        self._heed(sighting.id, known)
        here = self.see(sighting)
        held = self._held.get(sighting.id)
        if held is not None and known is not None and known.sighting is not None:
            self.stored.put(held.last, min(known.first_seen, held.first_seen), known.seen + 1)
        elif held is not None:
            self.stored.put(held.last, held.first_seen, held.seen)
        return here

    def see(self, sighting: Sighting) -> int:
        """Hold one; in how many refreshes in a row it has come by now, as far as this process knows."""
        held = self._held.pop(sighting.id, None) or _Held(sighting, sighting.at)
        self.bytes -= held.bytes if held.seen else 0
        for other in self._of_key.get(sighting.key, ()):
            if other in self._held:
                self._held[other].counted = 0
        held.last, held.seen = self._fitting(sighting), held.seen + 1
        if not held.counted or sighting.at - held.counted_at >= sighting.apart:
            held.counted, held.counted_at = held.counted + 1, sighting.at
        self._held[sighting.id] = held
        self._of_key.setdefault(sighting.key, set()).add(sighting.id)
        self.bytes += held.bytes
        while len(self._held) > self._most or self.bytes > self._most_bytes:
            crowded_out = self._least_wanted()
            if (last := self._held[crowded_out].last).may_be_kept:
                self.stored.end(last, CROWDED_OUT)
            self._drop(crowded_out)
        return held.counted

    def is_known(self, change: str) -> bool:
        """Whether it was seen before, and is here still."""
        return change in self._held

    def is_believed(self, change: str) -> bool:
        """Whether an operator said that the next one of these is right."""
        return self._believed.get(change, 0.0) > self._clock()

    async def let_in(self, sighting: Sighting, *, for_others: bool = False) -> None:
        """It was believed: nothing is left to decide. `for_others`: what is known of it holds on, where others may meet
        it yet.
        """
        self._believed.pop(sighting.id, None)
        self._drop(sighting.id)
        if sighting.may_be_kept:
            self.stored.end(sighting)
        if not for_others:
            await self._repeats.forget(sighting.key)

    async def good_came(self, key: bytes) -> None:
        """An answer that nobody doubts: what was refused before it has not come in a row any more."""
        counted = [held for change in self._of_key.get(key, ()) if (held := self._held[change]).counted]
        for held in counted:
            held.counted = 0
        if counted:
            await self._repeats.forget(key)

    def listed(self) -> list[Quarantined]:
        """All that still count, the one seen last first."""
        self.sweep()
        return [Quarantined.of(held.last, held.first_seen, held.seen) for held in reversed(self._held.values())]

    async def accept(self, change: str, *, elsewhere: bool = False) -> Decided:
        """An operator's word that it is right: it is stored, unless something newer is there or it was purged since.

        `elsewhere`: another process has it, so this one may meet it yet. The store's record of it is left to the ward.
        """
        try:
            sighting = await self._latest(change)
            if sighting is None:
                if elsewhere:
                    self._believe(change)
                return Decided(Fate.UNKNOWN)
            entry = sighting.entry
            if entry is None:
                return Decided(Fate.UNACCEPTABLE)
            lies = await self._lying(entry.key)
        except StoreError as error:
            self._shelf.on_error("quarantine", error)
            return Decided(Fate.UNREADABLE)
        validity = self._shelf.validity(entry)
        if validity in (Validity.SOFT, Validity.HARD):
            self._drop(change)
            return Decided(Fate.PURGED, order=sighting.order)
        if validity is Validity.UNSURE:  # it may have been purged elsewhere
            return Decided(Fate.UNREADABLE)
        if lies is not None and lies.order > entry.order:
            return Decided(Fate.NEWER)
        return await self._put_in_place(sighting, entry)

    async def discard(self, change: str) -> Decided:
        """Let go of one: the next that is the same is held anew, and is the first."""
        self._believed.pop(change, None)
        try:
            sighting = await self._latest(change)
        except StoreError as error:
            self._shelf.on_error("quarantine", error)
            return Decided(Fate.UNREADABLE)
        if sighting is None:
            return Decided(Fate.UNKNOWN)
        self._drop(change)
        recorded = await self._repeats.forget(sighting.key)
        return Decided(Fate.DISCARDED, recorded=recorded, order=sighting.order)

    def remove(self, tag: str) -> int:
        """Let go of all under `tag`, bytes and all, since it was purged for good; how many went."""
        return sum(self._drop(change) for change, held in list(self._held.items()) if tag in held.last.tags)

    def sweep(self) -> None:
        """Let go of what is too old, and of what was purged for good elsewhere."""
        now = self._clock()
        for change, held in list(self._held.items()):
            last = held.last
            if now >= last.ends or self._shelf.fences.validity(last.tags, last.order[0]) is Validity.HARD:
                self._drop(change)
        self._believed = {change: until for change, until in self._believed.items() if until > now}

    async def tidy(self, upstreams: Collection[str]) -> None:
        """Let go of what the store has beyond the bounds, or that was purged for good. Raises StoreError."""
        await self.stored.tidy(upstreams)

    async def _latest(self, change: str) -> Sighting | None:
        """The last sighting of a change, whichever process had it. Raises StoreError."""
        known = await self.stored.find(change)
        self._heed(change, known)
        held = self._held.get(change)
        here = held.last if held is not None else None
        there = known.sighting if known is not None else None
        return there if there is not None and (here is None or there.order >= here.order) else here

    def _heed(self, change: str, known: Known | None) -> None:
        """Let go of what another process decided on."""
        held = self._held.get(change)
        if held is not None and known is not None and known.sighting is None and held.last.order <= known.order:
            self._drop(change)

    async def _lying(self, key: bytes) -> Entry | None:
        """What is stored, in whichever tier it is the later one. Raises StoreError."""
        lies = [self._shelf.look(key), await self.stored.lying(key)]
        return max((entry for entry in lies if entry is not None), key=lambda entry: entry.order, default=None)

    async def _put_in_place(self, sighting: Sighting, entry: Entry) -> Decided:
        self._drop(sighting.id)
        is_kept = entry.life.gone_at > self._clock() and self._shelf.keep(entry)
        if not is_kept:
            self._believe(sighting.id)
        # for who compares with what was there before
        is_noted = await self._repeats.accept(entry.key, sighting.id, sighting.base)
        fate = Fate.STORED if is_kept else Fate.BELIEVED
        return Decided(fate, recorded=await self._is_written() and is_noted, order=sighting.order)

    async def _is_written(self) -> bool:
        try:
            await self.stored.written()
        except StoreError as error:
            self._shelf.on_error("quarantine", error)
            return False
        return True

    def _least_wanted(self) -> str:
        """Of too many: what cannot be accepted anyway, before what can; of those, what was not seen for the longest."""
        is_too_many = len(self._held) > self._most
        order = [change for change, held in self._held.items() if (held.last.entry is None) is is_too_many]
        return next(iter(order or self._held))

    def _fitting(self, sighting: Sighting) -> Sighting:
        """Without its body where that alone is more than may be held, or where it was purged for good on its way."""
        entry = sighting.entry
        if entry is None or (entry.size <= self._most_bytes and self._shelf.validity(entry) is not Validity.HARD):
            return sighting
        return sighting._replace(entry=None)

    def _believe(self, change: str) -> None:
        self._believed.pop(change, None)
        self._believed[change] = self._clock() + LONGEST
        while len(self._believed) > _MOST_BELIEVED:
            del self._believed[next(iter(self._believed))]

    def _drop(self, change: str) -> bool:
        held = self._held.pop(change, None)
        if held is None:
            return False
        self.bytes -= held.bytes
        others = self._of_key[held.last.key]
        others.discard(change)
        if not others:
            del self._of_key[held.last.key]
        return True


class HeldHere:
    """Everything this process keeps of answers, as a purge for good has to reach it."""

    def __init__(self, memory: MemoryStore, quarantine: Quarantine) -> None:
        self._memory = memory
        self._quarantine = quarantine

    async def remove(self, tag: str) -> int:
        """Remove every entry under `tag`; how many went of those that could be served."""
        self._quarantine.remove(tag)
        return await self._memory.remove(tag)
