"""Key filter: which keys the durable store surely does not hold, so that a miss for them asks no disk.

Keys are digests, so any of their bits are as good as a hash. A key that was removed may still seem to be there: that
costs a look, never an answer. A byte for each slot, not a bit: the workers of a machine share one filter, and a byte
is set without reading what others set beside it. 16 MiB, of which only what is written takes memory (where it is
shared, what is looked at, too); one million keys leave 94 of 100 needless looks out.
"""

import mmap
from collections.abc import Iterable

SLOTS = 1 << 24


class KeyFilter:
    """Says "no" only when that is certain; until it was filled, it says "perhaps" to everything."""

    def __init__(self, slots: memoryview | None = None) -> None:
        """`slots`: shared memory of SLOTS bytes; None: this process has one of its own."""
        if slots is None:  # private: a look at what was never written takes no memory, and a quarter of the time
            slots = memoryview(mmap.mmap(-1, SLOTS, access=mmap.ACCESS_COPY))
        self._slots = slots
        self._is_filled = False

    def fill(self, keys: Iterable[bytes]) -> None:
        """All keys that the store held when it was opened."""
        for key in keys:
            self.add(key)
        self._is_filled = True

    def add(self, key: bytes) -> None:
        """A key that the store may hold from now on."""
        self._slots[int.from_bytes(key[:3], "big")] = 1

    def may_hold(self, key: bytes) -> bool:
        """Whether it is worth looking."""
        return not self._is_filled or self._slots[int.from_bytes(key[:3], "big")] != 0
