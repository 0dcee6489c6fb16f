"""Writes: what they end, and what they leave (RFC 9111 §4.4)."""

import pytest

from tests.stories.http.script import (
    Rule,
    ask,
    cached,
    fails,
    fetched,
    gets,
    hangs_up,
    play,
    says,
    validated,
    wait,
)

FRESH = "max-age=60"
A, B = (ask(path=path, origin=says(200, path, cache_control=FRESH)) for path in ("/a", "/b"))
A_HOLDS, B_HOLDS = (ask(path=path, expect=cached(path)) for path in ("/a", "/b"))
A_ENDED, B_ENDED = (ask(path=path, origin=says(200, "new"), expect=fetched("new")) for path in ("/a", "/b"))


def write(method="POST", path="/a", status=200, **answer):
    content = "" if status == 204 else "done"
    return ask(method, path, body="x", origin=says(status, content, **answer))


METHODS = [
    Rule(f"{method} ends what is stored for its target", "RFC 9111 §4.4", A, write(method), A_ENDED)
    for method in ("POST", "PUT", "DELETE", "PATCH", "FOO", "PURGE", "put")
] + [
    Rule(
        f"{method} ends nothing",
        "RFC 9110 §9.2.1",
        A,
        ask(method, origin=says(200, ""), expect=gets(200)),
        A_HOLDS,
    )
    for method in ("OPTIONS", "PROPFIND", "REPORT", "SEARCH", "QUERY")
]

STATUSES = [
    Rule(f"a write answered {status} ends what is stored", "RFC 9111 §4.4", A, write(status=status), A_ENDED)
    for status in (200, 201, 202, 204, 299, 301, 302, 303, 307, 399)
] + [
    Rule(f"a write answered {status} ends nothing", "RFC 9111 §4.4", A, write(status=status), A_HOLDS)
    for status in (400, 401, 403, 404, 405, 409, 412, 429, 499, 500, 502, 503, 504, 599)
]

EXTENT = [
    Rule("a write ends only its own target", "RFC 9111 §4.4", A, B, write(), B_HOLDS),
    Rule(
        "a write to a path ends nothing with a query",
        "RFC 9111 §4.4",
        ask(path="/a?x=1", origin=says(200, "one", cache_control=FRESH)),
        write(),
        ask(path="/a?x=1", expect=cached("one")),
    ),
    Rule(
        "a write to a path with a query ends what has that query",
        "RFC 9111 §4.4",
        A,
        ask(path="/a?x=1", origin=says(200, "one", cache_control=FRESH)),
        write(path="/a?x=1"),
        A_HOLDS,
        ask(path="/a?x=1", origin=says(200, "two"), expect=fetched("two")),
    ),
    Rule(
        "a write ends every variant of its target",
        "RFC 9111 §4.4",
        ask(x_a="1", origin=says(200, "one", cache_control=FRESH, vary="X-A")),
        ask(x_a="2", origin=says(200, "two", cache_control=FRESH, vary="X-A")),
        write(x_a="1"),
        ask(x_a="1", origin=says(200, "new one", vary="X-A"), expect=fetched("new one")),
        ask(x_a="2", origin=says(200, "new two", vary="X-A"), expect=fetched("new two")),
    ),
    Rule(
        "a write with a credential ends what all share",
        "RFC 9111 §4.4",
        A,
        ask("PUT", body="x", authorization="Bearer one", origin=says(204)),
        A_ENDED,
    ),
    Rule(
        "a write ends what callers with credentials have",
        "RFC 9111 §4.4",
        ask(authorization="Bearer one", origin=says(200, "mine", cache_control=FRESH)),
        write("PUT"),
        ask(authorization="Bearer one", origin=says(200, "new"), expect=fetched("new")),
    ),
    Rule(
        "a write ends stored parts",
        "RFC 9111 §4.4",
        ask(range="bytes=0-1", origin=says(206, "ab", cache_control=FRESH, etag='"1"', content_range="bytes 0-1/9")),
        write("PUT"),
        ask(range="bytes=0-1", origin=says(206, "cd", content_range="bytes 0-1/9"), expect=fetched("cd", 206)),
    ),
    Rule(
        "a write ends a stored error",
        "RFC 9111 §4.4",
        ask(origin=says(404, "none", cache_control=FRESH)),
        write("PUT", status=201),
        A_ENDED,
    ),
]

AFTER = [
    Rule(
        "what was ended may be validated",
        "RFC 9111 §4.4",
        ask(origin=says(200, "a", cache_control=FRESH, etag='"1"')),
        write(),
        ask(origin=says(304, etag='"1"', cache_control=FRESH), expect=validated("a")),
        ask(expect=cached("a")),
    ),
    Rule(
        "what was ended does not stand in for an origin that cannot be reached",
        "RFC 9111 §4.4",
        A,
        write(),
        ask(origin=hangs_up(), expect=fails()),
    ),
    Rule(
        "what was ended does not stand in for an error",
        "RFC 9111 §4.4",
        ask(origin=says(200, "a", cache_control="max-age=60, stale-if-error=600")),
        write(),
        ask(origin=says(503, "down"), expect=fetched("down", 503)),
    ),
    Rule(
        "what was ended is not there for those who want nothing else",
        "RFC 9111 §4.4",
        A,
        write(),
        ask(cache_control="only-if-cached", expect=gets(504)),
        ask(cache_control="max-stale", origin=says(200, "new"), expect=fetched("new")),
    ),
    Rule(
        "after a write answers are stored again, and for a while not for long",
        "RFC 9111 §4.4; for how long: Larder's own",
        A,
        write(),
        ask(origin=says(200, "b", cache_control=FRESH)),
        wait(4),
        ask(expect=cached("b", age=4)),
        wait(1),
        ask(origin=says(200, "c", cache_control=FRESH)),
        wait(40),
        ask(origin=says(200, "d", cache_control=FRESH)),
        wait(50),
        ask(expect=cached("d", age=50)),
    ),
    Rule(
        "a write whose outcome nobody knows ends what is stored, and is not sent again",
        "RFC 9110 §9.2.2, Larder's own",
        A,
        ask("PUT", body="x", origin=hangs_up(once=True), expect=fails()),
        wait(5),
        A_ENDED,
    ),
    Rule(
        "a write that was refused leaves it, and one that was not ends it",
        "RFC 9111 §4.4",
        A,
        write(status=409),
        A_HOLDS,
        write(),
        A_ENDED,
    ),
]


def named(name, source, ends, *, path="/a", **answer):
    """Whether a write to `path` that names another target ends what is stored for /b."""
    return Rule(name, source, B, write(path=path, status=201, **answer), B_ENDED if ends else B_HOLDS)


NAMED = [
    *(
        named(f"{field} names {how}: it ends", "RFC 9111 §4.4", ends=True, **{field.lower().replace("-", "_"): value})
        for field in ("Location", "Content-Location")
        for how, value in {
            "a path": "/b",
            "a whole address": "{origin}/b",
            "a path next to the target's": "b",
            "a path with dots": "/x/../b",
            "a path with a fragment": "/b#there",
        }.items()
    ),
    named("a path relative to one deeper down", "RFC 3986 §5.2", ends=True, path="/x/y/z", location="../../b"),
    *(
        named(f"{field} names {how}: it stays", "RFC 9111 §4.4", ends=False, **{field.lower().replace("-", "_"): value})
        for field in ("Location", "Content-Location")
        for how, value in {
            "another host": "http://other.example/b",
            "another port": "http://127.0.0.1:1/b",
            "another scheme": "https://{host}/b",
            "a host in the path's place": "//other.example/b",
            "what is no address": "http://[/b",
            "another path": "/bb",
            "another query": "/b?x=1",
        }.items()
    ),
    Rule(
        "a write that failed ends nothing it names",
        "RFC 9111 §4.4",
        A,
        B,
        write(status=500, location="/b"),
        A_HOLDS,
        B_HOLDS,
    ),
    Rule(
        "a write ends its target and both it names",
        "RFC 9111 §4.4",
        A,
        B,
        write(path="/c", location="/a", content_location="/b"),
        A_ENDED,
        B_ENDED,
    ),
    Rule(
        "a read ends nothing it names",
        "RFC 9111 §4.4",
        B,
        ask(origin=says(200, "a", location="/b", content_location="/b")),
        B_HOLDS,
    ),
]

RULES = [*METHODS, *STATUSES, *EXTENT, *AFTER, *NAMED]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_what_writes_end(rule):
    await play(rule)
