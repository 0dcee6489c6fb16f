"""Which statuses are stored where a lifetime is named, and what each still carries (RFC 9111 §3, RFC 9110 §15)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, gets, has, play, says, validated, wait

WITH_BODY = (
    *(200, 201, 202, 203, 226, 299),
    *(300, 301, 302, 303, 305, 307, 308, 399),
    *(400, 402, 403, 404, 405, 406, 409, 410, 411, 413, 414, 415, 418, 422, 424, 451, 499),
    *(500, 501, 502, 503, 504, 505, 507, 508, 599),
)
NEVER = (401, 407, 428, 429, 431, 511)
UNDERSTOOD = (200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 405, 410, 414, 501)
NOT_UNDERSTOOD = (299, 399, 499, 599)


def content(status):
    return "" if status == 204 else "a"


STORED = [
    Rule(
        f"status {status} with a lifetime is stored",
        "RFC 9111 §3",
        ask(origin=says(status, content(status), cache_control="max-age=60", x_more="1")),
        wait(59),
        ask(expect=cached(content(status), status, age=59, x_more="1")),
        wait(1),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for status in (*WITH_BODY, 204)
]

NOT_STORED = [
    Rule(
        f"status {status} is never stored",
        "RFC 6585, Larder's own",
        ask(origin=says(status, "a", cache_control="public, max-age=60")),
        wait(5),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for status in NEVER
] + [
    Rule(
        f"status {status} without a lifetime is not reused",
        "RFC 9111 §3",
        ask(origin=says(status, "a", etag='"1"')),
        wait(5),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for status in (*WITH_BODY, *NEVER)
]

MUST_UNDERSTAND = [
    Rule(
        f"status {status} is understood",
        "RFC 9111 §5.2.2.3",
        ask(origin=says(status, content(status), cache_control="must-understand, no-store, max-age=60")),
        ask(expect=cached(content(status), status)),
    )
    for status in UNDERSTOOD
] + [
    Rule(
        f"status {status} is not understood",
        "RFC 9111 §5.2.2.3",
        ask(origin=says(status, "a", cache_control="must-understand, max-age=60")),
        wait(5),
        ask(origin=says(200, "b"), expect=fetched("b")),
    )
    for status in NOT_UNDERSTOOD
]

SPECIAL = [
    Rule(
        "a stored redirect says where to",
        "RFC 9110 §15.4",
        ask(
            origin=says(301, "", cache_control="max-age=60", location="/b"), expect=gets(301, location=has("/mirror/b"))
        ),
        ask(expect=cached("", 301, location=has("/mirror/b"))),
    ),
    Rule(
        "404 takes the place of an answer that went stale",
        "RFC 9111 §4",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(origin=says(404, "gone", cache_control="max-age=60")),
        ask(expect=cached("gone", 404)),
    ),
    Rule(
        "200 takes the place of a stored 404",
        "RFC 9111 §4",
        ask(origin=says(404, "none yet", cache_control="max-age=10")),
        wait(20),
        ask(origin=says(200, "a", cache_control="max-age=60")),
        ask(expect=cached("a")),
    ),
    Rule(
        "a stored 404 is validated like any other",
        "RFC 9111 §4.3",
        ask(origin=says(404, "none", cache_control="max-age=10", etag='"n"')),
        wait(20),
        ask(
            origin=says(304, etag='"n"', cache_control="max-age=10"),
            sees={"If-None-Match": '"n"'},
            expect=validated("none", 404),
        ),
    ),
    Rule(
        "503 is passed on with its Retry-After, once and as it is",
        "RFC 9110 §10.2.3",
        ask(origin=says(503, "later", retry_after="7.5"), expect=fetched("later", 503, retry_after="7.5")),
    ),
    Rule(
        "a 304 that nobody asked for is no answer to keep",
        "RFC 9111 §3",
        ask(if_none_match='"1"', origin=says(304, etag='"1"', cache_control="max-age=60")),
        ask(origin=says(200, "a", cache_control="max-age=60")),
        ask(expect=cached("a")),
    ),
]

RULES = [*STORED, *NOT_STORED, *MUST_UNDERSTAND, *SPECIAL]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_what_statuses_are_stored(rule):
    await play(rule)
