"""What a hostile review found about purges and writes: none is undone, or outrun, by what was under way meanwhile."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from proxy.asking import SHARED
from proxy.messages import ALL, partition_tag, upstream_tag
from proxy.store.contract import Filter
from proxy.store.fences import Mode
from tests.raw_origin import End, raw_origin, turns, until
from tests.stories.http.raw import mirror, ok
from tests.stories.http.script import Rule, ask, cached, fetched, play, says

LONG = "Cache-Control: max-age=1000"
SHORT = "Cache-Control: max-age=10, stale-if-error=1000"
TAG = 'ETag: "1"'
STALE = 20  # seconds after which SHORT no longer holds
STILL = f"HTTP/1.1 304 Not Modified\r\n{TAG}\r\n{LONG}\r\n\r\n".encode()
DONE = b"HTTP/1.1 204 No Content\r\n\r\n"
LIVE = {"headers": {"Cache-Control": "no-cache"}}
EVERYTHING = (ALL, upstream_tag("mirror"), partition_tag(SHARED))


def part(body, first, *fields):
    """A part of ten bytes."""
    head = (
        f"HTTP/1.1 206 Partial\r\nContent-Length: {len(body)}\r\nContent-Range: bytes {first}-{first + len(body) - 1}"
    )
    return "\r\n".join([f"{head}/10", TAG, LONG, "", ""]).encode() + body


@asynccontextmanager
async def scene(larder, *scripts, **config):
    """A house before an origin that says these, one after the other."""
    async with raw_origin(*scripts) as there, larder(**mirror(there.url, retry={"attempts": 1}), **config) as house:
        yield there, house


def asking(house, method="GET", **options):
    """A request under way."""
    return asyncio.create_task(house.ask(method, "/mirror/a", **options))


async def flush(house, tag, mode=Mode.HARD):
    """What an operator does."""
    await house.larder.purger.purge([tag], mode)


async def kept(house):
    """How many entries lie in memory, and on disk."""
    await house.settled()
    return [len(await store.summaries(Filter())) for store in (house.larder.memory, house.larder.durable)]


async def test_a_304_never_brings_back_what_was_flushed_while_it_was_waited_for(larder):
    gate = asyncio.Event()
    scripts = ok(b"bad", TAG, SHORT), (gate.wait, STILL), ok(b"good", LONG)
    async with scene(larder, *scripts) as (there, house):
        await house.get("/mirror/a")
        house.clock.advance(STALE)
        validating = asking(house)
        await until(lambda: len(there.seen) == 2)
        await flush(house, ALL)
        gate.set()

        assert (await validating).body == b"good"
        assert (await house.get("/mirror/a")).body == b"good"


@pytest.mark.parametrize(("mode", "is_kept"), [(Mode.HARD, False), (Mode.SOFT, True)])
async def test_what_was_purged_on_its_way_is_said_to_be_stored_only_where_it_is(larder, mode, is_kept):
    gate = asyncio.Event()
    async with scene(larder, (gate.wait, ok(b"old", LONG))) as (there, house):
        reading = asking(house)
        await until(lambda: there.seen)
        await flush(house, upstream_tag("mirror"), mode)
        gate.set()

        assert ("stored" in (await reading).cache.split("; ")) is is_kept
        assert await kept(house) == [int(is_kept)] * 2


async def test_a_live_read_that_waits_for_its_turn_does_not_bring_back_what_was_flushed_meanwhile(larder):
    gate = asyncio.Event()
    scripts = ok(b"bad", TAG, LONG), (gate.wait, STILL), ok(b"good", TAG, LONG)
    async with scene(larder, *scripts) as (there, house):
        await house.get("/mirror/a")
        first = asking(house, **LIVE)
        await until(lambda: len(there.seen) == 2)
        waiting = asking(house, **LIVE)
        await turns(200)
        await flush(house, ALL)
        gate.set()
        await first

        assert (await waiting).body == b"good"
        assert (await house.get("/mirror/a")).body == b"good"
        assert all(b"if-none-match" not in request.lower() for request in there.seen[2:])


async def test_head_is_not_covered_for_by_what_was_flushed_while_the_origin_failed(larder):
    gate = asyncio.Event()
    async with scene(larder, ok(b"bad", SHORT, "X-Secret: yes"), (gate.wait, End.FIN)) as (there, house):
        await house.get("/mirror/a")
        house.clock.advance(STALE)
        head = asking(house, "HEAD")
        await until(lambda: len(there.seen) == 2)
        await flush(house, ALL)
        gate.set()

        assert (await head).status == 502
        assert "X-Secret" not in (await head).headers


async def test_a_part_that_was_flushed_while_its_rest_was_waited_for_becomes_no_whole(larder):
    gate = asyncio.Event()
    scripts = part(b"badd", 0), (gate.wait, part(b"456789", 4)), ok(b"0123456789", TAG)
    async with scene(larder, *scripts) as (there, house):
        await house.get("/mirror/a", headers={"Range": "bytes=0-3"})
        whole = asking(house)
        await until(lambda: len(there.seen) == 2)
        await flush(house, ALL)
        gate.set()

        assert (await whole).body == b"0123456789"


async def test_nothing_that_was_asked_for_before_a_flush_is_kept_after_it(larder):
    gate = asyncio.Event()
    async with scene(larder, (gate.wait, ok(b"somebody's", LONG))) as (there, house):
        reading = asking(house)
        await until(lambda: len(there.seen) == 1)
        await flush(house, ALL)
        gate.set()
        await reading

        assert await kept(house) == [0, 0]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("came", ["nothing", "head"])
async def test_who_comes_after_the_flush_of_a_key_does_not_get_what_was_under_way(larder, mode, came):
    gate, old = asyncio.Event(), ok(b"old", LONG)
    under_way = (gate.wait, old) if came == "nothing" else (old[:-3], gate.wait, old[-3:])
    no_disk = {"durable": "none"}  # nor anything else to wait for
    async with scene(larder, ok(b"seed", SHORT), under_way, ok(b"new", LONG), store=no_disk) as (there, house):
        await house.get("/mirror/a")
        [entry] = await house.larder.memory.summaries(Filter())
        house.clock.advance(STALE)
        early = asking(house)
        await until(lambda: len(there.seen) == 2)
        await turns(200)
        await flush(house, f"@key:{entry.key}", mode)
        late = asking(house)
        await turns(200)
        gate.set()
        await early

        assert (await late).body == b"new"


@pytest.mark.parametrize("tag", EVERYTHING)
async def test_an_answer_to_post_does_not_serve_get_when_its_place_was_flushed_meanwhile(larder, tag):
    gate = asyncio.Event()
    old, new = ok(b"old", LONG, "Content-Location: /a"), ok(b"new", LONG)
    async with scene(larder, (gate.wait, old), new) as (there, house):
        posting = asking(house, "POST", data=b"x")
        await until(lambda: len(there.seen) == 1)
        await flush(house, tag)
        gate.set()
        await posting

        assert (await house.get("/mirror/a")).body == b"new"


async def test_an_answer_to_post_does_not_outrun_a_write_that_was_acknowledged_after_it(larder, monkeypatch):
    began, gate = asyncio.Event(), asyncio.Event()
    async with scene(larder, ok(b"old", LONG, "Content-Location: /a"), DONE, ok(b"new", LONG)) as (_, house):
        on_disk = house.larder.durable.purge

        async def slow(records):
            monkeypatch.setattr(house.larder.durable, "purge", on_disk)
            began.set()
            await gate.wait()
            await on_disk(records)

        monkeypatch.setattr(house.larder.durable, "purge", slow)
        posting = asking(house, "POST", data=b"x")
        await began.wait()
        assert (await house.ask("PUT", "/mirror/a", data=b"y")).status == 204
        gate.set()
        await posting

        assert (await house.get("/mirror/a")).body == b"new"


async def test_an_older_answer_that_comes_late_ends_no_newer_one(larder):
    gate = asyncio.Event()
    async with scene(larder, (gate.wait, ok(b"old", LONG)), ok(b"new", LONG)) as (there, house):
        late = asking(house, headers={"If-None-Match": '"0"'})
        await until(lambda: len(there.seen) == 1)
        await house.get("/mirror/a")
        gate.set()
        assert (await late).body == b"old"

        found = await house.get("/mirror/a")
        assert found.body == b"new"
        assert "; hit" in found.cache


async def test_head_never_brings_an_older_body_back(larder):
    get, head = asyncio.Event(), asyncio.Event()
    of_a_head = f"HTTP/1.1 200 OK\r\n{LONG}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    scripts = ok(b"old", SHORT), (get.wait, ok(b"new", LONG)), (head.wait, of_a_head)
    async with scene(larder, *scripts) as (there, house):
        await house.get("/mirror/a")
        house.clock.advance(STALE)
        getting = asking(house)
        await until(lambda: len(there.seen) == 2)
        heading = asking(house, "HEAD")
        await until(lambda: len(there.seen) == 3)
        get.set()
        assert (await getting).body == b"new"
        head.set()
        await heading

        assert (await house.get("/mirror/a")).body == b"new"


async def test_a_304_never_brings_an_older_variant_back(larder):
    one, two = asyncio.Event(), asyncio.Event()
    varies = (LONG, "Vary: X-A")
    scripts = (
        ok(b"one", TAG, *varies),
        ok(b"old", TAG, *varies),
        (two.wait, ok(b"new", 'ETag: "2"', *varies)),
        (one.wait, STILL.replace(b"\r\n\r\n", b"\r\nVary: X-A\r\n\r\n")),
    )
    async with scene(larder, *scripts) as (there, house):
        first, second = ({"headers": {"X-A": value}} for value in ("1", "2"))
        live_first, live_second = ({"headers": {**LIVE["headers"], "X-A": value}} for value in ("1", "2"))
        for options in (first, second):
            await house.get("/mirror/a", **options)
        replacing = asking(house, **live_second)
        await until(lambda: len(there.seen) == 3)
        validating = asking(house, **live_first)
        await until(lambda: len(there.seen) == 4)
        two.set()
        assert (await replacing).body == b"new"
        one.set()
        assert (await validating).body == b"one"

        assert (await house.get("/mirror/a", **second)).body == b"new"


def grouped(path):
    return ask(path=path, origin=says(200, path, etag='"1"', cache_control="max-age=100", cache_groups='"g"'))


WRITES = [
    *(
        Rule(
            f"a write ends the groups of its target, also with {name.replace('_', '-')}: {value}",
            "RFC 9875 §2.2.1",
            grouped("/a"),
            grouped("/b"),
            ask("PUT", "/a", body="x", origin=says(204), **{name: value}),
            ask(path="/b", origin=says(200, "new"), expect=fetched("new")),
        )
        for name, value in (("if_match", '"1"'), ("cache_control", "no-store"))
    ),
    *(
        Rule(
            f"the empty path and / are one: a write to {written!r} ends what lies under {stored!r}",
            "RFC 9110 §4.2.3",
            ask(path=stored, origin=says(200, "old", cache_control="max-age=100")),
            ask(path=written, expect=cached("old")),
            ask("PUT", written, body="x", origin=says(204)),
            ask(path=stored, origin=says(200, "new"), expect=fetched("new")),
        )
        for stored, written in (("", "/"), ("/", ""))
    ),
]


@pytest.mark.parametrize("rule", WRITES, ids=str)
async def test_writes(rule):
    await play(rule)


async def test_the_empty_path_and_the_root_are_two_where_the_base_url_has_a_path_of_its_own(larder):
    async with raw_origin(ok(b"one", LONG), ok(b"two", LONG)) as there, larder(**mirror(f"{there.url}/v1")) as house:
        assert (await house.get("/mirror")).body == b"one"
        assert (await house.get("/mirror/")).body == b"two"
