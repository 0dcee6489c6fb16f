"""The page: memory that the processes of one machine map, to know at a look what the others did (DESIGN.md §5, edge 8).

It holds the fence counter with the latest purges, until when this machine is coherent with others, who fetches what,
how many calls are in the air, what became of calls, and which keys the durable store may hold. Readers take no lock and
make no system call. Writers hold a record lock on the page's file, which the kernel lets go of when they die:
descriptors that are inherited share a `flock`, but not a record lock. Two rules of record locks have to be kept: they
hold between processes, so in each process one thread writes; and a process loses one when it closes any descriptor of
the file, so in each process there is one `Page`.

Each part is whole whenever a writer dies: counters and columns are written at once, slots carry a checksum, and what
says that something was written is written last.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from math import inf
from mmap import mmap
from tempfile import TemporaryFile
from typing import Final

from proxy.sharing import fence_ring, lease_table, report_ring, slot_counts
from proxy.sharing.fence_ring import FenceRing
from proxy.sharing.lease_table import LeaseTable
from proxy.sharing.report_ring import ReportRing
from proxy.sharing.slot_counts import SlotCounts

KEY_SLOTS: Final = 1 << 24  # bytes of the key filter
CELLS = 16

_HEAD = 4096  # bytes: fence cells, coherence, the report ring's position, cells for whoever needs one
_FENCE_CELLS, _COHERENT, _REPORT_CELL, _LISTED, _CELLS = 0, 3, 4, 5, 16  # places in the head, in words of 8 bytes
_FENCES = _HEAD
_REPORTS = _FENCES + fence_ring.CAPACITY * fence_ring.SLOT_BYTES
_LEASES = _REPORTS + report_ring.CAPACITY * report_ring.SLOT_BYTES
_SLOTS = _LEASES + lease_table.CAPACITY * lease_table.SLOT_BYTES
_KEYS = _SLOTS + slot_counts.CAPACITY * slot_counts.SLOT_BYTES
_SIZE = _KEYS + KEY_SLOTS


class Page:
    """One mapping of it. Everything in it is synchronous; nothing waits for longer than another's few microseconds."""

    def __init__(self, fd: int | None, process: int) -> None:
        """Use `anonymous`, `create` or `attach`."""
        self._fd = fd
        self._is_shared = fd is not None
        self.process = process
        self._memory = mmap(-1 if fd is None else fd, _SIZE)
        self._view = memoryview(self._memory)
        view, locked = self._view, self.locked
        words = view[:_HEAD].cast("Q")
        self._listed = words[_LISTED : _LISTED + 1]
        self._cells = words[_CELLS : _CELLS + CELLS]
        self._reals = view[:_HEAD].cast("d")
        self.fences = FenceRing(words[_FENCE_CELLS : _FENCE_CELLS + 3], view[_FENCES:_REPORTS], locked)
        self.reports = ReportRing(words[_REPORT_CELL : _REPORT_CELL + 1], view[_REPORTS:_LEASES], locked)
        self.leases = LeaseTable(view[_LEASES:_SLOTS], self.fences, locked)
        self.slots = SlotCounts(view[_SLOTS:_KEYS], locked)
        self.keys = view[_KEYS:]

    @classmethod
    def anonymous(cls) -> "Page":
        """For one process alone."""
        page = cls(None, 0)
        page.coherent_until = inf
        return page

    @classmethod
    def create(cls) -> "Page":
        """For processes that will inherit `fd`."""
        fd = os.memfd_create("larder-page") if hasattr(os, "memfd_create") else _unlinked_file()
        os.ftruncate(fd, _SIZE)
        page = cls(fd, 0)
        page.coherent_until = inf
        return page

    @classmethod
    def attach(cls, fd: int, process: int) -> "Page":
        """The page that an inherited descriptor leads to, for the process of that number (1 and up).

        Raises ValueError when that is no page.
        """
        return cls(fd, process)

    @property
    def fd(self) -> int:
        """What other processes inherit to attach. Raises RuntimeError where there is none."""
        if self._fd is None:
            raise RuntimeError("the page is closed" if self._is_shared else "an anonymous page is for one process")
        return self._fd

    @property
    def coherent_until(self) -> float:
        """Until when this machine has surely heard of every purge that others acknowledged, by `boottime`."""
        return self._reals[_COHERENT]

    @coherent_until.setter
    def coherent_until(self, instant: float) -> None:
        self._reals[_COHERENT] = instant

    @property
    def are_keys_listed(self) -> bool:
        """Whether `keys` tells of all keys that the durable store held when it was opened."""
        return self._listed[0] == 1

    def list_keys(self) -> None:
        """They are all there now; others may believe `keys`."""
        self._listed[0] = 1

    def cell(self, place: int) -> int:
        """One of CELLS numbers for whoever agrees on what they mean. Raises IndexError beyond them."""
        return self._cells[place]

    def set_cell(self, place: int, value: int) -> None:
        """Set one of these numbers."""
        self._cells[place] = value

    def forget_process(self, process: int) -> None:
        """A process died: what it held is free again."""
        self.leases.forget_process(process)
        self.slots.forget_process(process)

    def locked(self) -> AbstractContextManager[None]:
        """Write alone; not to be entered again inside. Raises RuntimeError when the page is closed."""
        return self._locked() if self._is_shared else nullcontext()

    @contextmanager
    def _locked(self) -> Iterator[None]:
        fd = self.fd
        fcntl.lockf(fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(fd, fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the descriptor: nothing more is written. The memory can be read as long as somebody has it."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _unlinked_file() -> int:
    with TemporaryFile(prefix="larder-page") as file:
        return os.dup(file.fileno())
