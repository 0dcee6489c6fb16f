"""Streaming: what has come reaches every caller who asked, at its own pace, and is kept only when it is whole."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests.raw_origin import End, raw_origin, turns, until

HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
MIB = 1024 * 1024


def mirror(url, **more):
    block = {"adapter": "http", "base_url": url, "retry": {"attempts": 1}}
    return {"upstreams": {"mirror": block}, **more}


class Gate(asyncio.Event):
    """Something a script waits for."""

    async def __call__(self):
        await self.wait()


@asynccontextmanager
async def reading(house, path="/mirror/x", buffer=None, **headers):
    """A caller that has the head of its answer."""
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *(f"{name}: {value}" for name, value in headers.items())]
    limit = {} if buffer is None else {"limit": buffer}
    reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port, **limit)
    try:
        writer.write("\r\n".join([*lines, "", ""]).encode())
        async with asyncio.timeout(10):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        yield head, reader
    finally:
        writer.transport.abort()
        await turns()


async def all_of(reader, size):
    async with asyncio.timeout(20):
        return await reader.readexactly(size)


@pytest.mark.parametrize("framing", ["length", "chunks"])
async def test_the_first_byte_reaches_the_caller_before_the_second_is_sent(larder, framing):
    gate = Gate()
    first, second = (b"a", b"b") if framing == "length" else (b"1\r\na\r\n", b"1\r\nb\r\n0\r\n\r\n")
    head = HEAD % 2 if framing == "length" else CHUNKED
    async with raw_origin((head, first, gate, second)) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (said, reader):
            async with asyncio.timeout(5):
                assert await reader.readexactly(len(first)) == first
            assert "fwd=miss" in said
            gate.set()
            assert await all_of(reader, len(second)) == second
        await house.settled()

        assert "larder; hit" in (await house.get("/mirror/x")).cache
        assert len(there.seen) == 1


async def test_the_head_reaches_the_caller_before_any_body_is_sent(larder):
    gate = Gate()
    async with raw_origin((HEAD % 1, gate, b"a")) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (said, reader):
            assert "Content-Length: 1" in said
            assert "; stored" in said
            gate.set()
            assert await all_of(reader, 1) == b"a"


async def test_who_comes_in_the_middle_gets_what_has_passed_at_once_and_the_rest_with_the_others(larder):
    gate = Gate()
    async with raw_origin((HEAD % 10, b"first", gate, b"later")) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (_, leader):
            assert await all_of(leader, 5) == b"first"
            async with reading(house) as (said, joined):
                assert await all_of(joined, 5) == b"first"
                assert "; collapsed" in said
                gate.set()
                assert await all_of(joined, 5) == b"later"
                assert await all_of(leader, 5) == b"later"

        assert len(there.seen) == 1


async def test_who_comes_when_the_beginning_is_gone_makes_a_call_of_its_own(larder):
    gate, size = Gate(), 4 * MIB
    body = bytes(size)
    small = {"store": {"max_entry": "1MiB"}}
    script = (HEAD % size, body[: 3 * MIB], gate, body[3 * MIB :])
    async with raw_origin(script, (HEAD % size, body)) as there, larder(**mirror(there.url, **small)) as house:
        async with reading(house) as (_, leader):
            await all_of(leader, 3 * MIB)
            async with reading(house) as (said, own):
                assert "; collapsed" not in said
                assert len(await all_of(own, size)) == size
            gate.set()
            assert len(await all_of(leader, MIB)) == MIB

        assert len(there.seen) == 2


async def test_a_body_that_will_be_kept_can_be_joined_to_its_end(larder):
    gate, size = Gate(), 4 * MIB
    body = bytes(range(256)) * (size // 256)
    async with raw_origin((HEAD % size, body[: 3 * MIB], gate, body[3 * MIB :])) as there:
        async with larder(**mirror(there.url)) as house, reading(house) as (_, leader):
            await all_of(leader, 3 * MIB)
            async with reading(house) as (said, joined):
                gate.set()
                assert await all_of(joined, size) == body
                assert "; collapsed" in said
            assert await all_of(leader, MIB) == body[3 * MIB :]
            await house.settled()

            assert (await house.get("/mirror/x")).body == body
            assert len(there.seen) == 1


async def test_a_caller_who_does_not_read_holds_nobody_up(larder):
    size = 24 * MIB
    block = bytes(MIB)
    script = (HEAD % size, *[block] * 24)
    async with raw_origin(script) as there, larder(**mirror(there.url)) as house:
        async with reading(house, buffer=1024) as (_, idle), reading(house) as (said, quick):
            assert len(await all_of(quick, size)) == size
            assert "; collapsed" in said
            assert len(await all_of(idle, size)) == size  # and loses nothing by it

        assert len(there.seen) == 1


async def test_a_single_caller_who_does_not_read_holds_the_origin_up(larder):
    size, sent = 64 * MIB, []
    block = bytes(MIB)

    async def note():
        sent.append(MIB)

    script = (HEAD % size, *[step for _ in range(64) for step in (block, note)])
    async with raw_origin(script) as there, larder(**mirror(there.url)) as house:
        async with reading(house, buffer=1024):
            await turns(3000)

            assert sum(sent) < size // 2


@pytest.mark.parametrize("end", [End.FIN, End.RST])
@pytest.mark.parametrize("head", [HEAD % 10, CHUNKED], ids=["length", "chunks"])
async def test_a_body_that_breaks_off_breaks_off_for_everybody_and_is_not_kept(larder, head, end):
    gate = Gate()
    part = b"first" if head != CHUNKED else b"5\r\nfirst\r\n"
    broken, whole = (head, part, gate, end), (HEAD % 5, b"whole")
    async with raw_origin(broken, whole) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (_, leader), reading(house) as (said, joined):
            assert "; collapsed" in said
            for reader in (leader, joined):
                assert await all_of(reader, len(part)) == part
            gate.set()
            for reader in (leader, joined):
                rest = b""
                try:
                    async with asyncio.timeout(5):
                        rest = await reader.read()
                except ConnectionError:
                    pass  # a reset is as plain an end
                assert rest == b""  # neither the rest, nor the chunk that would be the last
        await house.settled()

        assert (await house.get("/mirror/x")).body == b"whole"


async def test_a_body_that_breaks_off_displaces_no_good_answer(larder):
    good = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 4\r\n\r\ngood"
    async with raw_origin(good, (HEAD % 10, b"bad", End.FIN)) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x")
        async with reading(house, **{"Cache-Control": "no-cache"}) as (_, live):
            assert await all_of(live, 3) == b"bad"
        await house.settled()

        assert (await house.get("/mirror/x")).body == b"good"


async def test_a_caller_who_leaves_does_not_end_what_will_be_kept(larder):
    gate = Gate()
    async with raw_origin((HEAD % 10, b"first", gate, b"later")) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (_, reader):
            await all_of(reader, 5)
        gate.set()
        await house.settled()

        answer = await house.get("/mirror/x")
        assert answer.body == b"firstlater"
        assert "larder; hit" in answer.cache


async def test_what_is_not_to_be_kept_ends_with_its_last_caller(larder):
    head = b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: %d\r\n\r\n" % (64 * MIB)
    gate = Gate()
    async with raw_origin((head, bytes(4 * MIB), gate, bytes(60 * MIB))) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (_, reader):
            await all_of(reader, MIB)
        await house.settled()
        gate.set()
        await until(lambda: there.gone == 1)


async def test_what_a_write_ended_while_it_was_under_way_is_given_to_nobody_who_came_later(larder):
    gate = Gate()
    posted = b"HTTP/1.1 204 No Content\r\n\r\n"
    scripts = ((HEAD % 6, b"old", gate, b"old"), posted, (HEAD % 3, b"new"))
    async with raw_origin(*scripts) as there, larder(**mirror(there.url)) as house:
        async with reading(house) as (_, early):
            await all_of(early, 3)
            await house.ask("POST", "/mirror/x")
            late = await house.get("/mirror/x")
            gate.set()
            await all_of(early, 3)
        await house.settled()

        assert late.body == b"new"
        assert (await house.get("/mirror/x")).body == b"new"
        assert len(there.seen) == 3


async def test_a_refresh_behind_streams_into_the_store(larder):
    stale = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=1, stale-while-revalidate=60\r\nContent-Length: 3\r\n\r\nold"
    gate = Gate()
    async with raw_origin(stale, (HEAD % 3, gate, b"new")) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x")
        house.clock.advance(5)
        assert (await house.get("/mirror/x")).body == b"old"
        gate.set()
        await house.settled()

        assert (await house.get("/mirror/x")).body == b"new"
        assert len(there.seen) == 2


async def test_an_uploads_answer_streams_too(larder):
    gate = Gate()
    async with raw_origin((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na", gate, b"b")) as there:
        async with larder(**mirror(there.url)) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port)
            writer.write(b"POST /mirror/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx")
            await reader.readuntil(b"\r\n\r\n")
            assert await all_of(reader, 1) == b"a"
            gate.set()
            assert await all_of(reader, 1) == b"b"
            writer.close()
