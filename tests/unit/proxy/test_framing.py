"""Framing: one request at a time, however its bytes come; and where no next one can be told from the last."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.streams import EMPTY_PAYLOAD
from aiohttp.web_protocol import MAX_MSG_QUEUE_SIZE, RequestPayloadError

import proxy.http.framing
from proxy.http.bodies import Chunked, KnownLength
from proxy.http.framing import MOST_FIELDS, Framer
from proxy.http.refusals import Unreadable, refusal_of

MAX_HEAD = 4096
WINDOW = 1024  # bytes of a body that may wait; twice as many pause the connection
QUERY = b"GET /x?a=%2F HTTP/1.1\r\nHost: a\r\n\r\n"
CHUNKS = b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-Trail: 1\r\n\r\n"


def post(body=b"", *lines, method=b"POST"):
    length = [b"Content-Length: %d" % len(body)] if body else []
    return b"\r\n".join([method + b" /x HTTP/1.1", b"Host: a", *length, *lines, b"", body])


def chunked(chunks, method=b"POST"):
    return post(b"", b"Transfer-Encoding: chunked", method=method) + chunks


class Wire(BaseProtocol):
    """As much of a connection as a framer sees."""

    def __init__(self):
        super().__init__(asyncio.get_running_loop())
        self.framer = self._parser = Framer(self, self._loop, WINDOW, MAX_HEAD)
        self.found = []
        self.pauses = 0
        self.transport = SimpleNamespace(pause_reading=self.count, resume_reading=lambda: None)

    def count(self):
        self.pauses += 1

    def data_received(self, data):
        messages, is_upgrade, tail = self.framer.feed_data(data)
        assert (is_upgrade, tail) == (False, b"")
        self.found += messages

    @property
    def methods(self):
        return [message.method for message, _ in self.found]

    @property
    def statuses(self):
        return [refusal_of(message.exc).problem.status for message, _ in self.found]


async def bodies(wire):
    return [b"" if payload is EMPTY_PAYLOAD else await payload.read() for _, payload in wire.found]


ONE_AFTER_THE_OTHER = [
    (QUERY, "GET", b""),
    (post(b"hello"), "POST", b"hello"),
    (post(b"there", method=b"FOO"), "FOO", b"there"),
    (b"\r\n\r\n" + post(method=b"get"), "get", b""),
    (chunked(CHUNKS), "POST", b"hello world"),
    (chunked(CHUNKS, method=b"FOO"), "FOO", b"hello world"),
    (post(b"hi", b"Connection: upgrade", b"Upgrade: websocket"), "POST", b"hi"),
    (post(b"", b"Connection: upgrade", b"Upgrade: h2c"), "POST", b""),
    (QUERY, "GET", b""),
]
STREAM = b"".join(sent for sent, _, _ in ONE_AFTER_THE_OTHER)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 50, 1000, len(STREAM)])
async def test_requests_are_the_same_in_pieces_of_any_size(size):
    wire = Wire()
    for at in range(0, len(STREAM), size):
        wire.data_received(STREAM[at : at + size])

    assert wire.methods == [method for _, method, _ in ONE_AFTER_THE_OTHER]
    assert await bodies(wire) == [body for _, _, body in ONE_AFTER_THE_OTHER]


async def test_requests_are_the_same_wherever_they_are_cut_in_two():
    for cut in range(len(STREAM)):
        wire = Wire()
        wire.data_received(STREAM[:cut])
        wire.data_received(STREAM[cut:])

        assert wire.methods == [method for _, method, _ in ONE_AFTER_THE_OTHER], cut
        assert await bodies(wire) == [body for _, _, body in ONE_AFTER_THE_OTHER], cut


async def test_what_came_whole_is_known_before_what_cannot_be_read():
    wire = Wire()
    wire.data_received(QUERY + post(b"hello") + b"what is this\r\n\r\n" + QUERY)

    *whole, (last, _) = wire.found
    assert [message.method for message, _ in whole] == ["GET", "POST"]
    assert refusal_of(last.exc).problem.status == 400


async def test_nothing_is_read_behind_what_cannot_be_read():
    wire = Wire()
    wire.data_received(b"what is this\r\n\r\n")
    wire.data_received(QUERY)

    assert wire.statuses == [400]


@pytest.mark.parametrize(
    "last", [post(b"", b"Connection: close"), post(b"hi", b"Connection: close"), b"GET /x HTTP/1.0\r\n\r\n"]
)
async def test_nothing_is_read_behind_the_last_request(last):
    wire = Wire()
    wire.data_received(last + QUERY)
    wire.data_received(QUERY)

    assert len(wire.found) == 1


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET /" + b"x" * MAX_HEAD, 414),
        (b"GET /" + b"x" * MAX_HEAD + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * MAX_HEAD, 431),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000, 431),
        (post(b"", *[b"X:"] * MOST_FIELDS), 431),
        (post(b"", *[b"X:"] * MOST_FIELDS, method=b"FOO"), 431),
        (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"CONNECT a:80 HTTP/1.3\r\nHost: a\r\n\r\n", 501),
        (post(b"", b"Transfer-Encoding: gzip, chunked"), 501),
        (post(b"", b"Transfer-Encoding:"), 501),
        (b"GET / HTTP/2.0\r\n\r\n", 505),
        (b"GET / HTTP/0.9\r\n\r\n", 505),
        (b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"\x16\x03\x01\x02", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n", 400),
        (b"GET / FTP", 400),
        (b"GET / HTTP/1.1 \r\n", 400),
        (b"\n", 400),
    ],
)
async def test_a_head_is_refused_as_soon_as_it_cannot_be_one(head, status):
    wire = Wire()
    wire.data_received(head)

    assert wire.statuses == [status]


async def test_a_head_may_have_as_many_fields_and_bytes_as_it_may():
    many, long, longer = Wire(), Wire(), Wire()
    many.data_received(post(b"", *[b"X:"] * (MOST_FIELDS - 1)))
    long.data_received(post(b"", b"X: " + b"x" * (MAX_HEAD - len(post(b"", b"X: ")))))

    longer.data_received(post(b"", b"X: " + b"x" * (MAX_HEAD + 1 - len(post(b"", b"X: ")))))

    assert many.methods == long.methods == ["POST"]
    assert longer.statuses == [431]


async def test_no_more_requests_are_read_than_may_wait():
    wire = Wire()
    wire.data_received(QUERY * 3 * MAX_MSG_QUEUE_SIZE)
    assert len(wire.found) == MAX_MSG_QUEUE_SIZE

    for answered in range(3 * MAX_MSG_QUEUE_SIZE):
        assert len(wire.found) == min(answered + MAX_MSG_QUEUE_SIZE, 3 * MAX_MSG_QUEUE_SIZE)
        wire.framer.message_consumed()
        wire.data_received(b"")


@pytest.mark.parametrize("method", [b"POST", b"FOO"])
@pytest.mark.parametrize("is_chunked", [False, True])
async def test_a_body_nobody_reads_pauses_the_connection_and_the_request_behind_it_waits(method, is_chunked):
    body = b"x" * 100 * WINDOW
    chunks = b"".join(b"400\r\n%b\r\n" % body[:WINDOW] for _ in range(100)) + b"0\r\n\r\n"
    wire = Wire()
    wire.data_received(chunked(chunks, method) if is_chunked else post(body, method=method))
    wire.data_received(QUERY)
    assert wire.pauses

    [payload] = [payload for _, payload in wire.found if payload is not EMPTY_PAYLOAD]
    read = b""
    while not payload.at_eof():
        read += await payload.readany()
    wire.data_received(b"")

    assert read == body
    assert wire.methods == [method.decode(), "GET"]


@pytest.mark.parametrize("method", [b"POST", b"FOO"])
@pytest.mark.parametrize(
    "bad", [b"x\r\n", b"5\r\nhello!\r\n", b"5\r\nhello\r\n0\r\nX y\r\n\r\n", b"5;a\nb\r\nhello\r\n"]
)
async def test_who_reads_a_body_that_is_none_is_told_and_nothing_follows_it(method, bad):
    wire = Wire()
    wire.data_received(chunked(bad, method))
    wire.data_received(QUERY)

    [(_, payload)] = wire.found
    with pytest.raises(RequestPayloadError):
        await payload.read()


async def test_a_parser_that_sees_the_end_elsewhere_is_not_believed(monkeypatch):
    monkeypatch.setattr(proxy.http.framing, "KnownLength", lambda length: KnownLength(length - 1))
    wire = Wire()
    wire.data_received(post(b"hello") + QUERY)
    wire.data_received(QUERY)

    [(_, payload)] = wire.found
    assert isinstance(payload.exception(), RequestPayloadError)


# where bodies end


def test_a_known_length_is_taken_and_no_more():
    body = KnownLength(5)

    assert [body.take(b"abc"), body.is_done, body.take(b"defg"), body.is_done] == [3, False, 2, True]
    assert KnownLength(0).is_done


@pytest.mark.parametrize(
    "chunks",
    [
        b"0\r\n\r\n",
        b"5\r\nhello\r\n0\r\n\r\n",
        b'A\r\n0123456789\r\n00a;b="c"\r\n0123456789\r\n000;x\r\n\r\n',
        b"4\r\n\r\n\r\n\r\n0\r\nX: y\r\nZ:\r\n\r\n",
        CHUNKS,
    ],
)
def test_chunks_end_where_they_end_however_they_come(chunks):
    for cut in range(len(chunks)):
        body = Chunked(limit=100)

        assert body.take(chunks[:cut]) == cut
        assert not body.is_done
        assert body.take(chunks[cut:] + b"GET /") == len(chunks) - cut
        assert body.is_done


@pytest.mark.parametrize("digits", range(17))
def test_a_size_has_one_to_sixteen_digits(digits):
    body = Chunked(limit=100)
    if digits in range(1, 17):
        assert body.take(b"0" * (digits - 1) + b"5\r\n") == digits + 2
    else:
        with pytest.raises(Unreadable):
            body.take(b"0" * (digits - 1) + b"5\r\n" if digits else b"\r\n")


@pytest.mark.parametrize(
    "sent",
    [
        b"00000000000000005\r\n",
        b"1;" + b"a" * 100,
        b"1;" + b"a" * 60 + b"\r\nh\r\n1;" + b"a" * 60 + b"\r\nh\r\n",
        b"0\r\n" + b"X: y\r\n" * 20,
        b"0\r\nX: " + b"y" * 100,
    ],
    ids=range(5),
)
def test_what_stands_beside_a_body_is_bounded(sent):
    with pytest.raises(Unreadable):
        Chunked(limit=100).take(sent)


@pytest.mark.parametrize("octet", [b"\r", b"\0", b"\x01", b"\x7f"])
def test_an_extension_has_no_controls(octet):
    with pytest.raises(Unreadable):
        Chunked(limit=100).take(b"5;a" + octet + b"b\r\nhello\r\n")


def test_trailer_fields_are_counted():
    with pytest.raises(Unreadable):
        Chunked(limit=100_000).take(b"0\r\n" + b"X:\r\n" * 201)
