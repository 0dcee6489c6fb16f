"""Asking the origin whether what is stored still holds, and what its answer does (RFC 9111 §3.2, §4.3)."""

import pytest

from tests.stories.http.script import (
    ANY,
    Rule,
    ask,
    cached,
    fetched,
    gets,
    hangs_up,
    has,
    play,
    says,
    stands_in,
    validated,
    wait,
)

SHORT = "max-age=10"


def stored(**answer):
    """Stored, and stale by now."""
    return (ask(origin=says(200, "a", **{"cache_control": SHORT, **answer})), wait(20))


def asks_with(name, seen, **answer):
    """The conditions that a stored answer's validators make."""
    seen = {"If-None-Match": None, "If-Modified-Since": None, "If-Range": None, "Range": None, **seen}
    return Rule(name, "RFC 9111 §4.3.1", *stored(**answer), ask(origin=says(200, "b"), sees=seen, expect=fetched("b")))


CONDITIONS = [
    asks_with("a tag", {"If-None-Match": '"1"'}, etag='"1"'),
    asks_with("a weak tag", {"If-None-Match": 'W/"1"'}, etag='W/"1"'),
    asks_with("an empty tag", {"If-None-Match": '""'}, etag='""'),
    asks_with("a tag with a comma", {"If-None-Match": '"1,2"'}, etag='"1,2"'),
    asks_with("a date", {"If-Modified-Since": -1000}, last_modified=-1000),
    asks_with(
        "a tag and a date", {"If-None-Match": '"1"', "If-Modified-Since": -1000}, etag='"1"', last_modified=-1000
    ),
    asks_with("no validator", {}),
    Rule(
        "no-cache beside a validator: stored, and validated every time",
        "RFC 9111 §5.2.2.4",
        ask(origin=says(200, "a", cache_control="no-cache", etag='"1"')),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
    ),
    Rule(
        "max-age=0 beside a validator: stored, and validated every time",
        "RFC 9111 §4.2.4",
        ask(origin=says(200, "a", cache_control="max-age=0", etag='"1"')),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
        ask(origin=says(200, "b"), sees={"If-None-Match": '"1"'}, expect=fetched("b")),
    ),
    Rule(
        "a validator alone: stored, and validated every time",
        "RFC 9111 §4.2.2",
        ask(origin=says(200, "a", etag='"1"')),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
    ),
    Rule(
        "a caller who wants it live: a fresh answer is validated",
        "RFC 9111 §5.2.1.4",
        ask(origin=says(200, "a", cache_control="max-age=60", etag='"1"')),
        ask(
            cache_control="no-cache", origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")
        ),
    ),
]

WISHES = [
    Rule(
        f"a caller who says {wish}: a fresh answer is validated",
        "RFC 9111 §5.2.1",
        ask(origin=says(200, "a", cache_control="max-age=60", etag='"1"')),
        wait(10),
        ask(cache_control=wish, origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
        ask(expect=cached("a", age=0)),
    )
    for wish in ("max-age=0", "max-age=9", "min-fresh=51")
]

REPLACED = [
    Rule(
        "a whole answer takes the stored one's place",
        "RFC 9111 §4.3.3",
        *stored(etag='"1"', x_old="1"),
        ask(origin=says(200, "b", etag='"2"', cache_control=SHORT), expect=fetched("b", etag='"2"', x_old=None)),
        ask(expect=cached("b", etag='"2"', x_old=None)),
        wait(10),
        ask(origin=says(304, etag='"2"'), sees={"If-None-Match": '"2"'}, expect=validated("b")),
    ),
    Rule(
        "a whole answer with the same tag takes the stored one's place too",
        "RFC 9111 §4.3.3",
        *stored(etag='"1"'),
        ask(origin=says(200, "b", etag='"1"', cache_control=SHORT), expect=fetched("b")),
        ask(expect=cached("b")),
    ),
    Rule(
        "a redirect takes the stored one's place",
        "RFC 9111 §4.3.3",
        *stored(etag='"1"'),
        ask(origin=says(301, "moved", location="/b", cache_control=SHORT)),
        ask(expect=cached("moved", 301, location=ANY)),
    ),
    Rule(
        "an answer that may not be stored reaches the caller, and what was stored is not given again",
        "RFC 9111 §4",
        *stored(etag='"1"'),
        ask(origin=says(200, "b", cache_control="no-store"), expect=fetched("b")),
        ask(origin=says(200, "c"), expect=fetched("c")),
    ),
]

UNFIT = [
    Rule(
        "a 304 with another strong tag says nothing of the stored answer",
        "RFC 9111 §4.3.4",
        *stored(etag='"1"'),
        ask(
            origin=[says(304, etag='"2"', cache_control=SHORT), says(200, "b", etag='"2"', cache_control=SHORT)],
            expect=gets(200, body="b"),
        ),
        ask(expect=cached("b", etag='"2"')),
    ),
    Rule(
        "a 304 with another weak tag says nothing of the stored answer",
        "RFC 9111 §4.3.4",
        *stored(etag='W/"1"'),
        ask(
            origin=[says(304, etag='W/"2"', cache_control=SHORT), says(200, "b", cache_control=SHORT)],
            expect=gets(200, body="b"),
        ),
        ask(expect=cached("b")),
    ),
    Rule(
        "a 304 with another date says nothing of the stored answer",
        "RFC 9111 §4.3.4",
        *stored(last_modified=-1000),
        ask(
            origin=[says(304, last_modified=-500, cache_control=SHORT), says(200, "b", cache_control=SHORT)],
            expect=gets(200, body="b"),
        ),
        ask(expect=cached("b")),
    ),
    Rule(
        "an origin that goes on saying 304 to no condition at all is not asked for ever",
        "RFC 9111 §4.3.4, RFC 9110 §15.4.5",
        *stored(etag='"1"'),
        ask(origin=[says(304, etag='"2"'), says(304, etag='"2"')], expect=gets(304, 502, 504)),
        wait(5),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "a 304 with another strong tag says nothing behind a stale answer either",
        "RFC 9111 §4.3.4",
        *stored(etag='"1"', cache_control="max-age=10, stale-while-revalidate=60"),
        ask(origin=[says(304, etag='"2"'), says(200, "b", etag='"2"', cache_control=SHORT)], expect=cached("a")),
        ask(expect=cached("b", age=0)),
    ),
    Rule(
        "a 304 with a weak tag speaks for the stored weak tag",
        "RFC 9111 §4.3.4",
        *stored(etag='W/"1"'),
        ask(origin=says(304, etag='W/"1"'), expect=validated("a")),
        ask(expect=cached("a", age=0)),
    ),
    Rule(
        "a 304 without a validator speaks for the one answer that was asked about",
        "RFC 9111 §4.3.4",
        *stored(etag='"1"'),
        ask(origin=says(304, cache_control=SHORT), expect=validated("a")),
        ask(expect=cached("a", age=0, etag='"1"')),
    ),
]


def one(**fields):
    return ask(x_a="1", **fields)


def two(**fields):
    return ask(x_a="2", **fields)


def variant(body, **answer):
    return says(200, body, cache_control=SHORT, vary="X-A", **answer)


VARIANTS = [
    Rule(
        "every stored tag is named",
        "RFC 9111 §4.3.1",
        one(origin=variant("a", etag='"1"')),
        two(origin=variant("b", etag='"2"')),
        wait(20),
        one(origin=says(304, etag='"1"', vary="X-A"), sees={"If-None-Match": has('"1"', '"2"')}, expect=validated("a")),
    ),
    Rule(
        "a 304 freshens the variant it names, and no other",
        "RFC 9111 §4.3.4",
        one(origin=variant("a", etag='"1"')),
        two(origin=variant("b", etag='"2"')),
        wait(20),
        one(origin=says(304, etag='"1"', vary="X-A"), expect=validated("a")),
        one(expect=cached("a", age=0)),
        two(origin=variant("b2", etag='"3"'), expect=fetched("b2")),
    ),
    Rule(
        "a 304 freshens every variant with its strong tag",
        "RFC 9111 §4.3.4",
        one(origin=variant("a", etag='"1"')),
        two(origin=variant("a", etag='"1"')),
        wait(20),
        one(origin=says(304, etag='"1"', vary="X-A", x_new="1"), expect=validated("a")),
        two(expect=cached("a", age=0, x_new="1")),
    ),
    Rule(
        "a 304 with a weak tag freshens the variant that was asked about, and no other",
        "RFC 9111 §4.3.4",
        one(origin=variant("a", etag='W/"1"')),
        wait(1),
        two(origin=variant("b", etag='W/"1"')),
        wait(20),
        one(origin=says(304, etag='W/"1"', vary="X-A"), sees={"If-None-Match": 'W/"1"'}, expect=validated("a")),
        one(expect=cached("a", age=0)),
        two(origin=variant("b2"), expect=fetched("b2")),
    ),
    Rule(
        "a 304 may name a variant stored for another request",
        "RFC 9111 §4.3.3",
        one(origin=variant("a", etag='"1"')),
        two(origin=variant("b", etag='"2"')),
        ask(
            x_a="3",
            origin=says(304, etag='"2"', vary="X-A", cache_control=SHORT),
            sees={"If-None-Match": has('"1"', '"2"')},
            expect=validated("b"),
        ),
        ask(x_a="3", expect=cached("b")),
    ),
]

FAILING = [
    Rule(
        "a 503 while validating reaches the caller, and what is stored stays",
        "RFC 9111 §4.3.3",
        *stored(etag='"1"'),
        ask(origin=says(503, "down"), expect=fetched("down", 503)),
        wait(5),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
    ),
    *(
        Rule(
            f"a {status} while validating may be covered for, where the answer says so",
            "RFC 9111 §4.3.3, RFC 5861 §4",
            *stored(etag='"1"', cache_control="max-age=10, stale-if-error=60"),
            ask(origin=says(status, "down"), sees={"If-None-Match": '"1"'}, expect=stands_in("a", age=20)),
            wait(5),
            ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
        )
        for status in (500, 502, 503, 504)
    ),
    Rule(
        "a connection lost while validating changes nothing",
        "RFC 9111 §3.3",
        *stored(etag='"1"', cache_control="max-age=10, stale-if-error=60"),
        ask(origin=hangs_up(), expect=stands_in("a")),
        wait(5),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("a")),
    ),
]

RULES = [*CONDITIONS, *WISHES, *REPLACED, *UNFIT, *VARIANTS, *FAILING]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_validation(rule):
    await play(rule)
