"""Carrying: what an origin says reaches the caller as it was said, and what it did not say to its end is never kept."""

import asyncio
import re
from contextlib import asynccontextmanager

import pytest

from tests.raw_origin import End, raw_origin, turns

KEPT = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 5\r\n\r\nwhole"


def mirror(url):
    return {"upstreams": {"mirror": {"adapter": "http", "base_url": url, "retry": {"attempts": 1}}}}


async def answer_of(reader):
    """The head of the next answer, and its body: None where it broke off."""
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\nContent-Length: *(\d+)", head, re.IGNORECASE)
        if re.match(rb"HTTP/1.1 (1..|204|304)", head):
            return head, b""
        if length:
            return head, await reader.readexactly(int(length[1]))
        body = b""
        while b"chunked" in head.lower():
            size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
            body += (await reader.readexactly(size + 2))[:-2]
            if not size:
                return head, body
        return head, await reader.read()
    except (asyncio.IncompleteReadError, ConnectionError, ValueError):
        return head, None


@asynccontextmanager
async def connection(house, *octets):
    """A caller's connection, over which these were sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port)
    try:
        writer.write(b"".join(octets))
        yield reader
    finally:
        writer.close()
        await turns()


async def ask(house, target="/mirror/x", *lines, method="GET", body=b""):
    """One request, octet for octet: all answers to it, the final one last."""
    length = (b"Content-Length: %d" % len(body),) if body else ()
    start = f"{method} {target} HTTP/1.1".encode()
    request = b"\r\n".join((start, b"Host: localhost", *lines, *length, b"Connection: close", b"", body))
    answers = []
    async with connection(house, request) as reader:
        while not answers or answers[-1][0].startswith(b"HTTP/1.1 1"):
            answers.append(await answer_of(reader))
    return answers


def status_of(answer):
    return int(answer[0].split(b" ", 2)[1])


@pytest.mark.parametrize("status", [102, 103])
async def test_interim_answers_reach_the_caller_before_the_final_one(larder, status):
    gate = asyncio.Event()
    hint = b"HTTP/1.1 %d Wait\r\nX-Hint: \xfc\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n" % status
    async with raw_origin((hint, gate.wait, KEPT)) as there, larder(**mirror(there.url)) as house:
        async with connection(house, b"GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n") as reader:
            interim = await answer_of(reader)
            assert status_of(interim) == status
            assert b"\r\nX-Hint: \xfc\r\n" in interim[0]
            assert b"X-Hop" not in interim[0]
            gate.set()
            final = await answer_of(reader)

        assert (status_of(final), final[1]) == (200, b"whole")


async def test_interim_answers_are_not_kept(larder):
    async with raw_origin((b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", KEPT)) as there:
        async with larder(**mirror(there.url)) as house:
            await ask(house)
            (second,) = await ask(house)

            assert second[1] == b"whole"
            assert b"larder; hit" in second[0]
            assert len(there.seen) == 1


@pytest.mark.parametrize("method", ["BREW", "get", "PROPFIND", "X-MINE"])
async def test_a_method_that_nobody_registered_passes_and_is_not_kept(larder, method):
    async with raw_origin(KEPT) as there, larder(**mirror(there.url)) as house:
        for _ in range(2):
            (answer,) = await ask(house, method=method, body=b"tea")
            assert (status_of(answer), answer[1]) == (200, b"whole")

        assert len(there.seen) == 2
        assert there.seen[0].startswith(f"{method} /x HTTP/1.1\r\n".encode())
        assert there.seen[0].endswith(b"\r\n\r\ntea")


@pytest.mark.parametrize("status", [299, 399, 499, 599])
async def test_a_status_that_nobody_registered_passes(larder, status):
    said = b"HTTP/1.1 %d Mine\r\nContent-Length: 3\r\n\r\nabc" % status
    async with raw_origin(said) as there, larder(**mirror(there.url)) as house:
        (answer,) = await ask(house)

        assert (status_of(answer), answer[1]) == (status, b"abc")


async def test_octets_that_are_no_utf8_pass_in_both_directions(larder):
    said = KEPT.replace(b"Content-Length", b"X-There: \xfcber \xc3\xbc\r\nContent-Length")
    async with raw_origin(said) as there, larder(**mirror(there.url)) as house:
        for where in ("upstream", "store"):
            (answer,) = await ask(house, "/mirror/x", b"X-Here: \xfcber \xc3\xbc")
            assert b"\r\nX-There: \xfcber \xc3\xbc\r\n" in answer[0], where

        assert b"\r\nX-Here: \xfcber \xc3\xbc\r\n" in there.seen[0]
        assert len(there.seen) == 1


@pytest.mark.parametrize("target", ["//a//b", "/%7E/%7e;p=1?x=%2F&&y", "/x?"])
async def test_a_target_passes_octet_for_octet(larder, target):
    async with raw_origin(KEPT) as there, larder(**mirror(there.url)) as house:
        await ask(house, "/mirror" + target)

        assert there.seen[0].split(b" ")[1].rstrip(b"?") == target.rstrip("?").encode()


async def test_a_head_keeps_the_length_a_get_would_have(larder):
    said = b"HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n"
    async with raw_origin(said) as there, larder(**mirror(there.url)) as house:
        request = b"HEAD /mirror/x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        async with connection(house, request) as reader:
            head = await reader.readuntil(b"\r\n\r\n")

            assert b"\r\ncontent-length: 12345\r\n" in head.lower()
            assert await reader.read() == b""


HEAD = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
BROKEN = {
    "too short, closed": (HEAD + b"Content-Length: 5\r\n\r\nwhol", End.FIN),
    "too short, reset": (HEAD + b"Content-Length: 5\r\n\r\nwhol", End.RST),
    "too short, head first": (HEAD + b"Content-Length: 5\r\n\r\n", b"whol", End.FIN),
    "no last chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n", End.FIN),
    "half a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nwho", End.FIN),
    "no chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nwhole\r\n", b"oops\r\n"),
    "reset instead of closed": (HEAD + b"\r\nwhole", End.RST),
    "two lengths": (HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nwhole!",),
    "length and chunks": (HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",),
    "unasked coding": (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n",),
}


@pytest.mark.parametrize("kind", BROKEN)
async def test_an_answer_that_is_not_whole_never_looks_so_and_is_never_kept(larder, kind):
    async with raw_origin(BROKEN[kind], KEPT) as there, larder(**mirror(there.url)) as house:
        (first,) = await ask(house)
        assert first[1] is None or status_of(first) == 502
        await house.settled()

        house.clock.advance(60)  # what failed moments ago is not asked for again at once
        (second,) = await ask(house)
        assert (status_of(second), second[1]) == (200, b"whole")
        assert b"larder; hit" not in second[0]
        assert len(there.seen) == 2


async def test_a_stored_answer_outlives_a_broken_refresh(larder):
    broken = (HEAD + b"Content-Length: 5\r\n\r\n", b"bro", End.FIN)
    async with raw_origin(KEPT, broken, KEPT) as there, larder(**mirror(there.url)) as house:
        await ask(house)
        house.clock.advance(90)
        (second,) = await ask(house)
        assert second[1] != b"bro"
        assert second[1] is None or status_of(second) == 502 or second[1] == b"whole"
        await house.settled()

        house.clock.advance(60)
        (third,) = await ask(house)
        assert (status_of(third), third[1]) == (200, b"whole")


async def test_a_forged_second_answer_reaches_nobody(larder):
    forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    async with raw_origin((KEPT[:-5], b"whole" + forged), KEPT) as there, larder(**mirror(there.url)) as house:
        for number in range(3):
            (answer,) = await ask(house, f"/mirror/{number}")
            assert answer[1] == b"whole"

        assert len(there.seen) == 3
