"""Spools: each reader at its own pace, the upstream at the quickest one's, and no more than a window in memory."""

import asyncio
import gc

import pytest

from proxy.flights.spool import WINDOW, Spool
from proxy.upstream.messages import BrokenBody

PIECE = 64 * 1024


class Source:
    """Pieces of a body, counted as they are taken."""

    def __init__(self, pieces, error=None, gate=None):
        self.pieces, self.error, self.gate = pieces, error, gate
        self.taken = 0

    async def __aiter__(self):
        for piece in self.pieces:
            if self.gate is not None:
                await self.gate.acquire()
            self.taken += len(piece)
            yield piece
            await asyncio.sleep(0)
        if self.error is not None:
            raise self.error


def pieces(size):
    body = bytes(range(256)) * (size // 256)
    return [body[at : at + PIECE] for at in range(0, len(body), PIECE)]


async def read(reader):
    got = [chunk async for chunk in reader]
    await reader.close()
    return b"".join(got)


async def turns(count=50):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_every_reader_gets_the_whole_body():
    spool, source = Spool(keep=10_000), Source([b"ab", b"", b"cd" * 100, b"e"])
    readers = [spool.reader() for _ in range(3)]
    reads = [asyncio.create_task(read(reader)) for reader in readers]

    assert await spool.fill(source)
    assert await asyncio.gather(*reads) == [b"ab" + b"cd" * 100 + b"e"] * 3
    assert await spool.whole() == b"ab" + b"cd" * 100 + b"e"


async def test_the_first_piece_is_there_before_the_second_came():
    gate = asyncio.Semaphore(1)
    spool = Spool()
    chunks = aiter(spool.reader())
    filling = asyncio.create_task(spool.fill(Source([b"first", b"second"], gate=gate)))

    assert await anext(chunks) == b"first"
    gate.release()
    assert await anext(chunks) == b"second"
    await filling


async def test_who_comes_late_reads_from_the_beginning():
    spool, body = Spool(keep=8 * WINDOW), pieces(4 * WINDOW)
    assert await spool.fill(Source(body))

    assert spool.is_joinable
    assert await read(spool.reader()) == b"".join(body)
    assert await spool.whole() == b"".join(body)
    spool.close()


async def test_a_body_that_is_only_passed_on_is_read_no_further_than_a_window_ahead():
    spool, source = Spool(), Source(pieces(8 * WINDOW))
    reader = spool.reader()
    filling = asyncio.create_task(spool.fill(source))
    await turns(1000)

    assert WINDOW <= source.taken <= WINDOW + 2 * PIECE
    assert len(await read(reader)) == 8 * WINDOW
    assert await filling


async def test_the_slowest_reader_paces_nobody():
    spool, source = Spool(), Source(pieces(8 * WINDOW))
    slow, quick = spool.reader(), spool.reader()
    filling = asyncio.create_task(spool.fill(source))
    assert len(await read(quick)) == 8 * WINDOW  # while the slow one read nothing at all
    assert await filling
    spool.close()

    assert await read(slow) == b"".join(pieces(8 * WINDOW))


async def test_memory_holds_a_window_whatever_the_body_and_the_readers():
    spool, source = Spool(keep=64 * WINDOW), Source(pieces(16 * WINDOW))
    slow = spool.reader()
    most = 0

    async def watch():
        nonlocal most
        async for _ in quick:
            most = max(most, spool.in_memory)
        await quick.close()

    quick = spool.reader()
    watching = asyncio.create_task(watch())
    assert await spool.fill(source)
    await watching

    spool.close()
    assert most <= WINDOW + PIECE
    assert await read(slow) == b"".join(pieces(16 * WINDOW))


async def test_what_is_larger_than_may_be_kept_is_not_whole_and_leaves_the_disk_again():
    spool = Spool(keep=2 * WINDOW)
    reader = spool.reader()
    reading = asyncio.create_task(read(reader))
    assert await spool.fill(Source(pieces(8 * WINDOW)))

    assert len(await reading) == 8 * WINDOW
    assert await spool.whole() is None
    assert not spool.is_joinable
    assert not spool.is_on_disk


async def test_nobody_joins_once_the_beginning_is_gone():
    spool = Spool()
    reader = spool.reader()
    assert spool.is_joinable
    filling = asyncio.create_task(spool.fill(Source(pieces(4 * WINDOW))))
    await read(reader)
    await filling

    assert not spool.is_joinable


async def test_a_body_that_breaks_off_is_never_whole_and_every_reader_hears_of_it():
    spool = Spool(keep=1000)
    readers = [spool.reader(), spool.reader()]
    assert not await spool.fill(Source([b"abc"], error=BrokenBody("short")))

    for reader in readers:
        chunks = aiter(reader)
        assert await anext(chunks) == b"abc"
        with pytest.raises(BrokenBody):
            await anext(chunks)
    assert await spool.whole() is None
    assert not spool.is_joinable


async def test_a_body_that_nobody_wants_any_more_is_given_up():
    spool, source = Spool(), Source(pieces(8 * WINDOW))
    reader = spool.reader()
    filling = asyncio.create_task(spool.fill(source))
    await anext(aiter(reader))
    await reader.close()

    assert not await filling
    assert source.taken < 3 * WINDOW


async def test_a_body_that_is_to_be_kept_is_taken_in_though_every_caller_left():
    spool = Spool(keep=8 * WINDOW)
    await spool.reader().close()

    assert await spool.fill(Source(pieces(4 * WINDOW)))
    assert await spool.whole() == b"".join(pieces(4 * WINDOW))
    spool.close()


async def test_a_reader_that_leaves_in_the_middle_disturbs_nobody():
    spool = Spool()
    leaving, staying = spool.reader(), spool.reader()
    filling = asyncio.create_task(spool.fill(Source(pieces(4 * WINDOW))))
    staying_read = asyncio.create_task(read(staying))
    await anext(aiter(leaving))
    await leaving.close()

    assert len(await staying_read) == 4 * WINDOW
    assert await filling
    spool.close()


async def test_many_small_pieces_are_put_together():
    spool = Spool(keep=100_000)
    assert await spool.fill(Source([b"x"] * 50_000))

    assert await spool.whole() == b"x" * 50_000
    assert spool.chunks < 50


async def test_no_file_stays_open_behind(recwarn):
    spool = Spool(keep=8 * WINDOW)
    reader = spool.reader()
    assert await spool.fill(Source(pieces(4 * WINDOW)))
    spool.close()
    assert spool.is_on_disk  # somebody still reads
    await read(reader)
    assert not spool.is_on_disk

    del spool, reader
    gc.collect()
    assert [str(one.message) for one in recwarn if issubclass(one.category, ResourceWarning)] == []
