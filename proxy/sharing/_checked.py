"""Checked slots: records of one size in memory that is read without a lock, and whose writers may die at any moment.

A slot holds its record, the place it was written for, and a checksum of both. So one that is half written, or is
overwritten while it is read, is seen, and counts as none.
"""

from struct import Struct
from zlib import crc32

_PLACE = Struct("<Q")
_CHECKSUM = Struct("<I")


def slot_bytes(record_bytes: int) -> int:
    """What a slot takes in memory; a multiple of 8."""
    return -(-(record_bytes + _PLACE.size + _CHECKSUM.size) // 8) * 8


class CheckedSlots:
    """Some memory, as slots. Places go on beyond the last slot, and come round to the first again."""

    def __init__(self, memory: memoryview, record: Struct) -> None:
        """`record` is how the caller packs what is in a slot."""
        self._memory = memory
        self._record = record
        self._slot_bytes = slot_bytes(record.size)
        self.count = len(memory) // self._slot_bytes
        self._tail = record.size + _PLACE.size
        self._end = self._tail + _CHECKSUM.size

    def write(self, place: int, record: bytes) -> None:
        """Write a slot. The caller writes alone."""
        start = place % self.count * self._slot_bytes
        data = record + _PLACE.pack(place)
        self._memory[start : start + self._end] = data + _CHECKSUM.pack(crc32(data))

    def read(self, place: int) -> bytes | None:
        """What was written for that place; None, if nothing whole is there, or something for another place."""
        start = place % self.count * self._slot_bytes
        slot = bytes(self._memory[start : start + self._end])
        data = slot[: self._tail]
        if not data.endswith(_PLACE.pack(place)) or not slot.endswith(_CHECKSUM.pack(crc32(data))):
            return None
        return data[: self._record.size]
