"""POST whose answer may serve a later GET (RFC 9110 §9.3.3)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, play, says, validated, wait

SOURCE = "RFC 9110 §9.3.3"
FRESH = "max-age=60"


def post(body="posted", *, status=200, path="/a", method="POST", **answer):
    answer = {"cache_control": FRESH, "content_location": path, **answer}
    return ask(method, path, body="x", origin=says(status, body, **answer))


GOT = ask(expect=cached("posted"))
NOT_GOT = ask(origin=says(200, "got"), expect=fetched("got"))

SERVES = [
    Rule(
        "an answer to POST that says it is its target's serves a later GET",
        SOURCE,
        post(),
        wait(4),
        ask(expect=cached("posted", age=4)),
    ),
    Rule("it serves a later HEAD", SOURCE, post(), ask("HEAD", expect=cached("", content_length="6"))),
    Rule("with Content-Location as a whole address", SOURCE, post(content_location="{origin}/a"), GOT),
    Rule("with Content-Location as a relative path", SOURCE, post(content_location="a"), GOT),
    Rule("with a query", SOURCE, post(path="/a?x=1"), ask(path="/a?x=1", expect=cached("posted"))),
    Rule("with Expires", SOURCE, post(cache_control=None, expires=60), GOT),
    Rule("with s-maxage", SOURCE, post(cache_control="s-maxage=60"), GOT),
    Rule(
        "it takes the place of what GET stored",
        SOURCE,
        ask(origin=says(200, "old", cache_control=FRESH)),
        post(),
        GOT,
    ),
    Rule(
        "it is validated like any other",
        SOURCE,
        post(etag='"1"'),
        wait(60),
        ask(origin=says(304, etag='"1"'), sees={"If-None-Match": '"1"'}, expect=validated("posted")),
    ),
]

DOES_NOT = [
    Rule("POST itself is never answered from the store", SOURCE, post(), post("again")),
    Rule("without Content-Location it does not", SOURCE, post(content_location=None), NOT_GOT),
    Rule("with another path in Content-Location it does not", SOURCE, post(content_location="/b"), NOT_GOT),
    Rule(
        "not even for that path",
        SOURCE,
        post(content_location="/b"),
        ask(path="/b", origin=says(200, "got"), expect=fetched("got")),
    ),
    Rule("with another query in Content-Location it does not", SOURCE, post(content_location="/a?x=1"), NOT_GOT),
    Rule(
        "with another host in Content-Location it does not",
        SOURCE,
        post(content_location="http://other.example/a"),
        NOT_GOT,
    ),
    Rule("without a lifetime it does not", SOURCE, post(cache_control=None), NOT_GOT),
    Rule(
        "with a lifetime that would have to be guessed it does not",
        SOURCE,
        post(cache_control=None, last_modified=-10_000),
        NOT_GOT,
    ),
    Rule("with max-age=0 it does not", SOURCE, post(cache_control="max-age=0"), NOT_GOT),
    Rule("with no-store it does not", "RFC 9111 §5.2.2.5", post(cache_control="no-store, max-age=60"), NOT_GOT),
    Rule("with private it does not", "RFC 9111 §5.2.2.7", post(cache_control="private, max-age=60"), NOT_GOT),
    Rule("with a cookie it does not", "Larder's own", post(set_cookie="a=b"), NOT_GOT),
    Rule("when it failed it does not", "RFC 9110 §9.3.3", post(status=500), NOT_GOT),
    Rule(
        "when the request says no-store it does not",
        "RFC 9111 §5.2.1.5",
        ask(
            "POST",
            body="x",
            cache_control="no-store",
            origin=says(200, "posted", cache_control=FRESH, content_location="/a"),
        ),
        NOT_GOT,
    ),
    *(
        Rule(f"{method} is no POST", "RFC 9110 §9.3.4", post(method=method), NOT_GOT)
        for method in ("PUT", "PATCH", "DELETE", "FOO")
    ),
    Rule(
        "with a credential it serves nobody else",
        "RFC 9111 §3.5",
        ask(
            "POST",
            body="x",
            authorization="Bearer one",
            origin=says(200, "posted", cache_control=FRESH, content_location="/a"),
        ),
        NOT_GOT,
    ),
]

RULES = [*SERVES, *DOES_NOT]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_post_for_get(rule):
    await play(rule)
