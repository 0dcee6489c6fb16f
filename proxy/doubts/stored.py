"""Refused answers in the store: a restart leaves them there, and every process that shares it finds them.

Each lies as an entry under a key of its own, in the partition and under the tags of the answer that it would have
become. So it is sealed, expires and ends as that one would: with a purge for good, a principal, a person, a flush.

refused ──▶ record ──┬─ accepted, discarded, believed ──▶ over: a mark of the same order, without anything of it
                     └─ too many, too old, purged for good ──▶ deleted

The mark is there for the other processes, which may hold the same refused answer in memory, or be writing it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from hashlib import blake2b
from math import inf

from policies import ShelfLife
from proxy.doubts.records import Known, pack, unpack
from proxy.doubts.sightings import LONGEST, MOST, MOST_BYTES, Quarantined, Sighting
from proxy.messages import Entry, key_tag
from proxy.store.contract import DurableStore, Filter, StoreError, Summary
from proxy.store.fences import Fences, Validity
from proxy.store.none import NoStore

QUARANTINED = "quarantined"  # the own tag of each; and, behind a colon, with the key of what it would have replaced
DECIDED = "quarantine-decided"  # the own tag of each mark
WITHIN = 2.0  # seconds that an operator waits for the store, each time
LISTED_WITHIN = 10.0  # seconds: all bodies are read
DECIDING = 30.0  # seconds for which a claim holds off others, should who made it die
CROWDED_OUT = 60.0  # seconds for which it is marked that there was no room

_OVER = 0  # status of a mark
_NO_ANSWER = 204  # of a record that nothing can be stored from
_ALL = 1_000  # that are looked at


class StoredDoubts:
    """Writes, finds and ends records. `clock` tells seconds since the epoch. What waits for the store raises StoreError
    when that cannot do it. A store that keeps nothing has none.
    """

    def __init__(self, durable: DurableStore, fences: Callable[[], Fences], clock: Callable[[], float]) -> None:
        self._durable = durable
        self._fences = fences
        self._clock = clock
        self.keeps = not isinstance(durable, NoStore)
        self._may_be_too_many = True  # an earlier process may have written more than there is room for
        self._seen_to = 0  # purges for good

    def put(self, sighting: Sighting, first_seen: float, seen: int) -> None:
        """Write one down, behind whatever is told of it. Does not wait."""
        if not self.keeps or not sighting.may_be_kept:
            return
        self._may_be_too_many = True
        status = sighting.entry.status if sighting.entry is not None else _NO_ANSWER
        entry = _entry(sighting, sighting.entry or sighting, status, sighting.at, sighting.ends)
        entry.body, entry.tagged = pack(sighting, first_seen, seen), "\n".join(_own_tags(sighting))
        if not self._is_gone(entry.tags, sighting.key, entry.fence):
            self._write(entry)

    def end(self, one: Sighting | Quarantined, lasts: float = LONGEST) -> None:
        """Mark that nothing is left to decide of it, nor of what came before, for as long (in seconds) as others may
        hold that in memory. Does not wait.
        """
        now = self._clock()
        entry = _entry(one, one, _OVER, now, now + lasts)
        entry.tagged = DECIDED
        if self.keeps and self._fences().validity(entry.tags, entry.fence) is not Validity.HARD:
            self._write(entry)

    def read(self, entry: Entry | None) -> Known | None:
        """What an entry says that was found under the key of a change; None: nothing that still counts."""
        if entry is None or entry.life.gone_at <= self._clock():
            return None
        self._fences().meet(entry.fence, entry.sequence)
        if entry.status == _OVER:
            return Known(entry.order)
        known = unpack(entry)
        if known is None or known.sighting is None or self._is_gone(entry.tags, known.sighting.key, entry.fence):
            return None
        return known

    async def find(self, change: str) -> Known | None:
        """What is known of a change. Raises StoreError."""
        if not self.keeps:
            return None
        async with _in_time():
            return self.read(await self._durable.get(record_key(change)))

    async def lying(self, key: bytes) -> Entry | None:
        """The answer that is served in its place, as far as the store knows. Raises StoreError."""
        async with _in_time():
            return await self._durable.get(key)

    async def listed(self, upstreams: Collection[str]) -> list[Known]:
        """All that wait, of these upstreams. Raises StoreError."""
        async with _in_time(LISTED_WITHIN):
            found = [self.read(await self._durable.get(_key_of(one))) for one in await self._summaries(upstreams)]
        return [known for known in found if known is not None and known.sighting is not None]

    async def decided(self, changes: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Those of some changes that were decided on, each with the order up to which. Raises StoreError."""
        known = {change: await self.find(change) for change in changes}
        return {change: one.order for change, one in known.items() if one is not None and one.sighting is None}

    async def claim(self, change: str) -> bool:
        """Be the only one, of all who share the store, who decides on a change. Raises StoreError."""
        async with _in_time():
            return await self._durable.claim(_claim_key(change), b"deciding", self._clock() + DECIDING) is None

    async def let_go(self, change: str) -> None:
        """Let others decide on it. Raises StoreError; the claim lapses by itself then."""
        async with _in_time():
            await self._durable.unclaim(_claim_key(change))

    async def written(self) -> None:
        """Wait until all that was put is kept. Raises StoreError."""
        self._durable.hurry()
        async with _in_time():
            await self._durable.flush()

    async def tidy(self, upstreams: Collection[str]) -> None:
        """Delete what there is no room for, the oldest first, but what an operator can accept last; and what was purged
        for good by the key of what it would have replaced. Does nothing, if there can be neither. Raises StoreError.
        """
        purges = self._fences().hard_purges
        if not self._may_be_too_many and purges == self._seen_to:
            return
        self._may_be_too_many, self._seen_to = False, purges
        try:
            await self._make_room(await self._summaries(upstreams))
        except StoreError:
            self._may_be_too_many = True
            raise

    async def _make_room(self, found: list[Summary]) -> None:
        found.sort(key=lambda one: (one.status != _NO_ANSWER, one.stored_at), reverse=True)
        number, size = 0, 0
        for one in found:
            is_gone = self._is_gone((), _thing_of(one), one.fence)  # by its own tags whoever purged them deletes it
            if is_gone or number >= MOST or size + one.size > MOST_BYTES:
                await self._durable.delete(key_tag(_key_of(one)))
            else:
                number, size = number + 1, size + one.size

    async def _summaries(self, upstreams: Collection[str]) -> list[Summary]:
        if not self.keeps:
            return []
        tags = [f"{upstream}/{QUARANTINED}" for upstream in upstreams]
        return [one for tag in tags for one in await self._durable.summaries(Filter(tag=tag, limit=_ALL))]

    def _is_gone(self, tags: Iterable[str], key: bytes, fence: int) -> bool:
        return self._fences().validity([*tags, key_tag(key)], fence) is Validity.HARD

    def _write(self, entry: Entry) -> None:
        self._durable.put(entry)
        self._durable.hurry()


def _entry(
    one: Sighting | Quarantined, place: Entry | Sighting | Quarantined, status: int, at: float, ends: float
) -> Entry:
    fence, sequence = one.order
    return Entry(
        key=record_key(one.id),
        status=status,
        head="",
        body=b"",
        stored_at=at,
        life=ShelfLife(inf, at, at, ends),  # operators who look through all entries do not see a fresh one
        fence=fence,
        sequence=sequence,
        upstream=place.upstream,
        endpoint=place.endpoint,
        partition=place.partition,
    )


def _own_tags(one: Sighting) -> list[str]:
    """As an entry has them: those of the answer, whether or not that is there, and its own."""
    prefix = f"{one.upstream}/"
    theirs = [tag.removeprefix(prefix) for tag in one.tags if tag.startswith(prefix)]
    return [QUARANTINED, f"{QUARANTINED}:{one.key.hex()}", *theirs]


def is_quarantined(one: Summary) -> bool:
    """Whether an entry is no answer that is served, but one that was refused."""
    return f"{one.upstream}/{QUARANTINED}" in one.tags


def record_key(change: str) -> bytes:
    """Where the record of a change lies."""
    return blake2b(change.encode(), digest_size=32, person=b"quarantine").digest()


def _claim_key(change: str) -> bytes:
    return blake2b(change.encode(), digest_size=32, person=b"deciding").digest()


def _key_of(one: Summary) -> bytes:
    return bytes.fromhex(one.key)


def _thing_of(one: Summary) -> bytes:
    """The key of what it would have replaced."""
    marked = f"{one.upstream}/{QUARANTINED}:"
    return next((bytes.fromhex(tag.removeprefix(marked)) for tag in one.tags if tag.startswith(marked)), b"")


@asynccontextmanager
async def _in_time(within: float = WITHIN) -> AsyncIterator[None]:
    """At most as long as an operator waits; then it is the store that failed."""
    try:
        async with asyncio.timeout(within):
            yield
    except TimeoutError as error:
        raise StoreError("timeout") from error
