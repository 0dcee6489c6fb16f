"""Slot counts: how many calls all processes of this machine have in the air together, under names that are digests.

Each process counts in a column of its own, so that what a dead one held can be given back. A column is written at once:
there is no half of it for a writer that dies to leave. A name under which nothing is taken leaves its place to others.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

CAPACITY = 4_096  # names in use at a time
PROCESSES = 66
PROBES = 16
SLOT_BYTES = 160
_NAME_BYTES = 16
_COLUMN_BYTES = 2
_WORDS = SLOT_BYTES // _COLUMN_BYTES
_FIRST = _NAME_BYTES // _COLUMN_BYTES  # of a slot's words that is a column
_MOST = (1 << 16) - 1  # that a column can count


class SlotCounts:
    """A part of the page."""

    def __init__(self, slots: memoryview, locked: Callable[[], AbstractContextManager[None]]) -> None:
        """`slots` are SLOT_BYTES for each name there is room for."""
        self._slots = slots
        self._count = len(slots) // SLOT_BYTES
        self._words = slots.cast("H")
        self._locked = locked

    def try_take(self, name: bytes, limit: int, process: int) -> bool:
        """Take a slot of `name` if fewer than `limit` are taken; whether it was. Where there is no room to count in,
        it is, and each process counts for itself. Raises IndexError for a process of PROCESSES or more.
        """
        with self._locked():
            place = self._find(name)
            if place is None:
                place = self._room(name)
            if place is None:
                return True
            columns = self._columns(place)
            if sum(columns) >= min(limit, _MOST):
                return False
            columns[process] += 1
            return True

    def give_back(self, name: bytes, process: int) -> None:
        """Give back a slot that was taken."""
        with self._locked():
            place = self._find(name)
            if place is not None:
                columns = self._columns(place)
                columns[process] = max(0, columns[process] - 1)

    def in_flight(self, name: bytes) -> int:
        """How many are taken. Takes no lock."""
        place = self._find(name)
        return 0 if place is None else sum(self._columns(place))

    def forget_process(self, process: int) -> None:
        """A process died: what it held is free."""
        for place in range(self._count):
            columns = self._columns(place)
            if columns[process]:  # looked at without the lock: nobody but the dead would have changed it
                with self._locked():
                    columns[process] = 0

    def _find(self, name: bytes) -> int | None:
        return next((place for place in self._places(name) if self._name(place) == name), None)

    def _room(self, name: bytes) -> int | None:
        """A place nobody counts in, for that name from now on."""
        place = next((place for place in self._places(name) if not any(self._columns(place))), None)
        if place is not None:
            self._name(place)[:] = name
        return place

    def _name(self, place: int) -> memoryview:
        return self._slots[place * SLOT_BYTES : place * SLOT_BYTES + _NAME_BYTES]

    def _columns(self, place: int) -> memoryview:
        start = place * _WORDS + _FIRST
        return self._words[start : start + PROCESSES]

    def _places(self, name: bytes) -> Iterator[int]:
        first = int.from_bytes(name[:4], "little")
        return ((first + step) % self._count for step in range(min(PROBES, self._count)))
