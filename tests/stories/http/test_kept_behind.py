"""Kept behind: the first answer for an ask goes on the shelf once its callers have it. Nobody can tell."""

import asyncio

from tests.stories.http.raw import calling, get, mirror, ok, raw_origin

CACHED = "Cache-Control: max-age=60"


async def test_whoever_asks_right_behind_a_miss_has_a_hit(larder):
    async with raw_origin(lambda seen: ok(b"once", CACHED)) as there, larder(**mirror(there.url)) as house:
        async with calling(house.larder.listener.port) as caller:
            await caller.send(get("/mirror/x") * 20)
            first, *others = [await caller.answer() for _ in range(20)]

        assert first.one("Cache-Status") == "larder; fwd=miss; fwd-status=200; ttl=60; stored"
        assert {answer.one("Cache-Status") for answer in others} == {"larder; hit; ttl=60"}
        assert {answer.body for answer in others} == {b"once"}
        assert len(there.seen) == 1


async def test_all_who_ask_at_once_cost_one_call(larder):
    async with raw_origin(lambda seen: ok(b"once", CACHED)) as there, larder(**mirror(there.url)) as house:
        answers = await asyncio.gather(*(house.get("/mirror/x") for _ in range(50)))

        assert {answer.body for answer in answers} == {b"once"}
        assert len(there.seen) == 1


async def test_what_memory_does_not_take_is_not_said_to_be_stored(larder):
    little = {"memory": {"max_bytes": "4KiB"}, "durable": "none"}
    async with raw_origin(lambda seen: ok(b"x" * 4000, CACHED)) as there:
        async with larder(**mirror(there.url), store=little) as house:
            answers = [await house.get("/mirror/x") for _ in range(2)]

        assert [answer.cache for answer in answers] == ["larder; fwd=miss; fwd-status=200; ttl=60"] * 2
        assert len(there.seen) == 2


async def test_variants_and_their_marker_are_kept_behind_too(larder):
    def say(seen):
        return ok(seen.one("X-Kind").encode(), CACHED, "Vary: X-Kind")

    async with raw_origin(say) as there, larder(**mirror(there.url)) as house:
        kinds = ["a", "b", "a", "b"]
        answers = [await house.get("/mirror/x", headers={"X-Kind": kind}) for kind in kinds]

        assert [answer.body for answer in answers] == [kind.encode() for kind in kinds]
        assert len(there.seen) == 2
