"""Limits of a body: how many bytes it may have, decoded or not, and how long it may take; a bomb is not let go off."""

import asyncio
import gzip
import tracemalloc

import pytest

from policies import EgressPolicy
from tests.calling import Time, body_of, line, streamed
from tests.raw_origin import End, raw_origin, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ZIPPED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
TOO_LARGE = ("too-large", True)
MEGABYTE = 1_000_000
BOMB = gzip.compress(bytes(64 * MEGABYTE), mtime=0)


@pytest.fixture
async def time(monkeypatch):
    return Time(monkeypatch)


def most(size):
    return EgressPolicy(max_body=size)


def framed(size, kind):
    """A body of so many bytes: framed by its length, in chunks, or by the end of its connection."""
    body = b"x" * size
    if kind == "length":
        return (b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size, body)
    if kind == "chunks":
        return (CHUNKED, b"%x\r\n" % size + body + b"\r\n0\r\n\r\n")
    return (b"HTTP/1.1 200 OK\r\n\r\n" + body, End.FIN)


def zipped(packed):
    return (ZIPPED % len(packed), packed)


FRAMED = pytest.mark.parametrize("kind", ["length", "chunks", "end"])


@FRAMED
@pytest.mark.parametrize("read", [1_000_000, 0, -1])
async def test_a_body_of_just_as_many_bytes_is_whole(kind, read):
    async with raw_origin(framed(100_000, kind)) as there, line(there.url) as call:
        assert await body_of(await call(read=read, egress=most(100_000))) == b"x" * 100_000


@FRAMED
async def test_a_body_that_is_read_is_too_large_with_one_byte_more(kind):
    async with raw_origin(framed(1_000_001, kind), OK) as there, line(there.url) as call:
        assert await call.failure(egress=most(MEGABYTE)) == TOO_LARGE
        assert (await call()).body == b"ok"


@FRAMED
@pytest.mark.parametrize("read", [10_000_000, -1])
async def test_a_connection_on_which_too_much_comes_is_let_go(kind, read):
    async with raw_origin(framed(10 * MEGABYTE, kind)) as there, line(there.url) as call:
        if read > 0 or kind == "length":
            assert await call.failure(read=read, egress=most(MEGABYTE)) == TOO_LARGE
        else:
            assert not (await streamed(await call(read=read, egress=most(MEGABYTE))))[1]
        await until(lambda: there.gone == 1)


@pytest.mark.parametrize("read", [1000, 0, -1])
async def test_a_body_that_came_with_its_head_is_too_large_as_well(read):
    async with raw_origin(b"".join(framed(101, "chunks"))) as there, line(there.url) as call:
        if read >= 0:
            assert await call.failure(read=read, egress=most(100)) == TOO_LARGE
        else:
            assert await body_of(await call(read=read, egress=most(100))) is None
        assert await body_of(await call(read=read, egress=most(101))) == b"x" * 101


@pytest.mark.parametrize("kind", ["chunks", "end"])
async def test_a_body_that_streams_breaks_off_with_one_byte_more(kind):
    async with raw_origin(framed(1_000_001, kind)) as there, line(there.url) as call:
        body, whole = await streamed(await call(read=-1, egress=most(MEGABYTE)))

        assert (len(body) <= MEGABYTE, whole) == (True, False)
        await until(lambda: there.gone == 1)


@pytest.mark.parametrize("read", [1_000_000, 0, -1])
async def test_a_length_that_is_too_large_is_refused_at_the_head(read):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100001\r\n\r\n"
    async with raw_origin((head, asyncio.Event().wait)) as there, line(there.url) as call:
        assert await call.failure(read=read, egress=most(100_000)) == TOO_LARGE


@pytest.mark.parametrize(("method", "status"), [("HEAD", b"200"), ("GET", b"304")])
async def test_the_length_of_a_body_that_does_not_come_is_no_harm(method, status):
    said = b"HTTP/1.1 " + status + b" Yes\r\nContent-Length: 100001\r\n\r\n"
    async with raw_origin(said) as there, line(there.url) as call:
        assert (await call(method, egress=most(100_000))).headers["content-length"] == "100001"


@pytest.mark.parametrize("size", [99_999, 100_000, 100_001, 5_000_000])
@pytest.mark.parametrize("read", [10_000_000, 0, -1])
async def test_a_body_is_counted_after_its_coding_was_undone(size, read):
    async with raw_origin(zipped(gzip.compress(bytes(size)))) as there, line(there.url) as call:
        if size <= 100_000:
            assert await body_of(await call(read=read, egress=most(100_000), decode=True)) == bytes(size)
        elif read > 0:
            assert await call.failure(read=read, egress=most(100_000), decode=True) == TOO_LARGE
        else:
            body, whole = await streamed(await call(read=read, egress=most(100_000), decode=True))
            assert (len(body) <= 100_000, whole) == (True, False)


async def test_a_coding_that_is_not_undone_counts_as_it_comes():
    async with raw_origin(zipped(BOMB)) as there, line(there.url) as call:
        assert (await call(egress=most(len(BOMB)))).body == BOMB
        assert await call.failure(egress=most(len(BOMB) - 1)) == TOO_LARGE


async def test_a_coding_that_undoes_to_nothing_counts_as_it_comes_too():
    hollow = gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 100_000  # stored blocks of no bytes (RFC 1951 §3.2.4)
    said = (CHUNKED.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n"), b"%x\r\n" % len(hollow) + hollow)
    async with raw_origin((*said, asyncio.Event().wait)) as there, line(there.url) as call:
        assert await call.failure(egress=most(400_000), decode=True) == TOO_LARGE


@pytest.fixture
def peak():
    """Bytes that Python held at most since the test began."""
    tracemalloc.start()
    yield lambda: tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()


async def test_a_bomb_that_is_read_is_inflated_no_further_than_it_may_be(peak):
    async with raw_origin(zipped(BOMB)) as there, line(there.url) as call:
        assert len(BOMB) * 900 < 64 * MEGABYTE
        assert await call.failure(read=64 * MEGABYTE, egress=most(MEGABYTE), decode=True) == TOO_LARGE

    assert peak() < 3 * MEGABYTE


async def test_a_bomb_that_streams_is_inflated_as_it_is_read_and_never_at_once(peak):
    size = largest = 0
    async with raw_origin(zipped(BOMB)) as there, line(there.url) as call:
        reply = await call(read=-1, decode=True)
        async for piece in reply.stream:
            size, largest = size + len(piece), max(largest, len(piece))

    assert (size, largest) == (64 * MEGABYTE, 64 * 1024)
    assert peak() < 2 * MEGABYTE


async def test_while_a_bomb_is_inflated_others_have_their_turn():
    turns = 0
    done = asyncio.Event()

    async def count():
        nonlocal turns
        while not done.is_set():
            turns += 1
            await asyncio.sleep(0)

    async with raw_origin(zipped(BOMB)) as there, line(there.url) as call:
        counting = asyncio.ensure_future(count())
        assert len((await call(read=64 * MEGABYTE, decode=True)).body) == 64 * MEGABYTE
        done.set()
        await counting

    assert turns > 64 * MEGABYTE / (64 * 1024) / 2


@pytest.mark.parametrize(("body_time", "is_whole"), [(600, True), (300, False)])
async def test_a_stream_that_never_pauses_long_still_ends_with_its_time(time, body_time, is_whole):
    script = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
        *[step for _ in range(10) for step in (time.passing(50), b"x")],
    )
    async with raw_origin(script) as there, line(there.url) as call:
        body, whole = await streamed(await call(read=-1, egress=EgressPolicy(body_time=body_time)))

        assert whole == is_whole
        assert len(body) == 10 if is_whole else 1 <= len(body) < 8
        while not (is_whole or there.gone):
            await asyncio.sleep(0)


async def test_a_stream_that_came_to_its_end_in_time_leaves_its_connection_to_others(time):
    async with raw_origin((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok")) as there, line(there.url) as call:
        for _ in range(3):
            assert await streamed(await call(read=-1, egress=EgressPolicy(body_time=30))) == (b"ok", True)
            await time.passing(20)()

        assert there.connections == 1


@pytest.mark.parametrize("is_whole", [True, False])
async def test_of_a_stream_that_ended_no_clock_goes_on(is_whole):
    script = (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok" if is_whole else End.RST)
    async with raw_origin(script) as there, line(there.url) as call:
        await streamed(await call(read=-1, egress=EgressPolicy(body_time=10_000)))

        loop = asyncio.get_running_loop()
        assert not [timer for timer in loop._scheduled if timer.when() > loop.time() + 5_000 and not timer.cancelled()]
