"""Transport: what goes out is what was said, and nothing else; connections carry what they may (RFC 9112)."""

import asyncio

import pytest

from proxy.upstream.transport import Transport
from tests.calling import Line, Time, body_of, line, streamed
from tests.raw_origin import End, raw_origin, turns, until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HEAD, BODY = OK[:-2], OK[-2:]
SILENT = (turns,)
LARGE = b"x" * 50_000_000


@pytest.fixture
async def time(monkeypatch):
    return Time(monkeypatch)


async def sent(method="GET", target="/x", *fields, **more):
    """The octets of a request, less its Host line."""
    async with raw_origin(HEAD if method == "HEAD" else OK) as there, line(there.url) as call:
        await call(method, target, *fields, **more)
        host = f"Host: 127.0.0.1:{there.port}\r\n".encode()
        start, rest = there.seen[0].split(b"\r\n", 1)
        assert rest.startswith(host)
        return start + b"\r\n" + rest.removeprefix(host)


async def test_a_request_is_what_was_said_and_nothing_else():
    assert await sent("GET", "/x", ("X-A", "b"), ("x-a", "C")) == b"GET /x HTTP/1.1\r\nX-A: b\r\nx-a: C\r\n\r\n"


@pytest.mark.parametrize("method", ["get", "Post", "PROPFIND", "M-SEARCH", "QUERY", "!#$%&'*+-.^_`|~", "X" * 300])
async def test_a_method_is_any_token_and_keeps_its_case(method):
    assert (await sent(method)).startswith(f"{method} /x HTTP/1.1\r\n".encode())


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [
        ("GET", b"", None),
        ("HEAD", b"", None),
        ("DELETE", b"", None),
        ("OPTIONS", b"", None),
        ("PROPFIND", b"", None),
        ("post", b"", None),
        ("POST", b"", b"0"),
        ("PUT", b"", b"0"),
        ("PATCH", b"", b"0"),
        ("GET", b"four", b"4"),
        ("DELETE", b"four", b"4"),
        ("POST", b"four", b"4"),
    ],
)
async def test_a_body_has_a_length_and_its_absence_too_where_one_is_expected(method, body, length):
    request = await sent(method, body=body)

    assert request == f"{method} /x HTTP/1.1\r\n".encode() + (
        b"Content-Length: " + length + b"\r\n\r\n" + body if length else b"\r\n"
    )


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "//double//slash/",
        "/%7E/%7e/~/%2F/a;b=c",
        "/?",
        "/x?b=2&a=1&&=&a",
        "/x?a?b=/%20+",
        "/x?u=http://elsewhere/",
        "/[]{}|\\^`\"<>'",
        "/caf\xe9",
        "/\udcfc?\udcfc",
        "/" + "a" * 30_000,
    ],
)
async def test_a_target_goes_out_octet_for_octet(target):
    request = await sent("GET", target)

    assert request == b"GET " + target.encode("utf-8", "surrogateescape") + b" HTTP/1.1\r\n\r\n"


@pytest.mark.parametrize(
    ("target", "seen"), [("", b"/"), ("?a=b", b"/?a=b"), ("/x#part", b"/x"), ("/x?a=b#part?", b"/x?a=b"), ("#/", b"/")]
)
async def test_a_target_begins_with_a_slash_and_has_no_fragment(target, seen):
    assert (await sent("GET", target)).startswith(b"GET " + seen + b" HTTP/1.1\r\n")


@pytest.mark.parametrize("value", ["\udcfc", "a\udcfcb", "\xfc", "\u20ac", "", "a\tb", "\x01\x7f", '"\\"'])
async def test_a_field_value_keeps_its_octets(value):
    request = await sent("GET", "/x", ("X-A", value))

    assert request == b"GET /x HTTP/1.1\r\nX-A: " + value.encode("utf-8", "surrogateescape") + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target", "fields"),
    [
        ("GET", "/x", (("X-A", "secret\r\nX-B: c"),)),
        ("GET", "/x", (("X-A", "secret\r"),)),
        ("GET", "/x", (("X-A", "secret\n"),)),
        ("GET", "/x", (("X-A", "secret\n\r"),)),
        ("GET", "/x", (("X-A", "secret\0"),)),
        ("GET", "/x", (("X-secret\r\n", "a"),)),
        ("GET", "/x", (("X-secret\n: b\nX", "a"),)),
        ("GET", "/secret\r\nX-A: b", ()),
        ("GET", "/secret HTTP/1.1\r\nX-A: b", ()),
        ("GET", "/secret and", ()),
        ("GET", "/secret\0", ()),
        ("GET /secret", "/x", ()),
        ("GET\r\n", "/secret", ()),
        ("sécret", "/x", ()),
        ("", "/secret", ()),
    ],
)
async def test_what_would_break_out_of_its_line_is_never_sent(method, target, fields):
    async with raw_origin(OK) as there, line(there.url) as call:
        with pytest.raises(ValueError, match=r"^a (line break|method)") as caught:
            await call(method, target, *fields)

        assert "ecret" not in str(caught.value)
        assert there.connections == 0


@pytest.mark.parametrize("name", ["Host", "content-length", "Transfer-Encoding", "Connection"])
async def test_where_a_message_goes_and_ends_nobody_else_says(name):
    request = await sent("POST", "/x", (name, "7"), body=b"four")

    assert request == b"POST /x HTTP/1.1\r\nContent-Length: 4\r\n\r\nfour"


async def test_a_base_path_comes_before_the_path():
    async with raw_origin(OK) as there, line(there.url + "/base") as call:
        await call("GET", "/x")

        assert there.seen[0].startswith(b"GET /base/x HTTP/1.1\r\n")


async def test_a_large_body_goes_out_whole():
    body = bytes(range(256)) * 20_000
    async with raw_origin(OK) as there, line(there.url) as call:
        await call("POST", "/x", body=body, is_safe=False)

        assert there.seen[0].endswith(b"\r\n\r\n" + body)


async def test_reads_share_a_connection_one_after_the_other():
    async with raw_origin(OK, HEAD, OK, OK) as there, line(there.url) as call:
        for method in ("GET", "HEAD", "GET", "PROPFIND"):
            await call(method)

        assert (len(there.seen), there.connections) == (4, 1)
        assert not any(b"onnection" in request for request in there.seen)


async def test_each_write_has_a_connection_of_its_own_and_says_so():
    async with raw_origin(OK) as there, line(there.url) as call:
        for _ in range(2):
            await call("POST", is_safe=False)
        await until(lambda: there.gone == 2)

        assert there.connections == 2
        assert all(b"\r\nConnection: close\r\n" in request for request in there.seen)


async def test_reads_at_the_same_time_have_a_connection_each():
    async with raw_origin(OK) as there, line(there.url) as call:
        await asyncio.gather(*(call() for _ in range(5)))

        assert there.connections == 5


@pytest.mark.parametrize(("idle", "connections"), [(3.9, 1), (4.1, 2)])
async def test_a_connection_is_kept_for_four_idle_seconds(monkeypatch, idle, connections):
    now = [100.0]
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: now[0])
    async with raw_origin(OK) as there, line(there.url) as call:
        await call()
        now[0] += idle
        await call()

        assert there.connections == connections


@pytest.mark.parametrize(
    "first",
    [
        (OK, End.FIN),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",),
        (b"HTTP/1.1 200 OK\r\n\r\nok", End.FIN),
    ],
)
async def test_a_connection_that_ends_is_not_used_again(first):
    async with raw_origin(first, OK) as there, line(there.url) as call:
        replies = [await call()]
        await turns(50)
        replies.append(await call())

        assert [reply.body for reply in replies] == [b"ok", b"ok"]
        assert there.connections == 2


FORGED = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"


@pytest.mark.parametrize(
    "script",
    [
        (OK, FORGED),
        (OK, b"x"),
        (OK, b"\r\n"),
        (OK, FORGED[:10]),
        (HEAD, BODY + FORGED),
        (HEAD, BODY + FORGED + FORGED),
        (HEAD, BODY + FORGED[:-1]),
        (HEAD, BODY + FORGED[:10], FORGED[10:]),
        (HEAD, BODY + b"x"),
        (HEAD, BODY + b"HTTP/1.1 103 Early Hints\r\n\r\n"),
        (OK + FORGED,),
        (OK + FORGED[:10], FORGED[10:]),
        (b"HTTP/1.1 204 No Content\r\n\r\n", FORGED),
        (b"HTTP/1.1 204 No Content\r\n\r\n" + FORGED,),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 6\r\n\r\n", b"forged"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("read", [0, 1000, -1])
async def test_an_answer_that_nobody_asked_for_is_nobodys(script, read):
    async with raw_origin(script, OK) as there, line(there.url) as call:
        first = await call(read=read)
        assert await body_of(first) == (b"ok" if first.status == 200 else b"")
        await turns(50)
        second = await call(read=read)

        assert await body_of(second) == b"ok"
        assert there.connections == 2


async def test_an_answer_before_its_request_is_whole_ends_the_connection():
    async def answers_early(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        ends.append((reader, writer))

    ends = []
    server = await asyncio.start_server(answers_early, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server, line(url) as call:
        for _ in range(2):
            reply = await call("QUERY", body=LARGE)
            assert reply.body == b"ok"

        assert len(ends) == 2
        for reader, writer in ends:
            assert len(await reader.read()) < len(LARGE)
            writer.close()


async def test_nobody_there_is_unreachable():
    async with raw_origin(OK) as there:
        url = there.url
    async with line(url) as call:
        assert await call.failure() == ("unreachable", False)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:0",
        "http://127.0.0.1:99999",
        "http://127.0.0.1:http",
        "http://[::1",
        "http://a..b",
        "http://.",
        f"http://{'x' * 70}.invalid",
        "http://1.2.3.400",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "http:",
        "",
    ],
)
async def test_an_address_that_is_none_is_unreachable(url):
    async with line(url) as call:
        for _ in range(2):
            assert await call.failure() == ("unreachable", False)


async def test_a_plain_server_is_unreachable_over_tls():
    async def plain(reader, writer):
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    async with server, line(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as call:
        assert await call.failure() == ("unreachable", False)


@pytest.mark.parametrize("end", End)
@pytest.mark.parametrize("is_safe", [True, False])
@pytest.mark.parametrize("begun", [(), (b"HTTP/1.1 20",), (b"HTTP/1.1 200 OK\r\nContent-Len",)])
async def test_a_connection_that_ends_without_an_answer_is_lost_and_nothing_is_repeated(end, is_safe, begun):
    async with raw_origin((*begun, end)) as there, line(there.url) as call:
        assert await call.failure("PUT", is_safe=is_safe) == ("connection-lost", True)
        assert len(there.seen) == 1


async def test_no_answer_in_time_is_a_timeout(time):
    async with raw_origin((time.passing(6),)) as there, line(there.url) as call:
        assert await call.failure(patience=5) == ("timeout", True)
        await until(lambda: there.gone == 1)


@pytest.mark.parametrize("read", [1000, 0])
async def test_a_body_that_stands_still_is_a_timeout_where_it_is_read_and_broken_where_it_streams(time, read):
    async with raw_origin((HEAD + b"o", time.passing(6 if read else 61))) as there, line(there.url) as call:
        if read:
            assert await call.failure(read=read, patience=5) == ("timeout", True)
        else:
            assert await streamed(await call(read=read, patience=5)) == (b"o", False)
        await until(lambda: there.gone == 1)


async def test_no_connection_in_time_was_nothing_sent(time):
    async def mute(reader, writer):
        await time.passing(6)()
        await reader.read()
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server, line(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as call:
        assert await call.failure(patience=5) == ("timeout", False)
        await ended.wait()
        await turns()


@pytest.mark.parametrize("begun", [(), (HEAD,), (HEAD + b"o",)])
async def test_whoever_gives_up_lets_go_of_the_connection(begun):
    async with raw_origin((*begun, *SILENT)) as there, line(there.url) as call:
        task = asyncio.ensure_future(call())
        await until(lambda: len(there.seen) == 1)
        await turns()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: there.gone == 1)


async def test_before_it_is_open_nothing_can_be_sent():
    with pytest.raises(RuntimeError, match="open"):
        await Line(Transport(), "http://127.0.0.1:1", [])()
