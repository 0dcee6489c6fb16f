"""Spools on a disk that is full, slow, or takes and gives less than it is asked for: no reader gets wrong bytes."""

import asyncio
import gc
import os
import resource
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import pytest

from proxy.flights import spool as spools
from proxy.flights.spool import WINDOW, Spool
from proxy.upstream.messages import BrokenBody
from tests.raw_origin import turns, until

PIECE = 64 * 1024
BODY = bytes(range(256)) * (4 * WINDOW // 256)
LITTLE = 10_000  # bytes that a disk takes or gives at a time
OTHER = b"somebody else's" * 100_000


async def pieces(body=BODY, gate=None):
    """A body as it comes; the second half when the gate opens."""
    for start in range(0, len(body), PIECE):
        if gate is not None and start >= len(body) // 2:
            await gate.wait()
        yield body[start : start + PIECE]
        await asyncio.sleep(0)


async def read(reader):
    """What a reader got, and whether it was told that this is all."""
    got = bytearray()
    try:
        async for chunk in reader:
            got += chunk
    except (BrokenBody, OSError):
        return bytes(got), False
    finally:
        await reader.close()
    return bytes(got), True


@contextmanager
def full_disk(largest):
    """No file of this process grows beyond so many bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class Held:
    """A call of the disk that waits, in its thread, until it is let go."""

    def __init__(self, monkeypatch, name):
        self._call, self._began, self._ended = getattr(os, name), threading.Event(), threading.Event()
        self._let_go = threading.Event()
        monkeypatch.setattr(os, name, self)

    def __call__(self, *arguments):
        self._began.set()
        self._let_go.wait(10)
        try:
            return self._call(*arguments)
        finally:
            self._ended.set()

    async def begun(self):
        await until(self._began.is_set)

    async def end(self):
        self._let_go.set()
        await until(self._ended.is_set)


@pytest.fixture
def written_little_by_little(monkeypatch):
    write = os.pwrite
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: write(file, data[:LITTLE], at))


@pytest.fixture
def read_little_by_little(monkeypatch):
    give = os.pread
    monkeypatch.setattr(os, "pread", lambda file, size, at: give(file, min(size, LITTLE), at))


def open_files():
    """How many descriptors this process has."""
    return len(list(Path("/dev/fd").iterdir()))


async def filled(spool, body=BODY):
    """Whether a spool took in the whole body, before its only reader began; and what that got."""
    reader = spool.reader()
    went_well = await spool.fill(pieces(body))
    return went_well, await read(reader)


async def test_a_disk_that_takes_less_than_it_is_given_is_given_the_rest(written_little_by_little):
    spool = Spool(keep=len(BODY))

    assert await filled(spool) == (True, (BODY, True))
    assert await spool.whole() == BODY
    spool.close()


async def test_a_disk_that_gives_less_than_it_is_asked_for_is_asked_for_the_rest(read_little_by_little):
    spool = Spool(keep=len(BODY))

    assert await filled(spool) == (True, (BODY, True))
    assert await spool.whole() == BODY
    spool.close()


@pytest.mark.parametrize("size", [WINDOW + 2 * PIECE, len(BODY)], ids=["in the only write", "in one of many"])
@pytest.mark.parametrize("largest", [0, 1, 300_000])
async def test_a_body_that_a_full_disk_cut_short_passes_for_whole_nowhere(largest, size):
    body, spool = BODY[:size], Spool(keep=size)
    with full_disk(largest):
        went_well, (got, ended_well) = await filled(spool, body)

    assert not went_well
    assert not ended_well
    assert body.startswith(got)
    assert await spool.whole() is None
    spool.close()


async def test_a_reader_that_is_given_up_while_it_reads_gets_nobody_elses_bytes(monkeypatch):
    monkeypatch.setattr(spools, "FARTHEST_BEHIND", len(BODY) // 2)
    spool, gate = Spool(), asyncio.Event()
    slow, quick = spool.reader(), spool.reader()
    filling = asyncio.create_task(spool.fill(pieces(gate=gate)))
    quick_read = asyncio.create_task(read(quick))
    await until(lambda: spool.is_on_disk and spool.in_memory <= WINDOW)  # the beginning lies only there
    held = Held(monkeypatch, "pread")
    slow_read = asyncio.create_task(read(slow))
    await held.begun()
    gate.set()
    assert await quick_read == (BODY, True)

    with TemporaryFile() as other:  # gets the number of a file that was closed
        other.write(OTHER)
        other.flush()
        await held.end()
        got, ended_well = await slow_read

    assert BODY.startswith(got)
    assert not ended_well
    assert await filling
    spool.close()


async def test_a_body_that_is_given_up_while_it_is_written_goes_into_nobody_elses_file(monkeypatch):
    held = Held(monkeypatch, "pwrite")
    spool = Spool(keep=len(BODY))
    filling = asyncio.create_task(spool.fill(pieces()))
    await held.begun()
    filling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await filling
    spool.close()

    with TemporaryFile() as other:
        other.write(OTHER)
        other.flush()
        await held.end()
        other.seek(0)
        assert other.read() == OTHER


async def test_a_read_that_is_called_off_before_it_began_leaves_no_file_open():
    opened, let_go = open_files(), threading.Event()
    spool = Spool(keep=len(BODY))
    reader = spool.reader()
    await spool.fill(pieces())
    with ThreadPoolExecutor(1) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        threads.submit(let_go.wait, 10)
        reading = asyncio.create_task(read(reader))
        await turns()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        let_go.set()
    await reader.close()
    spool.close()
    del reading  # whose traceback still holds what was passed to the thread
    gc.collect()

    assert open_files() <= opened
