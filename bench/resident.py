"""Resident: how high the resident memory of a process rises while something goes on (proc(5); Linux only)."""

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from bench.processes import BenchError

_SAMPLED_EVERY = 0.02  # seconds
_FORGET_THE_PEAK = "5"  # what clear_refs makes of it: VmHWM starts again from VmRSS


class Rise:
    """Between entering and leaving: MB (1000 000 bytes) resident at first, and at most; the kernel's own count where
    it may be reset, else sampled every 20 ms."""

    def __init__(self, pid: int) -> None:
        self.before = self.highest = 0.0
        self.way = "VmHWM"
        self._pid = pid
        self._over = threading.Event()
        self._sampling = threading.Thread(target=self._sample)

    def __enter__(self) -> Self:
        self.before = self.highest = _megabytes(self._pid, "VmRSS")
        try:
            Path(f"/proc/{self._pid}/clear_refs").write_text(_FORGET_THE_PEAK)
        except OSError:
            self.way = "VmRSS, sampled"
            self._sampling.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sampling.is_alive():
            self._over.set()
            self._sampling.join()
        else:
            self.highest = _megabytes(self._pid, "VmHWM")

    def _sample(self) -> None:
        while not self._over.wait(_SAMPLED_EVERY):
            self.highest = max(self.highest, _megabytes(self._pid, "VmRSS"))


def _megabytes(pid: int, field: str) -> float:
    found = re.search(rf"^{field}:\s*(\d+) kB$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    if found is None:
        raise BenchError("a process ended while its memory was measured")
    return int(found[1]) * 1024 / 1e6
