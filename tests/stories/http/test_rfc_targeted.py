"""Cache control for Larder alone: CDN-Cache-Control and Larder-Cache-Control (RFC 9213)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fails, fetched, hangs_up, play, says, validated, wait

TARGETS = ("cdn_cache_control", "larder_cache_control")


def obeyed(name, targeted, source="RFC 9213 §2.2", **answer):
    """Fresh for a minute, as the targeted field says."""
    return Rule(
        name,
        source,
        ask(origin=says(200, "a", cdn_cache_control=targeted, **answer)),
        wait(59),
        ask(expect=cached("a", age=59)),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )


def not_fresh(name, targeted, source="RFC 9213 §2.2", **answer):
    """Stale at once, as the targeted field says."""
    return Rule(
        name,
        source,
        ask(origin=says(200, "a", cdn_cache_control=targeted, **answer)),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )


BY_ITSELF = [
    Rule(
        f"{field} alone is obeyed",
        "RFC 9213 §2",
        ask(origin=says(200, "a", **{field: "max-age=60"})),
        wait(59),
        ask(expect=cached("a", age=59, **{field: "max-age=60"})),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for field in TARGETS
]

HIDES = [
    obeyed("no-store of Cache-Control is hidden", "max-age=60", cache_control="no-store"),
    obeyed("private of Cache-Control is hidden", "max-age=60", cache_control="private"),
    obeyed("no-cache of Cache-Control is hidden", "max-age=60", cache_control="no-cache"),
    obeyed("s-maxage of Cache-Control is hidden", "max-age=60", cache_control="s-maxage=1"),
    obeyed("a longer max-age of Cache-Control is hidden", "max-age=60", cache_control="max-age=1000"),
    obeyed("Expires is hidden", "max-age=60", expires=-100),
    obeyed("a Cache-Control that cannot be read is hidden", "max-age=60", cache_control='"'),
    not_fresh("max-age=0 holds against Cache-Control", "max-age=0", cache_control="max-age=60"),
    not_fresh("no-store holds against Cache-Control", "no-store", cache_control="max-age=60"),
    not_fresh("private holds against Cache-Control", "private, max-age=60", cache_control="max-age=60"),
    not_fresh("no-cache holds against Cache-Control", "no-cache, max-age=60", cache_control="max-age=60"),
    not_fresh(
        "a field that names no lifetime hides those of others",
        "must-revalidate",
        cache_control="max-age=60",
        expires=60,
    ),
    Rule(
        "a field that names no lifetime lets one be guessed",
        "RFC 9213 §2.2",
        ask(origin=says(200, "a", cdn_cache_control="public", cache_control="max-age=1", last_modified=-1000)),
        wait(50),
        ask(expect=cached("a", age=50)),
    ),
]

PREFERENCE = [
    Rule(
        "Larder-Cache-Control comes before CDN-Cache-Control",
        "RFC 9213 §2.2",
        ask(origin=says(200, "a", cdn_cache_control="no-store", larder_cache_control="max-age=60")),
        ask(expect=cached("a")),
    ),
    Rule(
        "CDN-Cache-Control does not soften Larder-Cache-Control",
        "RFC 9213 §2.2",
        ask(origin=says(200, "a", cdn_cache_control="max-age=60", larder_cache_control="no-store")),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "CDN-Cache-Control counts where Larder-Cache-Control cannot be read",
        "RFC 9213 §2.1",
        ask(origin=says(200, "a", cdn_cache_control="max-age=60", larder_cache_control="no-store,")),
        ask(expect=cached("a")),
    ),
    Rule(
        "a field for others means nothing",
        "RFC 9213 §2.2",
        ask(origin=says(200, "a", other_cache_control="max-age=60", surrogate_control="max-age=60")),
        ask(origin=says(200, "b"), expect=fetched("b")),
    ),
]

GRAMMAR = [
    obeyed("parameters mean nothing", "max-age=60;x=1;no-store", "RFC 9213 §2.1"),
    obeyed("of a key that comes twice the last one counts", "max-age=0, max-age=60", "RFC 9651 §3.2"),
    obeyed("unknown keys mean nothing", "x=1, y=(a b), max-age=60", "RFC 9213 §2.1"),
    obeyed("white space around commas", "x ,\tmax-age=60 ,  y", "RFC 9651 §3.2"),
    obeyed("two lines are one dictionary", ("x=1", "max-age=60"), "RFC 9651 §3.2"),
    obeyed("a directive that is false is not there", "max-age=60, no-store=?0", "RFC 9651 §3.2"),
    obeyed("a directive that is true is there", "public=?1, max-age=60", "RFC 9651 §3.2"),
    not_fresh("a directive that is true is as good as said", "no-store=?1, max-age=60", "RFC 9651 §3.2"),
    not_fresh(
        "what looks like a second directive is a parameter of the first", "no-store; max-age=60", "RFC 9651 §3.2"
    ),
    *(
        obeyed(f"ignored as a whole: {targeted}", targeted, "RFC 9213 §2.1", cache_control="max-age=60")
        for targeted in (
            "",
            " ",
            ",",
            "no-store,",
            "no-store,,max-age=0",
            "no-store max-age=0",
            "NO-STORE",
            "No-Store, max-age=0",
            "max-age=0, x=",
            'max-age=0, x="open',
            "max-age=0, x=(a",
            "max-age =0",
            "max-age= 0",
            "max-age=0.0.0",
            "max-age=1234567890123456",
            "no-store, x=ü",
            "@no-store",
        )
    ),
    *(
        Rule(
            f"ignored as a whole, and nothing else says how long: {targeted}",
            "RFC 9213 §2.1",
            ask(origin=says(200, "a", cdn_cache_control=targeted)),
            ask(origin=says(200, "b"), expect=fetched("b")),
        )
        for targeted in ("max-age=60,", "MAX-AGE=60", "max-age=60; ", 'max-age=60, x="open')
    ),
    *(
        not_fresh(f"a lifetime that is no integer: {targeted}", targeted, "Larder's own", cache_control="max-age=60")
        for targeted in ("max-age=60.5", "max-age", "max-age=soon", "max-age=-1", "max-age=(60)")
    ),
]

DIRECTIVES = [
    obeyed("s-maxage outranks max-age", "max-age=1, s-maxage=60"),
    Rule(
        "stale-while-revalidate",
        "RFC 9213 §2.2, RFC 5861 §3",
        ask(origin=says(200, "a", cdn_cache_control="max-age=10, stale-while-revalidate=60")),
        wait(20),
        ask(origin=says(200, "b"), expect=cached("a", age=20)),
    ),
    Rule(
        "must-revalidate",
        "RFC 9213 §2.2, RFC 9111 §5.2.2.2",
        ask(origin=says(200, "a", cdn_cache_control="max-age=10, must-revalidate")),
        wait(20),
        ask(origin=hangs_up(), expect=fails(504)),
    ),
    Rule(
        "no-cache with field names",
        "RFC 9213 §2.2, RFC 9111 §5.2.2.4",
        ask(origin=says(200, "a", cdn_cache_control='max-age=60, no-cache="x-mine"', x_mine="1", x="2")),
        ask(expect=cached("a", x_mine=None, x="2")),
    ),
    Rule(
        "public lets others have what a credential fetched",
        "RFC 9213 §2.2, RFC 9111 §3.5",
        ask(authorization="Bearer one", origin=says(200, "a", cdn_cache_control="public, max-age=60")),
        ask(authorization="Bearer two", expect=cached("a")),
    ),
    Rule(
        "public of a hidden Cache-Control does not",
        "RFC 9213 §2.2, RFC 9111 §3.5",
        ask(authorization="Bearer one", origin=says(200, "a", cdn_cache_control="max-age=60", cache_control="public")),
        ask(authorization="Bearer two", origin=says(200, "b"), expect=fetched("b")),
    ),
    Rule(
        "a 304 brings a new one",
        "RFC 9111 §3.2",
        ask(origin=says(200, "a", cdn_cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(origin=says(304, cdn_cache_control="max-age=60", etag='"1"'), expect=validated("a")),
        wait(59),
        ask(expect=cached("a", age=59)),
    ),
    Rule(
        "callers see it all as it came",
        "RFC 9213 §3.1",
        ask(
            origin=says(200, "a", cdn_cache_control="max-age=60", cache_control="no-store"),
            expect=fetched("a", cdn_cache_control="max-age=60", cache_control="no-store"),
        ),
        ask(expect=cached("a", cdn_cache_control="max-age=60", cache_control="no-store")),
    ),
    Rule(
        "in a request it means nothing",
        "RFC 9213 §2",
        ask(origin=says(200, "a", cache_control="max-age=60")),
        ask(cdn_cache_control="no-cache", expect=cached("a")),
    ),
]

RULES = [*BY_ITSELF, *HIDES, *PREFERENCE, *GRAMMAR, *DIRECTIVES]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_targeted_cache_control(rule):
    await play(rule)
