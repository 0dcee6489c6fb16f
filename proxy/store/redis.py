"""The second tier for several machines: Redis or Valkey, one server or a cluster, off the hit path.

put ──▶ write-behind queue ──▶ the lists of its tags, then the entry: never an entry that no list names ──▶ Redis
get ──▶ one GET

Purges are not made durable here: they are numbered by Redis, which its ledger sees to (redis_ledger.py).
"""

from collections.abc import Callable, Collection, Sequence
from time import time

from policies import DAY
from proxy.messages import ALL, Entry, key_tag
from proxy.store import _redis_opening as opening
from proxy.store._redis_client import RedisServers
from proxy.store._redis_keys import Keys
from proxy.store._redis_partition_keys import RedisPartitionKeys
from proxy.store._redis_reading import EntryReading
from proxy.store._redis_record_keeping import RecordKeeping
from proxy.store._redis_records import RedisRecords
from proxy.store._redis_selection import Selection
from proxy.store._redis_troubles import NotOurs
from proxy.store._redis_writer import Queue, Writer, Written
from proxy.store._redis_writing import EntryWriting
from proxy.store.codec import Codec
from proxy.store.contract import Filter, Forgotten, Opened, StoreError, StoreUnavailable, Summary
from proxy.store.purges import Purge, TagDigest, tag_digest
from proxy.store.sealing import Sealing
from proxy.store.selection import under

LATE = 30.0  # seconds after which nothing that was put on any machine can still arrive in Redis
_MOST_DELETED = 10_000  # tags that are deleted once more
_PARTITION = "@partition:"


class RedisStore(RecordKeeping):
    """A DurableStore that several instances share. Used from one event loop.

    `open` raises StoreUnavailable when Redis is away; the store may be used all the same, and works once Redis is back.
    Until it has been found fit, nothing is written.
    """

    lists_keys = False

    def __init__(  # noqa: PLR0913 (each is a bound or a thing of its own)
        self,
        url: str,
        *,
        prefix: str = "larder",
        clock: Callable[[], float] = time,
        codec: Codec | None = None,
        sealing: Sealing | None = None,
        keep_records_for: float = 8 * DAY,
        timeout: float = 0.25,
        write_timeout: float = 2.0,
        queue: Queue = Queue(),  # noqa: B008 - a tuple
        is_purged: Callable[[Entry], bool] = lambda _: False,
        tag_digest: TagDigest = tag_digest,
    ) -> None:
        """In seconds: `keep_records_for`, how long links, bindings and partitions' keys are kept since they were last
        needed; `timeout` of a read; `write_timeout` of any other call. `tag_digest` names the lists of tags, on all
        instances alike. Raises StoreError when `url` is none of a Redis.
        """
        self.found = opening.Found()
        self._clock, self._keep = clock, keep_records_for
        codec, sealing = codec or Codec(), sealing or Sealing()
        self._reads = RedisServers(url, timeout=timeout)
        self._calls = RedisServers(url, timeout=write_timeout)  # connections of their own: no reader waits for a batch
        self._is_purged = is_purged
        self._keys = Keys(prefix, tag_digest)
        self._records = RedisRecords(self._calls, self._keys, clock, keep_records_for)
        self._partition_keys = RedisPartitionKeys(self._calls, self._keys, sealing.masters, keep_records_for)
        self._writing = EntryWriting(self._calls, self._keys, codec, sealing, self._partition_keys, clock)
        self._reading = EntryReading(codec, sealing, self._partition_keys)
        self._selection = Selection(self._calls, self._keys, self._reading.read)
        self._writer = Writer(self._write, queue)
        self._deleted: dict[str, float] = {}  # tags, and when
        self._forgotten: dict[frozenset[str], float] = {}  # persons, and when
        self._unfit: str | None = None  # why nothing may be written
        self._is_fit = self._is_open = False

    def __repr__(self) -> str:
        state = (self.last_error or "open") if self._is_open else "closed"
        return f"<RedisStore {state}, {len(self._writer)} waiting, {self.dropped} dropped>"

    @property
    def is_durable(self) -> bool:
        """Whether what is acknowledged is on Redis's disk."""
        return self.found.durability == "always"

    @property
    def durability(self) -> opening.Durability:
        """What a write that Redis has acknowledged survives, as found when the store was opened."""
        return self.found.durability

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an operator should know of this Redis, a line each."""
        return self.found.warnings

    @property
    def dropped(self) -> int:
        """Entries that were put and not kept."""
        return self._writer.swamped + self._writer.lost

    @property
    def failures(self) -> int:
        """How often Redis failed, or refused something."""
        return self._reads.failures + self._calls.failures

    @property
    def unreadable(self) -> int:
        """Entries whose bytes could not be trusted."""
        return self._reading.unreadable

    @property
    def disk_bytes(self) -> int:
        """What Redis holds in memory, other programs' data included, as of the last sweep."""
        return self.found.memory_bytes

    @property
    def last_error(self) -> str | None:
        """What is wrong now; None once something works again."""
        return self._unfit or self._reads.last_error or self._writer.last_error or self._calls.last_error

    async def open(self) -> Opened:
        """Look whether this Redis may be used. Raises StoreUnavailable when it is away, StoreError when it is unfit."""
        self._is_open = True
        self._writer.start()
        await self._look()
        return Opened(opening=1, purges=())

    async def close(self) -> None:
        """Write what is pending, then let go."""
        await self._writer.stop()
        self._is_open = False
        for servers in (self._reads, self._calls):
            await servers.close()

    async def get(self, key: bytes) -> Entry | None:
        """The entry put last under `key`, here or by another instance."""
        self._check_open()
        pending = self._writer.get(key)
        try:
            kept = await self._kept(key)
        except StoreError:
            if pending is None:
                raise
            return pending
        if pending is None or (kept is not None and kept.order > pending.order):
            return kept
        return pending

    def put(self, entry: Entry, kept: Callable[[], None] | None = None) -> None:
        """Keep `entry` behind the answer. Never raises and never waits; what finds no room is counted in `dropped`."""
        self._writer.put(entry, kept)

    def hurry(self) -> None:
        """Write at once what was put."""
        self._writer.hurry()

    async def flush(self) -> None:
        """Wait until all that was put is kept. Raises StoreError when some of it could not be."""
        lost = self._writer.lost
        await self._writer.settle()
        if self._writer.lost > lost:
            why = self._writer.last_error or "they took too long, or cannot be written as bytes"
            raise StoreError(f"{self._writer.lost - lost} entries could not be written: {why}")

    async def keys(self) -> list[bytes]:
        """Every key that is kept."""
        self._check_open()
        await self._writer.settle()
        return await self._selection.keys()

    async def delete(self, tag: str) -> int:
        """Remove every entry under `tag`, pending ones too; how many went. A partition's key goes with its entries.

        What other instances are about to write is deleted by `scrub` and `sweep`, `LATE` seconds from now.
        """
        self._check_open()
        self._remember(tag)
        gone = self._writer.discard(under(tag))
        await self._writer.settle_under_way()
        await self._delete_partition_keys(tag)
        return len(gone) + await self._selection.delete(tag, beside=gone)

    async def scrub(self) -> None:
        """Delete once more what was deleted of late, and forget whom: other instances may have been writing it."""
        self._check_open()
        for users, at in list(self._forgotten.items()):
            if self._clock() - at >= LATE:  # once: all links are looked at for it
                await self._records.forget_person(users)
                self._forgotten.pop(users, None)
        for tag, at in list(self._deleted.items()):
            await self._selection.delete(tag)
            if self._clock() - at >= LATE and self._deleted.get(tag) == at:
                del self._deleted[tag]

    async def purge(self, records: Sequence[Purge]) -> None:
        """Nothing: with Redis, purges are its ledger's."""

    async def count(self, wanted: Filter) -> int:
        """How many entries are kept, those that are pending by now included; see Selection for large numbers."""
        self._check_open()
        await self._writer.settle()
        return await self._selection.count(wanted)

    async def summaries(self, wanted: Filter) -> list[Summary]:
        """Entries, newest first; see Selection for large numbers."""
        self._check_open()
        await self._writer.settle()
        return await self._selection.summaries(wanted)

    async def sweep(self, now: float, forget_purges_before: float) -> None:  # noqa: ARG002 (the contract's signature)
        """Renew what says whose the prefix is, and drop what does not expire by itself."""
        self._check_open()
        await self._look()
        await self._kept(bytes(32))  # readers have connections of their own
        await self._records.forget()
        await self.scrub()

    async def forget_person(self, upstream: str, users: Collection[str]) -> Forgotten:
        """Forget which enrollments and principals are these users'."""
        self._check_open()
        self._forgotten[frozenset(users)] = self._clock()
        return await super().forget_person(upstream, users)

    async def _look(self) -> None:
        try:
            self.found = await opening.look(self._calls)
            await opening.claim(self._calls, self._keys, self._keep)
        except StoreUnavailable:
            raise
        except StoreError as error:
            self._is_fit, self._unfit = False, str(error)
            raise
        self._is_fit, self._unfit, self._writer.last_error = True, None, None  # it took a write

    async def _kept(self, key: bytes) -> Entry | None:
        try:
            value = await self._reads.call("GET", self._keys.entry(key))
        except NotOurs as error:
            value = error
        return await self._reading.read(key, value)

    async def _write(self, entries: Sequence[Entry]) -> Written:
        if not self._is_fit:
            await self._look()
        written = await self._writing.write([entry for entry in entries if not self._is_purged(entry)])
        for entry in entries:  # a purge for good, by whomever, that was heard of meanwhile
            if self._is_purged(entry):
                await self._selection.delete(key_tag(entry.key))
        return written

    async def _delete_partition_keys(self, tag: str) -> None:
        """Also without master keys: those of an earlier config may lie there."""
        if tag.startswith(_PARTITION):
            await self._partition_keys.delete(tag.removeprefix(_PARTITION))
        elif tag == ALL:
            await self._partition_keys.delete_all()

    def _remember(self, tag: str) -> None:
        self._deleted.pop(tag, None)
        self._deleted[tag] = self._clock()
        while len(self._deleted) > _MOST_DELETED:
            del self._deleted[next(iter(self._deleted))]
