"""Stale answers given at once, and refreshed behind (RFC 5861 §3)."""

import pytest

from tests.stories.http.script import (
    Rule,
    ask,
    cached,
    fetched,
    hangs_up,
    play,
    says,
    serves,
    wait,
)

STRICT = {
    "must-revalidate": "RFC 9111 §5.2.2.2",
    "proxy-revalidate": "RFC 9111 §5.2.2.8",
    "s-maxage=10": "RFC 9111 §5.2.2.10",
    "no-cache": "RFC 9111 §5.2.2.4",
}


def stored(cache_control="max-age=10", after=20, **answer):
    """Stored, so many seconds ago."""
    return (ask(origin=says(200, "a", cache_control=cache_control, **answer)), wait(after))


WHILE_REVALIDATE = [
    Rule(
        "stale-while-revalidate: the stale answer at once, the new one behind it",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30"),
        ask(origin=says(200, "b", cache_control="max-age=10"), expect=cached("a", age=20)),
        ask(expect=cached("b", age=0)),
    ),
    Rule(
        "stale-while-revalidate lasts to its last second",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30", after=39),
        ask(origin=says(200, "b"), expect=cached("a", age=39)),
    ),
    Rule(
        "stale-while-revalidate ends",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30", after=40),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "the request behind a stale answer is conditional",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30", etag='"1"'),
        ask(
            origin=says(304, etag='"1"', cache_control="max-age=10"),
            sees={"If-None-Match": '"1"'},
            expect=cached("a", age=20),
        ),
        ask(expect=cached("a", age=0)),
    ),
    Rule(
        "a failure behind a stale answer leaves it",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30"),
        ask(origin=hangs_up(), expect=cached("a")),
        wait(5),
        ask(origin=says(200, "b", cache_control="max-age=10"), expect=cached("a", age=25)),
        ask(expect=cached("b")),
    ),
    Rule(
        "an error behind a stale answer leaves it",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30"),
        ask(origin=says(503, "down"), expect=cached("a")),
        wait(5),
        ask(origin=says(200, "b", cache_control="max-age=10"), expect=cached("a", age=25)),
    ),
    Rule(
        "stale-while-revalidate that is no number is none",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=long"),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "HEAD too may have the stale answer",
        "RFC 5861 §3",
        *stored("max-age=10, stale-while-revalidate=30"),
        ask("HEAD", origin=says(200, "b", cache_control="max-age=10"), expect=cached("", age=20)),
    ),
] + [
    Rule(
        f"stale-while-revalidate means nothing beside {directive}",
        source,
        *stored(f"max-age=10, stale-while-revalidate=30, {directive}"),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for directive, source in STRICT.items()
]

BEHIND = [
    Rule(
        "a caller who has the stale answer hears 304, and the request behind it asks about the stored one",
        "RFC 5861 §3, RFC 9111 §4.3.2",
        *stored("max-age=10, stale-while-revalidate=30", etag='"1"'),
        ask(
            if_none_match='"1"',
            origin=says(304, etag='"1"', cache_control="max-age=10"),
            sees={"If-None-Match": '"1"'},
            expect=cached("", 304, age=20),
        ),
        ask(expect=cached("a", age=0)),
    ),
    Rule(
        "a caller who has something else gets the stale answer, and what it has is not asked about",
        "RFC 5861 §3, RFC 9111 §4.3.2",
        *stored("max-age=10, stale-while-revalidate=30", etag='"1"'),
        ask(
            if_none_match='"0"',
            origin=serves("zero", etag='"0"', cache_control="max-age=10"),
            expect=cached("a", age=20),
        ),
        ask(expect=cached("zero")),
    ),
    Rule(
        "a part of the stale answer at once, and the whole new one behind it",
        "RFC 5861 §3, RFC 9110 §14.2",
        ask(origin=says(200, "0123456789", cache_control="max-age=10, stale-while-revalidate=30", etag='"1"')),
        wait(20),
        ask(
            range="bytes=0-3",
            origin=serves("abcdefghij", etag='"2"', cache_control="max-age=10"),
            expect=cached("0123", 206, age=20),
        ),
        ask(expect=cached("abcdefghij")),
    ),
    Rule(
        "a stale answer that was replaced is not given again",
        "RFC 9111 §4",
        *stored("max-age=10, stale-while-revalidate=30"),
        ask(origin=says(200, "b", cache_control="max-age=10, stale-while-revalidate=30"), expect=cached("a")),
        wait(20),
        ask(origin=says(200, "c", cache_control="max-age=10"), expect=cached("b", age=20)),
    ),
]

RULES = [*WHILE_REVALIDATE, *BEHIND]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_stale_while_revalidate(rule):
    await play(rule)
