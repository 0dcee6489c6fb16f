"""Spools: one body on its way from the upstream, read by as many callers as want it, each at its own pace.

upstream ─▶ fill ─▶ [ dropped, or in a file | window in memory ] ─▶ readers

Whoever comes while the beginning is still there reads from the beginning. Memory holds a window; what is older is
dropped once every reader has had it, or, where somebody may still want it, goes to a file without a name. The upstream
is read at the pace of the quickest reader, never of the slowest; a body that is to be stored, without regard to any.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable
from tempfile import TemporaryFile
from typing import IO, NamedTuple

from proxy.disk import Descriptor, read_at, write_at
from proxy.upstream.messages import BrokenBody

WINDOW = 1024 * 1024  # bytes of one body in memory, and how far the upstream is read ahead of the quickest reader
FARTHEST_BEHIND = 1024 * 1024 * 1024  # bytes on disk for the sake of one reader; who is slower still is given up
_READ = 256 * 1024  # bytes read back from disk at a time
_SMALL = 4096  # chunks below it are put together


class _Chunk(NamedTuple):
    start: int
    data: bytes

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class Spool:
    """A body under way. `fill` it, once; each `reader` gives it from its beginning, as long as it `is_joinable`."""

    def __init__(self, *, keep: int = 0, on_disk_error: Callable[[OSError], None] = lambda _error: None) -> None:
        """`keep`: up to how many bytes the whole body is held for `whole`; 0: it is only passed on.

        `on_disk_error` hears of a disk that does not take what it should: the body then only goes to those who keep up.
        """
        self._keep = keep
        self._on_disk_error = on_disk_error
        self._chunks: deque[_Chunk] = deque()  # in memory: in order, without gaps
        self._in_memory = 0
        self._end = 0  # bytes that came
        self._file: IO[bytes] | None = None  # what is older, from `_file_from` up to the first chunk in memory
        self._file_from = 0
        self._readers: set[Reader] = set()
        self.is_done = False
        self._is_closed = self._is_broken = False
        self.error: BrokenBody | OSError | None = None
        self._change: asyncio.Future[None] | None = None

    def __repr__(self) -> str:
        return f"<Spool {self._end} bytes, {self._in_memory} in memory, {len(self._readers)} readers>"

    @property
    def is_joinable(self) -> bool:
        """Whether everything that came is still there."""
        return self.error is None and (self._file_from if self._file is not None else self._memory_from) == 0

    @property
    def is_broken(self) -> bool:
        """Whether it ended before its end, by the upstream's doing."""
        return self._is_broken

    @property
    def is_on_disk(self) -> bool:
        """Whether some of it lies in a file."""
        return self._file is not None

    @property
    def end(self) -> int:
        """Bytes that came."""
        return self._end

    @property
    def in_memory(self) -> int:
        """Bytes of it in memory."""
        return self._in_memory

    @property
    def chunks(self) -> int:
        """Pieces in memory."""
        return len(self._chunks)

    @property
    def _memory_from(self) -> int:
        return self._chunks[0].start if self._chunks else self._end

    def reader(self) -> "Reader":
        """One more reader, from the beginning. It has to be closed."""
        reader = Reader(self)
        self._readers.add(reader)
        return reader

    async def fill(self, source: AsyncIterable[bytes]) -> bool:
        """Take the body in until its end; whether it came whole. Ends early when nobody wants it any more."""
        try:
            async for data in source:
                self._append(data)
                if self._in_memory > WINDOW:
                    await self._shrink()
                if not self._keep and not await self._wanted():
                    self.error = BrokenBody("nobody reads on")
                    return False
        except BrokenBody as error:
            self.error, self._is_broken = error, True
            return False
        except OSError as error:  # the disk's: the body is lost for those who lag, and not kept
            self.error = error
            return False
        except BaseException:
            self.error = BrokenBody("given up")
            raise
        finally:
            self.is_done = True
            self.changed()
        return True

    async def whole(self) -> bytes | None:
        """The body, once `fill` has ended well; None where it was larger than what was to be kept. Raises OSError."""
        if not self._keep or self.error is not None:
            return None
        in_memory = b"".join([chunk.data for chunk in self._chunks])
        if self._file is None:
            return in_memory
        return await self._read_back(0, self._memory_from) + in_memory

    def _append(self, data: bytes) -> None:
        last = self._chunks[-1] if self._chunks else None
        if last is not None and len(last.data) + len(data) <= _SMALL:
            self._chunks[-1] = _Chunk(last.start, last.data + data)
        else:
            self._chunks.append(_Chunk(self._end, data))
        self._end += len(data)
        self._in_memory += len(data)
        if self._end > self._keep:
            self._keep = 0
        self.changed()

    async def _wanted(self) -> bool:
        """Wait until the quickest reader has come near; whether there is any reader."""
        while self._readers and self._end - max(reader.at for reader in self._readers) > WINDOW:
            await self.next_change()
        return bool(self._readers)

    async def _shrink(self) -> None:
        """Drop what every reader had; what one of them has yet to read, or the store, goes to disk."""
        for reader in [one for one in self._readers if self._end - one.at > FARTHEST_BEHIND]:
            reader.give_up()
        slowest = 0 if self._keep else min((reader.at for reader in self._readers), default=self._end)
        if self._file is not None and slowest >= self._memory_from:
            self._close_file()
        old: list[_Chunk] = []
        excess = self._in_memory - WINDOW // 2
        for chunk in self._chunks:
            if excess <= 0:
                break
            excess -= len(chunk.data)
            old.append(chunk)
        needed = [chunk for chunk in old if self._file is not None or chunk.end > slowest]
        if needed:
            try:
                await self._to_disk(needed)
            except OSError as error:
                self._on_disk_error(error)
                self._do_without(needed[-1].end)
        for chunk in old:
            self._chunks.popleft()
            self._in_memory -= len(chunk.data)

    def _do_without(self, end: int) -> None:
        """Nothing before `end` can be had any more."""
        self._keep = 0
        self._close_file()
        for reader in [one for one in self._readers if one.at < end]:
            reader.give_up()

    async def _to_disk(self, chunks: list[_Chunk]) -> None:
        if self._file is None:
            self._file = TemporaryFile(prefix="larder-spool-")  # noqa: SIM115 - closed with the spool
            self._file_from = chunks[0].start
        data = b"".join([chunk.data for chunk in chunks])
        position = chunks[0].start - self._file_from
        await Descriptor(self._file).lend(lambda number: write_at(number, data, position))

    async def _read_back(self, position: int, size: int) -> bytes:
        """Bytes that lie on disk. Raises OSError where they are not there."""
        if self._file is None:
            raise OSError("the spool is closed")
        at = position - self._file_from
        return await Descriptor(self._file).lend(lambda number: read_at(number, size, at))

    async def data_at(self, position: int) -> bytes:
        """What there is from `position` on: some of it at least, or nothing yet."""
        for chunk in reversed(self._chunks):
            if chunk.start <= position:
                return chunk.data[position - chunk.start :] if position > chunk.start else chunk.data
        if self._file is None:
            return b""
        return await self._read_back(position, min(_READ, self._memory_from - position))

    def leave(self, reader: "Reader") -> None:
        """One reader less."""
        self._readers.discard(reader)
        self._let_go()
        self.changed()

    def close(self) -> None:
        """Whoever filled it is done with it; it lasts as long as somebody reads."""
        self._is_closed = True
        self._let_go()

    def _let_go(self) -> None:
        if self._is_closed and not self._readers:
            self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def changed(self) -> None:
        """Wake whoever waits: something came, was read, or ended."""
        if self._change is not None and not self._change.done():
            self._change.set_result(None)
        self._change = None

    async def next_change(self) -> None:
        """Wait until anything is different."""
        if self._change is None:
            self._change = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._change)


class Reader:
    """One caller's view of a body under way. Raises BrokenBody or OSError where it ends before its end."""

    def __init__(self, spool: Spool) -> None:
        self.at = 0  # bytes read
        self._spool = spool
        self._given_up = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        spool = self._spool
        while not self.is_given_up():
            data = await spool.data_at(self.at)
            if self.is_given_up():  # what was read may be anything
                break
            if data:
                self.at += len(data)
                spool.changed()
                yield data
            elif spool.is_done:
                break
            else:
                await spool.next_change()
        if self.is_given_up():
            raise BrokenBody("too far behind")
        if spool.error is not None or self.at < spool.end:
            raise BrokenBody("the upstream broke off") from spool.error

    def is_given_up(self) -> bool:
        """Whether the rest is lost to it."""
        return self._given_up

    def give_up(self) -> None:
        """It lags too far behind."""
        self._given_up = True
        self._spool.leave(self)

    async def close(self) -> None:
        """Let go. The body goes on for others, and for the store."""
        self._spool.leave(self)
