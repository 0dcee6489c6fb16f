"""Transport: how much of a body is read, and how the rest streams: at once, in order, no quicker than it is wanted."""

import asyncio
import gzip

import pytest
from aiohttp import ClientConnectionError

from proxy.upstream.http_client import Wire
from proxy.upstream.messages import BrokenBody
from tests.calling import ALL, Time, body_of, line, streamed
from tests.raw_origin import End, raw_origin, turns, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
TEN = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"
HEAD, BODY = TEN[:-10], TEN[-10:]
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
TEN_CHUNKED = CHUNKED + b"4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"
LARGE = bytes(range(256)) * 40_000
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE)


@pytest.fixture
async def time(monkeypatch):
    return Time(monkeypatch)


@pytest.mark.parametrize("whole", [TEN, TEN_CHUNKED, TEN[:-10] + BODY], ids=["length", "chunked", "at once"])
@pytest.mark.parametrize(
    ("read", "is_stream"), [(ALL, False), (11, False), (10, False), (9, True), (1, True), (0, False), (-1, True)]
)
async def test_a_body_that_is_here_is_read_as_far_as_it_may_be(whole, read, is_stream):
    async with raw_origin(whole) as there, line(there.url) as call:
        for _ in range(2):
            reply = await call(read=read)
            assert (reply.stream is not None) == is_stream
            assert await body_of(reply) == BODY

        assert there.connections == 1


@pytest.mark.parametrize("pieces", [(HEAD, BODY), (HEAD + BODY[:9], BODY[9:]), (TEN_CHUNKED[:-1], TEN_CHUNKED[-1:])])
@pytest.mark.parametrize(
    ("read", "is_stream"), [(ALL, False), (11, False), (10, False), (9, True), (1, True), (0, True), (-1, True)]
)
async def test_a_body_under_way_is_waited_for_only_where_it_is_read(pieces, read, is_stream):
    async with raw_origin(pieces) as there, line(there.url) as call:
        reply = await call(read=read)

        assert (reply.stream is not None) == is_stream
        assert await body_of(reply) == BODY


async def test_how_much_is_read_depends_on_status_and_fields():
    asked = []

    def read_up_to(status, headers):
        asked.append((status, headers["x-a"]))
        return 100

    async with (
        raw_origin(b"HTTP/1.1 404 No\r\nX-A: b\r\nContent-Length: 2\r\n\r\nok") as there,
        line(there.url) as call,
    ):
        assert (await call(read=read_up_to)).body == b"ok"

    assert asked == [(404, "b")]


async def test_a_body_whose_length_is_too_large_is_not_waited_for():
    """The rest comes only when the reply is here already."""
    gate = asyncio.Event()
    async with raw_origin((HEAD, gate.wait, BODY)) as there, line(there.url) as call:
        reply = await call(read=9)
        gate.set()

        assert await body_of(reply) == BODY


async def test_what_streams_comes_at_once():
    gates = [asyncio.Event() for _ in range(3)]
    script = (HEAD, gates[0].wait, b"0", gates[1].wait, b"1", gates[2].wait, BODY[2:])
    async with raw_origin(script) as there, line(there.url) as call:
        reply = await call(read=0)
        came = []
        gates.pop(0).set()
        async for chunk in reply.stream:
            came.append(chunk)
            if gates:
                gates.pop(0).set()

        assert came == [b"0", b"1", BODY[2:]]


async def test_what_was_read_in_vain_comes_first():
    gate = asyncio.Event()
    async with raw_origin((CHUNKED, b"4\r\n0123\r\n", gate.wait, b"6\r\n456789\r\n0\r\n\r\n")) as there:
        async with line(there.url) as call:
            reply = await call(read=3)
            chunks = aiter(reply.stream)
            assert await anext(chunks) == b"0123"
            gate.set()

            assert [chunk async for chunk in chunks] == [b"456789"]


@pytest.mark.parametrize("read", [0, 1_000_000])
@pytest.mark.parametrize("script", [(LENGTH + LARGE,), (b"HTTP/1.1 200 OK\r\n\r\n" + LARGE, End.FIN)])
async def test_a_large_body_comes_whole_in_chunks_that_are_not_large(script, read):
    async with raw_origin(script, OK) as there, line(there.url) as call:
        reply = await call(read=read)
        chunks = [chunk async for chunk in reply.stream]

        assert b"".join(chunks) == LARGE
        assert max(map(len, chunks)) <= 64 * 1024
        assert (await call()).body == b"ok"
        assert there.connections == len(script)


async def test_a_large_body_is_read_whole_where_it_may_be():
    async with raw_origin(LENGTH + LARGE) as there, line(there.url) as call:
        assert (await call(read=len(LARGE) + 1)).body == LARGE


async def test_who_reads_slowly_is_not_overrun():
    written = [0]
    total = 40_000_000

    async def endless(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % total)
        while written[0] < total:
            size = min(100_000, total - written[0])
            writer.write(bytes(size))
            await writer.drain()
            written[0] += size
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server, line(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as call:
        reply = await call(read=0)
        before = -1
        while written[0] > before:  # until nothing moves any more
            before = written[0]
            await turns(2000)
        assert written[0] < 20_000_000

        body, whole = await streamed(reply)
        assert (len(body), whole) == (total, True)


async def test_a_stream_that_is_let_go_ends_its_connection():
    async with raw_origin((HEAD + b"01", turns)) as there, line(there.url) as call:
        reply = await call(read=0)
        await reply.stream.close()
        await until(lambda: there.gone == 1)
        await reply.stream.close()  # again: nothing more to do

        with pytest.raises(BrokenBody):
            async for _ in reply.stream:
                pass


async def test_a_stream_that_is_let_go_while_it_is_waited_for_ends_the_waiting():
    async with raw_origin((HEAD + b"01", turns)) as there, line(there.url) as call:
        reply = await call(read=0)
        reading = asyncio.ensure_future(streamed(reply))
        await turns()
        await reply.stream.close()

        assert await reading == (b"01", False)


async def test_a_transport_that_is_closed_ends_its_streams():
    async with raw_origin((HEAD + b"01", turns)) as there, line(there.url) as call:
        reply = await call(read=0)
        reading = asyncio.ensure_future(streamed(reply))
        await turns()
        await call.transport.close()

        assert await reading == (b"01", False)


async def test_a_stream_that_came_to_its_end_gives_its_connection_back_though_nobody_read_it():
    async with raw_origin((HEAD, BODY), OK) as there, line(there.url) as call:
        reply = await call(read=0)
        await turns(30)
        assert (await call()).body == b"ok"

        assert there.connections == 1
        assert await body_of(reply) == BODY


@pytest.mark.parametrize(("pause", "is_whole"), [(3, True), (6, True), (61, False)])
async def test_a_stream_goes_on_beyond_patience_as_long_as_no_pause_is_too_long(time, pause, is_whole):
    script = (HEAD, *[step for at in range(10) for step in (time.passing(pause), BODY[at : at + 1])])
    async with raw_origin(script) as there, line(there.url) as call:
        body, whole = await streamed(await call(read=0, patience=5))

        assert whole == is_whole
        assert body == (BODY if is_whole else b"")


@pytest.mark.parametrize("end", End)
async def test_all_that_came_is_given_before_the_break_is_told(end):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n"
    async with raw_origin((head, LARGE[:150_000], end)) as there, line(there.url) as call:
        reply = await call(read=0)
        await until(lambda: there.gone == 1)
        await turns(50)

        assert await streamed(reply) == (LARGE[:150_000], False)


async def test_a_break_is_told_though_the_request_is_still_going_out():
    async def deaf(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(CHUNKED)
        await turns()
        writer.write(b"3\r\nabc\r\nno chunk\r\n")
        writers.append(writer)

    writers = []
    server = await asyncio.start_server(deaf, "127.0.0.1", 0)
    async with server, line(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") as call:
        async with asyncio.timeout(2):
            assert await streamed(await call("QUERY", read=0, body=LARGE * 5)) == (b"abc", False)
    writers[0].transport.abort()
    await turns()


@pytest.mark.parametrize("size", [1_000, 3_000_000])
async def test_what_is_decoded_up_to_the_end_of_its_connection_is_whole(size):
    """A coding is undone no quicker than it is read; the connection is long gone then."""
    said = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(size))
    async with raw_origin((said, End.FIN)) as there, line(there.url) as call:
        reply = await call(read=-1, decode=True)
        await until(lambda: there.gone == 1)
        await turns(50)

        assert await streamed(reply) == (bytes(size), True)


async def test_an_end_that_comes_while_a_coding_is_being_undone_is_a_break_and_no_waiting():
    wire = Wire(asyncio.get_running_loop())
    wire.connection_made(asyncio.Transport())
    wire.set_response_params(read_until_eof=True, read_bufsize=1000)
    wire.is_asked = True
    wire.data_received(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(bytes(1_000_000)))
    _, content = await wire.read()
    wire.connection_lost(None)

    with pytest.raises(ClientConnectionError):
        await content.read()
