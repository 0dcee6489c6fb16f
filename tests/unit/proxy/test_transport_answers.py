"""Transport: an answer comes as it was sent, or is none; one that lacks its end never looks whole (RFC 9112 §6)."""

import gzip
import zlib

import pytest

from tests.calling import NOW, body_of, line, streamed
from tests.raw_origin import End, raw_origin, turns, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DATE = ("Date", "Sun, 06 Nov 1994 08:49:37 GMT")
READS = pytest.mark.parametrize("read", [0, 1000, -1])


def answer(*lines, status=b"200 OK", body=b"abc"):
    """An answer with these header lines, and a Content-Length if they have none."""
    if not any(line.lower().startswith((b"content-length", b"transfer-encoding")) for line in lines):
        lines += (b"Content-Length: %d" % len(body),)
    return b"\r\n".join((b"HTTP/1.1 " + status, *lines, b"", body))


async def reply_to(*script, method="GET", **options):
    """The reply to one call, and its body."""
    async with raw_origin(script) as there, line(there.url) as call:
        reply = await call(method, **options)
        return reply, await body_of(reply)


@pytest.mark.parametrize(
    "status", [200, 201, 203, 205, 206, 226, 299, 300, 302, 399, 404, 418, 451, 499, 500, 504, 599]
)
async def test_every_final_status_passes(status):
    reply, body = await reply_to(answer(status=b"%d Whatever" % status))

    assert (reply.status, body) == (status, b"abc")


@pytest.mark.parametrize("reason", [b"", b" ", b" OK", b" Not \xfcberall", b" 404 HTTP/1.1"])
async def test_the_reason_phrase_means_nothing(reason):
    reply, body = await reply_to(answer(status=b"200" + reason))

    assert (reply.status, body) == (200, b"abc")


@pytest.mark.parametrize(
    ("lines", "fields"),
    [
        ((b"X-A: 1", b"x-a: 2", b"X-A: 1"), (("X-A", "1"), ("x-a", "2"), ("X-A", "1"))),
        ((b"X-A: \xfcb\xc3\xbc",), (("X-A", "\udcfcb\xfc"),)),
        ((b"X-A:b \t", b"X-B:", b"X-C: \t", b"X-D: a  b"), (("X-A", "b"), ("X-B", ""), ("X-C", ""), ("X-D", "a  b"))),
        ((b"X-A: a,b, c",), (("X-A", "a,b, c"),)),
        ((b"X-A: b\r\n  c",), (("X-A", "b  c"),)),  # obs-fold becomes spaces (RFC 9112 §5.2)
        ((b"x!#$%&'*+-.^_`|~: 1",), (("x!#$%&'*+-.^_`|~", "1"),)),
        ((b"Set-Cookie: a=b", b"Set-Cookie: c=d, e"), (("Set-Cookie", "a=b"), ("Set-Cookie", "c=d, e"))),
        ((b"Content-Type: a/b", b"Content-Type: c/d"), (("Content-Type", "a/b"), ("Content-Type", "c/d"))),
        ((b"X-A: " + b"a" * 60_000,), (("X-A", "a" * 60_000),)),
        ((b"Upgrade: h2c", b"Connection: Upgrade", b"X-A: b"), (("X-A", "b"),)),
        ((b"Connection: X-A, close", b"Connection: x-b", b"X-A: 1", b"X-B: 2", b"X-C: 3"), (("X-C", "3"),)),
        ((b"Content-Length : 3", b"X-A: b"), (("X-A", "b"),)),
        ((b"Content-Encoding: gzip",), (("Content-Encoding", "gzip"),)),
    ],
)
async def test_fields_come_as_they_were_sent_less_what_ends_at_a_proxy(lines, fields):
    reply, body = await reply_to(answer(*lines))

    assert reply.fields == (*fields, DATE)
    assert body == b"abc"


async def test_the_mapping_joins_what_came_more_than_once():
    reply, _ = await reply_to(answer(b"X-A: 1", b"x-a: 2"))

    assert reply.headers == {"x-a": "1, 2", "date": DATE[1]}


@pytest.mark.parametrize("date", [b"Sat, 05 Nov 1994 08:49:37 GMT", b"yesterday", b""])
async def test_a_date_that_came_stays(date):
    reply, _ = await reply_to(answer(b"Date: " + date))

    assert reply.fields == (("Date", date.decode()),)


async def test_a_reply_knows_when_it_was_asked_for_and_when_its_head_came():
    async with raw_origin(OK) as there, line(there.url) as call:
        call.times[:] = [NOW, NOW + 7.5]
        reply = await call()

        assert (reply.requested_at, reply.received_at) == (NOW, NOW + 7.5)
        assert reply.headers["date"] == "Sun, 06 Nov 1994 08:49:44 GMT"


@pytest.mark.parametrize(
    ("script", "length"),
    [
        ((OK,), 2),
        ((answer(body=b""),), 0),
        ((answer(b"Content-Length: 0003"),), 3),
        ((CHUNKED + b"2\r\nok\r\n0\r\n\r\n",), None),
        ((b"HTTP/1.1 200 OK\r\n\r\nok", End.FIN), None),
    ],
)
@READS
async def test_the_length_is_what_framed_the_body(script, length, read):
    reply, _ = await reply_to(*script, read=read)

    assert reply.length == length
    assert "content-length" not in reply.headers


@pytest.mark.parametrize(
    ("method", "head", "fields"),
    [
        ("HEAD", answer(b"content-length: 7", body=b""), (("Content-Length", "7"),)),
        ("HEAD", answer(b"Content-Length: 0", body=b""), (("Content-Length", "0"),)),
        ("HEAD", CHUNKED, ()),
        ("HEAD", answer(b"Content-Length: 7", status=b"404 No", body=b""), (("Content-Length", "7"),)),
        ("HEAD", answer(b"Content-Length: 7", status=b"304 No", body=b""), (("Content-Length", "7"),)),
        ("GET", answer(b"Content-Length: 7", status=b"304 No", body=b""), (("Content-Length", "7"),)),
        ("GET", b"HTTP/1.1 304 No\r\nTransfer-Encoding: chunked\r\n\r\n", ()),
        ("GET", b"HTTP/1.1 304 No\r\n\r\n", ()),
        ("GET", answer(b"Content-Length: 7", status=b"204 No", body=b""), ()),
        ("GET", b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n", ()),
        ("GET", b"HTTP/1.1 204 No\r\n\r\n", ()),
    ],
)
@READS
async def test_where_no_body_comes_content_length_is_a_field(method, head, fields, read):
    async with raw_origin(head, OK) as there, line(there.url) as call:
        reply = await call(method, read=read)

        assert (reply.fields, reply.body, reply.stream, reply.length) == ((*fields, DATE), b"", None, None)
        assert (await call()).body == b"ok"
        assert there.connections == 1


async def test_only_head_is_without_a_body_whatever_its_case():
    reply, body = await reply_to(OK, method="head")

    assert (body, reply.length) == (b"ok", 2)


NO_ANSWERS = [
    answer(b"Content-Length: 3", b"Content-Length: 4"),
    answer(b"Content-Length: 3, 4"),
    answer(b"Content-Length: -3"),
    answer(b"Content-Length: +3"),
    answer(b"Content-Length: 0x3"),
    answer(b"Content-Length: 3.0"),
    answer(b"Content-Length: three"),
    answer(b"Content-Length:"),
    answer(b"Content-Length: 9223372036854775808"),
    answer(b"Content-Length: 18446744073709551615"),
    answer(b"Content-Length: 18446744073709551616"),
    answer(b"Content-Length: " + b"9" * 5000),
    answer(b"Content-Length: 3", b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding: chunked", b"Content-Length: 3", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Content-Length: 3", b"Transfer-Encoding: identity"),
    answer(b"Transfer-Encoding: chunked, chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding: gzip, chunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding: chunked, gzip", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding: gzip"),
    answer(b"Transfer-Encoding: identity"),
    answer(b"Transfer-Encoding: xchunked", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding: chunked;a=b", body=b"3\r\nabc\r\n0\r\n\r\n"),
    answer(b"Transfer-Encoding:"),
    b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    answer(status=b"000 No"),
    answer(status=b"099 No"),
    answer(status=b"600 No"),
    answer(status=b"999 No"),
    answer(status=b"20 No"),
    answer(status=b"2000 No"),
    answer(status=b"-20 No"),
    answer(status=b"abc No"),
    b"HTTP/2.0 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/0.9 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"ICY 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"<html>hello</html>\r\n\r\n",
    b"\x16\x03\x01\x02\x00\r\n\r\n",
    answer(b"X-A: b\rX-B: c"),
    answer(b"X-A: b\0c"),
    answer(b"X-A : b"),
    answer(b"X-A b"),
    answer(b": b"),
    answer(b"X(A): b"),
    answer(b"X-\xfc: b"),
    answer(b"X-A: " + b"a" * 70_000),
    answer(*[b"X-A: b"] * 1000),
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + OK,
    b"HTTP/1.1 103 Early Hints\r\nContent-Length: 40\r\n\r\n" + OK,
    b"HTTP/1.1 104 Whatever\r\nContent-Length: 2\r\n\r\nok" + OK,
    b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n" + OK,
    OK + b"garbage",
    answer(status=b"204 No", body=b"garbage"),
    answer(status=b"304 No", body=b"garbage"),
    CHUNKED + b"x\r\nabc\r\n0\r\n\r\n",
    CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("said", NO_ANSWERS, ids=lambda said: repr(said)[:100])
@READS
async def test_what_is_no_answer_is_broken_and_the_next_request_is_well(said, read):
    async with raw_origin((said,), OK) as there, line(there.url) as call:
        assert await call.failure(read=read) == ("broken-answer", True)

        assert await body_of(await call(read=read)) == b"ok"
        assert there.connections == 2


WHOLE = {
    "length": (b"HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: 12\r\n\r\nabcdefghijkl", b"abcdefghijkl"),
    "chunked": (CHUNKED + b"5;ext=1\r\nabcde\r\n7\r\nfghijkl\r\n0\r\nX-T: 1\r\n\r\n", b"abcdefghijkl"),
    "chunked in capitals": (CHUNKED.upper() + b"2\r\nok\r\n0\r\n\r\n", b"ok"),
    "bare LF": (b"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", b"abc"),
    "leading line": (b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "interim": (b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + OK, b"ok"),
    "interim with a zero": (b"HTTP/1.1 199 Wait\r\nContent-Length: 0\r\n\r\n" + OK, b"ok"),
    "none": (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
}


@pytest.mark.parametrize("kind", WHOLE)
@READS
async def test_however_an_answer_is_cut_into_segments_it_is_the_same(kind, read):
    octets, body = WHOLE[kind]
    cuts = [(octets[:at], octets[at:]) for at in range(1, len(octets))]
    singles = tuple(octets[at : at + 1] for at in range(len(octets)))
    async with raw_origin(*cuts, singles) as there, line(there.url) as call:
        for _ in range(len(cuts) + 1):
            reply = await call(read=read)
            assert (reply.status, await body_of(reply)) == (200, body)

        assert there.connections == 1


@pytest.mark.parametrize("kind", ["length", "chunked"])
@pytest.mark.parametrize("end", End)
@pytest.mark.parametrize("segments", [1, 2])
@READS
async def test_wherever_an_answer_ends_before_its_end_it_never_looks_whole(kind, end, segments, read):
    octets, body = WHOLE[kind]
    head = octets.index(b"\r\n\r\n") + 4
    scripts = []
    for at in range(1, len(octets)):
        parts = (octets[:at],) if segments == 1 or at <= head else (octets[:head], octets[head:at])
        scripts.append((*parts, end))
    async with raw_origin(*scripts) as there, line(there.url) as call:
        for at in range(1, len(octets)):
            if at < head:
                assert await call.failure(read=read) == ("connection-lost", True)
            elif read > 0:
                assert await call.failure(read=read) == ("broken-answer", True)
            else:
                came, whole = await streamed(await call(read=read))
                assert not whole
                assert body.startswith(came)


@pytest.mark.parametrize(
    "bad", [b"zz\r\n", b"-1\r\n", b"fffffffffffffffff\r\n", b"3\r\nabcd\r\n", b"0\r\nX(: 1\r\n\r\n"]
)
@READS
async def test_a_broken_chunk_breaks_the_body_and_nobody_waits(bad, read):
    async with raw_origin((CHUNKED, b"3\r\nabc\r\n", bad), OK) as there, line(there.url) as call:
        if read > 0:
            assert await call.failure(read=read) == ("broken-answer", True)
        else:
            came, whole = await streamed(await call(read=read))
            assert came[:3] == b"abc"
            assert not whole
        assert (await call()).body == b"ok"


@pytest.mark.parametrize(("end", "whole"), [(End.FIN, True), (End.RST, False)])
@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
@READS
async def test_a_body_that_ends_with_its_connection_is_whole_only_if_that_was_closed(end, whole, version, read):
    async with raw_origin((version + b" 200 OK\r\n\r\nab", b"c", end)) as there, line(there.url) as call:
        if read > 0 and not whole:
            assert await call.failure(read=read) == ("broken-answer", True)
        else:
            assert await body_of(await call(read=read)) == (b"abc" if whole else None)


DEFLATED = zlib.compress(b"hello" * 100)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"gzip", gzip.compress(b"hello" * 100, mtime=0)),
        (b"GZIP", gzip.compress(b"hello" * 100, mtime=0)),
        (b"deflate", DEFLATED),
    ],
)
@READS
async def test_codings_are_undone_where_answers_are_read(coding, body, read):
    said = answer(b"Content-Encoding: " + coding, b"X-A: b", body=body)

    reply, decoded = await reply_to(said, read=read, decode=True)
    assert (decoded, reply.fields, reply.length) == (b"hello" * 100, (("X-A", "b"), DATE), None)

    reply, as_sent = await reply_to(said, read=read)
    assert (as_sent, reply.headers["content-encoding"], reply.length) == (body, coding.decode(), len(body))


async def test_a_coding_that_is_not_undone_stays_said():
    reply, body = await reply_to(answer(b"Content-Encoding: aes128gcm"), decode=True)

    assert (reply.headers["content-encoding"], body, reply.length) == ("aes128gcm", b"abc", 3)


async def test_a_head_that_would_be_decoded_says_nothing_of_the_coded_length():
    reply, _ = await reply_to(
        answer(b"Content-Encoding: gzip", b"Content-Length: 7", body=b""), method="HEAD", decode=True
    )

    assert reply.fields == (DATE,)


@pytest.mark.parametrize("body", [b"no gzip", gzip.compress(b"hello", mtime=0)[:10] + b"\xff" * 20, DEFLATED[:-8]])
@pytest.mark.parametrize("cut", [0, 1])
async def test_what_cannot_be_decoded_is_broken(body, cut):
    said = answer(b"Content-Encoding: " + (b"deflate" if body in DEFLATED else b"gzip"), body=body)
    head = said.index(b"\r\n\r\n") + 4
    async with raw_origin((said[: head + cut], said[head + cut :]), OK) as there, line(there.url) as call:
        assert await call.failure(decode=True) == ("broken-answer", True)
        assert (await call()).body == b"ok"


async def test_what_grows_when_decoded_is_not_read_beyond_the_limit():
    bomb = gzip.compress(bytes(5_000_000))
    async with raw_origin(answer(b"Content-Encoding: gzip", body=bomb)) as there, line(there.url) as call:
        reply = await call(read=100_000, decode=True)

        assert reply.stream is not None
        assert len(await body_of(reply)) == 5_000_000


def informed():
    """A list, and what puts the informational answers into it."""
    told = []
    return told, lambda status, fields: told.append((status, fields))


@pytest.mark.parametrize("status", [102, 103, 104, 150, 199])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_informational_answers_are_passed_on_as_they_come(status, method):
    told, tell = informed()
    hint = b"HTTP/1.1 %d Wait\r\nLink: </a>\r\nX-A: \xfc\r\nLink: </b>\r\nConnection: X-B\r\nX-B: 1\r\n\r\n" % status
    final = OK[:-2] if method == "HEAD" else OK

    async def first_is_told():
        await until(lambda: len(told) == 1)

    async def second_is_told():
        await until(lambda: len(told) == 2)

    script = (hint, first_is_told, hint[:20], hint[20:], second_is_told, final)
    reply, body = await reply_to(*script, method=method, informational=tell)

    assert told == [(status, (("Link", "</a>"), ("X-A", "\udcfc"), ("Link", "</b>")))] * 2
    assert (reply.status, body) == (200, final[-2:] if method == "GET" else b"")
    assert reply.fields == ((("Content-Length", "2"), DATE) if method == "HEAD" else (DATE,))


async def test_100_is_not_for_the_caller_who_did_not_ask_for_it():
    told, tell = informed()
    reply, body = await reply_to(b"HTTP/1.1 100 Continue\r\nX-A: b\r\n\r\n" + OK, informational=tell)

    assert (told, reply.status, body) == ([], 200, b"ok")


async def test_informational_answers_that_nobody_wants_are_dropped():
    _, body = await reply_to(b"HTTP/1.1 103 Early Hints\r\n\r\n", OK)

    assert body == b"ok"


@pytest.mark.parametrize("status", [b"100 Continue", b"103 Early Hints"])
@pytest.mark.parametrize(("count", "is_well"), [(64, True), (65, False), (100_000, False)])
async def test_so_many_informational_answers_and_no_more(status, count, is_well):
    async with raw_origin((b"HTTP/1.1 " + status + b"\r\n\r\n") * count + OK) as there, line(there.url) as call:
        if is_well:
            assert (await call()).body == b"ok"
        else:
            assert await call.failure() == ("broken-answer", True)
            await until(lambda: there.gone == 1)


async def test_an_interim_answer_alone_is_no_answer():
    told, tell = informed()
    async with raw_origin((b"HTTP/1.1 103 Early Hints\r\n\r\n", turns, End.FIN)) as there, line(there.url) as call:
        assert await call.failure(informational=tell) == ("connection-lost", True)
        assert told == [(103, ())]
