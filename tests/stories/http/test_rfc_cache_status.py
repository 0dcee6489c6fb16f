"""What Larder says it did: Cache-Status (RFC 9211). That it can be read at all, every rule of every file checks."""

import asyncio

import pytest

from tests.stories.http.script import Rule, ask, cached, fails, gets, hangs_up, has, play, says, serves, wait
from tests.stories.http.wires import call


def said(status, words, *, body=None):
    """Exactly this, and nothing before or after it."""
    return gets(status, body=body, cache_status=words)


HITS = [
    Rule(
        "a hit says how long it is fresh",
        "RFC 9211 §2.1, §2.4",
        ask(origin=says(200, "a", cache_control="max-age=60")),
        ask(expect=said(200, "larder; hit; ttl=60")),
        wait(50),
        ask(expect=said(200, "larder; hit; ttl=10")),
    ),
    Rule(
        "a stale hit says for how long it has been stale",
        "RFC 9211 §2.4",
        ask(origin=says(200, "a", cache_control="max-age=10, stale-while-revalidate=60")),
        wait(15),
        ask(origin=says(200, "b"), expect=said(200, "larder; hit; ttl=-5", body="a")),
    ),
    Rule(
        "a stale hit by the caller's wish",
        "RFC 9211 §2.4",
        ask(origin=says(200, "a", cache_control="max-age=10")),
        wait(15),
        ask(cache_control="max-stale", expect=said(200, "larder; hit; ttl=-5")),
    ),
    Rule(
        "a 304 from the store is a hit",
        "RFC 9211 §2.1",
        ask(origin=says(200, "a", cache_control="max-age=60", etag='"1"')),
        ask(if_none_match='"1"', expect=said(304, "larder; hit; ttl=60")),
    ),
    Rule(
        "a part from the store is a hit",
        "RFC 9211 §2.1",
        ask(origin=says(200, "0123456789", cache_control="max-age=60")),
        ask(range="bytes=0-1", expect=said(206, "larder; hit; ttl=60")),
    ),
    Rule(
        "HEAD from the store is a hit",
        "RFC 9211 §2.1",
        ask(origin=says(200, "a", cache_control="max-age=60")),
        ask("HEAD", expect=said(200, "larder; hit; ttl=60")),
    ),
]

FORWARDED = [
    Rule(
        "nothing stored, and now it is",
        "RFC 9211 §2.2, §2.3, §2.5",
        ask(
            origin=says(200, "a", cache_control="max-age=60"),
            expect=said(200, "larder; fwd=miss; fwd-status=200; ttl=60; stored"),
        ),
    ),
    Rule(
        "nothing stored, and now neither",
        "RFC 9211 §2.5",
        ask(origin=says(200, "a", cache_control="no-store"), expect=said(200, "larder; fwd=miss; fwd-status=200")),
    ),
    Rule(
        "nothing stored, and the origin has nothing",
        "RFC 9211 §2.3",
        ask(origin=says(404, "none", cache_control="no-store"), expect=said(404, "larder; fwd=miss; fwd-status=404")),
    ),
    Rule(
        "something stored, but for other requests",
        "RFC 9211 §2.2",
        ask(x_a="1", origin=says(200, "a", cache_control="max-age=60", vary="X-A")),
        ask(
            x_a="2",
            origin=says(200, "b", cache_control="max-age=60", vary="X-A"),
            expect=said(200, "larder; fwd=vary-miss; fwd-status=200; ttl=60; stored"),
        ),
    ),
    Rule(
        "something stale stored, and it still holds",
        "RFC 9211 §2.2, §2.3",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(
            origin=says(304, cache_control="max-age=10", etag='"1"'),
            expect=gets(200, body="a", cache="^larder; fwd=stale; fwd-status=304; ttl=10; stored$"),
        ),
    ),
    Rule(
        "something stale stored, and it does not hold any more",
        "RFC 9211 §2.2, §2.3",
        ask(origin=says(200, "a", cache_control="max-age=10", etag='"1"')),
        wait(20),
        ask(
            origin=says(200, "b", cache_control="max-age=10"),
            expect=said(200, "larder; fwd=stale; fwd-status=200; ttl=10; stored"),
        ),
    ),
    *(
        Rule(
            f"something fresh stored, but the caller says {wish}",
            "RFC 9211 §2.2",
            ask(origin=says(200, "a", cache_control="max-age=60")),
            wait(10),
            ask(
                cache_control=wish,
                origin=says(200, "b", cache_control="max-age=60"),
                expect=said(200, "larder; fwd=request; fwd-status=200; ttl=60; stored"),
            ),
        )
        for wish in ("no-cache", "max-age=5", "max-age=0", "min-fresh=55")
    ),
    Rule(
        "the caller wants nothing stored",
        "RFC 9211 §2.2",
        ask(
            cache_control="no-store",
            origin=says(200, "a", cache_control="max-age=60"),
            expect=said(200, "larder; fwd=request; fwd-status=200"),
        ),
    ),
    *(
        Rule(
            f"{method} goes to the origin for what it is",
            "RFC 9211 §2.2",
            ask(method, body="x", origin=says(200, "a"), expect=said(200, "larder; fwd=method; fwd-status=200")),
        )
        for method in ("POST", "PUT", "DELETE", "PATCH", "FOO")
    ),
    Rule(
        "a part stored, but not the one",
        "RFC 9211 §2.2",
        ask(
            range="bytes=0-4",
            origin=says(206, "01234", cache_control="max-age=60", etag='"1"', content_range="bytes 0-4/10"),
            expect=gets(206, cache="^larder; fwd=miss; fwd-status=206; ttl=60; stored$"),
        ),
        ask(
            range="bytes=7-9",
            origin=serves("0123456789", cache_control="max-age=60", etag='"1"'),
            expect=gets(206, body="789", cache="^larder; fwd=partial; fwd-status=206"),
        ),
    ),
    Rule(
        "If-Match goes to the origin, whatever is stored",
        "RFC 9211 §2.2",
        ask(origin=says(200, "a", cache_control="max-age=60", etag='"1"')),
        ask(
            if_match='"1"',
            origin=says(200, "a"),
            expect=gets(200, cache="^larder; fwd=(request|bypass); fwd-status=200$"),
        ),
    ),
    Rule(
        "after a write what was stored is stale",
        "RFC 9211 §2.2",
        ask(origin=says(200, "a", cache_control="max-age=60")),
        ask("PUT", body="x", origin=says(204)),
        ask(
            origin=says(200, "b", cache_control="no-store"),
            expect=gets(200, cache="^larder; fwd=(stale|miss); fwd-status=200$"),
        ),
    ),
]

FAILED = [
    Rule(
        "a stale answer that stands in says how stale, and what the origin said",
        "RFC 9211 §2.2, §2.3, §2.4, §2.8",
        ask(origin=says(200, "a", cache_control="max-age=10, stale-if-error=60")),
        wait(20),
        ask(
            origin=says(503, "down"),
            expect=gets(200, body="a", cache_status=has("larder; fwd=stale; fwd-status=503; ttl=-10", "detail=")),
        ),
        ask(expect=gets(200, body="a", cache_status=has("larder; hit; ttl=-10", "detail="))),
    ),
    Rule(
        "a stale answer that stands in for silence names no status",
        "RFC 9211 §2.3",
        ask(origin=says(200, "a", cache_control="max-age=10")),
        wait(20),
        ask(origin=hangs_up(), expect=gets(200, body="a", cache="^larder; fwd=stale; ttl=-10; detail=[a-z-]+$")),
    ),
    Rule("nothing stored and nothing said: why", "RFC 9211 §2.8", ask(origin=hangs_up(), expect=fails())),
    Rule(
        "only-if-cached and nothing stored: no word of having asked",
        "RFC 9211 §2.2",
        ask(cache_control="only-if-cached", expect=gets(504, cache="^(?!.*(hit|fwd-status))")),
    ),
    Rule(
        "an error passes with its status",
        "RFC 9211 §2.3",
        ask(origin=says(503, "down"), expect=gets(503, body="down", cache="^larder; fwd=miss; fwd-status=503")),
    ),
]

OTHERS = [
    Rule(
        "caches further up said something before",
        "RFC 9211 §2",
        ask(
            origin=says(200, "a", cache_control="max-age=60", cache_status='"far; away"; hit, near; fwd=miss'),
            expect=gets(
                200,
                cache_status='"far; away"; hit, near; fwd=miss, larder; fwd=miss; fwd-status=200; ttl=60; stored',
            ),
        ),
    ),
    Rule(
        "what caches further up said when it was fetched stays with what is stored",
        "RFC 9211 §2",
        ask(origin=says(200, "a", cache_control="max-age=60", cache_status="near; fwd=miss")),
        ask(expect=cached("a", cache_status="near; fwd=miss, larder; hit; ttl=60")),
    ),
]

RULES = [*HITS, *FORWARDED, *FAILED, *OTHERS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_what_cache_status_says(rule):
    await play(rule)


async def test_who_shares_anothers_request_hears_so(larder):
    asked, may_answer = asyncio.Event(), asyncio.Event()

    async def hold(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        asked.set()
        await may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nCache-Control: max-age=60\r\n\r\na")
        writer.close()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with larder(upstreams={"mirror": {"adapter": "http", "base_url": url}}) as house:
            port = house.larder.listener.port
            first = asyncio.create_task(call(port, "GET", "/mirror/a", []))
            await asked.wait()
            second = asyncio.create_task(call(port, "GET", "/mirror/a", []))
            while house.log.getvalue().count("request arrived") < 2:
                await asyncio.sleep(0)
            may_answer.set()
            leads, joins = await first, await second

    assert (leads.body, joins.body) == (b"a", b"a")
    assert "collapsed" not in leads.value("Cache-Status")
    assert joins.value("Cache-Status").startswith("larder; fwd=miss; fwd-status=200")
    assert "; collapsed" in joins.value("Cache-Status")
