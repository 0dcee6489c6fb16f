"""How old an answer is, and until when it is fresh (RFC 9111 §4.2, §5.1; RFC 8246)."""

import pytest

from tests.stories.http.script import ANY, Rule, ask, cached, fetched, play, says, validated, wait

DAY = 86_400
HEURISTIC = (200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 451, 501)  # 451: RFC 7725 §3
NOT_HEURISTIC = (201, 202, 302, 303, 307, 400, 402, 403, 409, 418, 500, 502, 503, 504)


def fresh_for(name, source, seconds, *, old=0, **answer):
    """Fresh until just before `seconds` have passed since it came `old` seconds old."""
    return Rule(
        name,
        source,
        ask(origin=says(200, "a", **answer)),
        ask(expect=cached("a", age=old)),
        wait(seconds - 1),
        ask(expect=cached("a", age=old + seconds - 1)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )


def never_fresh(name, source, **answer):
    """Stale from the first moment."""
    return Rule(name, source, ask(origin=says(200, "a", **answer)), ask(origin=says(200, "b"), expect=fetched("b")))


LIFETIMES = [
    fresh_for("max-age, and not a second longer", "RFC 9111 §4.2", 10, cache_control="max-age=10"),
    fresh_for("Expires less Date", "RFC 9111 §4.2.1", 10, expires=10),
    fresh_for("s-maxage", "RFC 9111 §5.2.2.10", 10, cache_control="s-maxage=10"),
    fresh_for("max-age outranks a later Expires", "RFC 9111 §5.3", 10, cache_control="max-age=10", expires=1000),
    fresh_for("max-age outranks an earlier Expires", "RFC 9111 §5.3", 10, cache_control="max-age=10", expires=-1000),
    fresh_for(
        "max-age outranks an Expires that is no date", "RFC 9111 §5.3", 10, cache_control="max-age=10", expires="0"
    ),
    fresh_for("s-maxage outranks a longer max-age", "RFC 9111 §5.2.2.10", 10, cache_control="max-age=99, s-maxage=10"),
    fresh_for("s-maxage outranks a shorter max-age", "RFC 9111 §5.2.2.10", 10, cache_control="s-maxage=10, max-age=1"),
    fresh_for("s-maxage outranks Expires", "RFC 9111 §5.2.2.10", 10, cache_control="s-maxage=10", expires=1000),
    fresh_for("max-age outranks a guess", "RFC 9111 §4.2.2", 10, cache_control="max-age=10", last_modified=-100_000),
    fresh_for("Expires outranks a guess", "RFC 9111 §4.2.2", 10, expires=10, last_modified=-100_000),
    fresh_for("immutable makes nothing longer", "RFC 8246 §2", 10, cache_control="max-age=10, immutable"),
    never_fresh("max-age=0", "RFC 9111 §4.2", cache_control="max-age=0"),
    never_fresh("s-maxage=0 beside max-age", "RFC 9111 §5.2.2.10", cache_control="max-age=60, s-maxage=0"),
    never_fresh("Expires in the past", "RFC 9111 §5.3", expires=-1),
    never_fresh("Expires that equals Date", "RFC 9111 §4.2", expires=0, date=0),
    never_fresh("max-age=0 beside Expires", "RFC 9111 §5.3", cache_control="max-age=0", expires=1000),
    never_fresh("no-cache beside max-age", "RFC 9111 §5.2.2.4", cache_control="max-age=60, no-cache"),
    never_fresh("no-cache beside Expires", "RFC 9111 §5.2.2.4", cache_control="no-cache", expires=1000),
    never_fresh("immutable alone", "RFC 8246 §2", cache_control="immutable"),
    never_fresh("public alone", "RFC 9111 §5.2.2.9", cache_control="public"),
]

SKEW = [
    fresh_for(
        "an older Date: it has been under way", "RFC 9111 §4.2.3", 40, old=20, cache_control="max-age=60", date=-20
    ),
    fresh_for("Age: it has been in a cache", "RFC 9111 §4.2.3", 40, old=20, cache_control="max-age=60", age="20"),
    fresh_for(
        "Age more than Date tells", "RFC 9111 §4.2.3", 40, old=20, cache_control="max-age=60", date=-10, age="20"
    ),
    fresh_for(
        "Date further back than Age tells",
        "RFC 9111 §4.2.3",
        40,
        old=20,
        cache_control="max-age=60",
        date=-20,
        age="10",
    ),
    fresh_for("a Date to come makes nothing younger", "RFC 9111 §4.2.3", 60, cache_control="max-age=60", date=1000),
    fresh_for("Expires counts from a Date to come", "RFC 9111 §4.2.1", 60, date=1000, expires=1060),
    fresh_for("Expires counts from a Date gone by", "RFC 9111 §4.2.1", 60, old=1000, date=-1000, expires=60),
    never_fresh("as old as its lifetime when it comes, by Age", "RFC 9111 §4.2", cache_control="max-age=60", age="60"),
    never_fresh("as old as its lifetime when it comes, by Date", "RFC 9111 §4.2", cache_control="max-age=60", date=-60),
    never_fresh("Expires to come, but before its own Date", "RFC 9111 §4.2.1", date=1000, expires=500),
]

AGE = [
    Rule(
        "the time an answer takes to come counts, however young it says it is",
        "RFC 9111 §4.2.3",
        ask(origin=says(200, "a", cache_control="max-age=10", age="2", takes=4)),
        ask(expect=cached("a", age=6)),
        wait(3),
        ask(expect=cached("a", age=9)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "an answer straight from its origin has no Age",
        "RFC 9111 §5.1",
        ask(origin=says(200, "a", cache_control="max-age=10"), expect=fetched("a", age=None)),
    ),
    Rule(
        "Age from a cache further up reaches the caller",
        "RFC 9111 §5.1",
        ask(origin=says(200, "a", cache_control="max-age=60", age="20"), expect=fetched("a", age=20)),
        wait(5),
        ask(expect=cached("a", age=25)),
    ),
    Rule(
        "Age of an answer that is not stored reaches the caller",
        "RFC 9111 §5.1",
        ask(origin=says(200, "a", cache_control="no-store", age="20"), expect=fetched("a", age=20)),
    ),
    Rule(
        "an answer validated just now has no age",
        "RFC 9111 §5.1",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(origin=says(304, cache_control="max-age=10", etag='"1"'), expect=validated("a", age=None)),
        ask(expect=cached("a", age=0)),
    ),
]


def guessed(status, body="a"):
    """A tenth of the time since it was last changed."""
    content = "" if status == 204 else body
    return Rule(
        f"a lifetime may be guessed for status {status}",
        "RFC 9111 §4.2.2, RFC 9110 §15.1",
        ask(origin=says(status, content, last_modified=-1000)),
        wait(99),
        ask(expect=cached(content, status, age=99)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )


GUESSES = [guessed(status) for status in HEURISTIC] + [
    Rule(
        f"no lifetime may be guessed for status {status}",
        "RFC 9111 §4.2.2, RFC 9110 §15.1",
        ask(origin=says(status, "a", last_modified=-100_000)),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for status in NOT_HEURISTIC
]

MORE_GUESSES = [
    Rule(
        "public lets a lifetime be guessed for any status",
        "RFC 9111 §4.2.2",
        ask(origin=says(302, "a", cache_control="public", last_modified=-1000)),
        wait(50),
        ask(expect=cached("a", 302, age=50)),
    ),
    Rule(
        "a query is no reason not to guess",
        "RFC 9111 §4.2.2",
        ask(path="/a?x=1", origin=says(200, "a", last_modified=-1000)),
        wait(50),
        ask(path="/a?x=1", expect=cached("a")),
    ),
    Rule(
        "what is guessed ends after a day",
        "RFC 9111 §4.2.2",
        ask(origin=says(200, "a", last_modified=-10_000 * DAY)),
        wait(DAY - 1),
        ask(expect=cached("a", age=DAY - 1)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "a guess counts from Date",
        "RFC 9111 §4.2.2",
        ask(origin=says(200, "a", date=-100, last_modified=-1100)),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "the operator may forbid guessing",
        "RFC 9111 §4.2.2",
        ask(origin=says(200, "a", last_modified=-100_000)),
        ask(origin=says(200, "b"), sees={"If-Modified-Since": -100_000}, expect=fetched("b")),
        heuristic_fraction=0,
    ),
    never_fresh(
        "nothing is guessed beside an Expires that is no date", "RFC 9111 §4.2.2", expires="0", last_modified=-100_000
    ),
    never_fresh(
        "nothing is guessed beside a max-age that is no number",
        "RFC 9111 §4.2.2",
        cache_control="max-age=x",
        last_modified=-100_000,
    ),
    never_fresh(
        "nothing is guessed beside no-cache", "RFC 9111 §5.2.2.4", cache_control="no-cache", last_modified=-100_000
    ),
    never_fresh(
        "nothing is guessed from a Last-Modified that is no date", "RFC 9111 §4.2.2", last_modified="2001-01-01"
    ),
    never_fresh("nothing is guessed from a Last-Modified to come", "RFC 9111 §4.2.2", last_modified=1000),
    never_fresh("nothing is guessed from an ETag", "RFC 9111 §4.2.2", etag='"1"'),
]

IMMUTABLE = [
    Rule(
        "a caller who wants an immutable answer validated gets it validated",
        "RFC 8246 §2.1",
        ask(origin=says(200, "a", cache_control="max-age=60, immutable", etag='"1"')),
        ask(cache_control="no-cache", origin=says(304, etag='"1"'), expect=validated("a")),
    ),
    Rule(
        "an immutable answer is answered 304 while it is fresh",
        "RFC 8246 §2.1",
        ask(origin=says(200, "a", cache_control="max-age=60, immutable", etag='"1"')),
        ask(if_none_match='"1"', expect=cached("", 304, etag='"1"', cache_control=ANY)),
    ),
]

RULES = [*LIFETIMES, *SKEW, *AGE, *GUESSES, *MORE_GUESSES, *IMMUTABLE]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_how_long_answers_are_fresh(rule):
    await play(rule)
