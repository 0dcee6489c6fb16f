"""Partition keys that were looked up a moment ago: by partition for what is written, by id for what is read.

Kept for a minute at most, so that a key which was deleted elsewhere opens nothing for longer than that.
"""

from collections.abc import Callable
from time import monotonic

from cachetools import TTLCache

from proxy.store.sealing import PartitionKey

LONGEST = 60.0  # seconds


class PartitionKeys:
    """A bounded cache. For one thread."""

    def __init__(self, clock: Callable[[], float] = monotonic, *, keep: float = LONGEST, max_keys: int = 4096) -> None:
        """A key is kept for `keep` seconds from when it was remembered, a minute at most, however often it is used."""
        seconds = min(keep, LONGEST)
        self._by_partition: TTLCache[str, PartitionKey] = TTLCache(max_keys, seconds, clock)
        self._by_id: TTLCache[bytes, tuple[str, PartitionKey]] = TTLCache(max_keys, seconds, clock)

    def __repr__(self) -> str:
        return f"<PartitionKeys {len(self._by_id)} kept>"

    def of(self, partition: str) -> PartitionKey | None:
        """The key that this partition's entries are sealed with."""
        return self._by_partition.get(partition)

    def by_id(self, key_id: bytes) -> PartitionKey | None:
        """The key of that id, whosever it is."""
        found = self._by_id.get(key_id)
        return None if found is None else found[1]

    def remember(self, partition: str, key: PartitionKey) -> None:
        """The partition's key, as it was just made or read."""
        self._by_partition[partition] = key
        self._by_id[key.id] = (partition, key)

    def forget(self, partition: str) -> None:
        """Every key of this partition, since it is deleted. Looks at all that are kept."""
        self._by_partition.pop(partition, None)
        for key_id in [key_id for key_id, (owner, _) in self._by_id.items() if owner == partition]:
            self._by_id.pop(key_id, None)

    def forget_all(self) -> None:
        """Every key: all were deleted."""
        self._by_partition.clear()
        self._by_id.clear()
