"""Reading an entry out of what Redis holds for its key: whatever that is, it is an entry or none, and no exception."""

import asyncio

from proxy.messages import Entry
from proxy.store._redis_entries import Kept, unpack
from proxy.store._redis_partition_keys import RedisPartitionKeys
from proxy.store._redis_troubles import NotOurs
from proxy.store.codec import Codec
from proxy.store.contract import StoreError
from proxy.store.sealing import Sealing

_ASIDE = 256 * 1024  # bytes: beyond it an entry is unpacked on a thread


class EntryReading:
    """How entries get out of Redis."""

    def __init__(self, codec: Codec, sealing: Sealing, partition_keys: RedisPartitionKeys) -> None:
        self._codec, self._sealing, self._partition_keys = codec, sealing, partition_keys
        self.unreadable = 0  # values that held no entry to be trusted

    async def read(self, key: bytes, value: object) -> Entry | None:
        """The entry of `key` in `value`; None in None. Raises StoreError when Redis cannot tell a partition's key."""
        if value is None:
            return None
        if isinstance(value, StoreError):  # what Redis said to GET
            if not isinstance(value, NotOurs):
                raise value
            value = b""
        held = unpack(value)
        entry = None if held is None else await self._opened(key, held)
        if entry is None:
            self.unreadable += 1
        return entry

    async def _opened(self, key: bytes, held: Kept) -> Entry | None:
        key_id, partition_key = self._codec.key_id(held.blob), None
        if key_id is not None:
            partition_key = await self._partition_keys.to_open(held.partition, key_id)
            if partition_key is None:
                return None
        if len(held.blob) > _ASIDE:
            entry = await asyncio.to_thread(self._codec.decode, held.blob, key, partition_key)
        else:
            entry = self._codec.decode(held.blob, key, partition_key)
        is_bare = entry is not None and partition_key is None and self._sealing.seals(entry)
        return None if is_bare else entry  # whoever can write to Redis could have put it in the place of a sealed one
