"""What callers ask of the freshness of stored answers (RFC 9111 §5.2.1, §5.4)."""

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

STRICT = {
    "must-revalidate": "RFC 9111 §5.2.2.2",
    "proxy-revalidate": "RFC 9111 §5.2.2.8",
    "s-maxage=10": "RFC 9111 §5.2.2.10",
    "no-cache": "RFC 9111 §5.2.2.4",
}


def stored(cache_control="max-age=10", after=20, **answer):
    """Stored, so many seconds ago."""
    return (ask(origin=says(200, "a", cache_control=cache_control, **answer)), wait(after))


def may(wish, name, source="RFC 9111 §5.2.1", lifetime="max-age=60", after=10):
    """A caller with this wish gets what is stored."""
    return Rule(
        f"{wish}: {name}", source, *stored(lifetime, after), ask(cache_control=wish, expect=cached("a", age=after))
    )


def may_not(wish, name, source="RFC 9111 §5.2.1", lifetime="max-age=60", after=10):
    """A caller with this wish makes Larder ask."""
    return Rule(
        f"{wish}: {name}",
        source,
        *stored(lifetime, after),
        ask(cache_control=wish, origin=says(200, "b"), expect=fetched("b")),
    )


WISHES = [
    may("max-age=11", "younger than that", "RFC 9111 §5.2.1.1"),
    may("max-age=10", "as old as that", "RFC 9111 §5.2.1.1"),
    may_not("max-age=9", "older than that", "RFC 9111 §5.2.1.1"),
    may_not("max-age=0", "older than that", "RFC 9111 §5.2.1.1"),
    may_not("MAX-AGE=9", "older than that", "RFC 9111 §5.2"),
    may_not("max-age=99, max-age=9", "of two the tighter one holds", "Larder's own"),
    may_not('max-age="9"', "older than that", "RFC 9111 §5.2"),
    may_not("max-age=99", "makes nothing fresh", "RFC 9111 §5.2.1.1", "max-age=10", 20),
    may_not("max-age=x", "what cannot be read is the tightest there is", "Larder's own"),
    may_not("max-age", "what is missing is the tightest there is", "Larder's own"),
    may("min-fresh=50", "fresh for so long", "RFC 9111 §5.2.1.3"),
    may_not("min-fresh=51", "not fresh for so long", "RFC 9111 §5.2.1.3"),
    may_not("min-fresh=x", "what cannot be read is the tightest there is", "Larder's own"),
    may("max-stale=10", "stale for so long", "RFC 9111 §5.2.1.2", "max-age=10", 20),
    may("max-stale", "however stale", "RFC 9111 §5.2.1.2", "max-age=10", 1000),
    may_not("max-stale=9", "stale for longer", "RFC 9111 §5.2.1.2", "max-age=10", 20),
    may_not("max-stale=x", "what cannot be read is the tightest there is", "Larder's own", "max-age=10", 20),
    may("max-stale=10, x", "something else beside it", "RFC 9111 §5.2.1.2", "max-age=10", 20),
    may_not("max-stale=99, max-age=5, no-cache", "the tightest holds", "RFC 9111 §5.2.1.4", "max-age=10", 20),
    *(
        may_not("max-stale=99", f"{directive} forbids it", source, f"max-age=10, {directive}", 20)
        for directive, source in STRICT.items()
    ),
    *(
        may_not(wish, "stale within its window", source, "max-age=10, stale-while-revalidate=60", 20)
        for wish, source in {
            "no-cache": "RFC 9111 §5.2.1.4",
            "max-age=19": "RFC 9111 §5.2.1.1",
            "min-fresh=1": "RFC 9111 §5.2.1.3",
            "max-stale=9": "RFC 9111 §5.2.1.2",
        }.items()
    ),
    may_not("no-cache", "fresh or not", "RFC 9111 §5.2.1.4"),
    may_not("NO-CACHE", "in any case", "RFC 9111 §5.2"),
    may_not("no-store", "neither looked up nor stored", "Larder's own"),
    may("no-transform", "nothing is transformed", "RFC 9111 §5.2.1.6"),
    may("x-whatever=1", "unknown", "RFC 9111 §5.2.3"),
    may("max-age=60, min-fresh=10", "both hold", "RFC 9111 §5.2.1"),
    may_not("max-age=60, min-fresh=55", "one does not hold", "RFC 9111 §5.2.1"),
    may("only-if-cached", "it is", "RFC 9111 §5.2.1.7"),
    may("only-if-cached, max-stale=10", "it is, and stale enough", "RFC 9111 §5.2.1.7", "max-age=10", 20),
]

ONLY_IF_CACHED = [
    Rule("only-if-cached: it is not", "RFC 9111 §5.2.1.7", ask(cache_control="only-if-cached", expect=gets(504))),
    Rule(
        "only-if-cached: not any more",
        "RFC 9111 §5.2.1.7",
        *stored(),
        ask(cache_control="only-if-cached", expect=gets(504)),
    ),
    Rule(
        "only-if-cached: not for this variant",
        "RFC 9111 §5.2.1.7",
        *stored("max-age=60", vary="X-A"),
        ask(cache_control="only-if-cached", x_a="1", expect=gets(504)),
    ),
    Rule(
        "only-if-cached and no-cache cannot both be",
        "RFC 9111 §5.2.1.7",
        *stored("max-age=60"),
        ask(cache_control="only-if-cached, no-cache", expect=gets(504)),
    ),
    Rule(
        "only-if-cached leaves what is stored",
        "RFC 9111 §5.2.1.7",
        *stored(etag='"1"'),
        ask(cache_control="only-if-cached", expect=gets(504)),
        ask(origin=says(304, etag='"1"'), expect=validated("a")),
    ),
    Rule(
        "only-if-cached: what is never stored",
        "RFC 9111 §5.2.1.7",
        ask("POST", cache_control="only-if-cached", origin=says(200, "a")),
    ),
]

PRAGMA = [
    Rule(
        "Pragma: no-cache where there is no Cache-Control",
        "Larder's own",
        *stored("max-age=60"),
        ask(pragma="no-cache", origin=says(200, "b")),
    ),
    Rule(
        "Pragma beside Cache-Control means nothing",
        "RFC 9111 §5.4",
        *stored("max-age=60"),
        ask(pragma="no-cache", cache_control="max-age=60", expect=cached("a")),
    ),
    Rule("another Pragma means nothing", "RFC 9111 §5.4", *stored("max-age=60"), ask(pragma="x", expect=cached("a"))),
    Rule(
        "directives on two lines count as one list",
        "RFC 9110 §5.3",
        *stored("max-age=60"),
        ask(cache_control=("x", "no-cache"), origin=says(200, "b")),
    ),
]

RULES = [*WISHES, *ONLY_IF_CACHED, *PRAGMA]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_callers_wishes(rule):
    await play(rule)
