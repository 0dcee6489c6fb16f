"""Answers to requests with a credential: whose they are (RFC 9111 §3.5), and that nobody else gets them."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fails, fetched, hangs_up, play, says, validated, wait

FRESH = "max-age=60"
SHARING = ("public, max-age=60", "s-maxage=60", "max-age=60, must-revalidate", "MAX-AGE=60, PUBLIC")
NOT_SHARING = (
    "max-age=60",
    "max-age=60, proxy-revalidate",
    "max-age=60, immutable",
    "max-age=60, stale-while-revalidate=60",
    "max-age=60, x-public",
    'max-age=60, x="public"',
    "private, max-age=60",
    "private, public, max-age=60",
    "private, s-maxage=60, max-age=60",
)


def ada(*args, **fields):
    return ask(*args, authorization="Bearer ada", **fields)


def ben(*args, **fields):
    return ask(*args, authorization="Bearer ben", **fields)


def nobody(*args, **fields):
    return ask(*args, **fields)


OWN = [
    Rule(
        f"whoever has the very credential gets the answer again: {control}",
        "RFC 9111 §3",
        ada(origin=says(200, "for ada", cache_control=control)),
        wait(5),
        ada(expect=cached("for ada", age=5)),
    )
    for control in (*SHARING, *NOT_SHARING)
]

NOT_FOR_OTHERS = [
    Rule(
        f"nobody else gets it: {control}",
        "RFC 9111 §3.5",
        ada(origin=says(200, "for ada", cache_control=control)),
        ben(origin=says(200, "for ben", cache_control=control), expect=fetched("for ben")),
        nobody(origin=says(401, "who?"), expect=fetched("who?", 401)),
        ada(expect=cached("for ada")),
        ben(expect=cached("for ben")),
    )
    for control in NOT_SHARING
]

FOR_OTHERS = [
    Rule(
        f"others get it: {control}",
        "RFC 9111 §3.5",
        ada(origin=says(200, "for all", cache_control=control)),
        ben(expect=cached("for all")),
        nobody(expect=cached("for all")),
    )
    for control in SHARING
]

MORE = [
    Rule(
        "Expires lets nobody else have it",
        "RFC 9111 §3.5",
        ada(origin=says(200, "for ada", expires=60)),
        ben(origin=says(200, "for ben"), expect=fetched("for ben")),
    ),
    Rule(
        "a guessed lifetime lets nobody else have it",
        "RFC 9111 §3.5",
        ada(origin=says(200, "for ada", last_modified=-10_000)),
        ada(expect=cached("for ada")),
        ben(origin=says(200, "for ben"), expect=fetched("for ben")),
    ),
    Rule(
        "no-store is for the very credential too",
        "RFC 9111 §5.2.2.5",
        ada(origin=says(200, "one", cache_control="no-store, max-age=60")),
        ada(origin=says(200, "two"), expect=fetched("two")),
    ),
    Rule(
        "no-store outranks public",
        "RFC 9111 §3.5",
        ada(origin=says(200, "one", cache_control="public, no-store, max-age=60")),
        ben(origin=says(200, "two"), expect=fetched("two")),
    ),
    Rule(
        "s-maxage means nothing where the answer is one caller's own",
        "RFC 9111 §5.2.2.10",
        ada(origin=says(200, "for ada", cache_control="private, max-age=60, s-maxage=0")),
        wait(5),
        ada(expect=cached("for ada", age=5)),
    ),
    Rule(
        "what all share is validated before others get it, once it is stale",
        "RFC 9111 §5.2.2.2",
        ada(origin=says(200, "for all", cache_control="max-age=10, must-revalidate", etag='"1"')),
        wait(20),
        ben(
            origin=says(304, etag='"1"', cache_control="max-age=10, must-revalidate"),
            sees={"If-None-Match": '"1"', "Authorization": "Bearer ben"},
            expect=validated("for all"),
        ),
    ),
    Rule(
        "one caller's own answer gives no conditions to another",
        "RFC 9111 §3.5",
        ada(origin=says(200, "for ada", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ben(origin=says(200, "for ben"), sees={"If-None-Match": None}, expect=fetched("for ben")),
    ),
    Rule(
        "one caller's own answer does not stand in for another's",
        "RFC 9111 §3.5",
        ada(origin=says(200, "for ada", cache_control="max-age=10, stale-if-error=600")),
        wait(20),
        ben(origin=hangs_up(), expect=fails()),
    ),
    Rule(
        "HEAD and parts are as private as the whole",
        "RFC 9111 §3.5",
        ada(origin=says(200, "0123456789", cache_control=FRESH)),
        ben("HEAD", origin=says(403, "no"), expect=fetched("", 403)),
        ben(range="bytes=0-3", origin=says(403, "no"), expect=fetched("no", 403)),
        ada(range="bytes=0-3", expect=cached("0123", 206)),
    ),
    Rule(
        "what is stored for all may be had with a credential, where it says so",
        "RFC 9111 §3.5",
        nobody(origin=says(200, "for all", cache_control="public, max-age=60")),
        ada(expect=cached("for all")),
    ),
    Rule(
        "another scheme is another credential",
        "RFC 9111 §3.5",
        ask(authorization="Basic YTpi", origin=says(200, "basic", cache_control=FRESH)),
        ask(authorization="Bearer YTpi", origin=says(200, "bearer", cache_control=FRESH), expect=fetched("bearer")),
    ),
    Rule(
        "a refused credential gets its refusal, every time, and ends nobody else's",
        "RFC 9110 §15.5.2",
        ada(origin=says(200, "for ada", cache_control=FRESH)),
        ben(origin=says(401, "no", cache_control=FRESH, www_authenticate="Bearer")),
        ben(origin=says(401, "still no", www_authenticate="Bearer")),
        ada(expect=cached("for ada")),
    ),
]

NOT_SHARED_BY_CONFIG = [
    Rule(
        f"the operator may keep all of it apart: {control}",
        "Larder's own",
        ada(origin=says(200, "for ada", cache_control=control)),
        ada(expect=cached("for ada")),
        ben(origin=says(200, "for ben", cache_control=control), expect=fetched("for ben")),
        nobody(origin=says(200, "for nobody"), expect=fetched("for nobody")),
        share_authorized=False,
    )
    for control in SHARING
    if "s-maxage" not in control  # means nothing in what is one caller's own
]

OTHER_CREDENTIALS = [
    Rule(
        f"{name} is a credential too",
        "Larder's own",
        ask(**{name: "one"}, origin=says(200, "for one", cache_control=FRESH)),
        ask(**{name: "two"}, origin=says(200, "for two", cache_control=FRESH), expect=fetched("for two")),
        ask(origin=says(200, "for nobody"), expect=fetched("for nobody")),
        ask(**{name: "one"}, expect=cached("for one")),
    )
    for name in ("cookie", "x_api_key", "x_auth_token")
] + [
    Rule(
        "two credentials at once are a third one",
        "Larder's own",
        ada(origin=says(200, "for ada", cache_control=FRESH)),
        ada(
            cookie="one",
            origin=says(200, "for ada with a cookie", cache_control=FRESH),
            expect=fetched("for ada with a cookie"),
        ),
        ada(expect=cached("for ada")),
    ),
]

RULES = [*OWN, *NOT_FOR_OTHERS, *FOR_OTHERS, *MORE, *NOT_SHARED_BY_CONFIG, *OTHER_CREDENTIALS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_whose_answers_are(rule):
    await play(rule)
