"""QUERY: a safe method whose content is part of what is asked (draft-ietf-httpbis-safe-method-w-body)."""

import pytest

from tests.stories.http.script import Rule, ask, cached, fetched, hangs_up, play, says, stands_in, validated, wait

FRESH = "max-age=60"
SOURCE = "QUERY §2.7"


def query(body="q=1", *, of="text/x-query", path="/a", **more):
    return ask("QUERY", path, body=body, content_type=of, **more)


STORED = [
    Rule(
        "the same query has the same answer",
        SOURCE,
        query(origin=says(200, "a", cache_control=FRESH)),
        wait(5),
        query(expect=cached("a", age=5)),
    ),
    Rule(
        "another content is another query",
        SOURCE,
        query("q=1", origin=says(200, "one", cache_control=FRESH)),
        query("q=2", origin=says(200, "two", cache_control=FRESH), expect=fetched("two")),
        query("q=1", expect=cached("one")),
        query("q=2", expect=cached("two")),
    ),
    Rule(
        "the same content of another type is another query",
        SOURCE,
        query(of="text/x-one", origin=says(200, "one", cache_control=FRESH)),
        query(of="text/x-two", origin=says(200, "two", cache_control=FRESH), expect=fetched("two")),
        query(of="text/x-one", expect=cached("one")),
    ),
    Rule(
        "the same content in another coding is another query",
        SOURCE,
        query(origin=says(200, "one", cache_control=FRESH)),
        query(content_encoding="x-odd", origin=says(200, "two", cache_control=FRESH), expect=fetched("two")),
    ),
    Rule(
        "the same content for another target is another query",
        SOURCE,
        query(path="/a", origin=says(200, "one", cache_control=FRESH)),
        query(path="/b", origin=says(200, "two", cache_control=FRESH), expect=fetched("two")),
        query(path="/a?x=1", origin=says(200, "three", cache_control=FRESH), expect=fetched("three")),
    ),
    Rule(
        "GET is not answered from QUERY, nor QUERY from GET",
        SOURCE,
        query(origin=says(200, "query", cache_control=FRESH)),
        ask(origin=says(200, "get", cache_control=FRESH), expect=fetched("get")),
        query(expect=cached("query")),
        ask(expect=cached("get")),
        query("q=2", origin=says(200, "another"), expect=fetched("another")),
    ),
    Rule(
        "HEAD and POST are not answered from QUERY",
        SOURCE,
        query(origin=says(200, "query", cache_control=FRESH)),
        ask("HEAD", origin=says(404, "none"), expect=fetched("", 404)),
        ask("POST", body="q=1", content_type="text/x-query", origin=says(200, "post"), expect=fetched("post")),
    ),
    Rule(
        "QUERY is not answered from POST",
        SOURCE,
        ask("POST", body="q=1", content_type="text/x-query", origin=says(200, "post", cache_control=FRESH)),
        query(origin=says(200, "query"), expect=fetched("query")),
    ),
    Rule(
        "Vary holds for queries",
        "RFC 9111 §4.1",
        query(x_a="1", origin=says(200, "one", cache_control=FRESH, vary="X-A")),
        query(x_a="2", origin=says(200, "two", cache_control=FRESH, vary="X-A"), expect=fetched("two")),
        query(x_a="1", expect=cached("one")),
    ),
    *(
        Rule(
            f"{control} holds for queries",
            "RFC 9111 §3",
            query(origin=says(200, "a", cache_control=control)),
            query(origin=says(200, "b"), expect=fetched("b")),
        )
        for control in ("no-store", "private, max-age=60", "max-age=0")
    ),
    Rule(
        "a lifetime may be guessed for queries",
        "RFC 9111 §4.2.2",
        query(origin=says(200, "a", last_modified=-1000)),
        wait(50),
        query(expect=cached("a")),
    ),
    Rule(
        "a query by one credential is not another's",
        "RFC 9111 §3.5",
        query(authorization="Bearer one", origin=says(200, "one", cache_control=FRESH)),
        query(authorization="Bearer two", origin=says(200, "two", cache_control=FRESH), expect=fetched("two")),
    ),
]

PAST_FRESHNESS = [
    Rule(
        "a stored query is validated, content and all",
        "RFC 9111 §4.3",
        query(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        query(
            origin=says(304, etag='"1"', cache_control="max-age=10"),
            sees={"If-None-Match": '"1"', "Content-Length": "3", "Content-Type": "text/x-query"},
            expect=validated("a"),
        ),
        query(expect=cached("a", age=0)),
    ),
    Rule(
        "a caller who has a query's answer hears so",
        "RFC 9110 §13",
        query(origin=says(200, "a", cache_control=FRESH, etag='"1"')),
        query(if_none_match='"1"', expect=cached("", 304)),
    ),
    Rule(
        "one query's tag is not named for another",
        "RFC 9111 §4.3.1",
        query("q=1", origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        query("q=2", origin=says(200, "b"), sees={"If-None-Match": None}, expect=fetched("b")),
    ),
    Rule(
        "a stale query may be given while it is refreshed",
        "RFC 5861 §3",
        query(origin=says(200, "a", cache_control="max-age=10, stale-while-revalidate=60")),
        wait(20),
        query(origin=says(200, "b", cache_control="max-age=10"), sees={"Content-Length": "3"}, expect=cached("a")),
        query(expect=cached("b")),
    ),
    Rule(
        "a stale query stands in while the origin cannot be reached",
        "RFC 9111 §4.2.4",
        query(origin=says(200, "a", cache_control="max-age=10")),
        wait(20),
        query(origin=hangs_up(), expect=stands_in("a")),
    ),
]

WRITES = [
    Rule(
        "a query ends nothing",
        "RFC 9110 §9.2.1",
        ask(origin=says(200, "get", cache_control=FRESH)),
        query(origin=says(200, "query", cache_control=FRESH)),
        ask(expect=cached("get")),
    ),
    Rule(
        "a write ends what queries of its target have stored",
        "RFC 9111 §4.4",
        query("q=1", origin=says(200, "one", cache_control=FRESH)),
        query("q=2", origin=says(200, "two", cache_control=FRESH)),
        ask("PUT", body="x", origin=says(204)),
        query("q=1", origin=says(200, "new one"), expect=fetched("new one")),
        query("q=2", origin=says(200, "new two"), expect=fetched("new two")),
    ),
]

RULES = [*STORED, *PAST_FRESHNESS, *WRITES]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_query(rule):
    await play(rule)
