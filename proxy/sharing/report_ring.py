"""The report ring: what became of upstream calls, told by each process of a machine to the others.

Reports are hints for guards. Who reads too late misses some, and each process also goes by what it saw itself.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from struct import Struct
from typing import NamedTuple

from proxy.sharing._checked import CheckedSlots, slot_bytes

_REPORT = Struct("<16s16sIIdd")  # as Report
CAPACITY = 8_192  # reports
SLOT_BYTES = slot_bytes(_REPORT.size)


class Report(NamedTuple):
    """One report; what `kind`, `a` and `b` mean is for those who write and read them to agree on."""

    upstream: bytes  # a digest, 16 bytes
    key: bytes  # a digest, 16 bytes
    kind: int
    process: int  # who wrote it
    a: float
    b: float


class ReportRing:
    """A part of the page."""

    def __init__(
        self, cells: memoryview, slots: memoryview, locked: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`cells` is one 64-bit number, `slots` SLOT_BYTES for each report that is kept."""
        self._cells = cells
        self._slots = CheckedSlots(slots, _REPORT)
        self._locked = locked

    @property
    def position(self) -> int:
        """How many reports were ever written."""
        return self._cells[0]

    def publish(self, upstream: bytes, kind: int, a: float, b: float, key: bytes, process: int) -> None:
        """Tell all processes, this one included."""
        with self._locked():
            position = self._cells[0]
            self._slots.write(position, _REPORT.pack(upstream, key, kind, process, a, b))
            self._cells[0] = position + 1  # last: a report that its writer did not end is overwritten by the next

    def since(self, position: int) -> tuple[list[Report], int]:
        """The reports from a position on that are still there, and the position behind them."""
        end = self.position
        found = (self._slots.read(place) for place in range(max(position, end - self._slots.count), end))
        return [Report._make(_REPORT.unpack(record)) for record in found if record is not None], end
