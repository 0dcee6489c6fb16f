"""Jobs are known to every process that shares their store, and survive the one that runs them, where keys seal them."""

import asyncio
import json
import re
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from msgspec.structs import replace

from proxy.callers.keys import HASH_PREFIX, digest_key
from proxy.clocks import Clocks
from proxy.store.sealing import new_master_key
from tests.house import ADA, BEN, CY, Answered, Clock, House, bearer, config_for, running_larder, running_sandbox
from tests.stories.gated_smarty import gated_smarty
from tests.stories.machines import PATIENCE, a_machine, written
from tests.stories.test_erasing_a_person import erased, holds, on_disk
from tests.stories.test_instances import until
from tests.stories.test_jobs import ASYNC, CANARY, ONLY_SMARTY, VERIFY, begin, ended, result
from tests.stories.test_jobs_callbacks import Listener, listed, listening

KEYS = {"encryption_keys": new_master_key()}


@asynccontextmanager
async def building(folder, upstreams, **store):
    """What opens one house after the other, or beside it, on the same store."""
    async with AsyncExitStack() as stack:
        sandbox, url = await stack.enter_async_context(running_sandbox())
        session = await stack.enter_async_context(aiohttp.ClientSession())
        more = {"server": {"drain": "0s"}, "upstreams": upstreams, "store": store, **ONLY_SMARTY}
        clock = Clock()

        @asynccontextmanager
        async def house(clocks=clock.clocks, **changed):
            config = config_for(url, folder, **{**more, **changed})
            async with running_larder(config, clocks) as (larder, log):
                yield House(larder, sandbox, url, session, log, clock, config)

        yield house


def moved(begun, home):
    """The same job, asked for at another house."""
    place = re.sub(r"^http://[^/]+", home.url, begun.headers["Location"])
    links = {"self": place, "result": f"{place}/result"}
    return Answered(begun.status, {"Location": place}, json.dumps({**begun.json, "links": links}).encode())


async def test_a_restarted_process_takes_up_what_the_last_one_was_stopped_at(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with house() as home:
            begun = await begin(home, 1, 2, 3)
            await gate.called()
        async with house() as home:
            await home.larder.jobs.taker.look()
            gate.open()
            begun = moved(begun, home)

            assert (await ended(home, begun)).json["status"] == "succeeded"
            assert len((await result(home, begun)).json["results"]) == 3


async def test_whoever_asks_for_a_job_that_nobody_is_at_has_it_taken_up(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with house() as home:
            begun = await begin(home, 1)
            await gate.called()
        async with house() as home:
            gate.open()

            assert (await ended(home, moved(begun, home))).json["status"] == "succeeded"


async def test_without_keys_a_job_ends_as_interrupted_and_nothing_of_its_request_is_on_disk(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams) as house:
        async with house() as home:
            begun = await home.ask("POST", VERIFY, json={"address": CANARY}, headers=bearer(ADA, **ASYNC))
            await gate.called()
        on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert b"Canary" not in on_disk
        assert ADA.encode() not in on_disk
        async with house() as home:
            told = await home.get(moved(begun, home).headers["Location"], headers=bearer(ADA))
            gone = await result(home, moved(begun, home), **bearer(ADA))

            assert told.json["status"] == "interrupted"
            assert (gone.status, gone.json["type"]) == (410, "tag:larder,2026:no-result")


async def test_with_keys_a_request_and_its_result_are_on_disk_sealed_only(tmp_path):
    more = {"encrypt": "all", **KEYS}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **more) as house:
        for lets_through in (False, True):
            async with house() as home:
                headers = bearer(ADA, **ASYNC)
                begun = await home.ask("POST", VERIFY, json={"address": {**CANARY, "id": "canary"}}, headers=headers)
                if lets_through:
                    gate.open()
                    assert (await ended(home, begun, **bearer(ADA))).json["status"] == "succeeded"
                else:
                    await gate.called()
            on_disk = b"".join(path.read_bytes() for path in tmp_path.iterdir())
            for secret in (b"anary", ADA.encode(), b"12 Example Pl", begun.json["id"].encode()):
                assert secret not in on_disk


async def test_a_job_whose_process_died_is_missed_when_its_lease_is_over(tmp_path, redis):
    store = {"durable": redis.url, "secret": "s" * 40}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **store) as house:
        async with house(Clocks()) as first, house(Clocks()) as second:
            begun = await begin(first, 1)
            await gate.called()
            place = begun.headers["Location"]
            other = re.sub(r"^http://[^/]+", second.url, place)
            assert (await second.get(other)).json["status"] in ("queued", "running")

            [job] = first.larder.jobs.runner.jobs.values()
            lapsed = replace(job.held.record, leased_until=0.0)
            job.held = await first.larder.jobs.means.book.change(job.key, job.held, lapsed)

            assert (await second.get(other)).json["status"] == "interrupted"
            await first.larder.jobs.runner.beat()  # it lives after all, and hears that it was given up
            await until(lambda: not first.larder.jobs.runner.jobs)
            assert (await first.get(place)).json["status"] == "interrupted"
            gate.open()


async def test_two_who_believe_that_they_have_a_job_do_not_spoil_its_result(tmp_path, redis):
    store = {"durable": redis.url, "secret": "s" * 40, **KEYS}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **store) as house:
        async with house(Clocks()) as first, house(Clocks()) as second:
            begun = await begin(first, 1, 2)
            await gate.called()
            [job] = first.larder.jobs.runner.jobs.values()
            lapsed = replace(job.held.record, leased_until=0.0)
            job.held = await first.larder.jobs.means.book.change(job.key, job.held, lapsed)
            await second.larder.jobs.taker.look()
            gate.open()
            await until(lambda: not first.larder.jobs.runner.jobs and not second.larder.jobs.runner.jobs)

            assert (await ended(first, begun)).json["status"] == "succeeded"
            assert len((await result(first, begun)).json["results"]) == 2


async def test_instances_answer_for_each_other(tmp_path, redis):
    store = {"durable": redis.url, "secret": "s" * 40}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **store) as house:
        async with house(Clocks()) as first, house(Clocks()) as second:
            begun, doomed = await begin(first, 1, 2), await begin(first, 3)
            await gate.called(2)
            await first.larder.jobs.runner.beat()

            other = re.sub(r"^http://[^/]+", second.url, doomed.headers["Location"])
            assert (await second.get(other)).json["status"] == "running"
            cancelled = await second.ask("DELETE", other)
            assert cancelled.json["status"] == "cancelled"
            assert (await first.get(doomed.headers["Location"])).json["status"] == "cancelled"
            await first.larder.jobs.runner.beat()
            await until(lambda: len(first.larder.jobs.runner.jobs) == 1)

            gate.open()
            await ended(first, begun)
            begun = moved(begun, second)
            assert (await ended(second, begun)).json["status"] == "succeeded"
            assert len((await result(second, begun)).json["results"]) == 2


@pytest.mark.parametrize("is_finishing", [False, True])
async def test_a_job_that_another_instance_cancels_is_counted_and_told_of_once(tmp_path, redis, is_finishing):
    store, listener = {"durable": redis.url, "secret": "s" * 40}, Listener()
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **store) as house:
        async with listening(listener) as url:
            more = listed({"url": url})
            async with house(Clocks(), **more) as first, house(Clocks(), **more) as second:
                begun = await begin(first, 1, **{"Larder-Callback": url})
                await gate.called()
                await second.ask("DELETE", moved(begun, second).headers["Location"])
                if is_finishing:
                    gate.open()
                else:
                    await first.larder.jobs.runner.beat()
                await until(lambda: not first.larder.jobs.runner.jobs)
                await listener.heard(1)

                assert json.loads(listener.told[0][1])["data"]["status"] == "cancelled"
                metrics = [one.larder.observing.metrics.exposition()[1].decode() for one in (first, second)]
                counted = re.findall(r'larder_jobs_total\{.*outcome="(?!begun)(.*)"\} (.*)', "".join(metrics))
                assert counted == [("cancelled", "1.0")]
                gate.open()


async def test_an_instance_that_is_stopped_hands_its_jobs_to_another(tmp_path, redis):
    store = {"durable": redis.url, "secret": "s" * 40, **KEYS}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **store) as house:
        async with house(Clocks()) as second:
            async with house(Clocks()) as first:
                begun = await begin(first, 1, 2)
                await gate.called()
            await second.larder.jobs.taker.look()
            gate.open()

            begun = moved(begun, second)
            assert (await ended(second, begun)).json["status"] == "succeeded"
            assert len((await result(second, begun)).json["results"]) == 2


async def test_a_result_that_may_not_be_written_down_is_only_where_it_was_made(tmp_path, redis):
    store = {"durable": redis.url, "secret": "s" * 40}
    google = {"google": {"terms_accepted": []}}
    more = {"v1": {"addresses": {"providers": ["google"]}}}
    async with building(tmp_path, google, **store) as house:
        async with house(Clocks(), **more) as first, house(Clocks(), **more) as second:
            begun = await begin(first, 1)
            await ended(first, begun)
            assert (await result(first, begun)).status == 200

            elsewhere = await result(second, moved(begun, second))

            assert (elsewhere.status, elsewhere.json["type"]) == (503, "tag:larder,2026:result-elsewhere")
            assert "Retry-After" in elsewhere.headers


async def test_a_process_that_is_stopping_takes_nothing_up_again(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house, house() as home:
        begun = await begin(home, 1)
        await gate.called()
        await home.larder.jobs.drain(0)
        await home.larder.jobs.taker.look()

        assert (await home.get(begun.headers["Location"])).json["status"] == "queued"
        assert not home.larder.jobs.runner.jobs
        gate.open()


async def test_a_caller_that_is_not_known_any_more_gets_nothing_of_what_it_began(tmp_path):
    key = "lk_" + "a" * 20
    callers = {"callers": [{"name": "a", "key": HASH_PREFIX + digest_key(key).hex()}]}
    gone = {"callers": [{"name": "b", "key": HASH_PREFIX + digest_key(key).hex()}]}
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with house(**callers) as home:
            await begin(home, 1, **{"X-Larder-Key": key})
            await gate.called()
        async with house(**gone) as home:
            await until(lambda: '"state":"failed"' in home.log.getvalue() or home.larder.observing.log.flush())
            assert len(gate.asked) == 1
            gate.open()


async def test_a_job_that_ends_three_processes_is_not_taken_up_again(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with house() as home:
            begun = await begin(home, 1)
            await gate.called()
            [job] = home.larder.jobs.runner.jobs.values()
            job.held = await home.larder.jobs.means.book.change(job.key, job.held, replace(job.held.record, attempts=4))
        async with house() as home:
            assert (await home.get(moved(begun, home).headers["Location"])).json["status"] == "interrupted"
            gate.open()


async def test_an_erased_person_leaves_no_result_whosever_it_is(tmp_path):
    async with building(tmp_path, {}, compress_above="1GiB") as house, house() as home:
        begun = {}
        for token, path in ((ADA, "/v1/students/self/overview"), (CY, "/v1/courses/565/roster"), (BEN, "/v1/courses")):
            begun[token] = await home.get(path, headers=bearer(token, **ASYNC))
            await ended(home, begun[token], **bearer(token))
            assert (await result(home, begun[token], **bearer(token))).status == 200
        await home.get("/courseworks/api/v1/users/self", headers=bearer(ADA))
        await home.settled()

        receipt = await erased(home.larder)

        assert receipt.is_complete
        assert not holds(on_disk(tmp_path))
        for token in (ADA, CY):
            gone = await result(home, begun[token], **bearer(token))
            assert (gone.status, gone.json["type"]) == (410, "tag:larder,2026:result-not-kept")
        assert (await result(home, begun[BEN], **bearer(BEN))).status == 200


async def test_nor_what_is_in_memory_alone_of_a_credential_whose_user_nobody_learned(tmp_path):
    """What may not be kept is not looked into: a result of it may be about anybody."""
    unkept = {"GET /api/v1/courses": {"cache": {"partition": "none"}}}
    upstreams = {"courseworks": {"endpoints": unkept, "learn_user": False}}
    async with building(tmp_path, upstreams) as house, house() as home:
        begun = await home.get("/v1/courses", headers=bearer(ADA, **ASYNC))
        await ended(home, begun, **bearer(ADA))
        assert (await result(home, begun, **bearer(ADA))).status == 200

        assert (await erased(home.larder)).is_complete

        assert (await result(home, begun, **bearer(ADA))).status == 410
        assert not home.larder.jobs.holding._held


async def test_the_sealed_request_of_a_job_goes_with_anybody_since_it_may_name_them(tmp_path):
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house, house() as home:
        begun = await begin(home, 1)
        await gate.called()
        assert await home.larder.jobs.means.requests.listed()

        assert (await erased(home.larder)).is_complete

        assert not await home.larder.jobs.means.requests.listed()
        gate.open()
        await ended(home, begun)
        assert (await result(home, begun)).status == 200


async def test_that_a_job_ends_as_interrupted_is_told_too(tmp_path):
    listener = Listener()
    async with gated_smarty() as (gate, upstreams), building(tmp_path, upstreams, **KEYS) as house:
        async with listening(listener) as url:
            async with house(**listed({"url": url})) as home:
                await begin(home, 1, **{"Larder-Callback": url})
                await gate.called()
                [job] = home.larder.jobs.runner.jobs.values()
                often = replace(job.held.record, attempts=4)
                job.held = await home.larder.jobs.means.book.change(job.key, job.held, often)
            async with house(**listed({"url": url})) as home:
                await home.larder.jobs.taker.look()
                await listener.heard(1)
                assert json.loads(listener.told[0][1])["data"]["status"] == "interrupted"
                gate.open()


async def test_a_request_is_deleted_when_its_job_is_over(tmp_path):
    async with building(tmp_path, {}, **KEYS) as house, house() as home:
        begun = await begin(home, 1)
        await ended(home, begun)
        await until(lambda: not home.larder.jobs.runner.jobs)

        assert not await home.larder.jobs.means.requests.listed()
        assert (await result(home, begun)).json["results"]


async def asked(session, method, url, **options):
    """One request over a connection of its own: whichever worker takes it."""
    async with session.request(method, url, **options) as response:
        return Answered(response.status, response.headers, await response.read())


async def over(session, place, **headers):
    async with asyncio.timeout(PATIENCE):
        while True:
            told = await asked(session, "GET", place, headers=headers)
            assert told.status == 200, told.body
            if told.json["status"] not in ("queued", "running"):
                return told
            await asyncio.sleep(0.05)


async def test_workers_answer_for_each_other(tmp_path):
    async with running_sandbox() as (_, url), a_machine(written(tmp_path, url)) as machine:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
            headers, root = bearer(ADA), f"http://127.0.0.1:{machine.port}"
            at_once = await asked(session, "GET", f"{root}/v1/courses", headers=headers)
            for number in range(10):
                begun = await asked(session, "GET", f"{root}/v1/courses", headers={**headers, **ASYNC})
                assert begun.status == 202, begun.body
                assert (await over(session, begun.headers["Location"], **headers)).json["status"] == "succeeded"
                found = await asked(session, "GET", begun.json["links"]["result"], headers=headers)
                assert found.json["data"] == at_once.json["data"]
                mine = (await asked(session, "GET", f"{root}/v1/jobs", headers=headers)).json["data"]
                assert (mine[0]["id"], len(mine)) == (begun.json["id"], number + 1)
            assert await machine.metric("larder_jobs_total") == 20


async def test_a_killed_process_leaves_its_jobs_to_the_next(tmp_path):
    async with gated_smarty() as (gate, upstreams), running_sandbox() as (_, url), aiohttp.ClientSession() as session:
        config = written(tmp_path, url, server={"workers": 1}, upstreams=upstreams, store=KEYS, **ONLY_SMARTY)
        body = {"addresses": [{"street": f"{number} Sample St", "city": "Sampleton"} for number in range(3)]}
        async with a_machine(config) as machine:
            verify = f"http://127.0.0.1:{machine.port}{VERIFY}"
            begun = await asked(session, "POST", verify, json=body, headers=ASYNC)
            await gate.called()
            machine.process.kill()
        gate.open()
        async with a_machine(config):
            assert (await over(session, begun.headers["Location"])).json["status"] == "succeeded"
            found = await asked(session, "GET", begun.json["links"]["result"])
            assert len(found.json["results"]) == 3
