"""The keys of partitions in Redis, wrapped: found when an entry is read, made when a partition's first is written."""

from collections.abc import Callable
from math import ceil
from time import monotonic

import msgspec

from proxy.store import _redis_scripts as scripts
from proxy.store._redis_client import RedisServers
from proxy.store._redis_keys import Keys
from proxy.store._redis_troubles import NotOurs
from proxy.store.codec import as_bytes, as_text
from proxy.store.contract import StoreError
from proxy.store.partition_keys import PartitionKeys
from proxy.store.sealing import MasterKeys, PartitionKey, new_partition_key

_encode = msgspec.msgpack.encode
_decode = msgspec.msgpack.Decoder(tuple[bytes, bytes]).decode

MISSING_MASTER = (
    "entries cannot be sealed: a partition's key needs an encryption key that is not in store.encryption_keys"
)


class RedisPartitionKeys:
    """Those of one deployment; the ones used of late are at hand for a minute at most."""

    def __init__(
        self,
        servers: RedisServers,
        keys: Keys,
        masters: MasterKeys | None,
        keep: float,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`keep` (seconds): a key lives for so long since it was last needed, or as long as what it seals. Without
        `masters` keys can only be deleted.
        """
        self._servers, self._keys, self._masters, self._keep = servers, keys, masters, keep
        self._at_hand = PartitionKeys(clock)

    def __repr__(self) -> str:
        return f"<RedisPartitionKeys {self._at_hand!r}>"

    async def to_seal(self, partition: str, lives: float) -> PartitionKey:
        """The partition's key, made if there is none, for an entry that lives so many seconds. Raises StoreError."""
        at_hand = self._at_hand.of(partition)
        if at_hand is not None and lives <= self._keep:  # found a minute ago at most, and kept for `keep` since
            return at_hand
        if self._masters is None:
            raise StoreError(MISSING_MASTER)
        name = self._keys.partition_key(partition)
        new = _wrapped(self._masters, new_partition_key(), partition)
        needed = ceil(1000 * (max(lives, self._keep) + 3600))
        value = await self._servers.run(scripts.PARTITION_KEY, name, new, needed)
        owner, wrapped = _unpacked(value)
        key = self._masters.unwrap(wrapped, partition) if owner == partition else None
        if key is None:
            raise StoreError(MISSING_MASTER)
        if not self._masters.is_current(wrapped):
            await self._servers.run(scripts.REPLACE, name, value, _wrapped(self._masters, key, partition))
        self._at_hand.remember(partition, key)
        return key

    async def to_open(self, partition: bytes, key_id: bytes) -> PartitionKey | None:
        """The key of that id, if the partition of that digest has it. Raises StoreError when Redis cannot tell."""
        at_hand = self._at_hand.by_id(key_id)
        if at_hand is not None or self._masters is None:
            return at_hand
        try:
            value = await self._servers.call("GET", self._keys.partition_key_of(partition))
        except NotOurs:
            return None
        owner, wrapped = _unpacked(value)
        key = self._masters.unwrap(wrapped, owner)
        if key is None or key.id != key_id:
            return None
        self._at_hand.remember(owner, key)
        return key

    async def delete(self, partition: str) -> None:
        """Let nobody open what the partition's key has sealed, wherever a copy of it lies: here at once, elsewhere
        within a minute.
        """
        self._at_hand.forget(partition)
        await self._servers.call("UNLINK", self._keys.partition_key(partition))

    async def delete_all(self) -> None:
        """The same for all partitions."""
        self._at_hand.forget_all()
        async for names in self._servers.scan(self._keys.all_partition_keys):
            await self._servers.all([("UNLINK", name) for name in names])


def _wrapped(masters: MasterKeys, key: PartitionKey, partition: str) -> bytes:
    return _encode((as_bytes(partition), masters.wrap(key, partition)))


def _unpacked(value: bytes | None) -> tuple[str, bytes]:
    """A partition and its wrapped key; of what is not there, or not of ours, nothing that opens."""
    try:
        owner, wrapped = _decode(value or b"")
        return as_text(owner), wrapped
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", b""
