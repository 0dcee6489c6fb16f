"""Carrying, the caller's side: what a caller sends comes in as it is, and what it gets is written to the letter.

RFC 9110 §7.6, §9, §10.1.1 and §15.2; RFC 9112 §2 to §9.
"""

import asyncio

import pytest

from proxy.callers.keys import make_key
from tests.stories.http.raw import calling, get, mirror, ok, raw_origin

CACHED = "Cache-Control: public, max-age=60"
BIG = {"store": {"max_entry": "1KiB"}}
MANY = b"x" * 4096  # more than may be kept: it goes through as it comes


def request(method, target, *lines, body=b"", version="1.1"):
    if body:
        lines = (*lines, f"Content-Length: {len(body)}")
    return "\r\n".join([f"{method} {target} HTTP/{version}", "Host: localhost", *lines, "", ""]).encode() + body


# what comes in


@pytest.mark.parametrize(
    "method",
    ["GET", "POST", "DELETE", "OPTIONS", "PROPFIND", "M-SEARCH", "QUERY", "PLAY", "FOO", "get", "GETTY", "a!b"],
)
async def test_any_method_reaches_the_upstream_as_it_was_written(larder, method):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request(method, "/mirror/x", body=b"" if method == "GET" else b"hello"))
            answer = await caller.answer()

        assert (answer.status, answer.body) == (200, b"hello")
        assert [(seen.method, seen.target) for seen in there.seen] == [(method, "/x")]
        assert there.seen[0].body == (b"" if method == "GET" else b"hello")


async def test_methods_of_both_parsers_take_turns_on_one_connection(larder):
    methods = ["GET", "FOO", "POST", "FOO", "GET"]
    async with raw_origin(lambda seen: ok(seen.method.encode())) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(b"".join(request(method, "/mirror/x", body=b"hi") for method in methods))

            assert [(await caller.answer()).body.decode() for _ in methods] == methods


async def test_a_later_minor_version_is_taken_for_the_one_that_is_known(larder):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request("GET", "/mirror/x", version="1.2"))

            assert (await caller.answer()).line == "HTTP/1.1 200 OK"


async def test_many_pipelined_requests_are_answered_in_their_order(larder):
    async with raw_origin(lambda seen: ok(seen.target.encode())) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(b"".join(get(f"/mirror/{number}") for number in range(100)))
            answers = [await caller.answer() for _ in range(100)]

        assert [answer.body for answer in answers] == [f"/{number}".encode() for number in range(100)]


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("method", ["POST", "FOO"])
async def test_a_large_body_comes_in_whole_and_what_is_behind_it_too(larder, method, is_chunked):
    body = bytes(range(256)) * 2048
    frame = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    pieces = [body[at : at + 70_000] for at in range(0, len(body), 70_000)]
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in [*pieces, b""])
    sent = request(method, "/mirror/x", frame) + (chunks if is_chunked else body)
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(sent + get("/mirror/y", "Connection: close"))
            answers = await caller.answers()

        assert [answer.status for answer in answers] == [200, 200]
        assert [seen.target for seen in there.seen] == ["/x", "/y"]
        assert there.seen[0].body == body


async def test_a_request_may_come_byte_by_byte(larder):
    async with raw_origin(lambda seen: ok(seen.body)) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            for byte in request("POST", "/mirror/x", body=b"hello"):
                await caller.send(bytes([byte]))
                await asyncio.sleep(0)

            assert (await caller.answer()).body == b"hello"


async def test_what_connection_names_is_gone_before_anybody_asks_whose_request_it_is(larder):
    async with raw_origin(lambda seen: ok(b"".join(v.encode() for v in seen.all("Authorization")), CACHED)) as there:
        async with larder(**mirror(there.url)) as house:
            hidden = {"Connection": "keep-alive, Authorization"}
            mine = await house.get("/mirror/x", headers={"Authorization": "Bearer mine", **hidden})
            nobodys = await house.get("/mirror/x")
            theirs = await house.get("/mirror/x", headers={"Authorization": "Bearer theirs", **hidden})

            assert (mine.body, nobodys.body, theirs.body) == (b"", b"", b"")
            assert len(there.seen) == 1


async def test_a_larder_key_identifies_its_caller_whatever_connection_names(larder):
    key = make_key(google=False, random=lambda size: b"\1" * size)
    callers = [{"name": "grades", "key": key.hash}]
    async with raw_origin(lambda seen: ok()) as there, larder(callers=callers, **mirror(there.url)) as house:
        headers = {"Connection": "keep-alive, X-Larder-Key", "X-Larder-Key": key.key}

        assert (await house.get("/mirror/x", headers=headers)).status == 200
        assert not there.seen[0].all("X-Larder-Key")


# Expect (RFC 9110 §10.1.1)


async def test_a_caller_that_waits_is_told_to_go_on_when_its_body_is_wanted(larder):
    async with raw_origin(lambda seen: ok(seen.body)) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request("PUT", "/mirror/x", "Expect: 100-Continue", "Content-Length: 5"))
            interim = await caller.answer()
            await caller.send(b"hello")
            answer = await caller.answer()

        assert (interim.line, interim.fields) == ("HTTP/1.1 100 Continue", [])
        assert (answer.status, answer.body) == (200, b"hello")
        assert not there.seen[0].all("Expect")


@pytest.mark.parametrize(("target", "length", "status"), [("/nowhere/x", 5, 404), ("/mirror/x", 999_999_999, 413)])
async def test_nobody_is_told_to_go_on_with_what_is_refused(larder, target, length, status):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request("PUT", target, "Expect: 100-continue", f"Content-Length: {length}"))
            answer = await caller.answer()

        assert answer.status == status
        assert answer.one("Connection") == "close"
        assert not there.seen


async def test_a_body_that_came_already_needs_no_word(larder):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request("PUT", "/mirror/x", "Expect: 100-continue", body=b"hello"))

            assert (await caller.answer()).status == 200


async def test_http_1_0_is_never_told_to_go_on(larder):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(
                request("PUT", "/mirror/x", "Expect: 100-continue", "Content-Length: 5", version="1.0") + b"h"
            )
            await caller.send(b"ello")

            assert (await caller.answer()).status == 200


# Max-Forwards (RFC 9110 §7.6.2)


async def test_a_trace_that_goes_no_further_comes_back_without_its_secrets(larder):
    secrets = ["Authorization: Bearer s1", "Cookie: s2=s2", "X-Larder-Key: s3", "X-Auth-Token: s4", "X-Api-Key: s5"]
    secrets += ["Proxy-Authorization: Basic s6", "X-Session: s7"]
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            plain = [line for line in secrets if "Larder" not in line]
            await caller.send(request("TRACE", "/mirror/x?q=s8", "Max-Forwards: 0", "X-One: 1", *plain))
            answer = await caller.answer()

        assert (answer.status, answer.one("Content-Type")) == (200, "message/http")
        assert answer.body == b"TRACE /mirror/x HTTP/1.1\r\nHost: localhost\r\nMax-Forwards: 0\r\nX-One: 1\r\n\r\n"
        assert not there.seen


async def test_a_trace_shows_no_key_and_no_credential_of_its_upstream(larder):
    key = make_key(google=False, random=lambda size: b"\1" * size)
    async with larder(callers=[{"name": "grades", "key": key.hash}]) as house:
        headers = {"Max-Forwards": "0", "X-Goog-Api-Key": "s1"}
        answer = await house.ask("TRACE", f"/@{key.key}/google/v1/x?key=s1", headers=headers)

        assert answer.status == 200
        assert answer.body.startswith(b"TRACE /@-/google/v1/x HTTP/1.1\r\n")
        assert key.key.encode() not in answer.body
        assert b"s1" not in answer.body
        assert await house.calls() == 0


async def test_options_that_goes_no_further_names_the_methods(larder):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        answer = await house.ask("OPTIONS", "/mirror/x", headers={"Max-Forwards": "0"})

        assert (answer.status, answer.body) == (204, b"")
        assert "PUT" in answer.headers["Allow"]
        assert "Content-Length" not in answer.headers
        assert not there.seen


@pytest.mark.parametrize("target", ["*", "http://localhost"])
async def test_options_of_the_server_itself_is_answered_here(larder, target):
    async with larder() as house, calling(house.larder.listener.port) as caller:
        await caller.send(request("OPTIONS", target))

        assert (await caller.answer()).status == 204


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
@pytest.mark.parametrize(
    ("said", "left"),
    [("1", "0"), ("10", "9"), ("007", "6"), ("9" * 40, "999999998"), ("-1", "-1"), ("x", "x"), ("", "")],
)
async def test_every_hop_counts_down(larder, method, said, left):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        await house.ask(method, "/mirror/x", headers={"Max-Forwards": said})

        assert there.seen[0].all("Max-Forwards") == [left]


async def test_other_methods_are_not_counted(larder):
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x", headers={"Max-Forwards": "0"})

        assert there.seen[0].all("Max-Forwards") == ["0"]


# what goes out


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, "HTTP/1.1 200 OK"),
        (203, "HTTP/1.1 203 Non-Authoritative Information"),
        (299, "HTTP/1.1 299 "),
        (413, "HTTP/1.1 413 Content Too Large"),
        (422, "HTTP/1.1 422 Unprocessable Content"),
        (499, "HTTP/1.1 499 "),
        (599, "HTTP/1.1 599 "),
    ],
)
async def test_a_status_is_told_with_its_registered_phrase_or_none(larder, status, line):
    said = ok().replace(b"200 OK", b"%d Whatever" % status)
    async with raw_origin(lambda seen: said) as there, larder(**mirror(there.url, retry={"attempts": 1})) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(get("/mirror/x"))

            assert (await caller.answer()).line == line


async def test_fields_go_out_as_they_came_and_nothing_is_added_but_what_larder_says(larder):
    came = ["Date: Sun, 06 Nov 1994 08:49:37 GMT", "x-odd: caf\xe9 \xfc", "Set-Cookie: a=b", "Set-Cookie: c=d"]
    async with raw_origin(lambda seen: ok(b"hello", *came, "Via: 1.0 fred, 1.1 p.example.net")) as there:
        async with larder(**mirror(there.url)) as house, calling(house.larder.listener.port) as caller:
            await caller.send(get("/mirror/x"))
            answer = await caller.answer()

        names = [name for name, _ in answer.fields]
        assert [f"{name}: {value}" for name, value in answer.fields][:4] == came
        assert sorted(names[4:]) == ["Cache-Status", "Content-Length", "Via", "traceparent"]
        assert answer.one("Via") == "1.0 fred, 1.1 p.example.net, 1.1 larder"


async def test_a_date_is_told_where_the_upstream_told_none(larder):
    async with larder() as house, calling(house.larder.listener.port) as caller:
        await caller.send(get("/-/health"))

        assert (await caller.answer()).one("Date").endswith(" GMT")


async def test_every_answer_from_memory_says_the_same_however_it_was_found(larder):
    came = ["x-odd: caf\xe9", "Via: 1.0 fred", "Cache-Status: cdn; fwd=miss", CACHED]
    async with raw_origin(lambda seen: ok(b"hello", *came)) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            answers = []
            for _ in range(4):
                await caller.send(get("/mirror/x"))
                answers.append(await caller.answer())

        miss, *hits = [sorted(f for f in answer.fields if f[0] != "traceparent") for answer in answers]
        assert hits[0] == hits[1] == hits[2]
        assert ("Via", "1.0 fred, 1.1 larder") in hits[0]
        assert ("Via", "1.0 fred, 1.1 larder") in miss
        assert len(there.seen) == 1


@pytest.mark.parametrize(
    ("lines", "is_quick"),
    [
        ([], True),
        (["Connection: keep-alive"], True),
        (["Connection: Keep-Alive", "Connection: keep-alive"], True),
        (["Connection: keep-alive, X-One", "X-One: 1"], False),
        (["Connection: keep-alive", "Connection: X-One", "X-One: 1"], False),
        (["Pragma: x"], False),
        (["Cache-Control: x"], False),
        (["If-None-Match: x"], False),
        (["Range: x"], False),
        (["TE: trailers"], False),
        (["Upgrade: h2c"], False),
        (["Expect: 100-continue"], False),
        (["Max-Forwards: 1"], False),
    ],
)
async def test_only_plain_requests_are_answered_without_being_read_again(larder, monkeypatch, lines, is_quick):
    async with raw_origin(lambda seen: ok(b"hello", CACHED)) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            for _ in range(3):
                await caller.send(get("/mirror/x", *lines))
                assert (await caller.answer()).body == b"hello"
            monkeypatch.setattr("proxy.app.admit", lambda request: 1 / 0)
            await caller.send(get("/mirror/x", *lines))

            assert (await caller.answer()).status == (200 if is_quick else 500)


async def test_a_field_that_cannot_be_written_is_the_upstreams_fault_and_logged(larder, monkeypatch):
    monkeypatch.setattr("proxy.app.headers_of", lambda *args, **more: (("X", "SECRET\r\nX-Two: 2"),))
    async with raw_origin(lambda seen: ok()) as there, larder(**mirror(there.url)) as house:
        answer = await house.get("/mirror/x")
        house.larder.observing.log.flush()

        assert (answer.status, answer.json["title"]) == (502, "Bad gateway")
        assert "X-Two" not in answer.headers
        assert '"event":"failed"' in house.log.getvalue()
        assert "SECRET" not in house.log.getvalue()


async def test_head_is_answered_with_the_length_that_get_would_have(larder):
    async with raw_origin(lambda seen: ok(b"hello")[:-5] if seen.method == "HEAD" else ok(b"hello")) as there:
        async with larder(**mirror(there.url)) as house, calling(house.larder.listener.port) as caller:
            await caller.send(request("HEAD", "/mirror/x") + get("/mirror/x", "Connection: close"))
            answer = await caller.answer(may_have_body=False)

            assert answer.one("Content-Length") == "5"
            assert (await caller.answer()).body == b"hello"


@pytest.mark.parametrize(
    ("version", "lines", "said", "stays"),
    [
        ("1.1", [], [], True),
        ("1.1", ["Connection: close"], ["close"], False),
        ("1.0", [], ["close"], False),
        ("1.0", ["Connection: keep-alive"], ["keep-alive"], True),
    ],
)
async def test_a_connection_stays_as_its_caller_asks(larder, version, lines, said, stays):
    async with larder() as house, calling(house.larder.listener.port) as caller:
        await caller.send(request("GET", "/-/health", *lines, version=version))
        answer = await caller.answer()
        await caller.send(get("/-/health", "Connection: close"))

        assert answer.all("Connection") == said
        assert len(await caller.answers()) == (1 if stays else 0)


# bodies under way


class Slowly:
    """An origin's answer in two parts; the second waits until the test says so, or never comes."""

    def __init__(self, *lines, breaks_off=False):
        self.lines = lines
        self.go_on = asyncio.Event()
        self.breaks_off = breaks_off

    async def __call__(self):
        is_chunked = not any("Content-Length" in line for line in self.lines)
        lines = [*self.lines, *(["Transfer-Encoding: chunked"] if is_chunked else [])]
        yield "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()
        part = b"%x\r\n%b\r\n" % (len(MANY), MANY) if is_chunked else MANY
        yield part
        await self.go_on.wait()
        if self.breaks_off:
            raise ConnectionResetError
        yield part + (b"0\r\n\r\n" if is_chunked else b"")


@pytest.mark.parametrize("line", ["X-Of-Unknown-Length: yes", f"Content-Length: {2 * len(MANY)}"])
async def test_a_body_is_handed_on_as_it_comes(larder, line):
    slowly = Slowly(line)
    async with raw_origin(lambda seen: slowly()) as there, larder(**mirror(there.url), **BIG) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(get("/mirror/x"))
            head = await caller.reader.readuntil(b"\r\n\r\n")
            first = await caller.reader.readexactly(len(MANY))
            slowly.go_on.set()
            await caller.send(get("/-/health", "Connection: close"))
            rest = await caller.rest()

        assert b"HTTP/1.1 200 OK" in head
        assert first.count(b"x") >= len(MANY) - 8
        assert (first + rest).count(b"x") == 2 * len(MANY)
        assert b'{"status":"ok"}' in rest


async def test_for_http_1_0_the_end_of_the_connection_is_the_end_of_the_body(larder):
    slowly = Slowly()
    async with raw_origin(lambda seen: slowly()) as there, larder(**mirror(there.url), **BIG) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request("GET", "/mirror/x", "Connection: keep-alive", version="1.0"))
            head = await caller.reader.readuntil(b"\r\n\r\n")
            slowly.go_on.set()
            body = await caller.rest()

        assert body == 2 * MANY
        assert b"\r\nConnection: close\r\n" in head
        assert b"Transfer-Encoding" not in head


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("line", ["X-Of-Unknown-Length: yes", f"Content-Length: {2 * len(MANY)}"])
async def test_a_body_that_breaks_off_has_no_proper_end(larder, line, version):
    slowly = Slowly(line, breaks_off=True)
    async with raw_origin(lambda seen: slowly()) as there, larder(**mirror(there.url), **BIG) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(request("GET", "/mirror/x", version=version))
            async with asyncio.TaskGroup() as both:
                broken = both.create_task(ending(caller))
                both.create_task(house.get("/-/health")).add_done_callback(lambda _: slowly.go_on.set())

        is_bare = version == "1.0" and "Unknown" in line  # then an end would be the proper one
        assert isinstance(broken.result(), ConnectionResetError if is_bare else (ConnectionResetError, EOFError))
        assert (await house.get("/-/health")).status == 200


async def ending(caller):
    """What an answer that is not whole ends with."""
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)) as ended:
        await caller.answer()
    return ended.value
