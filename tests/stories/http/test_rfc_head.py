"""HEAD: answered from what GET stored, and what its answers do to that (RFC 9111 §4.3.5, RFC 9110 §9.3.2)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, gets, hangs_up, play, says, serves, stands_in, wait

LONG = "max-age=60"


def head_says(name, what_follows, **answer):
    """A stored GET answer of 5 bytes with tag "1"; then HEAD, asked live, is answered with these fields."""
    return Rule(
        name,
        "RFC 9111 §4.3.5",
        ask(origin=says(200, "hello", cache_control=LONG, etag='"1"', last_modified=-1000, x_new="no", x_old="1")),
        wait(20),
        ask("HEAD", cache_control="no-cache", origin=says(200, **{"body": "hello", "cache_control": LONG, **answer})),
        what_follows,
    )


STILL_FRESH = ask(expect=cached("hello", age=0, x_new="yes", x_old="1"))
OUTDATED = ask(origin=says(200, "b"), expect=fetched("b"))

ANSWERED = [
    Rule(
        "HEAD is answered from a stored GET",
        "RFC 9110 §9.3.2",
        ask(origin=says(200, "hello", cache_control=LONG, etag='"1"', x="1")),
        wait(5),
        ask("HEAD", expect=cached("", content_length="5", etag='"1"', x="1", age=5)),
    ),
    Rule(
        "HEAD is answered from a stored GET that came in chunks",
        "RFC 9110 §9.3.2",
        ask(origin=says(200, "hello", cache_control=LONG, framing="chunked")),
        ask("HEAD", expect=cached("")),
    ),
    Rule(
        "HEAD is answered from a stored 404",
        "RFC 9110 §9.3.2",
        ask(origin=says(404, "none", cache_control=LONG)),
        ask("HEAD", expect=cached("", 404)),
    ),
    Rule(
        "GET is never answered from HEAD",
        "RFC 9111 §4",
        ask("HEAD", origin=says(200, "hello", cache_control=LONG, etag='"1"')),
        ask(origin=says(200, "hello", cache_control=LONG), expect=fetched("hello")),
    ),
    Rule(
        "GET after HEAD after GET is answered with its body",
        "RFC 9111 §4",
        ask(origin=says(200, "hello", cache_control=LONG)),
        ask("HEAD", expect=cached("")),
        ask(expect=cached("hello", content_length="5")),
    ),
    Rule(
        "HEAD takes part in conditions",
        "RFC 9110 §13.1.2",
        ask(origin=says(200, "hello", cache_control=LONG, etag='"1"')),
        ask("HEAD", if_none_match='"1"', expect=cached("", 304, etag='"1"')),
        ask("HEAD", if_none_match='"2"', expect=cached("", 200, content_length="5")),
    ),
    Rule(
        "HEAD has no ranges",
        "RFC 9110 §14.2",
        ask(origin=says(200, "hello", cache_control=LONG)),
        ask("HEAD", range="bytes=0-1", expect=cached("", 200, content_length="5", content_range=None)),
    ),
    Rule(
        "HEAD obeys no-cache",
        "RFC 9111 §5.2.1.4",
        ask(origin=says(200, "hello", cache_control=LONG)),
        ask("HEAD", cache_control="no-cache", origin=says(200, "hello"), expect=fetched("")),
    ),
    Rule(
        "HEAD obeys only-if-cached", "RFC 9111 §5.2.1.7", ask("HEAD", cache_control="only-if-cached", expect=gets(504))
    ),
    Rule(
        "HEAD that nothing answers goes to the origin and says how long the content is",
        "RFC 9110 §9.3.2",
        ask("HEAD", origin=says(200, "hello"), expect=fetched("", content_length="5")),
    ),
    Rule(
        "HEAD is answered from a stale GET while the origin cannot be reached",
        "RFC 9111 §4.2.4",
        ask(origin=says(200, "hello", cache_control="max-age=10")),
        wait(20),
        ask("HEAD", origin=hangs_up(), expect=stands_in("")),
    ),
    Rule(
        "HEAD past freshness goes to the origin",
        "RFC 9111 §4.2",
        ask(origin=says(200, "hello", cache_control="max-age=10")),
        wait(20),
        ask("HEAD", origin=says(200, "hi", cache_control=LONG), expect=fetched("", content_length="2")),
    ),
]

EFFECTS = [
    head_says("HEAD with the same ETag freshens what GET stored", STILL_FRESH, etag='"1"', x_new="yes"),
    head_says(
        "HEAD with the same Last-Modified freshens what GET stored", STILL_FRESH, last_modified=-1000, x_new="yes"
    ),
    head_says("HEAD with both the same freshens it", STILL_FRESH, etag='"1"', last_modified=-1000, x_new="yes"),
    head_says(
        "HEAD without a length but with the same ETag freshens it",
        STILL_FRESH,
        etag='"1"',
        x_new="yes",
        framing="chunked",
    ),
    head_says("HEAD with another ETag outdates what GET stored", OUTDATED, etag='"2"', last_modified=-1000),
    head_says("HEAD with another Last-Modified outdates it", OUTDATED, etag='"1"', last_modified=-500),
    head_says("HEAD with another length outdates it", OUTDATED, body="longer than that", etag='"1"'),
    Rule(
        "HEAD that fails leaves what GET stored",
        "RFC 9111 §4.3.5",
        ask(origin=says(200, "hello", cache_control=LONG, etag='"1"')),
        ask("HEAD", cache_control="no-cache", origin=says(503, "down")),
        ask(expect=cached("hello")),
    ),
    Rule(
        "HEAD freshens a stale GET",
        "RFC 9111 §4.3.5",
        ask(origin=says(200, "hello", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask("HEAD", origin=says(200, "hello", cache_control="max-age=10", etag='"1"')),
        ask(expect=cached("hello", age=0)),
    ),
]

EITHER_WAY = [
    Rule(
        "HEAD freshens a stale GET, whichever way Larder asks",
        "RFC 9111 §4.3.4, §4.3.5",
        ask(origin=says(200, "hello", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask("HEAD", origin=serves("hello", cache_control="max-age=10", etag='"1"'), expect=gets(200, body="")),
        ask(expect=cached("hello", age=0)),
    ),
    Rule(
        "HEAD of something newer outdates a stale GET, whichever way Larder asks",
        "RFC 9111 §4.3.5",
        ask(origin=says(200, "hello", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(
            "HEAD",
            origin=serves("hello", cache_control="max-age=10", etag='"2"'),
            expect=gets(200, body="", etag='"2"'),
        ),
        ask(origin=serves("hello", cache_control="max-age=10", etag='"2"'), expect=gets(200, cache="fwd=", etag='"2"')),
    ),
    Rule(
        "HEAD of an error is covered for as GET is",
        "RFC 5861 §4",
        ask(origin=says(200, "hello", cache_control="max-age=10, stale-if-error=60")),
        wait(20),
        ask("HEAD", origin=says(503, "down"), expect=stands_in("")),
    ),
]

RULES = [*ANSWERED, *EFFECTS, *EITHER_WAY]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_head(rule):
    await play(rule)
