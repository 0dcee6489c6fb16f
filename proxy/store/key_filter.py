"""Key filter: which keys the durable store surely does not hold, so that a miss for them asks no disk.

Keys are digests, so any of their bits are as good as a hash. A key that was removed may still seem to be there: that
costs a look, never an answer. Two MiB, whatever the store holds; one million keys leave 94 of 100 needless looks out.
"""

from collections.abc import Iterable

BITS = 1 << 24


class KeyFilter:
    """Says "no" only when that is certain; until it was filled, it says "perhaps" to everything."""

    def __init__(self) -> None:
        self._bits = bytearray(BITS // 8)
        self._is_filled = False

    def fill(self, keys: Iterable[bytes]) -> None:
        """All keys that the store held when it was opened."""
        for key in keys:
            self.add(key)
        self._is_filled = True

    def add(self, key: bytes) -> None:
        """A key that the store may hold from now on."""
        index = int.from_bytes(key[:3], "big")
        self._bits[index >> 3] |= 1 << (index & 7)

    def may_hold(self, key: bytes) -> bool:
        """Whether it is worth looking."""
        index = int.from_bytes(key[:3], "big")
        return not self._is_filled or bool(self._bits[index >> 3] & (1 << (index & 7)))
