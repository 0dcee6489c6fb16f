"""There: what callers of a whole Larder see while an upstream has a bad day, and what that upstream is asked."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.house import ADA, BEN, STUDENT_COURSES, bearer
from tests.origin import gated, origin, text

LIST = STUDENT_COURSES + "?per_page=5"
LATE = lambda seen: text("late")  # noqa: E731
LOOKUP = "/smartystreets/us-street/street-address?street=1+Example+Pl&city=Sampleton&state=NY"


def mirror(url, cache=None, **more):
    block = {"adapter": "http", "retry": {"attempts": 1}, **more}
    block |= {"base_urls": url} if isinstance(url, list) else {"base_url": url}
    if cache is not None:
        block.setdefault("endpoints", {})["GET /x"] = {"cache": cache}
    return {"upstreams": {"mirror": block}}


async def until(condition):
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


@pytest.mark.parametrize("said", [{"X-Request-Timeout": "60ms"}, {"Prefer": "wait=0"}])
async def test_a_caller_waits_no_longer_than_it_says_and_finds_the_answer_when_it_comes_again(larder, said):
    async with gated(LATE) as there, larder(**mirror(there.url, {"ttl": "60s"})) as house:
        late = await house.get("/mirror/x", headers=said)
        assert (late.status, late.json["title"]) == (504, "Upstream timeout")

        there.gate.set()
        await house.settled()
        assert (await house.get("/mirror/x")).body == b"late"
        assert len(there.seen) <= 1 or "Prefer" in said  # the flight went on, and nobody asked again


async def test_who_is_out_of_time_gets_what_is_stale_and_the_reason(larder):
    async with gated(LATE) as there:
        there.gate.set()
        async with larder(**mirror(there.url, {"ttl": "1s", "stale_if_error": "1h"})) as house:
            await house.get("/mirror/x")
            house.clock.advance(5)
            there.gate.clear()

            answer = await house.get("/mirror/x", headers={"X-Request-Timeout": "50ms"})

            assert (answer.status, answer.body) == (200, b"late")
            assert "detail=deadline" in answer.cache
            there.gate.set()


async def test_a_caller_may_ask_for_less_than_the_timeout_and_not_for_more(larder):
    slow = {"timeout": {"attempt": "100ms", "total": "100ms"}}
    async with gated(LATE) as there, larder(**mirror(there.url, **slow)) as house:
        async with asyncio.timeout(5):
            assert (await house.get("/mirror/x", headers={"X-Request-Timeout": "3600"})).status == 504


async def test_one_who_is_patient_keeps_a_flight_going_that_an_impatient_one_began(larder):
    async with gated(LATE) as there, larder(**mirror(there.url, {"ttl": "60s"})) as house:
        hasty = asyncio.create_task(house.get("/mirror/x", headers={"X-Request-Timeout": "100ms"}))
        await until(lambda: len(there.seen) == 1)
        patient = asyncio.create_task(house.get("/mirror/x"))

        assert (await hasty).status == 504
        there.gate.set()
        assert (await patient).body == b"late"
        assert len(there.seen) == 1


async def test_who_has_a_fallback_waits_no_longer_than_fallback_after(larder):
    rules = {"ttl": "1s", "stale_if_error": "1h"}
    async with gated(LATE) as there:
        there.gate.set()
        async with larder(**mirror(there.url, rules, timeout={"fallback_after": "50ms"})) as house:
            await house.get("/mirror/x")
            house.clock.advance(5)
            there.gate.clear()

            assert "detail=deadline" in (await house.get("/mirror/x")).cache

            there.gate.set()
            await house.settled()
            assert (await house.get("/mirror/x")).cache.startswith("larder; hit")
            assert len(there.seen) == 2


async def test_a_write_goes_on_when_its_caller_is_out_of_time(larder):
    async with gated(LATE, "POST") as there, larder(**mirror(there.url)) as house:
        late = await house.ask("POST", "/mirror/x", data=b"1", headers={"X-Request-Timeout": "80ms"})
        assert late.status == 504

        there.gate.set()
        await house.settled()
        assert [seen.body for seen in there.seen] == [b"1"]


async def test_of_several_places_the_one_that_fails_is_left_alone_and_callers_do_not_notice(larder):
    async with AsyncExitStack() as stack:
        bad = await stack.enter_async_context(origin(lambda seen: text("no", 503)))
        good = await stack.enter_async_context(origin(lambda seen: text("yes")))
        guards = {
            "breaker": {"minimum_calls": 3, "cooldown": "60s"},
            "retry": {"attempts": 2, "wait": 0, "floor": "9/s"},
        }
        house = await stack.enter_async_context(larder(**mirror([bad.url, good.url], **guards)))

        answers = [await house.get(f"/mirror/{n}") for n in range(20)]

        assert {answer.status for answer in answers} == {200}
        assert len(bad.seen) == 3
        circuits = house.larder.upstreams["mirror"].guards.hosts.circuits
        assert {url: circuit.state for url, circuit in circuits.items()} == {bad.url: "open", good.url: "closed"}


async def test_calls_are_spread_over_places_that_are_well(larder):
    async with AsyncExitStack() as stack:
        places = [await stack.enter_async_context(origin(lambda seen: text("yes"))) for _ in range(3)]
        house = await stack.enter_async_context(larder(**mirror([there.url for there in places])))
        for n in range(12):
            await house.get(f"/mirror/{n}")

        assert [len(there.seen) for there in places] == [4, 4, 4]


async def test_an_endpoint_with_a_breaker_of_its_own_opens_no_other(larder):
    own = {"GET /bad": {"breaker": {"minimum_calls": 2, "cooldown": "60s"}}}
    answers = {"/bad": lambda: text("no", 503)}
    async with origin(lambda seen: answers.get(seen.target, text)()) as there:
        async with larder(**mirror(there.url, endpoints=own)) as house:
            assert [(await house.get("/mirror/bad")).status for _ in range(5)] == [503] * 5
            assert (await house.get("/mirror/good")).status == 200

            assert [seen.target for seen in there.seen] == ["/bad", "/bad", "/good"]


async def test_a_credential_that_was_refused_hears_it_again_without_a_call_and_no_other_does(larder):
    async with larder() as house:
        first = await house.get(LIST, headers=bearer("no-such-token"))
        again = [await house.get(LIST, headers=bearer("no-such-token")) for _ in range(5)]

        assert {(one.status, one.body) for one in again} == {(first.status, first.body)}
        assert (first.status, again[0].headers["WWW-Authenticate"]) == (401, first.headers["WWW-Authenticate"])
        assert await house.calls(STUDENT_COURSES) == 1
        assert (await house.get(LIST, headers=bearer(ADA))).status == 200

        house.clock.advance(301)
        assert (await house.get(LIST, headers=bearer("no-such-token"))).status == 401
        assert await house.calls(STUDENT_COURSES) == 3


async def test_lookups_that_are_used_up_rest_for_that_upstream_and_stale_stands_in(larder):
    async with larder() as house:
        await house.get(LOOKUP)
        await house.fail("smartystreets", status=402)
        house.clock.advance(2 * 86_400)

        answers = [await house.get(LOOKUP) for _ in range(4)]

        assert {one.status for one in answers} == {200}
        assert await house.calls("/smartystreets/*") == 2


async def test_a_caller_that_tries_again_by_itself_is_not_tried_for_again(larder):
    guards = {"retry": {"attempts": 3, "wait": 0, "floor": "100/s"}, "breaker": {"minimum_calls": 1000}}
    async with larder(upstreams={"smartystreets": guards}) as house:
        await house.fail("smartystreets", status=503)

        for _ in range(6):  # as its SDK does
            await house.get(LOOKUP)

        assert await house.calls("/smartystreets/*") == 3 + 5


async def test_background_work_stops_while_an_operator_drains_and_goes_on_after(larder):
    cache = {"ttl": "300s", "stale_while_revalidate": "1h"}
    tuned = {"courseworks": {"endpoints": {"GET /api/v1/courses": {"cache": cache}}}}
    async with larder(upstreams=tuned) as house:
        await house.get(LIST, headers=bearer(ADA))
        house.clock.advance(400)
        orders = house.larder.upstreams["courseworks"].orders
        orders.drain(60)

        assert (await house.get(LIST, headers=bearer(ADA))).status == 200
        await house.settled()
        assert await house.calls(STUDENT_COURSES) == 1

        orders.resume()
        await house.get(LIST, headers=bearer(ADA))
        await house.settled()
        assert await house.calls(STUDENT_COURSES) == 2


async def test_a_circuit_that_is_held_open_lets_nothing_through_and_one_held_closed_everything(larder):
    async with origin(lambda seen: text("no", 503)) as there:
        async with larder(**mirror(there.url, breaker={"minimum_calls": 1, "cooldown": "60s"})) as house:
            orders = house.larder.upstreams["mirror"].orders
            orders.force("open", 30)
            held = await house.get("/mirror/a")
            assert (held.status, held.headers["Retry-After"], len(there.seen)) == (503, "30", 0)

            orders.force("closed", 30)
            assert [(await house.get("/mirror/a")).status for _ in range(3)] == [503] * 3
            assert len(there.seen) == 3

            orders.release()
            await house.get("/mirror/a")
            assert len(there.seen) == 3  # its own circuit is open by now


async def test_while_a_token_is_throttled_its_owner_gets_what_is_stale_and_others_are_not_concerned(larder):
    cache = {"ttl": "5s", "stale_while_revalidate": "0s", "stale_if_error": "24h"}
    tuned = {"courseworks": {"endpoints": {"GET /api/v1/courses": {"cache": cache}}}}
    async with larder(upstreams=tuned) as house:
        await house.get(LIST, headers=bearer(ADA))
        await house.fail(kind="throttle", times=1, headers={"Retry-After": "100"})
        throttled = await house.get("/courseworks/api/v1/courses/565", headers=bearer(ADA))
        assert throttled.status == 429
        calls = await house.calls("/courseworks/*")

        house.clock.advance(20)
        stale = await house.get(LIST, headers=bearer(ADA))
        assert (stale.status, stale.cache.rpartition("; ")[2]) == (200, "detail=paused")
        assert await house.calls("/courseworks/*") == calls

        assert (await house.get(LIST, headers=bearer(BEN))).cache.startswith("larder; fwd=miss; fwd-status=200")
        house.clock.advance(90)
        assert (await house.get(LIST, headers=bearer(ADA))).cache.startswith("larder; fwd=stale; fwd-status=304")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_handed_on_and_never_followed(larder, status):
    async with origin(lambda seen: text("elsewhere")) as elsewhere:
        away = lambda seen: text("", status, Location=elsewhere.url + "/secret")  # noqa: E731
        async with origin(away) as there, larder(**mirror(there.url)) as house:
            answer = await house.get("/mirror/x", headers={"Authorization": "Bearer canary"})

            assert (answer.status, answer.headers["Location"]) == (status, elsewhere.url + "/secret")
            assert elsewhere.seen == []


async def test_callers_who_do_not_wait_cannot_hide_that_an_upstream_hangs(larder):
    guards = {"timeout": {"attempt": "100ms", "total": "100ms"}, "breaker": {"minimum_calls": 3, "cooldown": "60s"}}
    async with gated(LATE) as there, larder(**mirror(there.url, **guards)) as house:
        hasty = {"X-Request-Timeout": "20ms", "Cache-Control": "no-store"}
        for n in range(3):
            assert (await house.get(f"/mirror/{n}", headers=hasty)).status == 504
        await until(lambda: house.larder.upstreams["mirror"].breaker.state == "open")

        assert (await house.get("/mirror/4", headers=hasty)).status == 503
        assert len(there.seen) == 3


async def test_a_caller_who_has_no_time_does_not_spoil_it_for_others(larder):
    rules = {"ttl": "1s", "stale_if_error": "1h"}
    bodies = iter(["old", "new"])
    async with origin(lambda seen: text(next(bodies))) as there, larder(**mirror(there.url, rules)) as house:
        await house.get("/mirror/x")
        house.clock.advance(5)

        for method in ("HEAD", "GET"):
            await house.ask(method, "/mirror/x", headers={"X-Request-Timeout": "0"})

        assert (await house.get("/mirror/x")).body == b"new"


async def test_how_long_a_caller_waits_is_not_the_upstreams_business(larder):
    wishes = {"X-Request-Timeout": "30", "Prefer": "respond-async, wait=20; x=1, return=minimal"}
    async with origin(lambda seen: text()) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x", headers=wishes)
        await house.get("/mirror/y", headers={"Prefer": "wait=20"})

        assert there.seen[0].all("X-Request-Timeout") == []
        assert there.seen[0].all("Prefer") == ["respond-async, return=minimal"]
        assert there.seen[1].all("Prefer") == []


async def test_a_refresh_that_would_only_be_refused_since_the_line_is_full_is_not_begun(larder):
    paths = [f"/courseworks/api/v1/courses/{course}" for course in (565, 101, 102)]
    tuned = {"courseworks": {"concurrency": {"upstream": 1, "credential": 1, "queue": 1}}}
    async with larder(upstreams=tuned) as house:
        for path in paths:
            await house.get(path, headers=bearer(ADA))
        await house.settled()
        await house.fail(kind="hang")
        house.clock.advance(1000)
        stale = [await house.get(path, headers=bearer(ADA)) for path in paths]
        there = house.larder.upstreams["courseworks"]
        refused, waiting = dict(there.failures), there.slots.waiting
        await house.heal()

        assert all(answer.cache.startswith("larder; hit; ttl=-") for answer in stale)
        assert (refused, waiting) == ({}, 1)


async def test_who_leaves_less_time_than_any_answer_took_is_told_that_nobody_was_asked(larder):
    async with gated(LATE) as there, larder(**mirror(there.url)) as house:
        waits = asyncio.create_task(house.get("/mirror/x"))
        await until(lambda: len(there.seen) == 1)
        house.clock.advance(3)  # so long did it take
        there.gate.set()
        assert (await waits).status == 200

        hasty = await house.get("/mirror/y", headers={"X-Request-Timeout": "800ms"})

        assert (hasty.status, hasty.headers["Content-Type"]) == (504, "application/problem+json")
        assert hasty.json["type"] == "tag:larder,2026:upstream-not-asked"
        assert hasty.json["detail"].startswith("mirror was not asked: none of its last answers came within the 800 ms")
        assert "again in 10 s" in hasty.json["detail"]
        assert "detail=too-short" in hasty.cache
        house.larder.observing.log.flush()
        assert '"cache":"too-short"' in house.log.getvalue()
        assert "too-short" in house.larder.upstreams["mirror"].failures  # as GET /admin/upstreams shows them
        assert len(there.seen) == 1

        house.clock.advance(10)
        assert (await house.get("/mirror/y", headers={"X-Request-Timeout": "800ms"})).status == 200
