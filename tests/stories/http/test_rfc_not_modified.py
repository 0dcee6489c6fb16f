"""A 304 for a stored answer: how long that is fresh then, and which of its fields change (RFC 9111 §3.2, §4.3.4)."""

import pytest

from tests.stories.http.script import (
    Rule,
    ask,
    cached,
    fetched,
    gets,
    play,
    says,
    validated,
    wait,
)

SHORT = "max-age=10"


def stored(**answer):
    """Stored, and stale by now."""
    return (ask(origin=says(200, "a", **{"cache_control": SHORT, **answer})), wait(20))


HOLDS = [
    Rule(
        "a 304 makes an answer fresh again, for as long as it says",
        "RFC 9111 §4.3.4",
        *stored(etag='"1"'),
        ask(
            origin=says(304, etag='"1"', cache_control="max-age=100"),
            expect=validated("a", cache_control="max-age=100"),
        ),
        wait(99),
        ask(expect=cached("a", age=99, cache_control="max-age=100")),
        wait(1),
        ask(origin=says(304, etag='"1"'), expect=validated("a")),
    ),
    Rule(
        "a 304 that names no lifetime leaves the stored one",
        "RFC 9111 §3.2",
        *stored(etag='"1"'),
        ask(origin=says(304, etag='"1"'), expect=validated("a")),
        wait(9),
        ask(expect=cached("a", age=9, cache_control=SHORT)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "a 304 with a new Expires",
        "RFC 9111 §3.2",
        *stored(cache_control=None, expires=10, etag='"1"'),
        ask(origin=says(304, etag='"1"', expires=50), expect=validated("a", expires=50)),
        wait(29),
        ask(expect=cached("a", age=29)),
    ),
    Rule(
        "a 304 from a cache further up is as old as it says",
        "RFC 9111 §4.2.3",
        *stored(etag='"1"'),
        ask(origin=says(304, etag='"1"', cache_control=SHORT, age="4"), expect=validated("a")),
        wait(5),
        ask(expect=cached("a", age=9)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "a 304 by date makes an answer fresh again",
        "RFC 9111 §4.3.4",
        *stored(last_modified=-1000),
        ask(origin=says(304, last_modified=-1000), expect=validated("a", last_modified=-1000)),
        ask(expect=cached("a", age=0)),
    ),
    *(
        Rule(
            f"a 304 that says {name} ends what is stored",
            "RFC 9111 §3, §3.2",
            *stored(etag='"1"'),
            ask(origin=says(304, etag='"1"', **answer), expect=validated("a")),
            ask(origin=says(200, "b"), expect=fetched("b")),
        )
        for name, answer in {
            "private": {"cache_control": "private, max-age=60"},
            "Vary: *": {"vary": "*"},
            "no-cache": {"cache_control": "no-cache, max-age=60"},
        }.items()
    ),
    Rule(
        "a 304 that forbids storing ends what is stored",
        "RFC 9111 §3.2, §5.2.2.5",
        *stored(etag='"1"'),
        ask(origin=says(304, etag='"1"', cache_control="no-store"), expect=validated("a")),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
]

FIELDS = [
    Rule(
        "fields of a 304 take the stored ones' place",
        "RFC 9111 §3.2",
        *stored(etag='"1"', x_changed="old", x_kept="old"),
        ask(
            origin=says(304, etag='"1"', x_changed="new", x_added="new"),
            expect=validated("a", x_changed="new", x_kept="old", x_added="new"),
        ),
        ask(expect=cached("a", x_changed="new", x_kept="old", x_added="new", etag='"1"')),
    ),
    Rule(
        "one line takes the place of several",
        "RFC 9111 §3.2",
        *stored(etag='"1"', x=("1", "2")),
        ask(origin=says(304, etag='"1"', x="3"), expect=validated("a", x="3")),
        ask(expect=cached("a", x="3")),
    ),
    Rule(
        "several lines take the place of one",
        "RFC 9111 §3.2",
        *stored(etag='"1"', x="1"),
        ask(origin=says(304, etag='"1"', x=("2", "3")), expect=validated("a", x="2, 3")),
    ),
    Rule(
        "Cache-Control is replaced as a whole",
        "RFC 9111 §3.2",
        *stored(etag='"1"', cache_control="max-age=10, x"),
        ask(
            origin=says(304, etag='"1"', cache_control="max-age=100"),
            expect=validated("a", cache_control="max-age=100"),
        ),
    ),
    Rule(
        "Date is the 304's",
        "RFC 9111 §3.2",
        *stored(etag='"1"'),
        ask(origin=says(304, etag='"1"'), expect=validated("a", date=20)),
        wait(5),
        ask(expect=cached("a", date=20)),
    ),
    Rule(
        "Content-Length stays that of the stored body",
        "RFC 9111 §3.2",
        *stored(etag='"1"'),
        ask(origin=says(304, etag='"1"', content_length="1234"), expect=validated("a", content_length="1")),
        ask(expect=cached("a", content_length="1")),
    ),
    Rule(
        "fields of the 304's connection are not taken over",
        "RFC 9111 §3.1, §3.2",
        *stored(etag='"1"', x_hop="old"),
        ask(origin=says(304, etag='"1"', connection="X-Hop", x_hop="new"), expect=validated("a", x_hop="old")),
        ask(expect=cached("a", x_hop="old")),
    ),
    Rule(
        "a cookie that a 304 sets is not kept",
        "Larder's own",
        *stored(etag='"1"'),
        ask(origin=says(304, etag='"1"', set_cookie="a=b"), expect=gets(200, body="a")),
        ask(expect=cached("a", set_cookie=None)),
    ),
    Rule(
        "a field not reused without validation is back after it",
        "RFC 9111 §5.2.2.4",
        ask(origin=says(200, "a", cache_control='max-age=60, no-cache="x-mine"', x_mine="1", etag='"1"')),
        ask(expect=cached("a", x_mine=None)),
        wait(60),
        ask(origin=says(304, etag='"1"', x_mine="2"), expect=validated("a", x_mine="2")),
    ),
]

RULES = [*HOLDS, *FIELDS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_what_a_304_does(rule):
    await play(rule)
