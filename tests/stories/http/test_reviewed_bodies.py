"""What a hostile review found about joining what is under way, and about bodies: broken off, coded, with digests."""

import asyncio
import gzip
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.origin import origin
from tests.raw_origin import raw_origin, turns, until
from tests.stories.http.raw import END, calling, get, mirror, ok
from tests.stories.http.script import (
    Rule,
    ask,
    breaks_off,
    gets,
    hangs_up,
    play,
    says,
    serves,
    stands_in,
    wait,
)

MIB = 1024 * 1024
TEN = "0123456789"
FRESH = "max-age=100"


@asynccontextmanager
async def under_way(house, there):
    """An answer whose head came, and nobody reads its body."""
    async with calling(house.larder.listener.port) as caller:
        await caller.send(get("/mirror/a"))
        await until(lambda: len(there.seen) == 1)
        yield caller


@pytest.mark.parametrize(
    ("wish", "passed"), [(None, 300), ("max-age=0", 8), ("max-age=5", 8), ("min-fresh=5", 8)], ids=str
)
async def test_nobody_joins_an_answer_that_is_no_longer_fresh_enough(larder, wish, passed):
    gate, old = asyncio.Event(), ok(b"old", "Cache-Control: max-age=10")
    script = (old[:-3], gate.wait, old[-3:])
    async with raw_origin(script, ok(b"new")) as there, larder(**mirror(there.url)) as house:
        async with under_way(house, there) as early:
            await early.reader.readuntil(END)
            house.clock.advance(passed)
            late = asyncio.create_task(house.get("/mirror/a", headers={} if wish is None else {"Cache-Control": wish}))
            await turns(200)
            gate.set()

            assert (await late).body == b"new"


async def test_who_joins_later_hears_how_old_the_answer_is(larder):
    gate, old = asyncio.Event(), ok(b"old", "Cache-Control: max-age=10")
    async with raw_origin((old[:-3], gate.wait, old[-3:])) as there, larder(**mirror(there.url)) as house:
        async with under_way(house, there) as early, calling(house.larder.listener.port) as late:
            await early.reader.readuntil(END)
            house.clock.advance(8)
            await late.send(get("/mirror/a"))
            answer = asyncio.create_task(late.answer())
            await turns(200)
            gate.set()

            assert (await answer).body == b"old"
            assert (await answer).one("Age") == "8"
            assert "ttl=2" in (await answer).one("Cache-Status")
            assert "collapsed" in (await answer).one("Cache-Status")


async def test_a_live_read_does_not_wait_behind_somebody_elses_slow_download(larder):
    small = {"max_entry": "64KiB"}
    async with raw_origin(ok(bytes(20 * MIB)), ok(b"new")) as there, larder(**mirror(there.url), store=small) as house:
        async with under_way(house, there):
            async with asyncio.timeout(5):
                live = await house.get("/mirror/a", headers={"Cache-Control": "no-cache"})

        assert live.body == b"new"


def said(status, body, *lines):
    """An origin's answer."""
    head = "\r\n".join([f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *lines, "", ""])
    return head.encode() + body


async def joined(larder, answer, *, first="ada", second="ben"):
    """What the second of two callers gets who ask at once, and how often the origin was asked. It says `answer` to the
    first, and "own" to another call.
    """
    gate = asyncio.Event()
    async with raw_origin((gate.wait, answer), ok(b"own")) as there:
        async with larder(**mirror(there.url, retry={"attempts": 1})) as house:
            early = asyncio.create_task(house.get("/mirror/a", headers={"X-User": first}))
            await until(lambda: len(there.seen) == 1)
            late = asyncio.create_task(house.get("/mirror/a", headers={"X-User": second}))
            await turns(200)
            gate.set()
            await early
            return await late, len(there.seen)


@pytest.mark.parametrize("status", [500, 503])
@pytest.mark.parametrize("line", ["Cache-Control: no-store", "Cache-Control: private", "Vary: X-User", "Vary: *"])
async def test_an_error_that_is_one_callers_own_reaches_who_joined_as_larders(larder, status, line):
    late, asked = await joined(larder, said(status, b"for ada", line))

    assert late.status == 502
    assert late.headers["Content-Type"] == "application/problem+json"
    assert b"ada" not in late.body
    assert asked == 1


@pytest.mark.parametrize("lines", [(), ("Vary: X-User",)])
async def test_an_error_that_is_anybodys_reaches_who_joined_as_it_came(larder, lines):
    late, asked = await joined(larder, said(500, b"for all", *lines), second="ada")

    assert (late.status, late.body, asked) == (500, b"for all", 1)


@pytest.mark.parametrize("line", ["Cache-Control: no-store", "Cache-Control: private"])
async def test_a_refusal_that_varies_reaches_nobody_who_asked_otherwise(larder, line):
    late, asked = await joined(larder, said(403, b"for ada", line, "Vary: X-User"))

    assert (late.body, asked) == (b"own", 2)


BROKEN_OFF = [
    Rule(
        f"a body that breaks off ends nothing that was good before it: {control}",
        "Larder's own",
        ask(authorization="Bearer a", origin=says(200, "good", cache_control="max-age=10, stale-if-error=1000")),
        wait(11),
        ask(
            authorization="Bearer a",
            origin=says(200, "x" * 70_000, cache_control=control, framing="cut"),
            expect=breaks_off(),
        ),
        wait(5),
        ask(authorization="Bearer a", origin=hangs_up(), expect=stands_in("good")),
    )
    for control in (FRESH, "public, max-age=100", "private, max-age=100", "no-store")
]

DIGEST, REPR_DIGEST = "sha-256=:b2YgdGhpcw==:", "sha-256=:b2YgYWxs:"

DIGESTS = [
    Rule(
        "a part says no digest of the whole content, but that of the representation",
        "RFC 9530 §2, §3",
        ask(origin=says(200, TEN, cache_control=FRESH, content_digest=DIGEST, repr_digest=REPR_DIGEST)),
        ask(
            range="bytes=0-3",
            expect=gets(206, body=TEN[:4], cache="; hit", content_digest=None, repr_digest=REPR_DIGEST),
        ),
    ),
    Rule(
        "a part that is cut from a part says no digest of that",
        "RFC 9530 §2",
        ask(
            range="bytes=0-3",
            origin=says(206, TEN[:4], cache_control=FRESH, content_range="bytes 0-3/10", content_digest=DIGEST),
        ),
        ask(range="bytes=1-2", expect=gets(206, body=TEN[1:3], cache="; hit", content_digest=None)),
    ),
    Rule(
        "a whole that was put together says no digest of one of its parts",
        "RFC 9530 §2",
        ask(
            range="bytes=0-3",
            origin=says(206, TEN[:4], cache_control=FRESH, content_range="bytes 0-3/10", etag='"1"'),
        ),
        ask(origin=serves(TEN, etag='"1"', content_digest=DIGEST), expect=gets(200, body=TEN, content_digest=None)),
    ),
]

RULES = [*BROKEN_OFF, *DIGESTS]


@pytest.mark.parametrize("rule", RULES, ids=str)
async def test_bodies(rule):
    await play(rule)


async def coded(house, accept_encoding):
    """An answer's fields, and its body as it was sent."""
    async with house.session.get(
        f"{house.url}/mirror/a", headers={"Accept-Encoding": accept_encoding}, auto_decompress=False
    ) as response:
        return response.headers, await response.read()


async def test_the_express_lane_never_leads_to_a_coding_that_its_caller_refuses(larder):
    scripts = (
        ok(b"plain", "Cache-Control: max-age=10"),
        ok(gzip.compress(b"coded"), "Cache-Control: max-age=100", "Content-Encoding: gzip"),
    )
    async with raw_origin(*scripts) as there, larder(**mirror(there.url)) as house:
        for _ in range(3):
            await coded(house, "identity")
        house.clock.advance(20)
        await coded(house, "gzip")

        for _ in range(3):
            headers, body = await coded(house, "identity")
            assert body == b"coded"
            assert "Content-Encoding" not in headers


async def test_a_coding_that_was_undone_takes_the_digests_of_what_was_coded_with_it(larder):
    digests = (f"Content-Digest: {DIGEST}", f"Repr-Digest: {REPR_DIGEST}")
    answer = ok(gzip.compress(b"coded"), "Cache-Control: max-age=100", "Content-Encoding: gzip", *digests)
    async with raw_origin(answer) as there, larder(**mirror(there.url)) as house:
        await coded(house, "gzip")
        headers, body = await coded(house, "identity")

        assert body == b"coded"
        assert {"Content-Digest", "Repr-Digest"}.isdisjoint(headers)


@pytest.mark.parametrize("missing", [8, 300])
async def test_a_coded_answer_that_lacks_its_end_is_never_given_as_a_whole_one(larder, missing):
    courses = [{"id": number, "name": f"Course {number}"} for number in range(300)]
    body = gzip.compress(json.dumps(courses).encode())[:-missing]

    def answer(_seen):
        return web.Response(body=body, headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})

    async with origin(answer) as there:
        async with larder(upstreams={"courseworks": {"base_url": there.url, "retry": {"attempts": 1}}}) as house:
            cut = await house.get("/courseworks/api/v1/courses", headers={"Authorization": "Bearer a"})

            assert cut.status == 502
