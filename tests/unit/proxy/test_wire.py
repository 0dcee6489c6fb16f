"""The wire: what an answer is as bytes, and how one that cannot be finished ends."""

import asyncio
from collections import deque
from types import SimpleNamespace

import pytest
from aiohttp import ClientError, HttpVersion10, HttpVersion11

from proxy.http.wire import (
    FlowingResponse,
    RawResponse,
    WholeResponse,
    head_of,
    informational,
    json_response,
    say_continue,
)
from proxy.upstream.messages import BrokenBody

DATED = (("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),)


class Transport:
    """What was written, and how the connection ended."""

    def __init__(self):
        self.written = b""
        self.is_aborted = False
        self.options = []

    def write(self, data):
        self.written += data

    def get_write_buffer_size(self):
        return 0

    def abort(self):
        self.is_aborted = True

    def get_extra_info(self, name):
        return SimpleNamespace(setsockopt=lambda *option: self.options.append(option)) if name == "socket" else None


class Writer:
    """Counts as aiohttp's does, and waits where it is told to."""

    def __init__(self, transport):
        self.transport = transport
        self.output_size = 0
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        self.error = None

    async def write(self, data):
        if self.error is not None:
            raise self.error
        self.output_size += len(data)
        self.transport.write(data)

    async def drain(self):
        await self.may_go_on.wait()


class Source:
    """A body under way; an exception among its parts is raised."""

    def __init__(self, *parts):
        self.parts = deque(parts)
        self.closed = 0

    async def __aiter__(self):
        while self.parts:
            part = self.parts.popleft()
            if isinstance(part, BaseException):
                raise part
            yield part

    async def close(self):
        self.closed += 1


def request(method="GET", version=HttpVersion11, *, keep_alive=True, headers=None, has_come=0, is_eof=True):
    transport = Transport()
    content = SimpleNamespace(is_eof=lambda: is_eof, total_bytes=has_come)
    return SimpleNamespace(
        method=method,
        version=version,
        keep_alive=keep_alive,
        transport=transport,
        writer=Writer(transport),
        headers=headers or {},
        content=content,
    )


async def sent(response, asked):
    """Everything that was written for an answer."""
    await response.prepare(asked)
    await response.write_eof()
    return asked.transport.written


# heads


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (100, b"HTTP/1.1 100 Continue"),
        (200, b"HTTP/1.1 200 OK"),
        (203, b"HTTP/1.1 203 Non-Authoritative Information"),
        (299, b"HTTP/1.1 299 "),
        (413, b"HTTP/1.1 413 Content Too Large"),
        (414, b"HTTP/1.1 414 URI Too Long"),
        (416, b"HTTP/1.1 416 Range Not Satisfiable"),
        (422, b"HTTP/1.1 422 Unprocessable Content"),
        (499, b"HTTP/1.1 499 "),
        (599, b"HTTP/1.1 599 "),
    ],
)
def test_a_status_line_has_the_registered_phrase_or_an_empty_one(status, line):
    assert head_of(status, ()) == line + b"\r\n\r\n"


def test_fields_keep_their_names_order_and_repeats():
    fields = (("X-One", "1"), ("x-two", ""), ("X-One", "2"))

    assert head_of(200, fields) == b"HTTP/1.1 200 OK\r\nX-One: 1\r\nx-two: \r\nX-One: 2\r\n\r\n"


@pytest.mark.parametrize("octets", [b"caf\xe9", b"\xfc", b"\xff\xfe", "€".encode(), b"\xe2\x82", b"\x01\x7f\t"])
def test_octets_leave_as_they_came(octets):
    value = octets.decode("utf-8", "surrogateescape")

    assert head_of(200, (("X", value),)) == b"HTTP/1.1 200 OK\r\nX: " + octets + b"\r\n\r\n"


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\n", "a\r\nSet-Cookie: b=c", "\n\r", "a\r\n\r\nbody"])
@pytest.mark.parametrize("place", ["name", "value"])
async def test_what_would_end_its_line_is_never_written(bad, place):
    field = (f"X{bad}", "1") if place == "name" else ("X", f"1{bad}")
    asked, source = request(), Source(b"x")

    for response in (WholeResponse(200, (field,), b"x"), FlowingResponse(200, (field,), source)):
        with pytest.raises(ValueError, match="CR, LF or NUL"):
            await sent(response, asked)

    assert asked.transport.written == b""
    assert asked.writer.output_size == 0
    assert source.closed == 1


# whole answers


async def test_head_and_body_are_one_write():
    asked = request()

    written = await sent(WholeResponse(200, (*DATED, ("X", "1")), b"hello"), asked)

    head = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX: 1\r\nContent-Length: 5\r\n\r\n"
    assert written == head + b"hello"
    assert asked.writer.output_size == len(written)


@pytest.mark.parametrize("make", [lambda: WholeResponse(200, DATED, b"x"), lambda: RawResponse(b"x")])
async def test_it_is_written_once_however_often_it_is_asked_for(make):
    asked, response = request(), make()
    once = await sent(response, asked)

    assert await sent(response, asked) == once
    assert asked.writer.output_size == len(once)


async def test_what_frames_a_message_never_comes_from_its_fields():
    fields = tuple(
        (name, "chunked")
        for name in ("Connection", "Content-Length", "keep-alive", "Transfer-Encoding", "Trailer", "Upgrade")
    )
    written = await sent(WholeResponse(200, (*DATED, *fields), b"x"), request())

    assert b"chunked" not in written
    assert written.endswith(b"GMT\r\nContent-Length: 1\r\n\r\nx")


async def test_a_date_is_added_where_there_is_none():
    assert b"\r\nDate: " in await sent(WholeResponse(200, (), b""), request())
    assert (await sent(WholeResponse(200, (("date", "x"),), b""), request())).lower().count(b"date") == 1


@pytest.mark.parametrize(
    ("method", "status", "body", "told", "said"),
    [
        ("GET", 200, b"", [], b"0"),
        ("GET", 200, b"hello", ["7"], b"5"),
        ("GET", 404, b"hello", [], b"5"),
        ("HEAD", 200, b"", [], None),
        ("HEAD", 200, b"", ["7"], b"7"),
        ("HEAD", 200, b"", ["0"], b"0"),
        ("HEAD", 200, b"", ["7", "8"], None),
        ("HEAD", 200, b"", ["7", "7"], b"7"),
        ("HEAD", 200, b"", ["seven"], None),
        ("HEAD", 200, b"", ["²"], None),
        ("HEAD", 404, b"hello", [], b"5"),
        ("HEAD", 204, b"", ["7"], None),
        ("HEAD", 304, b"", ["7"], b"7"),
        ("GET", 304, b"", ["7"], b"7"),
        ("GET", 304, b"hello", [], None),
        ("HEAD", 304, b"hello", [], None),
        ("GET", 204, b"hello", ["7"], None),
        ("GET", 204, b"", [], None),
    ],
)
async def test_a_length_is_told_as_rfc_9110_has_it(method, status, body, told, said):
    fields = (*DATED, *(("Content-Length", value) for value in told))
    written = await sent(WholeResponse(status, fields, body), request(method))

    head, _, rest = written.partition(b"\r\n\r\n")
    lengths = [line.split(b": ")[1] for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
    assert lengths == ([] if said is None else [said])
    assert rest == (b"" if method == "HEAD" or status in (204, 304) else body)


@pytest.mark.parametrize(
    ("version", "keep_alive", "is_forced", "said", "stays"),
    [
        (HttpVersion11, True, False, None, True),
        (HttpVersion11, False, False, b"close", False),
        (HttpVersion11, True, True, b"close", False),
        (HttpVersion10, True, False, b"keep-alive", True),
        (HttpVersion10, False, False, b"close", False),
        (HttpVersion10, True, True, b"close", False),
    ],
)
async def test_a_connection_is_said_to_stay_or_to_close(version, keep_alive, is_forced, said, stays):
    response = WholeResponse(200, DATED, b"")
    if is_forced:
        response.force_close()
    written = await sent(response, request(version=version, keep_alive=keep_alive))

    assert (b"\r\nConnection: " in written) == (said is not None)
    assert said is None or b"\r\nConnection: " + said + b"\r\n" in written
    assert response.keep_alive is stays


async def test_an_answer_of_larders_own_is_json():
    written = await sent(json_response(202, {"a": 1}), request())

    assert b"\r\nContent-Type: application/json\r\n" in written
    assert written.endswith(b'\r\n\r\n{"a":1}')


async def test_a_raw_answer_is_counted_as_begun():
    asked = request()

    assert await sent(RawResponse(b"raw"), asked) == b"raw"
    assert asked.writer.output_size == 3


# bodies under way

HEAD = b"HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"


@pytest.mark.parametrize(
    ("version", "length", "frame", "body", "stays"),
    [
        (HttpVersion11, 5, b"Content-Length: 5\r\n\r\n", b"hello", True),
        (HttpVersion11, None, b"Transfer-Encoding: chunked\r\n\r\n", b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", True),
        (HttpVersion10, 5, b"Content-Length: 5\r\nConnection: keep-alive\r\n\r\n", b"hello", True),
        (HttpVersion10, None, b"Connection: close\r\n\r\n", b"hello", False),
    ],
)
async def test_a_body_under_way_is_framed_for_its_caller(version, length, frame, body, stays):
    asked, source = request(version=version), Source(b"he", b"", b"llo")
    response = FlowingResponse(200, DATED, source, length)

    assert await sent(response, asked) == HEAD + frame + body
    assert response.keep_alive is stays
    assert source.closed == 1
    assert not asked.transport.is_aborted


@pytest.mark.parametrize("length", [None, 0])
async def test_an_empty_body_under_way_has_its_end(length):
    written = await sent(FlowingResponse(200, DATED, Source(), length), request())

    assert written.endswith(b"\r\n\r\n0\r\n\r\n" if length is None else b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
async def test_where_no_body_may_be_none_is_read(method, status):
    asked, source = request(method), Source(b"hello")
    written = await sent(FlowingResponse(status, DATED, source), asked)

    assert written.endswith(b"\r\n\r\n")
    assert b"Transfer-Encoding" not in written
    assert list(source.parts) == [b"hello"]
    assert source.closed == 1
    assert not asked.transport.is_aborted


async def test_the_head_is_written_before_anything_of_the_body_came():
    asked = request()
    await FlowingResponse(200, DATED, Source(b"x")).prepare(asked)

    assert asked.transport.written.endswith(b"\r\n\r\n")


async def test_no_more_is_read_than_the_caller_takes():
    asked, source = request(), Source(b"one", b"two")
    response = FlowingResponse(200, DATED, source, 6)
    await response.prepare(asked)
    asked.writer.may_go_on.clear()
    flowing = asyncio.create_task(response.write_eof())
    while len(source.parts) == 2:
        await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.sleep(0)

    assert list(source.parts) == [b"two"]
    asked.writer.may_go_on.set()
    await flowing
    assert asked.transport.written.endswith(b"onetwo")


@pytest.mark.parametrize("broken", [ClientError(), OSError(), TimeoutError(), BrokenBody("gone")])
@pytest.mark.parametrize("length", [None, 5])
@pytest.mark.parametrize("version", [HttpVersion11, HttpVersion10])
async def test_a_source_that_breaks_off_ends_the_connection(broken, length, version):
    asked, source = request(version=version), Source(b"he", broken)
    response = FlowingResponse(200, DATED, source, length)
    written = await sent(response, asked)

    assert asked.transport.is_aborted
    assert not written.endswith(b"0\r\n\r\n")
    assert response.keep_alive is False
    assert source.closed == 1
    assert bool(asked.transport.options) == (version is HttpVersion10 and length is None)


@pytest.mark.parametrize(("parts", "written"), [((b"he",), b"he"), ((b"he", b"llo!"), b"he"), ((), b"")])
async def test_a_body_of_another_length_ends_the_connection(parts, written):
    asked, source = request(), Source(*parts)

    assert (await sent(FlowingResponse(200, DATED, source, 5), asked)).endswith(b"Content-Length: 5\r\n\r\n" + written)
    assert asked.transport.is_aborted
    assert source.closed == 1


async def test_a_caller_that_goes_away_lets_go_of_the_source():
    asked, source = request(), Source(b"he", b"llo")
    response = FlowingResponse(200, DATED, source)
    await response.prepare(asked)
    asked.writer.error = ConnectionResetError()
    await response.write_eof()

    assert source.closed == 1
    assert asked.transport.is_aborted


async def test_a_caller_that_went_before_the_head_lets_go_of_the_source():
    asked, source = request(), Source(b"he")
    asked.writer.error = ConnectionResetError()
    with pytest.raises(ConnectionResetError):
        await FlowingResponse(200, DATED, source).prepare(asked)

    assert source.closed == 1


@pytest.mark.parametrize("wrong", [RuntimeError("a mistake"), asyncio.CancelledError()])
async def test_whatever_else_goes_wrong_is_told_and_has_no_proper_end_either(wrong):
    asked, source = request(), Source(b"he", wrong)
    with pytest.raises(type(wrong)):
        await sent(FlowingResponse(200, DATED, source), asked)

    assert asked.transport.is_aborted
    assert source.closed == 1


# before the final answer


@pytest.mark.parametrize(
    ("expect", "is_told"), [("100-continue", True), ("100-Continue ", True), ("", False), ("x", False)]
)
def test_a_caller_that_waits_is_told_to_go_on(expect, is_told):
    asked = request("PUT", headers={"Expect": expect}, is_eof=False)
    say_continue(asked)

    assert asked.transport.written == (b"HTTP/1.1 100 Continue\r\n\r\n" if is_told else b"")
    assert asked.writer.output_size == 0


@pytest.mark.parametrize("more", [{"version": HttpVersion10}, {"has_come": 1}, {"is_eof": True}])
def test_nobody_is_told_to_go_on_who_does_not_wait(more):
    asked = request("PUT", headers={"Expect": "100-continue"}, **{"is_eof": False, **more})
    say_continue(asked)

    assert asked.transport.written == b""


def test_an_interim_answer_is_written_at_once_and_without_framing():
    asked = request()
    informational(asked)(103, (("Link", "</a>"), ("Content-Length", "5"), ("Connection", "close")))

    assert asked.transport.written == b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    assert asked.writer.output_size == 0


@pytest.mark.parametrize("status", [99, 100, 101, 200, 404])
def test_what_is_not_for_the_caller_is_not_handed_on(status):
    asked = request()
    informational(asked)(status, ())

    assert asked.transport.written == b""


async def test_no_interim_answer_follows_the_final_one():
    asked = request()
    final = await sent(WholeResponse(200, DATED, b""), asked)
    informational(asked)(103, ())

    assert asked.transport.written == final


@pytest.mark.parametrize("gone", [False, True])
def test_nobody_gets_an_interim_answer_who_cannot_read_one(gone):
    asked = request(version=HttpVersion11 if gone else HttpVersion10)
    transport = asked.transport
    if gone:
        asked.transport = None
    informational(asked)(103, ())

    assert transport.written == b""


def test_a_broken_field_of_an_interim_answer_is_not_written_either():
    asked = request()
    with pytest.raises(ValueError, match="CR, LF or NUL"):
        informational(asked)(103, (("Link", "a\r\nX: b"),))

    assert asked.transport.written == b""
