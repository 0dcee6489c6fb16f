"""What a shared cache may store (RFC 9111 §3)."""

import pytest

from tests.stories.http.script import ANY, Rule, ask, breaks_off, cached, fetched, gets, play, says, wait

FRESH = "max-age=60"


def stored(name, source="RFC 9111 §3", **answer):
    """The answer is there for the next who asks."""
    return Rule(name, source, ask(origin=says(200, "a", **answer)), ask(expect=cached("a")))


def not_stored(name, source="RFC 9111 §3", *, method="GET", status=200, asked=None, upstream=None, **answer):
    """The next who asks hears from the origin, unconditionally."""
    again = {"If-None-Match": None, "If-Modified-Since": None}
    return Rule(
        name,
        source,
        ask(method, origin=says(status, "a", **answer), **(asked or {})),
        ask(method, origin=says(200, "b", **answer), sees=again, expect=fetched("b")),
        **(upstream or {}),
    )


DIRECTIVES = [
    stored("an answer with max-age is reused", cache_control=FRESH),
    stored("an answer with s-maxage is reused", cache_control="s-maxage=60"),
    stored("an answer with Expires is reused", expires=60),
    stored("a public answer with a lifetime is reused", cache_control="public, max-age=60"),
    stored("unknown directives change nothing", "RFC 9111 §5.2.3", cache_control='max-age=60, x, y=1, z="no-store"'),
    stored(
        "must-revalidate says nothing about storing", "RFC 9111 §5.2.2.2", cache_control="max-age=60, must-revalidate"
    ),
    stored(
        "proxy-revalidate says nothing about storing", "RFC 9111 §5.2.2.8", cache_control="max-age=60, proxy-revalidate"
    ),
    stored("no-transform says nothing about storing", "RFC 9111 §5.2.2.6", cache_control="max-age=60, no-transform"),
    stored("Pragma of an answer means nothing", "RFC 9111 §5.4", cache_control=FRESH, pragma="no-cache"),
    not_stored("an answer that names no lifetime is not reused"),
    not_stored("no-store is obeyed", "RFC 9111 §5.2.2.5", cache_control="no-store"),
    not_stored("no-store beside max-age is obeyed", "RFC 9111 §5.2.2.5", cache_control="no-store, max-age=60"),
    not_stored("no-store after max-age is obeyed", "RFC 9111 §5.2.2.5", cache_control="max-age=60, no-store"),
    not_stored("NO-STORE is obeyed", "RFC 9111 §5.2", cache_control="max-age=60, NO-STORE"),
    not_stored("no-store on a line of its own is obeyed", "RFC 9110 §5.3", cache_control=("max-age=60", "no-store")),
    not_stored("no-store is obeyed beside a validator", "RFC 9111 §5.2.2.5", cache_control="no-store", etag='"1"'),
    not_stored("no-store outranks public", "RFC 9111 §5.2.2.5", cache_control="public, no-store, max-age=60"),
    not_stored(
        "private keeps an answer out of a shared cache", "RFC 9111 §5.2.2.7", cache_control="private, max-age=60"
    ),
    not_stored("private outranks public", "RFC 9111 §5.2.2.7", cache_control="public, private, max-age=60"),
    not_stored("private outranks s-maxage", "RFC 9111 §5.2.2.7", cache_control="private, s-maxage=60"),
    not_stored("private is obeyed beside a validator", "RFC 9111 §5.2.2.7", cache_control="private", etag='"1"'),
    Rule(
        "private with field names keeps those fields out, and the rest in",
        "RFC 9111 §5.2.2.7",
        ask(origin=says(200, "a", cache_control='max-age=60, private="X-Mine, x-own"', x_mine="1", x_own="2", x_c="3")),
        ask(expect=cached("a", x_mine=None, x_own=None, x_c="3")),
    ),
    Rule(
        "no-cache with field names keeps those fields from being reused",
        "RFC 9111 §5.2.2.4",
        ask(origin=says(200, "a", cache_control='max-age=60, no-cache="x-mine"', x_mine="1", x_c="3")),
        ask(expect=cached("a", x_mine=None, x_c="3")),
    ),
    not_stored(
        "private with and without field names is private",
        "RFC 9111 §5.2.2.7",
        cache_control='private="x", private, max-age=60',
    ),
]

MUST_UNDERSTAND = [
    stored(
        "must-understand lets a status that is understood be stored",
        "RFC 9111 §5.2.2.3",
        cache_control="must-understand, max-age=60",
    ),
    stored(
        "no-store beside must-understand is for those who do not understand",
        "RFC 9111 §5.2.2.3",
        cache_control="must-understand, no-store, max-age=60",
    ),
    *(
        not_stored(
            f"must-understand keeps out status {status}",
            "RFC 9111 §5.2.2.3",
            status=status,
            cache_control="must-understand, max-age=60",
        )
        for status in (299, 399, 499, 599)
    ),
    not_stored(
        "no-store holds for a status not understood",
        "RFC 9111 §5.2.2.3",
        status=299,
        cache_control="no-store, must-understand, max-age=60",
    ),
]

METHODS = [
    not_stored(f"an answer to {method} is not stored", "RFC 9111 §3", method=method, cache_control="public, max-age=60")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS", "FOO", "get")
] + [
    Rule(
        f"{method} is not answered from what GET stored",
        "RFC 9111 §4",
        ask(origin=says(200, "a", cache_control=FRESH)),
        ask(method, origin=says(200, "b"), expect=fetched("b")),
    )
    for method in ("POST", "OPTIONS", "FOO")
]

REQUESTS = [
    not_stored(
        "no-store in a request keeps its answer out",
        "RFC 9111 §5.2.1.5",
        asked={"cache_control": "no-store"},
        cache_control=FRESH,
    ),
    Rule(
        "no-store in a request leaves what is stored alone",
        "RFC 9111 §5.2.1.5",
        ask(origin=says(200, "a", cache_control=FRESH)),
        ask(cache_control="no-store", origin=says(200, "b", cache_control=FRESH), expect=fetched("b")),
        ask(expect=cached("a")),
    ),
    Rule(
        "no-cache in a request does not keep its answer out",
        "RFC 9111 §5.2.1.4",
        ask(cache_control="no-cache", origin=says(200, "a", cache_control=FRESH)),
        ask(expect=cached("a")),
    ),
    Rule(
        "different targets have different answers",
        "RFC 9111 §2",
        ask(path="/a?x=1", origin=says(200, "one", cache_control=FRESH)),
        ask(path="/a?x=2", origin=says(200, "two", cache_control=FRESH)),
        ask(path="/A?x=1", origin=says(200, "three", cache_control=FRESH)),
        ask(path="/a", origin=says(200, "four", cache_control=FRESH)),
        ask(path="/a?x=1", expect=cached("one")),
        ask(path="/a?x=2", expect=cached("two")),
    ),
    Rule(
        "targets that differ in needless escapes are the same",
        "RFC 3986 §6.2.2",
        ask(path="/%7Ea?b=%c3%bc", origin=says(200, "a", cache_control=FRESH)),
        ask(path="/~a?b=%C3%BC", expect=cached("a")),
    ),
    Rule(
        "the newer answer replaces the older one",
        "RFC 9111 §4",
        ask(origin=says(200, "a", cache_control=FRESH)),
        wait(5),
        ask(cache_control="no-cache", origin=says(200, "b", cache_control=FRESH)),
        ask(expect=cached("b", age=0)),
    ),
]

FRAMING = [
    stored("an answer in chunks is stored", "RFC 9112 §7.1", cache_control=FRESH, framing="chunked"),
    stored("an answer that ends with its connection is whole", "RFC 9112 §8", cache_control=FRESH, framing="close"),
    Rule(
        "an answer shorter than its Content-Length is not stored as whole",
        "RFC 9111 §3.3",
        ask(origin=says(200, "abc", cache_control=FRESH, etag='"1"', framing="cut"), expect=breaks_off()),
        wait(5),
        ask(origin=says(200, "whole", cache_control=FRESH), expect=fetched("whole")),
    ),
    Rule(
        "an answer without its last chunk is not stored as whole",
        "RFC 9111 §3.3",
        ask(origin=says(200, "abc", cache_control=FRESH, etag='"1"', framing="cut-chunked"), expect=breaks_off()),
        wait(5),
        ask(origin=says(200, "whole", cache_control=FRESH), expect=fetched("whole")),
    ),
    Rule(
        "an answer that breaks off does not replace one that is stored",
        "RFC 9111 §3.3",
        ask(origin=says(200, "a", cache_control=FRESH)),
        ask(cache_control="no-cache", origin=says(200, "b", cache_control=FRESH, framing="cut"), expect=breaks_off()),
        ask(expect=cached("a")),
    ),
    Rule(
        "an empty answer is stored",
        "RFC 9111 §3",
        ask(origin=says(200, "", cache_control=FRESH)),
        ask(expect=cached("")),
    ),
    Rule(
        "the answer after an informational one is stored, and not the informational one",
        "RFC 9111 §3",
        ask(origin=says(200, "a", cache_control=FRESH, before="HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")),
        ask(expect=cached("a", x_early=None)),
    ),
    Rule(
        "trailer fields do not become header fields",
        "RFC 9110 §6.5.1",
        ask(origin=says(200, "a", cache_control=FRESH, framing="chunked", trailer="X-Late: 1\r\n")),
        ask(expect=cached("a", x_late=None)),
    ),
]

COOKIES = [
    not_stored("an answer that sets a cookie is not stored", "Larder's own", cache_control=FRESH, set_cookie="a=b"),
    not_stored(
        "a public answer that sets a cookie is not stored",
        "Larder's own",
        cache_control="public, max-age=60",
        set_cookie="a=b",
    ),
    Rule(
        "the cookie reaches the one who asked",
        "Larder's own",
        ask(origin=says(200, "a", cache_control=FRESH, set_cookie="a=b"), expect=fetched("a", set_cookie="a=b")),
    ),
    Rule(
        "the operator may let answers that set cookies be stored",
        "RFC 9111 §7.3",
        ask(origin=says(200, "a", cache_control=FRESH, set_cookie="a=b"), expect=fetched("a", set_cookie=ANY)),
        ask(expect=cached("a")),
        endpoints={"GET /a": {"store_set_cookie": True}},
    ),
    Rule(
        "no-store holds for answers that set cookies too",
        "RFC 9111 §5.2.2.5",
        ask(origin=says(200, "a", cache_control="no-store", set_cookie="a=b")),
        ask(origin=says(200, "b"), expect=gets(200, body="b")),
        store_set_cookie=True,
    ),
]

RULES = [*DIRECTIVES, *MUST_UNDERSTAND, *METHODS, *REQUESTS, *FRAMING, *COOKIES]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_what_is_stored(rule):
    await play(rule)
