"""`Prefer: respond-async` below /v1: 202 at once, and the answer when it is there; whose it is, and how it ends."""

import asyncio
import json

import pytest

from proxy.callers.keys import HASH_PREFIX, digest_key
from proxy.store.contract import Filter
from proxy.store.fences import Mode
from proxy.typed.table import VERIFY as VERIFY_ROUTE
from tests.house import ADA, BEN, bearer
from tests.redis_server import redis_server
from tests.stories.gated_smarty import gated_smarty
from tests.stories.test_instances import instances, until

VERIFY = "/v1/addresses/verify"
ASYNC = {"Prefer": "respond-async"}
CANARY = {"street": "77 Canary Way", "city": "Sampleton", "state": "NY"}
ONLY_SMARTY = {"v1": {"addresses": {"providers": ["smartystreets"]}}}


def numbered(number):
    return {"street": f"{number} Sample St", "city": "Sampleton", "state": "NY"}


async def verify(home, *numbers, **headers):
    body = {"addresses": [numbered(number) for number in numbers]}
    return await home.ask("POST", VERIFY, json=body, headers=headers)


async def begin(home, *numbers, **headers):
    begun = await verify(home, *numbers, **ASYNC, **headers)
    assert begun.status == 202, begun.body
    return begun


async def ended(home, begun, **headers):
    """The job, once it is over."""
    async with asyncio.timeout(10):
        while True:
            told = await home.get(begun.headers["Location"], headers=headers)
            assert told.status == 200, told.body
            if told.json["status"] not in ("queued", "running"):
                return told
            await asyncio.sleep(0.005)


def result(home, begun, **headers):
    return home.get(begun.json["links"]["result"], headers=headers)


async def test_a_slow_request_is_answered_with_a_job_then_with_what_it_asked_for(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, *range(150))
        place = begun.headers["Location"]

        assert place == f"{home.url}/v1/jobs/{begun.json['id']}"
        assert begun.headers["Preference-Applied"] == "respond-async"
        assert int(begun.headers["Retry-After"]) >= 1
        assert begun.headers["Cache-Control"] == "no-store"
        assert begun.json["progress"] == {"done": 0, "total": 150}
        assert begun.json["links"] == {"self": place, "result": f"{place}/result"}
        assert begun.json["created_at"] == "2026-09-21T14:13:20Z"

        await gate.called(2)
        running = await home.get(place)
        early = await result(home, begun)
        assert running.json["status"] == "running"
        assert int(running.headers["Retry-After"]) >= 1
        assert (early.status, early.json["type"]) == (409, "tag:larder,2026:job-under-way")
        assert int(early.headers["Retry-After"]) >= 1

        gate.open(1)
        async with asyncio.timeout(10):
            while not 0 < (await home.get(place)).json["progress"]["done"] < 150:
                await asyncio.sleep(0.005)
        gate.open()
        over = await ended(home, begun)
        assert over.json["status"] == "succeeded"
        assert over.json["progress"] == {"done": 150, "total": 150}
        assert "Retry-After" not in over.headers
        assert len((await result(home, begun)).json["results"]) == 150


@pytest.mark.parametrize(
    "path", ["/v1/courses", "/v1/courses/565", "/v1/courses/565/roster?type=student", "/v1/students/self/overview"]
)
async def test_the_result_is_what_would_have_been_answered_at_once(larder, path):
    async with larder() as home:
        await home.get(path, headers=bearer(ADA))
        at_once = await home.get(path, headers=bearer(ADA))
        begun = await home.get(path, headers=bearer(ADA, **ASYNC))
        await ended(home, begun, **bearer(ADA))

        later = await result(home, begun, **bearer(ADA))

        assert (later.status, later.body) == (at_once.status, at_once.body)
        differ = {"Date", "traceparent"}
        assert {name: value for name, value in later.headers.items() if name not in differ} == {
            name: value for name, value in at_once.headers.items() if name not in differ
        }


async def test_an_error_is_a_result_as_it_would_have_been_told_at_once(larder):
    async with larder() as home:
        begun = await home.get("/v1/courses/99999", headers=bearer(ADA, **ASYNC))
        over = await ended(home, begun, **bearer(ADA))
        later = await result(home, begun, **bearer(ADA))

        at_once = await home.get("/v1/courses/99999", headers=bearer(ADA))
        known = await home.get("/v1/courses/99999", headers=bearer(ADA, **ASYNC))

        assert over.json["status"] == "failed"
        assert (later.status, later.body) == (at_once.status, at_once.body) == (404, at_once.body)
        assert later.headers["Content-Type"] == "application/problem+json"
        assert known.status == 404  # it is remembered, and so said at once


async def test_what_is_wrong_with_a_request_is_said_at_once(larder):
    async with larder() as home:
        wrong = await home.ask("POST", VERIFY, json={"adresses": []}, headers=ASYNC)
        named = await home.get("/v1/courses?upstream=canvas", headers=bearer(ADA, **ASYNC))
        unknown = await home.get("/v1/jobs/never-was")

        assert wrong.status == named.status == 422
        assert (unknown.status, unknown.json["type"]) == (404, "tag:larder,2026:unknown-job")


async def test_a_job_is_known_to_nobody_but_its_caller_with_its_credentials(larder):
    keys = {name: f"lk_{name * 20}" for name in "ab"}
    callers = [{"name": name, "key": HASH_PREFIX + digest_key(key).hex()} for name, key in keys.items()]
    async with larder(callers=callers) as home:
        mine = bearer(ADA, **{"X-Larder-Key": keys["a"]})
        begun = await home.get("/v1/courses", headers={**mine, **ASYNC})
        await ended(home, begun, **mine)
        never = await home.get("/v1/jobs/never-was", headers=mine)

        for other in (bearer(BEN), {}, bearer(ADA, **{"X-Larder-Key": keys["b"]})):
            headers = {"X-Larder-Key": keys["a"], **other}
            for method, path in (("GET", ""), ("GET", "/result"), ("DELETE", "")):
                refused = await home.ask(method, begun.headers["Location"] + path, headers=headers)
                assert (refused.status, refused.body) == (404, never.body)
        assert (await result(home, begun, **mine)).status == 200


@pytest.mark.parametrize("store", [{}, {"durable": "none"}])
@pytest.mark.parametrize("path", ["/v1/courses", "/v1/students/self/overview"])
async def test_a_token_that_its_provider_refuses_ends_the_results_that_it_brought(larder, store, path):
    async with larder(store=store) as home:
        begun = await home.get(path, headers=bearer(ADA, **ASYNC))
        await ended(home, begun, **bearer(ADA))
        assert (await result(home, begun, **bearer(ADA))).status == 200

        revoked = '{"errors":[{"message":"Revoked access token."}]}'
        await home.fail(status=401, body=revoked, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})
        assert (await home.get("/courseworks/api/v1/users/self/profile", headers=bearer(ADA))).status == 401
        late = await home.get("/v1/courses", headers=bearer(ADA, **ASYNC))
        await ended(home, late, **bearer(ADA))

        gone = await result(home, begun, **bearer(ADA))
        assert (gone.status, gone.json["type"]) == (410, "tag:larder,2026:result-not-kept")
        assert (await result(home, late, **bearer(ADA))).status == 401


@pytest.mark.parametrize("store", [{}, {"durable": "none"}])
async def test_a_caller_that_may_not_use_a_provider_any_more_has_no_result_of_it_either(larder, store):
    key = "lk_" + "a" * 20
    caller, headers = {"name": "a", "key": HASH_PREFIX + digest_key(key).hex()}, {"X-Larder-Key": key}
    async with larder(callers=[caller], store=store, **ONLY_SMARTY) as home:
        begun = await begin(home, 1, **headers)
        await ended(home, begun, **headers)
        assert (await result(home, begun, **headers)).status == 200

        home.reload(callers=[{**caller, "allow": ["courseworks"]}])

        refused = await result(home, begun, **headers)
        assert (refused.status, refused.json["type"]) == (403, "tag:larder,2026:caller-not-allowed")


async def test_a_cancelled_job_asks_nothing_more_of_the_upstream(larder):
    google = {"google": {"concurrency": {"upstream": 1}}}
    async with larder(upstreams=google, v1={"addresses": {"providers": ["google"]}}) as home:
        await home.fail("google", kind="latency", seconds=0.05)
        begun = await begin(home, *range(50))
        async with asyncio.timeout(10):
            while not await home.calls("/google/*"):
                await asyncio.sleep(0.005)

        cancelled = await home.ask("DELETE", begun.headers["Location"])
        await home.settled()

        assert (cancelled.status, cancelled.json["status"]) == (200, "cancelled")
        assert await home.calls("/google/*") < 5
        gone = await result(home, begun)
        assert (gone.status, gone.json["type"]) == (410, "tag:larder,2026:no-result")
        assert not home.larder.jobs.runner.jobs


def under_way(home):
    """Every flight."""
    return list(home.larder.engine._flights._under_way.values())


@pytest.mark.parametrize("is_joined", [False, True])
async def test_of_batches_that_wait_in_line_those_go_that_somebody_else_waits_for_too(larder, is_joined):
    async with gated_smarty() as (gate, upstreams):
        upstreams["smartystreets"]["concurrency"] = {"upstream": 1}
        async with larder(upstreams=upstreams, **ONLY_SMARTY) as home:
            begun = await begin(home, *range(300))
            await gate.called()
            waiting = asyncio.create_task(verify(home, 250)) if is_joined else None
            if is_joined:
                await until(lambda: any(flight.demand.callers > 1 for flight in under_way(home)))

            cancelled = await home.ask("DELETE", begun.headers["Location"])
            gate.open()
            await home.settled()

            assert cancelled.json["status"] == "cancelled"
            assert [len(streets) for streets in gate.asked] == [100] * (2 if is_joined else 1)
            if waiting is not None:
                assert (await waiting).json["results"][0]["result"]["provider"] == "smartystreets"


async def test_one_that_is_over_is_forgotten_when_it_is_deleted(larder):
    async with larder() as home:
        begun = await begin(home, 1, 2)
        await ended(home, begun)

        deleted = await home.ask("DELETE", begun.headers["Location"])

        assert (deleted.status, deleted.body) == (204, b"")
        assert (await home.get(begun.headers["Location"])).status == 404
        assert (await result(home, begun)).status == 404


async def test_a_job_is_forgotten_when_its_time_is_over(larder):
    async with larder(v1={"jobs": {"keep": "10m"}}) as home:
        begun = await begin(home, 1)
        assert begun.json["expires_at"] is None
        over = await ended(home, begun)
        assert over.json["expires_at"] == "2026-09-21T14:23:20Z"

        home.clock.advance(599)
        assert (await result(home, begun)).status == 200
        home.clock.advance(2)
        assert (await home.get(begun.headers["Location"])).status == 404
        assert (await result(home, begun)).status == 404


async def test_who_waits_for_a_while_gets_a_quick_answer_at_once_and_nothing_is_written_down(larder):
    async with larder() as home:
        answered = await verify(home, 1, Prefer="respond-async, wait=20")

        assert answered.status == 200
        assert answered.json["results"][0]["result"]["verdict"]
        assert not [note async for note in home.larder.durable.notes()]


async def test_who_waits_too_short_a_while_gets_a_job(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await verify(home, 1, **{"Prefer": "respond-async, wait=30", "X-Request-Timeout": "50ms"})
        gate.open()

        assert begun.status == 202
        assert (await ended(home, begun)).json["status"] == "succeeded"


@pytest.mark.parametrize("prefer", ["respond-asynchronously", 'x="respond-async"', "respond-async=maybe", ",;=", '"'])
async def test_a_preference_that_nobody_can_read_is_none(larder, prefer):
    async with larder() as home:
        assert (await verify(home, 1, Prefer=prefer)).status == 200


async def test_with_no_store_nothing_is_kept_so_that_there_is_no_job(larder):
    async with larder() as home:
        assert (await verify(home, 1, **ASYNC, **{"Cache-Control": "no-store"})).status == 200


async def test_a_caller_has_only_so_many_jobs_under_way(larder):
    jobs = {"jobs": {"per_caller": 2}}
    async with gated_smarty() as (gate, upstreams):
        async with larder(upstreams=upstreams, v1={**jobs, **ONLY_SMARTY["v1"]}) as home:
            first, _ = await begin(home, 1), await begin(home, 2)

            refused = await verify(home, 3, **ASYNC)
            assert (refused.status, refused.json["type"]) == (429, "tag:larder,2026:too-many-jobs")
            assert int(refused.headers["Retry-After"]) >= 1

            await home.ask("DELETE", first.headers["Location"])
            assert (await verify(home, 3, **ASYNC)).status == 202
            gate.open()


@pytest.mark.parametrize("limit", [{"most": 1}, {"max_bytes": 120}])
async def test_a_process_has_only_so_much_room(larder, limit):
    async with gated_smarty() as (gate, upstreams):
        async with larder(upstreams=upstreams, v1={"jobs": limit, **ONLY_SMARTY["v1"]}) as home:
            await begin(home, 1)

            refused = await verify(home, 2, **ASYNC)
            assert (refused.status, refused.json["type"]) == (503, "tag:larder,2026:jobs-full")
            assert int(refused.headers["Retry-After"]) >= 1
            gate.open()


async def test_so_many_run_at_once_and_the_others_are_queued(larder):
    async with gated_smarty() as (gate, upstreams):
        async with larder(upstreams=upstreams, v1={"jobs": {"at_once": 1}, **ONLY_SMARTY["v1"]}) as home:
            first, second = await begin(home, 1), await begin(home, 2)
            await gate.called()

            assert (await home.get(first.headers["Location"])).json["status"] == "running"
            assert (await home.get(second.headers["Location"])).json["status"] == "queued"
            gate.open()
            assert (await ended(home, second)).json["status"] == "succeeded"


async def test_without_a_store_jobs_live_as_long_as_the_process(larder):
    async with larder(store={"durable": "none"}) as home:
        begun = await begin(home, 1, 2)

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert len((await result(home, begun)).json["results"]) == 2


async def test_what_a_providers_terms_forbid_to_keep_is_never_written_down(larder):
    google = {"google": {"terms_accepted": []}}
    async with larder(upstreams=google, v1={"addresses": {"providers": ["google"]}}) as home:
        before = len(await home.larder.durable.keys())
        begun = await begin(home, 1)
        await ended(home, begun)
        await home.settled()

        assert (await result(home, begun)).json["results"][0]["result"]["provider"] == "google"
        assert len(await home.larder.durable.keys()) == before


@pytest.mark.parametrize("durable", ["sqlite", "none"])
async def test_what_is_purged_for_good_takes_the_results_along_that_were_made_of_it(larder, durable):
    store = {"store": {"durable": "none"}} if durable == "none" else {}
    async with larder(**store) as home:
        begun = await home.get("/v1/courses/565", headers=bearer(ADA, **ASYNC))
        await ended(home, begun, **bearer(ADA))
        assert (await result(home, begun, **bearer(ADA))).status == 200

        await home.larder.purger.purge(["courseworks/course:565"], Mode.HARD)

        gone = await result(home, begun, **bearer(ADA))
        assert (gone.status, gone.json["type"]) == (410, "tag:larder,2026:result-not-kept")


async def test_a_job_leaves_nothing_of_whom_it_was_for_in_the_log(larder):
    async with larder() as home:
        begun = await home.ask(
            "POST",
            VERIFY,
            json={"addresses": [{**numbered(1), "street": "77 Canary Way"}]},
            headers=bearer(ADA, **ASYNC),
        )
        await ended(home, begun, **bearer(ADA))
        home.larder.observing.close()

        log = home.log.getvalue()
        assert "Canary" not in log
        assert ADA not in log
        assert begun.json["id"] not in log
        lines = [json.loads(line) for line in log.splitlines()]
        assert [line["state"] for line in lines if line["event"] == "job"] == ["begun", "succeeded"]


async def test_what_was_purged_for_good_before_it_was_read_again_spoils_no_result(larder):
    async with larder() as home:
        await verify(home, 1, 2)
        await home.larder.purger.purge(["smartystreets/any"])
        key = next(one.key for one in await home.larder.memory.summaries(Filter(upstream="smartystreets")))
        await home.larder.purger.purge([f"@key:{key}"], Mode.HARD)

        begun = await begin(home, 1, 2)

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert (await result(home, begun)).status == 200
        await home.larder.purger.purge([f"@key:{key}"], Mode.HARD)
        assert (await result(home, begun)).json["type"] == "tag:larder,2026:result-not-kept"


async def test_what_is_purged_for_good_while_a_job_runs_is_in_no_result(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, *range(150))
        await gate.called(2)
        gate.open(1)
        await until(lambda: any(job.work.done for job in home.larder.jobs.runner.jobs.values()))
        await home.larder.purger.purge(["@upstream:smartystreets"], Mode.HARD)
        gate.open()

        assert (await ended(home, begun)).json["status"] == "succeeded"
        assert (await result(home, begun)).json["type"] == "tag:larder,2026:result-not-kept"


async def test_a_job_that_takes_too_long_fails_with_what_would_be_told_then(larder):
    jobs = {"jobs": {"longest": "50ms"}}
    async with gated_smarty() as (gate, upstreams):
        async with larder(upstreams=upstreams, v1={**jobs, **ONLY_SMARTY["v1"]}) as home:
            begun = await begin(home, 1, 2)

            assert (await ended(home, begun)).json["status"] == "failed"
            failed = await result(home, begun)
            assert failed.status in (503, 504)
            assert failed.headers["Content-Type"] == "application/problem+json"
            gate.open()


async def test_how_long_a_caller_waits_is_not_for_how_long_its_job_may_run(larder):
    async with gated_smarty() as (gate, upstreams), larder(upstreams=upstreams, **ONLY_SMARTY) as home:
        begun = await begin(home, 1, **{"X-Request-Timeout": "1ms"})
        await gate.called()
        gate.open()

        assert (await ended(home, begun)).json["status"] == "succeeded"


async def test_while_the_store_is_away_requests_are_answered_at_once_and_jobs_say_so(tmp_path):
    async with redis_server() as redis, instances(tmp_path, redis.url) as (home, _):
        begun = await begin(home, 1)
        await ended(home, begun)
        await redis.kill()

        at_once = await verify(home, 1, **ASYNC)
        asked = await home.get(begun.headers["Location"])

        assert (at_once.status, "Preference-Applied" in at_once.headers) == (200, False)
        assert (asked.status, asked.json["type"]) == (503, "tag:larder,2026:job-unreadable")
        assert "Retry-After" in asked.headers
        assert not home.larder.jobs.runner.room


async def test_links_begin_as_the_caller_s_own_urls_do(larder):
    key = "lk_" + "a" * 20
    async with larder(callers=[{"name": "a", "key": HASH_PREFIX + digest_key(key).hex()}]) as home:
        begun = await home.get(f"/@{key}/v1/courses", headers=bearer(ADA, **ASYNC))

        assert begun.headers["Location"].startswith(f"{home.url}/@{key}/v1/jobs/")
        assert (await ended(home, begun, **bearer(ADA))).json["status"] == "succeeded"


async def test_a_credential_in_the_query_has_to_stand_there_again(larder):
    async with larder(upstreams={"smartystreets": {"credential": {}}}, **ONLY_SMARTY) as home:
        own = "?auth-id=sandbox-id&auth-token=sandbox-token"
        begun = await home.ask("POST", VERIFY + own, json={"address": numbered(1)}, headers=ASYNC)
        place = begun.headers["Location"]

        assert (await home.get(place)).status == 404
        assert (await home.get(f"{place}?auth-id=sandbox-id&auth-token=another")).status == 404
        assert (await home.get(place + own)).status == 200


async def test_an_overview_tells_how_many_of_its_parts_are_there(larder):
    async with larder() as home:
        begun = await home.get("/v1/students/self/overview", headers=bearer(ADA, **ASYNC))
        over = await ended(home, begun, **bearer(ADA))

        assert begun.json["progress"]["total"] == 3
        assert over.json["progress"] == {"done": 3, "total": 3}


async def test_a_bug_in_a_route_is_a_failed_job_and_a_line_in_the_log(larder, monkeypatch):
    async def broken(wish):
        for _ in range(10):
            await asyncio.sleep(0)
        raise RuntimeError("a bug")

    async with larder() as home:
        handlers = home.larder.jobs.taker.errands._handlers
        monkeypatch.setitem(handlers, VERIFY_ROUTE, broken)
        begun = await begin(home, 1)

        assert (await ended(home, begun)).json["status"] == "failed"
        assert (await result(home, begun)).status == 500
        home.larder.observing.close()
        assert '"kind":"RuntimeError"' in home.log.getvalue()
        assert "a bug" not in home.log.getvalue()
