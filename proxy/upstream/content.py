"""Content: the body of an answer as it is read: its content coding undone, never larger than it may be.

What comes is undone a piece at a time, when it is wanted: however much a coding grows, memory holds what came and one
piece.
"""

import asyncio
import zlib
from collections import deque
from collections.abc import AsyncIterator, Iterator

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

from proxy.upstream.messages import BrokenBody, TooLarge

CHUNK = 64 * 1024  # bytes of a piece, at most
MOST_MEMBERS = 1_000  # of one gzip body (RFC 1952 §2.2); one is what everybody sends

_BREAKS = (aiohttp.ClientError, HttpProcessingError, OSError)
_GZIP, _ZLIB, _RAW = 31, 15, -15  # wbits
_DEFLATE_METHOD = 8  # in the low bits of a zlib stream's first octet (RFC 1950 §2.2); some send DEFLATE without it
_CODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}  # RFC 9110 §8.4.1


def is_undone(coding: str) -> bool:
    """Whether a value of Content-Encoding is one that can be undone here."""
    return coding.strip().lower() in _CODINGS


class Undoing:
    """A content coding being taken off. Raises BrokenBody for what is not coded so."""

    def __init__(self, coding: str) -> None:
        self._wbits = _CODINGS[coding.strip().lower()]
        self._member: zlib._Decompress | None = None  # under way
        self._members = 0

    def pieces(self, coded: bytes) -> Iterator[bytes]:
        """What comes out, a piece at a time."""
        is_full = False
        while coded or is_full:  # a full piece may have left something inside, though all input is taken
            member = self._member or self._begin(coded)
            try:
                piece = member.decompress(coded, CHUNK)
            except zlib.error as error:
                raise BrokenBody("not coded as it says") from error
            is_full = len(piece) == CHUNK and not member.eof
            coded = member.unconsumed_tail
            if member.eof:
                coded, self._member = member.unused_data, None
            if piece:
                yield piece

    def end(self) -> None:
        """There is no more. Raises BrokenBody where there should be."""
        if self._member is not None:
            raise BrokenBody("the coding ended before its end")

    def _begin(self, coded: bytes) -> "zlib._Decompress":
        self._members += 1
        if self._members > (MOST_MEMBERS if self._wbits == _GZIP else 1):
            raise BrokenBody("more behind the end of the coding")
        is_raw = self._wbits == _ZLIB and coded[0] & 0xF != _DEFLATE_METHOD
        self._member = zlib.decompressobj(_RAW if is_raw else self._wbits)
        return self._member


class Content:
    """A body to be read once, by `read` and then by iterating over what is left. `most`: bytes it may have, both as it
    comes and as it is read. Raises TooLarge beyond, and BrokenBody where it ends before its end, after what came.
    """

    def __init__(self, source: StreamReader, undoing: Undoing | None, most: int) -> None:
        self._source = source
        self._undoing = undoing
        self._most = most
        self._came = self._size = 0  # bytes, coded and not
        self._pieces: AsyncIterator[bytes] | None = None

    @property
    def is_here(self) -> bool:
        """Whether all of it came."""
        return self._source.is_eof() and self._source.exception() is None

    @property
    def size_here(self) -> int | None:
        """How many bytes it has, where all of it came and it is not coded."""
        return self._source.total_bytes if self._undoing is None and self.is_here else None

    def read_now(self) -> bytes:
        """What came of it."""
        if self._source.total_bytes > self._most:
            raise TooLarge
        return self._source.read_nowait()

    async def read(self, limit: int) -> deque[bytes]:
        """It in pieces: all of it, or somewhat more than the limit where it is longer."""
        pieces: deque[bytes] = deque()
        size = 0
        async for piece in self:
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                break
        return pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        if self._pieces is None:
            self._pieces = self._all()
        return self._pieces

    async def _all(self) -> AsyncIterator[bytes]:
        source = self._source
        try:
            while coded := await source.read(CHUNK):
                for piece in self._taken(coded):
                    yield piece
                    if self._undoing is not None and len(piece) == CHUNK:
                        await asyncio.sleep(0)  # much may come out of little: others have their turn
        except _BREAKS as error:
            while source._buffer:  # noqa: SLF001 - aiohttp withholds what came before an error
                for piece in self._taken(source._read_nowait(CHUNK)):  # noqa: SLF001 - the same
                    yield piece
            raise BrokenBody("the body ended before its end") from error
        if self._undoing is not None:
            self._undoing.end()

    def _taken(self, coded: bytes) -> Iterator[bytes]:
        """The pieces of what came. Raises TooLarge, BrokenBody."""
        self._came += len(coded)
        for piece in (coded,) if self._undoing is None else self._undoing.pieces(coded):
            self._size += len(piece)
            if self._size > self._most:
                raise TooLarge
            yield piece
        if self._came > self._most:  # a coding may grow to nothing at all
            raise TooLarge
