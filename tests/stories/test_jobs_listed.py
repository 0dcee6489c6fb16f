"""`GET /v1/jobs`: a caller that lost the ids of its jobs finds them again, and nobody else does."""

import asyncio
import re

from proxy.callers.keys import HASH_PREFIX, digest_key
from proxy.clocks import Clocks
from proxy.jobs import register
from proxy.store.contract import StoreError
from tests.house import ADA, BEN, bearer
from tests.stories.gated_smarty import gated_smarty
from tests.stories.test_jobs import ASYNC, ONLY_SMARTY, begin, ended
from tests.stories.test_jobs_survive import KEYS, building, moved

JOBS = "/v1/jobs"


async def ids(home, **headers):
    told = await home.get(JOBS, headers=headers)
    assert (told.status, told.headers["Cache-Control"]) == (200, "no-store")
    return [job["id"] for job in told.json["data"]]


async def test_a_caller_has_its_jobs_the_newest_first_each_as_it_tells_of_itself(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        assert (await home.get(JOBS)).json == {"data": []}
        first = await begin(home, 1)
        gate.open(1)
        await ended(home, first)
        home.clock.advance(5)
        second = await begin(home, 2, 3)
        await gate.called(2)

        told = (await home.get(JOBS)).json["data"]

        assert told == [(await home.get(one.headers["Location"])).json for one in (second, first)]
        assert [job["status"] for job in told] == ["running", "succeeded"]
        assert [job["route"] for job in told] == ["POST /v1/addresses/verify"] * 2
        assert [job["progress"] for job in told] == [{"done": 0, "total": 2}, {"done": 1, "total": 1}]
        assert [job["expires_at"] for job in told] == [None, "2026-09-21T15:13:20Z"]
        assert told[0]["links"] == second.json["links"]
        gate.open()


async def test_nobody_else_has_them(larder):
    keys = {name: f"lk_{name * 20}" for name in "ab"}
    callers = [{"name": name, "key": HASH_PREFIX + digest_key(key).hex()} for name, key in keys.items()]
    async with larder(callers=callers) as home:
        mine = bearer(ADA, **{"X-Larder-Key": keys["a"]})
        begun = await home.get("/v1/courses", headers={**mine, **ASYNC})

        assert await ids(home, **mine) == [begun.json["id"]]
        for other in (bearer(BEN), {}, bearer(ADA, **{"X-Larder-Key": keys["b"]})):
            assert await ids(home, **{"X-Larder-Key": keys["a"], **other}) == []
        assert (await home.get(JOBS)).status == 401


async def test_one_that_is_forgotten_is_not_told_of(larder):
    async with larder(**ONLY_SMARTY) as home:
        deleted, expired = await begin(home, 1), await begin(home, 2)
        for begun in (deleted, expired):
            await ended(home, begun)
        await home.ask("DELETE", deleted.headers["Location"])

        assert await ids(home) == [expired.json["id"]]
        home.clock.advance(3601)
        assert await ids(home) == []


async def test_what_was_answered_at_once_is_no_job(larder):
    async with larder(**ONLY_SMARTY) as home:
        answered = await home.get("/v1/courses", headers=bearer(ADA, Prefer="respond-async, wait=10"))

        assert answered.status == 200
        assert await ids(home, **bearer(ADA)) == []


async def test_many_that_are_begun_at_the_same_time_are_all_told_of(larder):
    async with larder(v1={"jobs": {"per_caller": 50}, **ONLY_SMARTY["v1"]}) as home:
        begun = await asyncio.gather(*(begin(home, number) for number in range(30)))

        assert sorted(await ids(home)) == sorted(one.json["id"] for one in begun)


async def test_only_the_newest_are_told_of(larder, monkeypatch):
    monkeypatch.setattr(register, "MOST", 2)
    async with larder(**ONLY_SMARTY) as home:
        begun = [await begin(home, number) for number in range(3)]

        assert await ids(home) == [begun[2].json["id"], begun[1].json["id"]]


async def test_a_restarted_process_tells_of_them_and_no_id_is_on_disk(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with house() as home:
            begun = await begin(home, 1)
            await gate.called()
        assert begun.json["id"].encode() not in b"".join(path.read_bytes() for path in tmp_path.iterdir())
        async with house() as home:
            gate.open()
            [job] = (await home.get(JOBS)).json["data"]

            assert (job["id"], job["status"] in ("queued", "running")) == (begun.json["id"], True), "it is taken up"
            assert (await ended(home, moved(begun, home))).json["status"] == "succeeded"


async def test_instances_tell_of_each_others(tmp_path, redis):
    store = {"durable": redis.url, "secret": "s" * 40}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **store) as house:
        async with house(Clocks()) as first, house(Clocks()) as second:
            begun = await asyncio.gather(*(begin(home, number) for number, home in enumerate([first, second] * 5)))

            for home in (first, second):
                told = (await home.get(JOBS)).json["data"]
                assert {job["id"] for job in told} == {one.json["id"] for one in begun}
                assert all(re.match(re.escape(home.url), job["links"]["self"]) for job in told)
            gate.open()


async def test_while_the_store_is_away_it_says_so(larder, monkeypatch):
    async with larder(**ONLY_SMARTY) as home:

        async def away(_key):
            raise StoreError("away")

        monkeypatch.setattr(home.larder.durable, "noted", away)
        told = await home.get(JOBS)

        assert (told.status, told.json["type"]) == (503, "tag:larder,2026:job-unreadable")


async def test_a_job_that_cannot_be_registered_is_one_all_the_same(larder, monkeypatch):
    async with larder(**ONLY_SMARTY) as home:

        async def away(*_args):
            raise StoreError("away")

        monkeypatch.setattr(home.larder.durable, "claim", away)
        begun = await begin(home, 1)

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert "durable store failed" in home.log.getvalue()
