"""The quarantine: answers that were kept from replacing good ones, with why, until somebody or something decides.

In memory of the process, bounded by number and bytes, a day at most; it does not survive a restart. How often in a row
a change came is counted by all who share a store (repeats.py). Nothing of a body, a path or an id is told of any.

seen ─▶ held ─┬─ the same change so often, or an operator's word ─▶ believed
              ├─ discarded, or purged for good, or too old ───────▶ gone
              └─ a good answer came ──────────────────────────────▶ held on, counted anew
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import msgspec

from policies import DAY, MIB
from proxy.doubts.repeats import Repeats
from proxy.kept.shelf import Shelf
from proxy.messages import Entry
from proxy.store.fences import Validity
from proxy.store.memory import MemoryStore

MOST = 256  # answers
MOST_BYTES = 16 * MIB  # of their bodies
LONGEST = DAY  # seconds
_MOST_BELIEVED = 1_000  # operators' words that no answer has met yet


class Sighting(NamedTuple):
    """An answer that was refused."""

    id: str  # of the change: the same one again has the same
    key: bytes
    upstream: str
    endpoint: str
    partition: str
    reason: str
    at: float  # seconds since the epoch
    keep: float  # seconds that anything of it may be kept
    apart: float = 0.0  # seconds within which several count as one
    rows: tuple[int | None, int | None] = (None, None)  # before and after
    sizes: tuple[int | None, int] = (None, 0)  # bytes, before and after
    entry: Entry | None = None  # as it would be stored; None: it cannot be
    tags: tuple[str, ...] = ()  # what a purge for good has to name to reach it
    base: tuple[int, int] = (0, 0)  # the order of the stored answer that it was compared with


class Quarantined(msgspec.Struct, frozen=True):
    """What an operator may see of one: no body, path, query or id of anybody."""

    id: str
    upstream: str
    endpoint: str
    partition: str
    reason: str
    acceptable: bool
    first_seen: float  # seconds since the epoch
    last_seen: float
    seen: int
    rows_before: int | None
    rows_after: int | None
    bytes_before: int | None
    bytes_after: int


class Fate(Enum):
    """What became of an operator's word."""

    STORED = "stored"  # it is kept as the answer now
    BELIEVED = "believed"  # too old to be kept; the next one that is the same will be
    UNACCEPTABLE = "unacceptable"  # it does not parse, or may not be kept: nothing could be served
    NEWER = "newer"  # a later answer lies in its place
    PURGED = "purged"  # it was purged since it came
    DISCARDED = "discarded"
    UNKNOWN = "unknown"  # there is none of that id here


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
        self._most, self._most_bytes = most, most_bytes
        self._held: dict[str, _Held] = {}  # the one seen last is the last
        self._of_key: dict[bytes, set[str]] = {}
        self._believed: dict[str, float] = {}  # ids, and until when
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._held)

    async def count(self, sighting: Sighting) -> int:
        """Hold one; in how many refreshes in a row it has come by now, in whichever process."""
        here = self.see(sighting)
        return max(here, await self._repeats.count(sighting.key, sighting.id, sighting.base, sighting.apart))

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
            self._drop(self._least_wanted())
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
        """All there are, the one seen last first."""
        return [_told(held) for held in reversed(self._held.values())]

    async def accept(self, change: str, *, elsewhere: bool = False) -> Fate:
        """An operator's word that it is right: it is stored, unless something newer is there or it was purged since.

        `elsewhere`: another process has it, so this one may meet it yet.
        """
        held = self._held.get(change)
        if held is None:
            if elsewhere:
                self._believe(change)
            return Fate.UNKNOWN
        entry = held.last.entry
        if entry is None:
            return Fate.UNACCEPTABLE
        if self._shelf.validity(entry) in (Validity.SOFT, Validity.HARD):
            self._drop(change)
            return Fate.PURGED
        lies = await self._shelf.recall(entry.key) or self._shelf.look(entry.key)
        if lies is not None and lies.order >= entry.order:
            return Fate.NEWER
        self._drop(change)
        is_kept = entry.life.gone_at > self._clock() and self._shelf.keep(entry)
        if not is_kept:
            self._believe(change)
        await self._repeats.accept(entry.key, change, held.last.base)  # for who compares with what was there before
        return Fate.STORED if is_kept else Fate.BELIEVED

    async def discard(self, change: str) -> Fate:
        """Let go of one: the next that is the same is held anew, and is the first."""
        self._believed.pop(change, None)
        held = self._held.get(change)
        if held is None:
            return Fate.UNKNOWN
        self._drop(change)
        await self._repeats.forget(held.last.key)
        return Fate.DISCARDED

    def remove(self, tag: str) -> int:
        """Let go of all under `tag`, bytes and all, since it was purged for good; how many went."""
        return sum(self._drop(change) for change, held in list(self._held.items()) if tag in held.last.tags)

    def sweep(self) -> None:
        """Let go of what is too old, and of what was purged for good elsewhere."""
        now = self._clock()
        for change, held in list(self._held.items()):
            entry = held.last.entry
            is_purged = entry is not None and self._shelf.validity(entry) is Validity.HARD
            if is_purged or now >= held.last.at + min(held.last.keep, LONGEST):
                self._drop(change)
        self._believed = {change: until for change, until in self._believed.items() if until > now}

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


def _told(held: _Held) -> Quarantined:
    last = held.last
    return Quarantined(
        id=last.id,
        upstream=last.upstream,
        endpoint=last.endpoint,
        partition=last.partition,
        reason=last.reason,
        acceptable=last.entry is not None,
        first_seen=held.first_seen,
        last_seen=last.at,
        seen=held.seen,
        rows_before=last.rows[0],
        rows_after=last.rows[1],
        bytes_before=last.sizes[0],
        bytes_after=last.sizes[1],
    )
