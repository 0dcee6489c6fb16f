"""Disk: reading and writing a file on a thread, all or nothing."""

import asyncio
import os
from collections.abc import Callable
from typing import IO, TypeVar

T = TypeVar("T")


class Descriptor:
    """Another descriptor of an open file, for one piece of work on a thread: that may still go on when the spool is
    closed, and the file's own number be another file's by then. Whoever takes it closes it.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._number = [os.dup(file.fileno())]

    def take(self) -> int | None:
        """The number; None where it was taken already."""
        try:
            return self._number.pop()  # one of two threads gets it, never both
        except IndexError:
            return None

    async def lend(self, work: Callable[[int], T]) -> T:
        """Do this on a thread. What is called off before it began leaves nothing open."""
        try:
            return await asyncio.to_thread(self._do, work)
        finally:
            left = self.take()
            if left is not None:
                os.close(left)

    def _do(self, work: Callable[[int], T]) -> T:
        number = self.take()
        if number is None:
            raise OSError("called off")
        try:
            return work(number)
        finally:
            os.close(number)


def write_at(number: int, data: bytes, position: int) -> None:
    """All of it. Raises OSError where the disk takes no more."""
    written = 0
    while written < len(data):
        written += _some(os.pwrite(number, data[written:], position + written))


def read_at(number: int, size: int, position: int) -> bytes:
    """All of it. Raises OSError where it is not there."""
    data = b""
    while len(data) < size:
        more = os.pread(number, size - len(data), position + len(data))
        _some(len(more))
        data += more
    return data


def _some(count: int) -> int:
    if not count:
        raise OSError("the disk takes no more, or lost what it had")
    return count
