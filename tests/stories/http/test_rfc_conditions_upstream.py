"""A caller's own conditions where the origin has to be asked (RFC 9110 §13, RFC 9111 §4.3)."""

import pytest

from tests.stories.http.script import (
    ANY,
    Rule,
    ask,
    cached,
    fetched,
    gets,
    has,
    play,
    says,
    validated,
    wait,
)

FRESH = "max-age=60"


AT_THE_ORIGIN = [
    Rule(
        "conditions reach the origin where nothing is stored",
        "RFC 9110 §13.1",
        ask(
            if_none_match='"1"',
            if_modified_since=-1000,
            origin=says(304, etag='"1"'),
            sees={"If-None-Match": '"1"', "If-Modified-Since": -1000},
            expect=fetched("", 304, etag='"1"'),
        ),
    ),
    Rule(
        "a 304 for the caller's own copy is nobody else's answer",
        "RFC 9111 §3",
        ask(if_none_match='"1"', origin=says(304, etag='"1"', cache_control=FRESH)),
        ask(origin=says(200, "a", cache_control=FRESH), sees={"If-None-Match": None}),
        ask(expect=cached("a")),
    ),
    Rule(
        "a whole answer to a conditional request is stored",
        "RFC 9111 §3",
        ask(if_none_match='"1"', origin=says(200, "b", etag='"2"', cache_control=FRESH)),
        ask(expect=cached("b")),
        ask(if_none_match='"2"', expect=cached("", 304)),
    ),
    Rule(
        "what is not stored is not answered 304",
        "RFC 9111 §4.3.2",
        ask(origin=says(200, "a", cache_control="no-store", etag='"1"')),
        ask(if_none_match='"1"', origin=says(200, "a", etag='"1"', cache_control="no-store"), expect=fetched("a")),
    ),
]

PAST_FRESHNESS = [
    Rule(
        "the caller's tag and the stored one both reach the origin",
        "RFC 9111 §4.3.2",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(
            if_none_match='"2"',
            origin=says(304, etag='"2"', cache_control="max-age=10"),
            sees={"If-None-Match": has('"1"', '"2"')},
            expect=gets(304, body="", etag='"2"'),
        ),
    ),
    Rule(
        "a 304 for the caller's copy says nothing of the stored one",
        "RFC 9111 §4.3.4",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(if_none_match='"2"', origin=says(304, etag='"2"', cache_control="max-age=10"), expect=gets(304)),
        ask(origin=says(200, "b", etag='"2"'), expect=fetched("b")),
    ),
    Rule(
        "a caller who has what is stored hears 304, and the store is freshened",
        "RFC 9111 §4.3.3",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(if_none_match='"1"', origin=says(304, etag='"1"', cache_control="max-age=10"), expect=gets(304, body="")),
        ask(expect=cached("a", age=0)),
    ),
    Rule(
        "a caller who has something older gets what is stored, once the origin said it holds",
        "RFC 9111 §4.3.3",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(if_none_match='"0"', origin=says(304, etag='"1"', cache_control="max-age=10"), expect=validated("a")),
    ),
    Rule(
        "a caller whose date is older gets what is stored, once the origin said it holds",
        "RFC 9111 §4.3.3",
        ask(origin=says(200, "a", cache_control="max-age=10", last_modified=-1000)),
        wait(20),
        ask(
            if_modified_since=-2000,
            origin=says(304, last_modified=-1000, cache_control="max-age=10"),
            sees={"If-Modified-Since": -1000},
            expect=validated("a"),
        ),
    ),
    Rule(
        "a caller with conditions gets what is new",
        "RFC 9111 §4.3.3",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(if_none_match='"1"', origin=says(200, "b", etag='"2"', cache_control="max-age=10"), expect=fetched("b")),
        ask(expect=cached("b")),
    ),
    Rule(
        "a caller who has anything at all hears 304, once the origin said that what is stored holds",
        "RFC 9110 §13.1.2",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(if_none_match="*", origin=says(304, etag='"1"', cache_control="max-age=10"), expect=gets(304, body="")),
    ),
    Rule(
        "a caller without conditions never gets a 304",
        "RFC 9111 §4.3.3",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(origin=says(304, etag='"1"', cache_control="max-age=10"), expect=validated("a", etag='"1"')),
    ),
    Rule(
        "a caller's conditions without any of the store's reach the origin",
        "RFC 9111 §4.3.1",
        ask(origin=says(200, "a", cache_control="max-age=10")),
        wait(20),
        ask(if_none_match='"1"', origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=gets(304)),
    ),
]

FOR_THE_ORIGIN = [
    Rule(
        f"{name} is the origin's to judge, even where an answer is stored",
        "RFC 9110 §13.1.1, §13.1.4; RFC 9111 §4.3.2",
        ask(origin=says(200, "a", cache_control=FRESH, etag='"1"', last_modified=-1000)),
        ask(
            **{name.lower().replace("-", "_"): value},
            origin=says(412, "no", cache_control=FRESH),
            sees={name: value, "If-None-Match": None},
            expect=fetched("no", 412),
        ),
        ask(expect=cached("a")),
    )
    for name, value in (("If-Match", '"1"'), ("If-Unmodified-Since", -1000))
] + [
    Rule(
        "an answer to If-Match is not stored",
        "Larder's own",
        ask(if_match='"1"', origin=says(200, "a", cache_control=FRESH)),
        ask(origin=says(200, "b"), sees={"If-Match": None}, expect=fetched("b")),
    ),
    Rule(
        "conditions of a write reach the origin",
        "RFC 9110 §13.1.1",
        ask(
            "PUT",
            body="x",
            if_match='"1"',
            if_none_match="*",
            origin=says(412),
            sees={"If-Match": '"1"', "If-None-Match": "*"},
        ),
    ),
    Rule(
        "a caller who is answered 304 hears how old that is",
        "RFC 9111 §5.1",
        ask(origin=says(200, "a", cache_control=FRESH, etag='"1"', age="7")),
        wait(5),
        ask(if_none_match='"1"', expect=cached("", 304, age=12, date=ANY)),
    ),
]

RULES = [*AT_THE_ORIGIN, *PAST_FRESHNESS, *FOR_THE_ORIGIN]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_callers_conditions_at_the_origin(rule):
    await play(rule)
