"""Ranges of stored answers (RFC 9110 §13.1.5, §14, §15.3.7, §15.5.17)."""

import pytest

from tests.stories.http.script import (
    Rule,
    ask,
    cached,
    gets,
    play,
    says,
    serves,
    wait,
)

TEN = "0123456789"
FRESH = "max-age=60"
WHOLE = ask(origin=says(200, TEN, cache_control=FRESH, etag='"1"', last_modified=-1000, content_type="text/x-ten"))

PARTS = {
    "bytes=0-0": (0, 0),
    "bytes=0-3": (0, 3),
    "bytes=4-6": (4, 6),
    "bytes=4-": (4, 9),
    "bytes=9-": (9, 9),
    "bytes=-3": (7, 9),
    "bytes=-10": (0, 9),
    "bytes=-99": (0, 9),
    "bytes=0-": (0, 9),
    "bytes=8-99": (8, 9),
    "bytes=0-99999999999999999999999": (0, 9),
    "bytes=,0-3": (0, 3),
    "BYTES=0-3": (0, 3),
    "bytes=0-3,4-6": (0, 6),
    "bytes=2-5, 0-3": (0, 5),
    "bytes=0-3,20-30": (0, 3),
}
IGNORED = (
    *("bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-b", "bytes=5-2", "bytes 0-3", "bytes=0-3x", "bytes=0--3"),
    *(
        "bytes=+0-3",
        "bytes=0.0-3",
        "bytes=0 - 3",
        "bytes=0-3;x",
        "bytes=0-3,x",
        "bytes=5-2,0-3",
        "items=0-3",
        "0-3",
        "",
    ),
    *("bytes=0-0,2-2,4-4", "bytes=" + ",".join(f"{n}-{n}" for n in range(200))),
)
UNSATISFIABLE = (
    "bytes=10-",
    "bytes=10-20",
    "bytes=99-",
    "bytes=-0",
    "bytes=10-11,20-30",
    "bytes=99999999999999999999-",
)

FROM_WHOLE = (
    [
        Rule(
            f"a part of a stored answer: {value}",
            "RFC 9110 §14.2, §15.3.7",
            WHOLE,
            wait(5),
            ask(
                range=value,
                expect=cached(
                    TEN[first : last + 1],
                    206,
                    content_range=f"bytes {first}-{last}/10",
                    content_length=str(last - first + 1),
                    etag='"1"',
                    content_type="text/x-ten",
                    age=5,
                ),
            ),
        )
        for value, (first, last) in PARTS.items()
    ]
    + [
        Rule(
            f"a Range that is ignored: {value[:30]}",
            "RFC 9110 §14.2",
            WHOLE,
            ask(range=value, expect=cached(TEN, content_range=None)),
        )
        for value in IGNORED
    ]
    + [
        Rule(
            f"a Range beyond the end: {value}",
            "RFC 9110 §15.5.17",
            WHOLE,
            ask(range=value, expect=gets(416, content_range="bytes */10")),
        )
        for value in UNSATISFIABLE
    ]
)

MORE_FROM_WHOLE = [
    Rule(
        "a part does not take the whole's place",
        "RFC 9111 §3.3",
        WHOLE,
        ask(range="bytes=0-3", expect=cached("0123", 206)),
        ask(expect=cached(TEN)),
    ),
    Rule(
        "a Range beyond the end does not take the whole's place",
        "RFC 9110 §15.5.17",
        WHOLE,
        ask(range="bytes=10-", expect=gets(416)),
        ask(expect=cached(TEN)),
    ),
    Rule(
        "of an answer that came in chunks there are parts too",
        "RFC 9110 §14.2",
        ask(origin=says(200, TEN, cache_control=FRESH, framing="chunked")),
        ask(range="bytes=0-3", expect=cached("0123", 206, content_range="bytes 0-3/10")),
    ),
    Rule(
        "of nothing there is no part",
        "RFC 9110 §14.1.2",
        ask(origin=says(200, "", cache_control=FRESH)),
        ask(range="bytes=0-", expect=gets(416, content_range="bytes */0")),
    ),
    Rule(
        "a stored error has no parts",
        "RFC 9110 §14.2",
        ask(origin=says(404, "none here", cache_control=FRESH)),
        ask(range="bytes=0-3", expect=cached("none here", 404)),
    ),
    Rule(
        "a part of a stale answer after it was validated",
        "RFC 9111 §4.3",
        ask(origin=says(200, TEN, cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(
            range="bytes=0-3", origin=serves(TEN, cache_control="max-age=10", etag='"1"'), expect=gets(206, body="0123")
        ),
    ),
    Rule(
        "a whole answer to a Range is stored as the whole",
        "RFC 9110 §14.2",
        ask(range="bytes=0-3", origin=says(200, TEN, cache_control=FRESH), expect=gets(200, 206)),
        ask(expect=cached(TEN)),
    ),
]


def if_range(name, value, status, **answer):
    """From a stored answer: a part where If-Range holds, else the whole."""
    answer = {"etag": '"1"', "last_modified": -1000, "cache_control": FRESH, **answer}
    body = "0123" if status == 206 else TEN
    return Rule(
        name,
        "RFC 9110 §13.1.5",
        ask(origin=says(200, TEN, **answer)),
        ask(range="bytes=0-3", if_range=value, expect=cached(body, status)),
    )


IF_RANGE = [
    if_range("If-Range with the same tag", '"1"', 206),
    if_range("If-Range with another tag", '"2"', 200),
    if_range("If-Range with a weak tag", 'W/"1"', 200),
    if_range("If-Range with a weak tag, as weak as the stored one", 'W/"1"', 200, etag='W/"1"'),
    if_range("If-Range with a tag, and the stored one is weak", '"1"', 200, etag='W/"1"'),
    if_range("If-Range with a tag where there is none", '"1"', 200, etag=None),
    if_range("If-Range with the very date", -1000, 206),
    if_range("If-Range with a later date", -999, 200),
    if_range("If-Range with an earlier date", -1001, 200),
    if_range("If-Range with the date of an answer just changed", 0, 200, last_modified=0),
    if_range("If-Range with what is neither", "yesterday", 200),
    *(
        Rule(
            name,
            "RFC 9110 §13.1.5, RFC 9111 §4.2",
            ask(origin=says(200, TEN, cache_control="max-age=10", etag='"1"')),
            wait(20),
            ask(
                range="bytes=0-3",
                if_range='"1"',
                origin=serves(now, etag=tag, cache_control="max-age=10"),
                expect=expect,
            ),
        )
        for name, now, tag, expect in (
            ("If-Range past freshness, and it still holds", TEN, '"1"', gets(206, body="0123")),
            ("If-Range past freshness, and it does not hold", "abcdefghij", '"2"', gets(200, body="abcdefghij")),
        )
    ),
    Rule(
        "If-Range without Range means nothing",
        "RFC 9110 §13.1.5",
        WHOLE,
        ask(if_range='"1"', expect=cached(TEN)),
    ),
    Rule(
        "If-None-Match comes before Range",
        "RFC 9110 §13.2.2",
        WHOLE,
        ask(if_none_match='"1"', range="bytes=0-3", expect=cached("", 304)),
        ask(if_none_match='"2"', range="bytes=0-3", expect=cached("0123", 206)),
    ),
]


RULES = [*FROM_WHOLE, *MORE_FROM_WHOLE, *IF_RANGE]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_ranges(rule):
    await play(rule)
