"""Writing entries to Redis, many at a time: the lists of their tags first, then they themselves.

So a list names at least what there is, and a deletion that goes by it misses nothing. What it names too many of is
found out when it is looked at.
"""

import asyncio
from collections.abc import Callable, Sequence
from math import ceil
from typing import NamedTuple

from policies import DAY
from proxy.messages import Entry
from proxy.store import _redis_scripts as scripts
from proxy.store._redis_client import RedisServers
from proxy.store._redis_entries import listed_tags, order_of, pack
from proxy.store._redis_keys import Keys
from proxy.store._redis_partition_keys import RedisPartitionKeys
from proxy.store._redis_writer import Written
from proxy.store.codec import Codec
from proxy.store.contract import StoreError, StoreUnavailable
from proxy.store.sealing import PartitionKey, Sealing

_LONGEST = 366 * DAY  # no entry stays longer, whatever it says: every key expires
_LISTED_LONGER = 60_000  # milliseconds by which the lists of tags outlive an entry, which is written after them


class _Job(NamedTuple):
    """An entry to be written."""

    entry: Entry
    left: int  # milliseconds of its life
    key: PartitionKey | None


class EntryWriting:
    """How entries get to Redis."""

    def __init__(
        self,
        servers: RedisServers,
        keys: Keys,
        codec: Codec,
        sealing: Sealing,
        partition_keys: RedisPartitionKeys,
        clock: Callable[[], float],
    ) -> None:
        self._servers, self._keys, self._clock = servers, keys, clock
        self._codec, self._sealing, self._partition_keys = codec, sealing, partition_keys

    async def write(self, entries: Sequence[Entry]) -> Written:
        """Write entries that are of use yet, each unless what is kept has a higher order.

        Raises StoreError when none could be written, as far as can be known.
        """
        jobs, unsealed = await self._jobs(entries)
        values = await asyncio.to_thread(self._encoded, jobs)
        writable = [job for job in jobs if job.entry.key in values]
        listed, unlisted = await self._list(writable)
        commands = [
            scripts.PUT(self._keys.entry(entry.key), order_of(entry), values[entry.key], left)
            for entry, left, _ in listed
        ]
        refused = [answer for answer in await self._servers.all(commands) if isinstance(answer, StoreError)]
        why = next((str(error) for error in (*unsealed, *unlisted, *refused)), None)
        return Written(len(unsealed) + len(jobs) - len(listed) + len(refused), why)

    async def _jobs(self, entries: Sequence[Entry]) -> tuple[list[_Job], list[StoreError]]:
        """What is worth writing; and for what of it cannot be sealed as it has to be, why."""
        jobs, unsealed, now = [], list[StoreError](), self._clock()
        for entry in entries:
            seconds = min(entry.life.gone_at - now, _LONGEST)
            if seconds <= 0:
                continue
            try:
                jobs.append(_Job(entry, ceil(seconds * 1000), await self._key(entry, seconds)))
            except StoreUnavailable:
                raise
            except StoreError as error:
                unsealed.append(error)
        return jobs, unsealed

    async def _key(self, entry: Entry, seconds: float) -> PartitionKey | None:
        if not self._sealing.seals(entry):
            return None
        return await self._partition_keys.to_seal(entry.partition, seconds)

    def _encoded(self, jobs: Sequence[_Job]) -> dict[bytes, bytes]:
        """On a thread: values by keys, of what can be written at all."""
        values = {}
        for entry, _, key in jobs:
            try:
                values[entry.key] = pack(entry, self._codec.encode(entry, key))
            except (ValueError, OverflowError):
                continue
        return values

    async def _list(self, jobs: Sequence[_Job]) -> tuple[list[_Job], list[StoreError]]:
        """Name the entries in the lists of their tags; those that all of these name now, and why the others are not."""
        lists: dict[str, list[int | bytes]] = {}
        for entry, left, _ in jobs:
            for tag in listed_tags(entry):
                lists.setdefault(tag, []).extend((left + _LISTED_LONGER, entry.key))
        answers = await self._servers.all([scripts.LIST(self._keys.tag(tag), *named) for tag, named in lists.items()])
        refused = {tag: answer for tag, answer in zip(lists, answers, strict=True) if isinstance(answer, StoreError)}
        named = [job for job in jobs if refused.keys().isdisjoint(listed_tags(job.entry))]
        return named, list(refused.values())
