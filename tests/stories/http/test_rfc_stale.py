"""Stale answers: where they may be given, and where not (RFC 9111 §4.2.4, RFC 5861)."""

import pytest

from tests.stories.http.script import (
    Rule,
    ask,
    cached,
    fails,
    fetched,
    gets,
    hangs_up,
    play,
    says,
    stands_in,
    validated,
    wait,
)

DAY = 86_400
STRICT = {
    "must-revalidate": "RFC 9111 §5.2.2.2",
    "proxy-revalidate": "RFC 9111 §5.2.2.8",
    "s-maxage=10": "RFC 9111 §5.2.2.10",
    "no-cache": "RFC 9111 §5.2.2.4",
}


def stored(cache_control="max-age=10", after=20, **answer):
    """Stored, so many seconds ago."""
    return (ask(origin=says(200, "a", cache_control=cache_control, **answer)), wait(after))


IF_ERROR = (
    [
        Rule(
            f"stale-if-error covers for a {status}",
            "RFC 5861 §4",
            *stored("max-age=10, stale-if-error=60"),
            ask(origin=says(status, "down"), expect=stands_in("a", age=20)),
            wait(5),
            ask(origin=says(200, "b"), expect=fetched("b")),
        )
        for status in (500, 502, 503, 504)
    ]
    + [
        Rule(
            f"stale-if-error does not cover for a {status}",
            "RFC 5861 §4",
            *stored("max-age=10, stale-if-error=60"),
            ask(origin=says(status, "so it is"), expect=fetched("so it is", status)),
        )
        for status in (400, 403, 404, 410, 501)
    ]
    + [
        Rule(
            f"stale-if-error means nothing beside {directive}",
            source,
            *stored(f"max-age=10, stale-if-error=60, {directive}"),
            ask(origin=says(503, "down"), expect=gets(503, 504, cache=r"^(?!.*ttl=-)")),
        )
        for directive, source in STRICT.items()
    ]
    + [
        Rule(
            "stale-if-error covers for a lost connection",
            "RFC 5861 §4",
            *stored("max-age=10, stale-if-error=60"),
            ask(origin=hangs_up(), expect=stands_in("a", age=20)),
        ),
        Rule(
            "stale-if-error lasts to its last second",
            "RFC 5861 §4",
            *stored("max-age=10, stale-if-error=60", after=69),
            ask(origin=says(503, "down"), expect=stands_in("a", age=69)),
        ),
        Rule(
            "stale-if-error ends",
            "RFC 5861 §4",
            *stored("max-age=10, stale-if-error=60", after=70),
            ask(origin=says(503, "down"), expect=fetched("down", 503)),
        ),
        Rule(
            "without stale-if-error an error is passed on",
            "RFC 9111 §4.3.3",
            *stored(),
            ask(origin=says(503, "down"), expect=fetched("down", 503)),
        ),
        Rule(
            "stale-if-error that is no number is none",
            "RFC 5861 §4",
            *stored("max-age=10, stale-if-error=long"),
            ask(origin=says(503, "down"), expect=fetched("down", 503)),
        ),
        Rule(
            "a failure is remembered for a moment: who comes then gets the stale answer without the origin being asked",
            "Larder's own",
            *stored("max-age=10, stale-if-error=60"),
            ask(origin=says(503, "down"), expect=stands_in("a")),
            ask(expect=stands_in("a")),
        ),
        Rule(
            "an error with a lifetime does not take the place of what it is covered by",
            "Larder's own",
            *stored("max-age=10, stale-if-error=60"),
            ask(origin=says(503, "down", cache_control="max-age=60"), expect=stands_in("a")),
            wait(5),
            ask(origin=says(200, "b"), expect=fetched("b")),
        ),
        Rule(
            "a caller may ask to be covered for",
            "RFC 5861 §4",
            *stored(),
            ask(cache_control="stale-if-error=60", origin=says(503, "down"), expect=stands_in("a", age=20)),
        ),
        Rule(
            "a caller asks to be covered for, for less long",
            "RFC 5861 §4",
            *stored(),
            ask(cache_control="stale-if-error=5", origin=says(503, "down"), expect=fetched("down", 503)),
        ),
        Rule(
            "a caller cannot ask for more than the answer allows",
            "RFC 9111 §5.2.2.2",
            *stored("max-age=10, must-revalidate"),
            ask(cache_control="stale-if-error=60", origin=says(503, "down"), expect=gets(503, 504)),
        ),
    ]
)

DISCONNECTED = (
    [
        Rule(
            f"an answer that is past {cache_control or expires} stands in while the origin cannot be reached",
            "RFC 9111 §4.2.4",
            *stored(cache_control, expires=expires, etag='"1"'),
            ask(origin=hangs_up(), expect=stands_in("a", age=20)),
            wait(5),
            ask(origin=says(200, "b"), expect=fetched("b")),
        )
        for cache_control, expires in (
            ("max-age=10", None),
            (None, 10),
            ("max-age=0", None),
            (None, -1),
            ("public, max-age=10", None),
        )
    ]
    + [
        Rule(
            f"{directive}: an error where the origin cannot be reached",
            source,
            *stored(f"max-age=10, {directive}", etag='"1"'),
            ask(origin=hangs_up(), expect=fails(504)),
            wait(5),
            ask(origin=says(304, etag='"1"'), expect=validated("a")),
        )
        for directive, source in STRICT.items()
    ]
    + [
        Rule(
            "must-revalidate says nothing while an answer is fresh",
            "RFC 9111 §5.2.2.2",
            *stored("max-age=60, must-revalidate"),
            ask(expect=cached("a", age=20)),
        ),
        Rule(
            "an origin that cannot be reached, and nothing stored",
            "RFC 9110 §15.6.3",
            ask(origin=hangs_up(), expect=fails()),
        ),
        Rule(
            "a day past freshness nothing stands in any more",
            "RFC 9111 §4.2.4",
            *stored(after=DAY + 11),
            ask(origin=hangs_up(), expect=fails()),
        ),
        Rule(
            "the operator may forbid standing in",
            "RFC 9111 §4.2.4",
            *stored(),
            ask(origin=hangs_up(), expect=fails()),
            stale_if_disconnected=0,
        ),
        Rule(
            "an answer with no-store never stands in",
            "RFC 9111 §5.2.2.5",
            *stored("no-store"),
            ask(origin=hangs_up(), expect=fails()),
        ),
        Rule(
            "another variant does not stand in",
            "RFC 9111 §4.1",
            ask(x_a="1", origin=says(200, "a", cache_control="max-age=10", vary="X-A")),
            wait(20),
            ask(x_a="2", origin=hangs_up(), expect=fails()),
        ),
        Rule(
            "who asks for it live gets nothing that is stored",
            "RFC 9111 §5.2.1.4",
            *stored("max-age=60"),
            ask(cache_control="no-cache", origin=hangs_up(), expect=fails()),
        ),
        Rule(
            "a new connection that is lost is an answer of a kind: it is not tried again",
            "Larder's own",
            ask(origin=hangs_up(), expect=fails(502)),
        ),
    ]
)


STANDING_IN = [
    Rule(
        "a lost connection is not tried again where a stored answer stands in",
        "Larder's own",
        *stored(),
        ask(origin=hangs_up(once=True), expect=stands_in("a")),
    ),
    Rule(
        "a part may stand in",
        "RFC 9111 §4.2.4, RFC 9110 §14.2",
        ask(origin=says(200, "0123456789", cache_control="max-age=10")),
        wait(20),
        ask(range="bytes=0-3", origin=hangs_up(), expect=gets(206, body="0123", cache="; ttl=-")),
    ),
    Rule(
        "a caller who has the answer that stands in hears 304",
        "RFC 9111 §4.2.4, §4.3.2",
        *stored(etag='"1"'),
        ask(if_none_match='"1"', origin=hangs_up(), expect=gets(304, body="", cache="; ttl=-")),
    ),
    Rule(
        "a variant may stand in",
        "RFC 9111 §4.1, §4.2.4",
        ask(x_a="1", origin=says(200, "a", cache_control="max-age=10", vary="X-A")),
        ask(x_a="2", origin=says(200, "b", cache_control="max-age=10", vary="X-A")),
        wait(20),
        ask(x_a="1", origin=hangs_up(), expect=stands_in("a")),
    ),
    Rule(
        "who wants nothing stored gets nothing that is stored",
        "Larder's own",
        *stored("max-age=60"),
        ask(cache_control="no-store", origin=hangs_up(), expect=fails()),
    ),
]

RULES = [*IF_ERROR, *DISCONNECTED, *STANDING_IN]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_stale_answers(rule):
    await play(rule)
