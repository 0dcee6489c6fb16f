"""Parts that are stored: what they answer, and how they become a whole (RFC 9111 §3.3, §3.4; RFC 9110 §15.3.7)."""

import pytest

from tests.stories.http.script import (
    Rule,
    ask,
    breaks_off,
    cached,
    fetched,
    gets,
    play,
    says,
    serves,
    validated,
    wait,
)

TEN = "0123456789"
FRESH = "max-age=60"


def part(first, last, of="10", **answer):
    """The origin's 206."""
    answer = {"cache_control": FRESH, "etag": '"1"', "content_range": f"bytes {first}-{last}/{of}", **answer}
    return says(206, TEN[first : last + 1], **answer)


def nothing_of_it(name, source, first, **more):
    """What came does not answer for the whole."""
    return Rule(name, source, first, ask(origin=says(200, TEN), expect=fetched(TEN)), **more)


FIRST = ask(range="bytes=0-4", origin=part(0, 4))

PARTS_STORED = [
    Rule(
        "a part passes as it is",
        "RFC 9110 §15.3.7",
        ask(
            range="bytes=2-4",
            origin=part(2, 4),
            sees={"Range": "bytes=2-4"},
            expect=fetched("234", 206, content_range="bytes 2-4/10"),
        ),
    ),
    Rule(
        "a stored part answers for itself",
        "RFC 9111 §3.3",
        FIRST,
        wait(5),
        ask(range="bytes=0-4", expect=cached("01234", 206, content_range="bytes 0-4/10", age=5)),
    ),
    Rule(
        "a stored part answers for what lies in it",
        "RFC 9111 §3.3",
        FIRST,
        ask(range="bytes=1-3", expect=cached("123", 206, content_range="bytes 1-3/10", content_length="3")),
    ),
    Rule(
        "a stored end answers for an end within it",
        "RFC 9111 §3.3",
        ask(range="bytes=4-", origin=part(4, 9)),
        ask(range="bytes=-3", expect=cached("789", 206, content_range="bytes 7-9/10")),
        ask(range="bytes=5-", expect=cached("56789", 206, content_range="bytes 5-9/10")),
    ),
    Rule(
        "a part of a whole whose length is not known answers for what lies in it",
        "RFC 9110 §14.4",
        ask(range="bytes=0-4", origin=part(0, 4, of="*")),
        ask(range="bytes=1-3", expect=cached("123", 206)),
        ask(range="bytes=0-", origin=says(200, TEN), expect=gets(200, 206)),
    ),
    Rule(
        "a lifetime may be guessed for a part",
        "RFC 9110 §15.1",
        ask(range="bytes=0-4", origin=part(0, 4, cache_control=None, last_modified=-1000)),
        wait(50),
        ask(range="bytes=0-4", expect=cached("01234", 206)),
    ),
    Rule(
        "a stored part does not answer for bytes outside it",
        "RFC 9111 §3.3",
        FIRST,
        ask(
            range="bytes=3-6",
            origin=serves(TEN, cache_control=FRESH, etag='"1"'),
            expect=gets(206, body="3456", cache="fwd="),
        ),
    ),
    Rule(
        "a stored part does not answer past freshness",
        "RFC 9111 §4.2",
        FIRST,
        wait(60),
        ask(
            range="bytes=0-4",
            origin=serves(TEN, cache_control=FRESH, etag='"2"'),
            expect=gets(206, body="01234", cache="fwd="),
        ),
    ),
    Rule(
        "a stored part past freshness, and it still holds",
        "RFC 9111 §4.3",
        FIRST,
        wait(60),
        ask(
            range="bytes=0-4",
            origin=serves(TEN, cache_control=FRESH, etag='"1"'),
            expect=gets(206, body="01234", cache="fwd=", content_range="bytes 0-4/10"),
        ),
        ask(range="bytes=0-4", expect=cached("01234", 206, age=0)),
    ),
    Rule(
        "must-understand is understood of parts",
        "RFC 9111 §5.2.2.3",
        ask(range="bytes=0-4", origin=part(0, 4, cache_control="must-understand, max-age=60")),
        ask(range="bytes=0-4", expect=cached("01234", 206)),
    ),
    Rule(
        "a stored part never passes for the whole",
        "RFC 9111 §3.3",
        FIRST,
        ask(origin=serves(TEN, cache_control=FRESH, etag='"1"'), expect=gets(200, body=TEN, content_range=None)),
        ask(expect=cached(TEN)),
    ),
    Rule(
        "HEAD is not answered as if a part were the whole",
        "RFC 9111 §3.3",
        FIRST,
        ask("HEAD", origin=says(200, TEN), expect=fetched("", content_length="10")),
    ),
    Rule(
        "a part that is the whole may be used as the whole",
        "RFC 9110 §15.3.7.3",
        ask(range="bytes=0-", origin=part(0, 9)),
        ask(expect=cached(TEN, 200, content_range=None)),
    ),
]

NOT_STORED = [
    nothing_of_it(
        "a 206 without Content-Range is stored as nothing",
        "RFC 9110 §15.3.7",
        ask(range="bytes=0-4", origin=part(0, 4, content_range=None)),
    ),
    nothing_of_it(
        "a 206 that nobody asked for is not stored as the whole",
        "RFC 9110 §15.3.7",
        ask(origin=part(0, 4), expect=gets(206, 502)),
    ),
    nothing_of_it(
        "a 206 of several parts is not stored as the whole",
        "RFC 9110 §15.3.7.2",
        ask(
            range="bytes=0-1,4-5",
            origin=says(206, "--x--", cache_control=FRESH, content_type="multipart/byteranges; boundary=x"),
        ),
    ),
    nothing_of_it(
        "a 206 of another unit is not stored as the whole",
        "RFC 9110 §14.4",
        ask(range="bytes=0-4", origin=part(0, 4, content_range="lines 0-4/5")),
    ),
    nothing_of_it(
        "a 206 that breaks off is not stored",
        "RFC 9111 §3.3",
        ask(
            range="bytes=0-4",
            origin=says(206, "012", cache_control=FRESH, content_range="bytes 0-4/10", framing="cut"),
            expect=breaks_off(),
        ),
    ),
    nothing_of_it(
        "a 416 is not stored as the whole",
        "RFC 9110 §15.5.17",
        ask(range="bytes=10-", origin=says(416, "", content_range="bytes */10")),
    ),
    *(
        Rule(
            name,
            "RFC 9111 §3",
            ask(range="bytes=0-4", origin=part(0, 4, **answer)),
            ask(range="bytes=0-4", origin=part(0, 4, **answer), expect=fetched("01234", 206)),
        )
        for name, answer in {
            "no-store holds for parts": {"cache_control": "no-store"},
            "private holds for parts": {"cache_control": "private, max-age=60"},
            "a part that varies with everything is not reused": {"vary": "*"},
            "a part that says less than it carries is not reused": {"content_range": "bytes 0-3/10"},
            "a part that ends beyond its whole is not reused": {"content_range": "bytes 0-4/3"},
        }.items()
    ),
]

COMBINED = [
    Rule(
        "two parts with the same strong tag become the whole",
        "RFC 9111 §3.4",
        FIRST,
        ask(range="bytes=5-9", origin=part(5, 9)),
        ask(expect=cached(TEN, 200, content_range=None)),
    ),
    Rule(
        "two parts that overlap become the whole",
        "RFC 9111 §3.4",
        ask(range="bytes=3-9", origin=part(3, 9)),
        ask(range="bytes=0-4", origin=part(0, 4)),
        ask(expect=cached(TEN)),
    ),
    Rule(
        "two parts that touch become one part",
        "RFC 9111 §3.4",
        ask(range="bytes=0-2", origin=part(0, 2)),
        ask(range="bytes=3-5", origin=part(3, 5)),
        ask(range="bytes=1-4", expect=cached("1234", 206, content_range="bytes 1-4/10")),
    ),
    Rule(
        "the rest of a beginning is enough to answer for the whole",
        "RFC 9111 §3.3",
        FIRST,
        ask(
            origin=serves(TEN, cache_control=FRESH, etag='"1"'),
            sees={"Range": "bytes=5-", "If-Range": '"1"'},
            expect=gets(200, body=TEN),
        ),
        ask(expect=cached(TEN)),
    ),
    Rule(
        "the rest of something else is not taken for the rest",
        "RFC 9111 §3.4",
        FIRST,
        ask(origin=serves("abcdefghij", cache_control=FRESH, etag='"2"'), expect=gets(200, body="abcdefghij")),
        ask(expect=cached("abcdefghij")),
    ),
    *(
        Rule(
            name,
            "RFC 9111 §3.4",
            ask(range="bytes=0-4", origin=part(0, 4, **one)),
            ask(range="bytes=5-9", origin=part(5, 9, **other)),
            ask(origin=serves("abcdefghij", etag='"3"'), expect=gets(200, body="abcdefghij")),
        )
        for name, one, other in (
            ("parts with other tags are not combined", {}, {"etag": '"2"'}),
            ("parts with weak tags are not combined", {"etag": 'W/"1"'}, {"etag": 'W/"1"'}),
            ("parts without tags are not combined", {"etag": None}, {"etag": None}),
            ("a part with a tag and one without are not combined", {}, {"etag": None}),
            ("parts of other lengths are not combined", {}, {"content_range": "bytes 5-9/11"}),
        )
    ),
    Rule(
        "parts with a gap between them are no whole",
        "RFC 9111 §3.4",
        FIRST,
        ask(range="bytes=6-9", origin=part(6, 9)),
        ask(origin=serves(TEN, cache_control=FRESH, etag='"1"'), expect=gets(200, body=TEN)),
    ),
    Rule(
        "parts are not kept beside a whole that came later",
        "RFC 9111 §4",
        FIRST,
        ask(cache_control="no-cache", origin=says(200, "abcdefghij", cache_control=FRESH, etag='"2"')),
        ask(range="bytes=0-4", expect=cached("abcde", 206)),
    ),
    Rule(
        "a stale whole is validated, and its parts with it",
        "RFC 9111 §4.3",
        ask(origin=says(200, TEN, cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(origin=says(304, cache_control=FRESH, etag='"1"'), expect=validated(TEN)),
        ask(range="bytes=0-4", expect=cached("01234", 206)),
    ),
]

RULES = [*PARTS_STORED, *NOT_STORED, *COMBINED]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_stored_parts(rule):
    await play(rule)
