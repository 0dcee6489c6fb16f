"""True: what an acknowledged purge covers is never served as current; a bad payload never replaces a good one."""

import asyncio

from proxy.store.fences import Mode
from tests.house import ADA, BEN, CY, bearer, running_larder

STUDENT_COURSES = "/courseworks/api/v1/courses?per_page=100"
COURSE = "/courseworks/api/v1/courses/565"
HOOK = "/webhooks/canvas"


async def signed_events(house):
    await house.control("settings", {"notify": [house.url + HOOK], "sign": True})


async def changed(house, **change):
    told = await house.control("change", change)
    assert [delivery["status"] for delivery in told["deliveries"]] == [200]


async def test_a_signed_rename_purges_the_course_and_the_lists_that_hold_it(larder):
    async with larder() as house:
        await signed_events(house)
        for path in (COURSE, STUDENT_COURSES):
            await house.get(path, headers=bearer(ADA))
        await house.get("/courseworks/api/v1/courses/100", headers=bearer(ADA))

        await changed(house, kind="rename_course", course_id=565, name="Quite New")

        for path in (COURSE, STUDENT_COURSES):
            read = await house.get(path, headers=bearer(ADA))
            assert "fwd=stale" in read.cache
            assert "Quite New" in read.body.decode()
        assert "hit" in (await house.get("/courseworks/api/v1/courses/100", headers=bearer(ADA))).cache


async def test_an_enrolment_purges_that_persons_list_and_the_roster_but_no_classmates_list(larder):
    async with larder() as house:
        await signed_events(house)
        roster = "/courseworks/api/v1/courses/100/search_users?per_page=100"
        for token in (ADA, BEN):
            await house.get(STUDENT_COURSES, headers=bearer(token))
        await house.get(roster, headers=bearer(ADA))

        await changed(house, kind="enroll", user_id=20065, course_id=100, type="StudentEnrollment", state="active")

        assert "fwd=stale" in (await house.get(STUDENT_COURSES, headers=bearer(BEN))).cache
        assert "fwd=stale" in (await house.get(roster, headers=bearer(ADA))).cache
        assert "hit" in (await house.get(STUDENT_COURSES, headers=bearer(ADA))).cache


async def test_an_unbound_tokens_list_is_purged_by_any_enrolment(larder):
    async with larder(upstreams={"courseworks": {"learn_user": False}}) as house:
        await signed_events(house)
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        assert await house.calls("/courseworks/api/v1/users/self") == 0

        await changed(house, kind="enroll", user_id=20065, course_id=100, type="StudentEnrollment", state="active")

        assert "fwd=stale" in (await house.get(STUDENT_COURSES, headers=bearer(ADA))).cache


async def test_a_forged_event_changes_nothing(larder):
    async with larder() as house:
        await signed_events(house)
        await house.get(COURSE, headers=bearer(ADA))

        told = await house.control("change", {"kind": "rename_course", "course_id": 565, "name": "X", "forged": True})

        assert told["deliveries"][0]["status"] == 401
        assert "hit" in (await house.get(COURSE, headers=bearer(ADA))).cache


async def test_the_writer_reads_its_own_write(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(CY))
        await house.get(STUDENT_COURSES, headers=bearer(ADA))

        written = await house.ask("PUT", COURSE, headers=bearer(CY), data={"course[name]": "Written"})
        read = await house.get(COURSE, headers=bearer(CY))

        assert written.status == 200
        assert "fwd=method" in written.cache
        assert read.json["name"] == "Written"
        assert "Written" in (await house.get(STUDENT_COURSES, headers=bearer(ADA))).body.decode()
        assert await house.calls("/courseworks/api/v1/courses/565") == 3


async def test_a_write_whose_outcome_is_unknown_purges_and_is_not_repeated(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(CY))
        await house.fail(kind="reset", method="PUT", times=1)

        lost = await house.ask("PUT", COURSE, headers=bearer(CY), data={"course[name]": "Lost"})

        assert lost.status == 502
        assert "fwd=stale" in (await house.get(COURSE, headers=bearer(CY))).cache
        assert await house.calls("/courseworks/api/v1/courses/565") == 3


async def test_a_refused_write_changes_nothing(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))

        refused = await house.ask("PUT", COURSE, headers=bearer(ADA), data={"course[name]": "No"})

        assert refused.status in (401, 403)
        assert "hit" in (await house.get(COURSE, headers=bearer(ADA))).cache


async def test_a_fill_that_started_before_a_purge_never_answers_a_caller_who_came_after_it(larder):
    async with larder() as house:
        await house.get("/courseworks/api/v1/users/self", headers=bearer(ADA))
        await house.fail(kind="latency", seconds=0.3, path="/api/v1/courses/565", times=1)
        early = asyncio.create_task(house.get(COURSE, headers=bearer(ADA)))
        while not await house.calls("/courseworks/api/v1/courses/565"):
            await asyncio.sleep(0)
        await house.larder.purger.purge(["courseworks/course:565"])

        late = await house.get(COURSE, headers=bearer(ADA))

        assert (await early).status == late.status == 200
        assert await house.calls("/courseworks/api/v1/courses/565") == 2
        assert "hit" in (await house.get(COURSE, headers=bearer(ADA))).cache


async def test_what_was_purged_softly_covers_a_failing_upstream_and_says_so(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.larder.purger.purge(["courseworks/course:565"])
        await house.fail()

        covered = await house.get(COURSE, headers=bearer(ADA))

        assert covered.status == 200
        assert "detail=purged" in covered.cache


async def test_what_was_purged_hard_is_never_served_and_its_bytes_go(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.settled()
        await house.larder.purger.purge(["courseworks/course:565"], Mode.HARD)
        await house.fail()

        assert (await house.get(COURSE, headers=bearer(ADA))).status == 503
        assert len(house.larder.memory) == 0


async def test_fills_just_after_a_change_are_short_lived(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.larder.purger.purge(["courseworks/course:565"], settle=30)

        refilled = await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(6)

        assert "ttl=5" in refilled.cache
        assert "fwd=stale" in (await house.get(COURSE, headers=bearer(ADA))).cache


async def test_a_bad_payload_never_replaces_a_good_entry(larder):
    async with larder() as house:
        good = await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(3600)
        await house.control("change", {"kind": "rename_course", "course_id": 565, "name": "Newer", "notify": False})
        await house.fail(kind="malformed")

        kept = await house.get(COURSE, headers=bearer(ADA))
        live = await house.get(COURSE, headers=bearer(ADA, **{"Cache-Control": "no-cache"}))

        assert kept.body == good.body
        assert "detail=not-json" in kept.cache
        assert live.body != good.body
        assert live.status == 200
        assert "stored" not in live.cache


async def test_a_live_read_asks_the_upstream_and_refreshes_what_is_kept(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(10)

        live = await house.get(COURSE, headers=bearer(ADA, **{"Cache-Control": "no-cache"}))

        assert "fwd=request" in live.cache
        assert (await house.get(COURSE, headers=bearer(ADA))).headers["Age"] == "0"


async def test_after_a_restart_the_first_read_is_a_hit_and_purges_still_hold(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        await house.settled()
        await house.larder.purger.purge(["courseworks/course:565"])
        await house.larder.close()

        async with running_larder(house.config, house.clock.clocks) as (again, _):
            house.larder = again
            calls = await house.calls()
            known = await house.get(STUDENT_COURSES, headers=bearer(ADA))
            purged = await house.get(COURSE, headers=bearer(ADA))

            assert known.cache.startswith("larder; hit")
            assert "fwd=stale" in purged.cache
            assert await house.calls() == calls + 1


async def test_an_only_if_cached_request_never_goes_out(larder):
    async with larder() as house:
        wish = bearer(ADA, **{"Cache-Control": "only-if-cached"})
        assert (await house.get(COURSE, headers=wish)).status == 504
        await house.get(COURSE, headers=bearer(ADA))
        assert (await house.get(COURSE, headers=wish)).status == 200
        assert await house.calls("/courseworks/api/v1/courses/565") == 1
