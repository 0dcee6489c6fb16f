"""Bodies of requests: where one ends (RFC 9112 §6, §7.1), counted strictly beside the parser that decodes it.

Nobody may read as a request what was sent as a body, or the other way round: what two readers could see differently
is refused.
"""

import re
from typing import Protocol

from proxy.http.refusals import Unreadable, not_a_chunk

MOST_TRAILERS = 200  # trailer fields of one body

_CRLF = b"\r\n"
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})(;[\t -~\x80-\xff]*)?\r\n")  # §7.1.1, without the space it calls bad


class Body(Protocol):
    """A body under way."""

    is_done: bool

    def take(self, data: bytes) -> int:
        """How many of the bytes that came next belong to it. Raises Unreadable."""


class KnownLength:
    """A body of as many bytes as Content-Length says (RFC 9112 §6.2)."""

    def __init__(self, length: int) -> None:
        self._left = length
        self.is_done = length == 0

    def take(self, data: bytes) -> int:
        """How many of the bytes that came next belong to it."""
        taken = min(self._left, len(data))
        self._left -= taken
        self.is_done = self._left == 0
        return taken


class Chunked:
    """A body in chunks (RFC 9112 §7.1). `limit`: bytes that its extensions and trailer fields may have together."""

    def __init__(self, limit: int) -> None:
        self.is_done = False
        self._limit = limit
        self._left = 0  # bytes of a chunk, and of the line end behind it
        self._line = b""  # begun, not ended
        self._beside = 0  # bytes of extensions and trailer fields so far
        self._trailers = -1  # how many; -1: the last chunk did not come yet

    def take(self, data: bytes) -> int:
        """How many of the bytes that came next belong to it. Raises Unreadable."""
        at = 0
        while at < len(data) and not self.is_done:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
            else:
                at = self._read_line(data, at)
        return at

    def _read_line(self, data: bytes, at: int) -> int:
        """Read to the end of a line, or of what came; where that is."""
        end = data.find(b"\n", at) + 1
        stop = end or len(data)
        self._line += data[at:stop]
        if self._beside + len(self._line) > self._limit:
            raise Unreadable(not_a_chunk())
        if end:
            line, self._line = self._line, b""
            if self._trailers < 0:
                self._take_size(line)
            else:
                self._take_trailer(line)
        return stop

    def _take_size(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise Unreadable(not_a_chunk())
        self._beside += len(match[2] or b"")
        size = int(match[1], 16)
        if size:
            self._left = size + len(_CRLF)
        else:
            self._trailers = 0

    def _take_trailer(self, line: bytes) -> None:
        """Trailer fields are counted and left behind: none is merged into the head (RFC 9110 §6.5.1)."""
        self.is_done = line == _CRLF
        self._beside += len(line)
        self._trailers += 1
        if self._trailers > MOST_TRAILERS:
            raise Unreadable(not_a_chunk())
