"""Output: lines of several processes into one stream, none of them torn apart by another's.

A write of at most PIPE_BUF bytes to a pipe stays whole (POSIX write(2)); so lines go out in pieces no longer than that.
"""

import io
import os
from collections.abc import Iterator
from select import PIPE_BUF
from typing import TextIO

STDERR = 2


def lines_to(descriptor: int) -> TextIO:
    """A stream for whole lines, written when they come."""
    return io.TextIOWrapper(_Lines(descriptor), encoding="utf-8", errors="backslashreplace", write_through=True)


def pieces(data: bytes) -> Iterator[bytes]:
    """Whole lines, as many at once as stay whole; a line that is longer goes by itself."""
    piece = b""
    for line in data.splitlines(keepends=True):
        if piece and len(piece) + len(line) > PIPE_BUF:
            yield piece
            piece = b""
        piece += line
    if piece:
        yield piece


class _Lines(io.BufferedIOBase):
    """A descriptor that others write to as well. It is not closed here."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @property
    def name(self) -> str:
        return f"<lines to {self._descriptor}>"

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        """Raises OSError when nobody reads any more."""
        whole = bytes(data)  # type: ignore[call-overload]
        for piece in pieces(whole):
            rest = piece
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        return len(whole)
