"""The fence ring: the counter of purges and fetches that the processes of a machine share, and the latest purges.

A writer holds the page's lock, and writes the notes, then the position, then the number. Readers take no lock and make
no system call. From that order follows what they may conclude:

- who reads the number first, and then calls `since`, has every note that was published here up to that number;
- who reads the position first may find a number whose notes lie behind that position;
- notes may be read before their number counts: purges that are not acknowledged yet. They may be believed.

A number that was given elsewhere may be lower than the counter: its notes are behind the position that was read, as all
news are. An acknowledgement travels through the kernel, so whoever was reached by one sees the notes it is about, on
processors that order writes loosely too.

A writer that dies leaves notes in front of the position, whose number may not count yet, or half of some behind it,
which nobody reads. The next writer first counts the number of the last note, so that it is not given to another purge.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from enum import IntEnum
from struct import Struct
from typing import NamedTuple

from proxy.sharing._checked import CheckedSlots, slot_bytes

_NOTE = Struct("<QQ16sdd")  # as Note
CAPACITY = 16_384  # notes
SLOT_BYTES = slot_bytes(_NOTE.size)
_LOOKS = 3  # at a note: where processors order writes loosely, the position may be seen to move before the note is
_SURE = 3 / 4  # of the notes: they are not overwritten while they are read, or by a writer that died
NUMBER, POSITION, SEQUENCE = 0, 1, 2  # cells of the head


class Kind(IntEnum):
    """What a note says."""

    SOFT = 0
    HARD = 1
    FLOOR_SOFT = 2  # of every tag: numbers below this one are invalid
    FLOOR_HARD = 3


class Note(NamedTuple):
    """One purge of one tag."""

    number: int
    kind: Kind
    tag: bytes  # its digest, 16 bytes
    at: float  # seconds since the epoch
    settle_until: float


class Overrun(Exception):
    """Notes were overwritten before they were read: purges with numbers up to `upto` may be any; read on at
    `position`.
    """

    def __init__(self, upto: int, position: int) -> None:
        super().__init__("the latest purges came faster than they were read")
        self.upto = upto
        self.position = position


class FenceRing:
    """A part of the page."""

    def __init__(
        self, cells: memoryview, slots: memoryview, locked: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`cells` are three 64-bit numbers, `slots` SLOT_BYTES for each note that is kept."""
        self._cells = cells
        self._slots = CheckedSlots(slots, _NOTE)
        self._locked = locked

    @property
    def number(self) -> int:
        """The highest number that was given out or heard of."""
        return self._cells[NUMBER]

    @property
    def position(self) -> int:
        """How many notes were ever written."""
        return self._cells[POSITION]

    @property
    def oldest(self) -> int:
        """A position from which all notes can be read, even if some are written meanwhile."""
        return max(0, self.position - int(self._slots.count * _SURE))

    @property
    def sequence(self) -> int:
        """The number of the latest fetch."""
        return self._cells[SEQUENCE]

    def next_sequence(self) -> int:
        """The number of a fetch that goes out now; no other process is given the same."""
        with self._locked():
            return self.count_on()

    def count_on(self) -> int:
        """The same, for one who holds the lock."""
        sequence = self._cells[SEQUENCE] + 1
        self._cells[SEQUENCE] = sequence
        return sequence

    def raise_to(self, number: int, sequence: int = 0) -> None:
        """Count on from these, where they are higher."""
        if number <= self.number and sequence <= self.sequence:
            return
        with self._locked():
            self._cells[NUMBER] = max(self._cells[NUMBER], number)
            self._cells[SEQUENCE] = max(self._cells[SEQUENCE], sequence)

    def publish(
        self, tags: Sequence[bytes], kind: Kind, at: float, settle_until: float, number: int | None = None
    ) -> int:
        """Note one purge of these tags, under the next number or one that was given elsewhere; its number."""
        with self._locked():
            position = self._cells[POSITION]
            highest = self._cells[NUMBER] = self._highest(position)
            given = highest + 1 if number is None else number
            for place, tag in enumerate(tags, position):
                self._slots.write(place, _NOTE.pack(given, kind, tag, at, settle_until))
            self._cells[POSITION] = position + len(tags)
            self._cells[NUMBER] = max(highest, given)
            return given

    def since(self, position: int) -> tuple[list[Note], int]:
        """The notes from a position on, and the position behind them. Raises Overrun."""
        end = self.position
        if position >= end - self._slots.count:
            notes = [note for place in range(position, end) if (note := self._read(place)) is not None]
            if len(notes) == end - position:
                return notes, end
        raise Overrun(self._highest(end), end)

    def _highest(self, position: int) -> int:
        """The highest number that was given up to a position, also where its writer died before it counted.

        All notes of a purge share a number, so the last note knows. If that is overwritten, the next writer has seen to
        its number already.
        """
        last = self._read(position - 1) if position else None
        return self.number if last is None else max(last.number, self.number)

    def _read(self, place: int) -> Note | None:
        for _ in range(_LOOKS):
            record = self._slots.read(place)
            if record is not None:
                number, kind, tag, at, settle_until = _NOTE.unpack(record)
                return Note(number, Kind(kind), tag, at, settle_until)
        return None
