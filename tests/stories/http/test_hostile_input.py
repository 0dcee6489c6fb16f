"""Hostile input: whatever bytes come, nothing reaches the upstream that was not asked for, and nothing good is lost.

Every case is sent with a good request right behind it. Either Larder refuses, and closes where it cannot know any more
where the next request begins; or it is still in step, and the good request gets its own answer, from memory.
"""

from typing import NamedTuple

import pytest
import pytest_asyncio

from proxy.messages import ALL
from proxy.store.fences import Mode
from tests.house import house
from tests.stories.http.raw import calling, get, mirror, ok, raw_origin

GOOD = get("/mirror/good", "Connection: close")
CLOSED_400, IN_STEP_400 = [400], [400, 200]
HEAD = "POST /mirror/x HTTP/1.1\r\nHost: localhost\r\n"


class Case(NamedTuple):
    """What is sent, and what comes back; the target that the origin sees, where it may see one."""

    name: str
    sent: bytes
    statuses: list[int]
    reached: str | None = None
    without: tuple[str, ...] = ()  # fields that do not get there


def posted(*lines: str, body: str = "", version: str = "1.1", method: str = "POST") -> bytes:
    """A request with a body, its header lines written out."""
    head = [f"{method} /mirror/x HTTP/{version}", "Host: localhost", *lines, "", ""]
    return ("\r\n".join(head) + body).encode("latin-1")


def chunked(body: str, method: str = "POST") -> bytes:
    return posted("Transfer-Encoding: chunked", body=body, method=method)


def raw(text: str) -> bytes:
    return text.encode("latin-1")


LENGTHS = [
    Case(
        "a length beside a coding", posted("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n"), [400]
    ),
    Case(
        "a coding beside a length", posted("Transfer-Encoding: chunked", "Content-Length: 5", body="0\r\n\r\n"), [400]
    ),
    Case("two lengths that differ", posted("Content-Length: 5", "Content-Length: 6", body="hello"), [400]),
    Case("the same length twice", posted("Content-Length: 5", "Content-Length: 5", body="hello"), [400]),
    Case("a list of lengths", posted("Content-Length: 5, 5", body="hello"), [400]),
    Case("a length with a plus", posted("Content-Length: +5", body="hello"), [400]),
    Case("a negative length", posted("Content-Length: -5", body="hello"), [400]),
    Case("a hexadecimal length", posted("Content-Length: 0x5", body="hello"), [400]),
    Case("a length with a space inside", posted("Content-Length: 5 5", body="hello"), [400]),
    Case("an empty length", posted("Content-Length:", body="hello"), [400]),
    Case("a length beyond all bounds", posted("Content-Length: 99999999999999999999", body="hello"), [400]),
]

CODINGS = [
    *(
        Case(f"the coding {coding!r}", posted(f"Transfer-Encoding: {coding}", body="5\r\nhello\r\n0\r\n\r\n"), statuses)
        for coding, statuses in [
            ("xchunked", [400]),
            ("identity", [400]),
            ("chunked, identity", [400]),
            ("chunked, chunked", [400]),
            ("chunked,", [400]),
            ("chunked;q=1", [400]),
            ('"chunked"', [400]),
            ("\x0bchunked", [400]),
            ("gzip, chunked", [501]),
            (",chunked", [501]),
            ("", [501]),
        ]
    ),
    Case(
        "a coding on two lines",
        posted("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body="0\r\n\r\n"),
        [400],
    ),
    Case("a coding in HTTP/1.0", posted("Transfer-Encoding: chunked", body="0\r\n\r\n", version="1.0"), [400]),
    Case("a coding with an underscore", posted("Transfer_Encoding: chunked"), [200, 200], "/x", ("transfer_encoding",)),
    Case("a length with an underscore", posted("Content_Length: 5"), [200, 200], "/x", ("content_length",)),
]

CHUNKS = [
    *(
        Case(f"{name}, {method}", chunked(body, method), [400])
        for method in ("POST", "FOO")
        for name, body in [
            ("a line feed in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n"),
            ("a carriage return in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
            ("a NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n"),
            ("an oversize extension", f"5;{'a' * 20_000}\r\nhello\r\n0\r\n\r\n"),
            ("oversize extensions together", f"1;{'a' * 9_000}\r\nh\r\n" * 3 + "0\r\n\r\n"),
            ("a line end in a quoted extension", '5;a="\r\n0\r\n\r\n"\r\nhello\r\n0\r\n\r\n'),
            ("a size that is no number", "xyz\r\nhello\r\n0\r\n\r\n"),
            ("no size", "\r\nhello\r\n0\r\n\r\n"),
            ("a negative size", "-5\r\nhello\r\n0\r\n\r\n"),
            ("a size with a plus", "+5\r\nhello\r\n0\r\n\r\n"),
            ("a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
            ("a size with an underscore", "5_0\r\nhello\r\n0\r\n\r\n"),
            ("a size with a space behind", "5 \r\nhello\r\n0\r\n\r\n"),
            ("a size with a space before", " 5\r\nhello\r\n0\r\n\r\n"),
            ("a size beyond all bounds", "fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
            ("a size that ends with a line feed", "5\nhello\r\n0\r\n\r\n"),
            ("a chunk that ends with a line feed", "5\r\nhello\n0\r\n\r\n"),
            ("a chunk longer than its size", "3\r\nhello\r\n0\r\n\r\n"),
            ("a chunk shorter than its size", "6\r\nhello\r\n0\r\n\r\n"),
            ("a last chunk that ends with a line feed", "5\r\nhello\r\n0\n\r\n"),
            ("a trailer field without a colon", "5\r\nhello\r\n0\r\nX y\r\n\r\n"),
            ("a trailer field that ends with a line feed", "5\r\nhello\r\n0\r\nX: y\n\r\n"),
            ("an oversize trailer", f"5\r\nhello\r\n0\r\nX: {'a' * 20_000}\r\n\r\n"),
            ("too many trailer fields", "5\r\nhello\r\n0\r\n" + "X: y\r\n" * 300 + "\r\n"),
        ]
    ),
    Case("an extension", chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), [200, 200], "/x"),
    Case("a trailer", chunked("5\r\nhello\r\n0\r\nX-Trail: 1\r\n\r\n"), [200, 200], "/x", ("x-trail",)),
]

LINES = [
    *(
        Case(name, raw(sent), statuses)
        for name, sent, statuses in [
            ("a folded line", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX: a\r\n b\r\n\r\n", [400]),
            ("a folded first line", "GET /mirror/x HTTP/1.1\r\n X: a\r\nHost: localhost\r\n\r\n", [400]),
            ("a line feed behind the request line", "GET /mirror/x HTTP/1.1\nHost: localhost\r\n\r\n", [400]),
            ("a line feed behind a field", "GET /mirror/x HTTP/1.1\r\nHost: localhost\n\r\n", [400]),
            ("a line feed for the end", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n\n", [400]),
            ("nothing but line feeds", "GET /mirror/x HTTP/1.1\nHost: localhost\n\n", [400]),
            ("a carriage return in a value", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX: a\rY: b\r\n\r\n", [400]),
            ("a carriage return before a line end", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\r\n\r\n", [400]),
            ("a NUL in a value", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX: a\0b\r\n\r\n", [400]),
            ("a control in a value", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX: a\x01b\r\n\r\n", [400]),
            ("a space before a colon", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX : a\r\n\r\n", [400]),
            ("a length with a space before its colon", HEAD + "Content-Length : 5\r\n\r\nhello", [400]),
            ("a field without a name", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n: a\r\n\r\n", [400]),
            ("a field without a colon", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX\r\n\r\n", [400]),
            ("a name beyond ASCII", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX\xe9: a\r\n\r\n", [400]),
            ("two spaces", "GET  /mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("two more spaces", "GET /mirror/x  HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("a space at the end", "GET /mirror/x HTTP/1.1 \r\nHost: localhost\r\n\r\n", [400]),
            ("a space at the beginning", " GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("a tab for a space", "GET\t/mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("a line feed before it", "\nGET /mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("no version", "GET /mirror/x\r\nHost: localhost\r\n\r\n", [400]),
            ("a version in small letters", "GET /mirror/x http/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("a version of more digits", "GET /mirror/x HTTP/1.10\r\nHost: localhost\r\n\r\n", [400]),
            ("another protocol", "DESCRIBE /mirror/x RTSP/1.0\r\nHost: localhost\r\n\r\n", [400]),
            ("HTTP/0.9", "GET /mirror/x HTTP/0.9\r\nHost: localhost\r\n\r\n", [505]),
            ("HTTP/2.0", "GET /mirror/x HTTP/2.0\r\nHost: localhost\r\n\r\n", [505]),
            ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [505]),
            ("a method that is no token", "G@T /mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]),
            ("TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", [400]),
            ("an oversize target", f"GET /mirror/{'x' * 20_000} HTTP/1.1\r\nHost: localhost\r\n\r\n", [414]),
            ("an oversize field", f"GET /mirror/x HTTP/1.1\r\nHost: localhost\r\nX: {'x' * 20_000}\r\n\r\n", [431]),
            ("an oversize head", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n" + f"X: {'x' * 900}\r\n" * 20, [431]),
            ("too many fields", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 200 + "\r\n", [431]),
            ("ten thousand fields", "GET /mirror/x HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 10_000, [431]),
            (
                "too many fields, FOO",
                "FOO /mirror/x HTTP/1.1\r\nHost: localhost\r\n" + "X: y\r\n" * 200 + "\r\n",
                [431],
            ),
        ]
    ),
    Case("as many fields as may be", get("/mirror/x", *["X-Many: y"] * 199), [200, 200], "/x"),
    Case("empty lines before it", b"\r\n\r\n" + get("/mirror/x"), [200, 200], "/x"),
]

HOSTS = [
    Case("no Host", b"GET /mirror/x HTTP/1.1\r\n\r\n", [400]),
    Case("no Host in HTTP/1.2", b"GET /mirror/x HTTP/1.2\r\n\r\n", IN_STEP_400),
    Case("two Hosts", get("/mirror/x", "Host: evil.example"), [400]),
    Case("the same Host twice", get("/mirror/x", "Host: localhost"), [400]),
    *(
        Case(f"the Host {host!r}", get("/mirror/x", host=host), IN_STEP_400)
        for host in (
            "",
            "a b",
            "localhost/x",
            "localhost:80:80",
            "user@localhost",
            "localhost?",
            "localhost,evil",
            "[::1",
        )
    ),
    Case("a foreign Host", get("/mirror/x", host="evil.example"), [421, 200]),
]

TARGETS = [
    Case("an absolute target", get("http://localhost/mirror/x?a=1"), [200, 200], "/x?a=1"),
    Case(
        "an absolute target counts, its Host does not",
        get("http://localhost/mirror/x", host="a.example"),
        [200, 200],
        "/x",
    ),
    Case("an absolute target for a foreign host", get("http://evil.example/mirror/x"), [421, 200]),
    Case("a user in it", get("http://localhost@evil.example/mirror/x"), IN_STEP_400),
    Case("a user before this host", get("http://me@localhost/mirror/x"), IN_STEP_400),
    Case("a backslash in its authority", get("http://localhost\\@evil.example/mirror/x"), [400]),
    Case("another scheme", get("ftp://localhost/mirror/x"), IN_STEP_400),
    Case("a file", get("file:///etc/passwd"), [400]),
    Case("an authority", get("localhost:80"), [400]),
    Case("CONNECT", b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n\r\n", [501]),
    Case("CONNECT to a path", b"CONNECT /mirror/x HTTP/1.1\r\nHost: localhost\r\n\r\n", [501]),
    Case("an asterisk", get("*"), [400]),
    Case("a relative path", get("mirror/x"), [400]),
    Case("a fragment", get("/mirror/x#/../y"), IN_STEP_400),
    Case("a backslash", get("/mirror\\..\\x"), IN_STEP_400),
    Case("a character beyond ASCII", get("/mirror/\xe9"), [400]),
    Case("a control", get("/mirror/\x01"), [400]),
    Case("a space", get("/mirror/x y"), [400]),
    *(
        Case(f"a dot segment: {path}", get(f"/mirror/{path}"), IN_STEP_400)
        for path in [
            "../x",
            "a/../x",
            "a/..",
            "./x",
            "a/./x",
            "a/.",
            "%2e%2e/x",
            "%2E./x",
            ".%2e/x",
            "%2e/x",
            "a/..;/x",
            "a/..;x=y/x",
            "a/%2e%2e;/x",
            "a/..%3bx/x",
            "a/..%2fx",
            "a%2f..%2fx",
            "a/..%5cx",
            "a%5c..%5cx",
            "a/%252e%252e/x",
            "a%252f..%252fx",
            "a/..%255cx",
            "a/%25252e%25252e/x",
            "a/..%00/x",
            "a/..%20/x",
            "a/..%3fx",
            "a/..%23x",
            "a/%25252525252e",
        ]
    ),
    Case("a dot segment before the upstream", get("/a/../mirror/x"), IN_STEP_400),
    Case("a dot segment behind a key", get("/@key/../mirror/x"), IN_STEP_400),
    Case("a dot segment in an absolute target", get("http://localhost/mirror/a/../x"), IN_STEP_400),
    *(
        Case(f"as it is: {path}", get(f"/mirror{path}"), [200, 200], path)
        for path in [
            "/users/self/x.css",
            "/users/self;a.js",
            "/users/self%2fx.css",
            "/a%2Fb",
            "/a%252Fb",
            "/a%5Cb",
            "//evil.example/x",
            "/...",
            "/.x/..y",
            "/x..;y/z",
            "/%7Ex",
            "/x?a=../..",
            "/x?a=%2e%2e%2f",
            "/a%00b",
            "/%E2%82%AC",
        ]
    ),
]

FIELDS = [
    Case("an underscore", get("/mirror/x", "X_Api_Key: 1"), [200, 200], "/x", ("x_api_key", "x-api-key")),
    Case(
        "fields that Connection names",
        get("/mirror/x", "Connection: keep-alive, Authorization, Cookie", "Authorization: Bearer a", "Cookie: b=c"),
        [200, 200],
        "/x",
        ("authorization", "cookie", "connection"),
    ),
    Case("an unknown expectation", get("/mirror/x", "Expect: 200-ok"), [417, 200]),
    Case("an expectation beside the known one", get("/mirror/x", "Expect: 100-continue, more"), [417, 200]),
    Case("TRACE with a body", posted("Content-Length: 5", body="hello", method="TRACE"), IN_STEP_400),
    Case("an upgrade", get("/mirror/x", "Connection: upgrade", "Upgrade: websocket"), [200, 200], "/x", ("upgrade",)),
    Case("an upgrade to h2c", get("/mirror/x", "Connection: upgrade", "Upgrade: h2c"), [200, 200], "/x", ("upgrade",)),
    Case(
        "an upgrade with a body",
        posted("Connection: upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked", body="1\r\nh\r\n0\r\n\r\n"),
        [200, 200],
        "/x",
        ("upgrade",),
    ),
    Case("what stands behind Connection: close", get("/mirror/x", "Connection: close"), [200], "/x"),
    Case("what stands behind HTTP/1.0", b"GET /mirror/x HTTP/1.0\r\nHost: localhost\r\n\r\n", [200], "/x"),
]

CASES = [*LENGTHS, *CODINGS, *CHUNKS, *LINES, *HOSTS, *TARGETS, *FIELDS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mirrored(tmp_path_factory):
    """An origin and a house for all cases: what one of them does to it, those behind it would see."""
    async with raw_origin(lambda request: ok(b"kept", "Cache-Control: max-age=60")) as there:
        async with house(tmp_path_factory.mktemp("house"), **mirror(there.url)) as built:
            yield there, built


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("case", CASES, ids=[case.name[:60] for case in CASES])
async def test_nothing_is_smuggled_and_nothing_good_is_lost(mirrored, case):
    there, home = mirrored
    await home.settled()
    await home.larder.purger.purge([ALL], Mode.HARD)
    there.seen.clear()
    await home.get("/mirror/good")
    async with calling(home.larder.listener.port) as caller:
        await caller.send(case.sent + GOOD)
        answers = await caller.answers()

    assert [answer.status for answer in answers] == case.statuses
    assert [seen.target for seen in there.seen] == ["/good", *([case.reached] if case.reached else [])]
    for answer in answers:
        refused = answer.status >= 400
        assert answer.one("Content-Type") == "application/problem+json" if refused else answer.body == b"kept"
    assert not any(there.seen[-1].all(name) for name in case.without)
    assert len(answers) == 1 or answers[-1].one("Cache-Status").startswith("larder; hit")
    assert len(answers) == 2 or answers[0].one("Connection") == "close"
    again = await home.get("/mirror/good")
    assert again.body == b"kept"
    assert again.cache.startswith("larder; hit")


async def test_a_request_that_came_whole_is_answered_before_what_cannot_be_read(larder):
    async with raw_origin(lambda request: ok()) as there, larder(**mirror(there.url)) as home:
        async with calling(home.larder.listener.port) as caller:
            await caller.send(get("/mirror/one") + get("/mirror/two") + b"what is this\r\n\r\n" + get("/mirror/three"))
            answers = await caller.answers()

        assert [answer.status for answer in answers] == [200, 200, 400]
        assert [seen.target for seen in there.seen] == ["/one", "/two"]


async def test_what_is_refused_is_told_and_logged_without_its_bytes(larder):
    async with larder(**mirror("http://127.0.0.1:9")) as home:
        for sent in (b"SECRET \x01\r\n\r\n", get("/mirror/SECRET#x"), get("/x", "SECRET: a\rb"), chunked("SECRET\r\n")):
            async with calling(home.larder.listener.port) as caller:
                await caller.send(sent + GOOD)
                assert b"SECRET" not in await caller.rest()
        home.larder.observing.log.flush()

        log = home.log.getvalue()
        assert log.count('"status":400') == 4
        assert "SECRET" not in log


async def test_an_override_of_a_safe_method_is_not_answered_to_others(larder):
    def say(request):
        return ok(b"overridden" if request.all("X-HTTP-Method-Override") else b"plain", "Cache-Control: max-age=60")

    async with raw_origin(say) as there, larder(**mirror(there.url)) as home:
        await home.get("/mirror/x", headers={"X-HTTP-Method-Override": "DELETE"})

        assert (await home.get("/mirror/x")).body == b"plain"


async def test_a_head_that_cannot_become_one_is_refused_before_its_end(larder):
    async with larder() as home:
        for begun in (b"\x16\x03\x01", b"GET /x HTTP/1.1\r\nHost: a\n", b"GET /x FTP", b"GET /x HTTP/1.1 more\r\n"):
            async with calling(home.larder.listener.port) as caller:
                await caller.send(begun)

                assert [answer.status for answer in await caller.answers()] == [400]
