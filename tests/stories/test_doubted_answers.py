"""True: a 200 that looks like a mistake does not wipe a good answer, and is believed once there is reason to."""

import asyncio

import pytest

from proxy.messages import ALL, endpoint_tag, upstream_tag
from proxy.store.fences import Mode
from tests.house import ADA, CY, bearer

COURSES = "/courseworks/api/v1/courses?per_page=100"
COURSE = "/courseworks/api/v1/courses/565"
SECTIONS = "/courseworks/api/v1/courses/565/sections?per_page=100"
ENROLLMENTS = "/courseworks/api/v1/users/20064/enrollments?per_page=100"
LATER = 400  # seconds: past `ttl` and `stale_while_revalidate`, within `stale_if_error`
LIVE = {"Cache-Control": "no-cache"}


def held(house):
    return house.larder.quarantine.listed()


async def wiped(house, path="/api/v1/courses"):
    await house.fail(kind="empty_list", path=path)


async def test_an_empty_list_does_not_wipe_a_course_list(larder):
    async with larder() as house:
        good = await house.get(COURSES, headers=bearer(ADA))
        house.clock.advance(LATER)
        await wiped(house)

        kept = await house.get(COURSES, headers=bearer(ADA))

        assert (kept.status, kept.body) == (200, good.body)
        assert "detail=collection-shrank" in kept.cache
        assert int(kept.headers["Age"]) >= LATER
        [one] = held(house)
        assert (one.reason, one.rows_before, one.rows_after, one.seen) == ("collection-shrank", 14, 0, 1)
        assert (one.endpoint, one.acceptable) == ("GET /api/v1/courses", True)


async def test_a_live_read_gets_the_doubted_answer_as_it_came_and_nothing_is_replaced(larder):
    async with larder() as house:
        good = await house.get(COURSES, headers=bearer(ADA))
        await wiped(house)

        live = await house.get(COURSES, headers=bearer(ADA, **LIVE))
        after = await house.get(COURSES, headers=bearer(ADA))

        assert (live.status, live.json) == (200, [])
        assert "detail=collection-shrank" in live.cache
        assert "stored" not in live.cache
        assert (after.body, "hit" in after.cache) == (good.body, True)


async def test_the_same_change_three_times_apart_is_believed(larder):
    async with larder() as house:
        await house.get(COURSES, headers=bearer(ADA))
        house.clock.advance(LATER)
        await wiped(house)

        read = []
        for _ in range(3):
            read.append(len((await house.get(COURSES, headers=bearer(ADA))).json))
            house.clock.advance(60)

        assert read == [14, 14, 0]
        assert held(house) == []
        assert '"why":"repeated"' in house.log.getvalue().replace(" ", "")


async def test_many_readers_within_seconds_are_no_proof(larder):
    async with larder() as house:
        await house.get(COURSES, headers=bearer(ADA))
        await wiped(house)

        for _ in range(6):
            await house.get(COURSES, headers=bearer(ADA, **LIVE))
            house.clock.advance(1)

        assert len((await house.get(COURSES, headers=bearer(ADA))).json) == 14
        assert held(house)[0].seen == 6


async def test_a_good_answer_between_begins_the_count_anew(larder):
    async with larder() as house:
        await house.get(COURSES, headers=bearer(ADA))
        for _ in range(3):
            await wiped(house)
            house.clock.advance(60)
            await house.get(COURSES, headers=bearer(ADA, **LIVE))
            await house.heal()
            house.clock.advance(60)
            await house.get(COURSES, headers=bearer(ADA, **LIVE))

        assert len((await house.get(COURSES, headers=bearer(ADA))).json) == 14


async def test_a_webhooks_event_makes_it_believed(larder):
    async with larder() as house:
        await house.control("settings", {"notify": [house.url + "/webhooks/canvas"], "sign": True})
        await house.get(COURSES, headers=bearer(ADA))
        await wiped(house)
        assert (await house.get(COURSES, headers=bearer(ADA, **LIVE))).json == []

        told = await house.control("change", {"kind": "unenroll", "user_id": 20064, "course_id": 565})
        house.clock.advance(2)  # the refusal put the next try off for a second
        read = await house.get(COURSES, headers=bearer(ADA))

        assert [delivery["status"] for delivery in told["deliveries"]] == [200]
        assert (read.json, "stored" in read.cache) == ([], True)


async def test_an_event_about_somebody_else_is_no_reason_to_believe_it(larder):
    async with larder() as house:
        await house.control("settings", {"notify": [house.url + "/webhooks/canvas"], "sign": True})
        await house.get(COURSES, headers=bearer(ADA))
        await wiped(house)

        await house.control(
            "change", {"kind": "enroll", "user_id": 20065, "course_id": 100, "type": "StudentEnrollment"}
        )
        await house.get(COURSES, headers=bearer(ADA, **LIVE))

        assert len((await house.get(COURSES, headers=bearer(ADA))).json) == 14


async def test_no_purge_makes_another_object_the_right_one(larder):
    async with larder() as house:
        good = await house.get(COURSE, headers=bearer(ADA))
        await house.larder.purger.purge(["courseworks/course:565"])
        await house.fail(status=200, body={"id": 566, "name": "Somebody Else's"}, path="/api/v1/courses/565")

        kept = await house.get(COURSE, headers=bearer(ADA))

        assert (kept.body, "detail=purged" in kept.cache) == (good.body, True)


async def test_a_purge_makes_it_believed_at_once(larder):
    async with larder() as house:
        await house.get(COURSES, headers=bearer(ADA))
        await house.larder.purger.purge(["courseworks/user:20064:courses"])
        await wiped(house)

        read = await house.get(COURSES, headers=bearer(ADA))

        assert (read.json, "stored" in read.cache) == ([], True)
        assert held(house) == []


@pytest.mark.parametrize("tag", [ALL, upstream_tag("courseworks"), endpoint_tag("courseworks", "GET /api/v1/courses")])
async def test_a_flush_that_names_nothing_of_what_it_holds_explains_nothing(larder, tag):
    async with larder() as house:
        good = await house.get(COURSES, headers=bearer(ADA))
        await house.larder.purger.purge([tag])
        await wiped(house)

        assert (await house.get(COURSES, headers=bearer(ADA))).json == good.json
        assert [one.reason for one in held(house)] == ["collection-shrank"]


async def test_a_small_collection_may_lose_most_of_what_it_has_but_not_all_at_once(larder):
    """A student who takes four courses is wiped by an empty list as surely as a roster of hundreds."""
    async with larder() as house:
        sections = (await house.get(SECTIONS, headers=bearer(CY))).json
        assert 1 < len(sections) < 5
        await wiped(house, "/api/v1/courses/565/sections")
        assert "stored" not in (await house.get(SECTIONS, headers=bearer(CY, **LIVE))).cache
        await house.heal()
        await house.fail(status=200, body=sections[:1], path="/api/v1/courses/565/sections")

        assert "stored" in (await house.get(SECTIONS, headers=bearer(CY, **LIVE))).cache


async def test_how_much_may_go_is_the_operators_to_say(larder):
    async with larder(upstreams={"courseworks": {"payload": {"shrink": "100%"}}}) as house:
        await house.get(COURSES, headers=bearer(ADA))
        await wiped(house)

        assert "stored" in (await house.get(COURSES, headers=bearer(ADA, **LIVE))).cache


async def test_another_object_than_the_one_asked_for_is_never_stored(larder):
    async with larder() as house:
        other = {"id": 566, "name": "Somebody Else's"}
        await house.fail(status=200, body=other, path="/api/v1/courses/565")

        first = await house.get(COURSE, headers=bearer(ADA))

        assert (first.json, "stored" in first.cache) == (other, False)
        await house.heal()
        house.clock.advance(60)
        good = await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(3600)
        await house.fail(status=200, body=other, path="/api/v1/courses/565")
        kept = await house.get(COURSE, headers=bearer(ADA))
        assert (kept.body, "detail=other-id" in kept.cache) == (good.body, True)


@pytest.mark.parametrize("course", ["10000000000565", "1~565", "565"])
async def test_all_spellings_of_an_id_are_the_same_object(larder, course):
    async with larder() as house:
        body = {"id": 565, "name": "Made-up Methods"}
        await house.fail(status=200, body=body, path=f"/api/v1/courses/{course}")

        assert "stored" in (await house.get(f"/courseworks/api/v1/courses/{course}", headers=bearer(ADA))).cache


async def test_an_older_state_of_a_row_is_not_taken_back(larder):
    def rows(at):
        base = {"user_id": 20064, "type": "StudentEnrollment"}
        return [{"id": one, "course_id": one, "updated_at": at, **base} for one in (1, 2)]

    async with larder() as house:
        await house.fail(status=200, body=rows("2026-08-20T10:00:00Z"), path="/api/v1/users/20064/enrollments")
        await house.get(ENROLLMENTS, headers=bearer(ADA))
        await house.heal()
        await house.fail(status=200, body=rows("2026-08-20T09:59:59Z"), path="/api/v1/users/20064/enrollments")

        await house.get(ENROLLMENTS, headers=bearer(ADA, **LIVE))

        assert [one.reason for one in held(house)] == ["older-than-stored"]
        assert "09:59:59" not in (await house.get(ENROLLMENTS, headers=bearer(ADA))).body.decode()


async def test_what_does_not_parse_is_listed_and_cannot_be_accepted(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        house.clock.advance(LATER * 3)
        await house.control("change", {"kind": "rename_course", "course_id": 565, "name": "Newer", "notify": False})
        await house.fail(kind="malformed", path="/api/v1/courses/565")

        kept = await house.get(COURSE, headers=bearer(ADA))

        assert "detail=not-json" in kept.cache
        [one] = held(house)
        assert (one.reason, one.acceptable) == ("not-json", False)


async def test_a_hard_purge_takes_what_is_in_quarantine_too(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        body = {"id": 566, "name": "canary-in-quarantine"}
        await house.fail(status=200, body=body, path="/api/v1/courses/565")
        await house.get(COURSE, headers=bearer(ADA, **LIVE))
        assert len(held(house)) == 1

        await house.larder.purger.purge([f"@partition:{held(house)[0].partition}"], Mode.HARD)

        assert held(house) == []
        assert house.larder.quarantine.bytes == 0


async def test_a_refusal_is_counted_and_said_in_one_line_without_data(larder):
    async with larder() as house:
        await house.get(COURSES, headers=bearer(ADA))
        house.clock.advance(LATER)
        canary = [{"id": 9, "name": "canary-77"}]
        await house.fail(status=200, body=canary, path="/api/v1/courses")

        await house.get(COURSES, headers=bearer(ADA))
        house.clock.advance(LATER)
        await house.get(COURSES, headers=bearer(ADA))

        metrics = house.larder.observing.metrics.exposition()[1].decode()
        counted = 'endpoint="GET /api/v1/courses",reason="collection-shrank",upstream="courseworks"} 2.0'
        assert f"larder_quarantined_total{{{counted}" in metrics
        lines = [line for line in house.log.getvalue().splitlines() if "quarantined" in line]
        assert len(lines) == 1
        assert "canary-77" not in house.log.getvalue() + metrics


async def test_callers_who_may_not_share_a_call_wipe_nothing_either(larder):
    async with larder() as house:
        good = await house.get(COURSES, headers=bearer(ADA))
        house.clock.advance(LATER)
        unshared = {"status": 200, "body": [], "headers": {"cache-control": "no-store"}}
        await house.fail(path="/api/v1/courses", **unshared)

        read = await asyncio.gather(*[house.get(COURSES, headers=bearer(ADA)) for _ in range(4)])
        house.clock.advance(60)
        await house.heal()
        await house.fail()

        assert {answer.body for answer in read} == {good.body}
        assert (await house.get(COURSES, headers=bearer(ADA))).body == good.body
        assert [one.acceptable for one in held(house)] == [False]  # it says itself that it may not be stored


async def test_answers_with_new_fields_are_taken(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        body = {"id": 565, "name": "Made-up Methods", "invented_later": {"deep": [1]}}
        await house.fail(status=200, body=body, path="/api/v1/courses/565")

        assert "stored" in (await house.get(COURSE, headers=bearer(ADA, **LIVE))).cache
