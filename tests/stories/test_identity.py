"""Yours: an answer fetched for one principal never reaches another; who is refused, loses what was kept."""

from proxy.callers.keys import make_key
from tests.house import ADA, ADMIN, BEN, CY, STUDENT_COURSES, bearer

COURSE = "/courseworks/api/v1/courses/565"
JOURNAL = "/courseworks/api/v1/courses"


async def test_two_students_never_see_each_others_courses(larder):
    async with larder() as house:
        ada = await house.get(STUDENT_COURSES, headers=bearer(ADA))
        ben = await house.get(STUDENT_COURSES, headers=bearer(BEN))

        assert "fwd=miss" in ben.cache
        assert ada.body != ben.body


async def test_an_unknown_token_gets_nothing_from_the_cache_and_is_judged_by_the_upstream(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))

        refused = await house.get(COURSE, headers=bearer("nobody"))

        assert refused.status == 401
        assert "WWW-Authenticate" in refused.headers
        assert refused.json["errors"]


async def test_the_token_in_the_query_is_the_same_principal_never_part_of_a_key_or_link(larder):
    async with larder() as house:
        first = await house.get(f"{STUDENT_COURSES}?per_page=5&access_token={ADA}")
        second = await house.get(f"{STUDENT_COURSES}?access_token={ADA}&per_page=5")

        assert second.cache.startswith("larder; hit")
        assert ADA not in first.headers["Link"]


async def test_acting_as_another_user_is_kept_apart(larder):
    async with larder() as house:
        own = await house.get("/courseworks/api/v1/users/self", headers=bearer(ADMIN))
        other = await house.get("/courseworks/api/v1/users/self?as_user_id=20064", headers=bearer(ADMIN))

        assert own.json["id"] != other.json["id"] == 20064


async def test_string_ids_are_kept_apart_from_integer_ids(larder):
    async with larder() as house:
        numbers = await house.get(COURSE, headers=bearer(ADA))
        strings = await house.get(COURSE, headers=bearer(ADA, Accept="application/json+canvas-string-ids"))

        assert numbers.json["id"] == 565
        assert strings.json["id"] == "565"


async def test_a_refused_token_ends_its_partition_and_no_stale_answer_covers_for_it(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        body = '{"errors":[{"message":"Revoked access token."}]}'
        headers = {"WWW-Authenticate": 'Bearer realm="canvas-lms"', "Content-Type": "application/json"}
        await house.fail(status=401, body=body, headers=headers)
        house.clock.advance(3600)

        refused = await house.get(COURSE, headers=bearer(ADA))
        await house.heal()
        await house.fail()
        house.clock.advance(5 * 60)  # as long as a refused credential rests

        assert refused.status == 401
        assert (await house.get(STUDENT_COURSES, headers=bearer(ADA))).status == 503
        assert len(house.larder.memory) == 0


async def test_a_lost_permission_removes_that_one_entry_only(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        body = '{"status":"unauthorized","errors":[{"message":"user not authorized to perform that action"}]}'
        await house.fail(status=403, body=body, path="/api/v1/courses/565")
        house.clock.advance(3600)

        forbidden = await house.get(COURSE, headers=bearer(ADA))
        await house.heal()
        await house.fail()

        assert forbidden.status == 403
        assert (await house.get(COURSE, headers=bearer(ADA))).status == 503
        assert (await house.get(STUDENT_COURSES, headers=bearer(ADA))).status == 200


async def test_throttling_in_either_of_canvas_forms_may_be_covered(larder):
    async with larder() as house:
        await house.get(COURSE, headers=bearer(ADA))
        for status in (429, 403):
            await house.control("settings", {"canvas": {"throttle_status": status}})
            await house.fail(kind="throttle")
            house.clock.advance(3600)

            covered = await house.get(COURSE, headers=bearer(ADA))

            assert covered.status == 200
            assert f"fwd-status={status}" in covered.cache
            assert "detail=throttled" in covered.cache
            await house.heal()


async def test_a_teacher_and_a_student_see_their_own_rosters(larder):
    async with larder() as house:
        path = "/courseworks/api/v1/courses/565/enrollments"
        teacher = await house.get(path, headers=bearer(CY))
        student = await house.get(path, headers=bearer(ADA))

        assert "fwd=miss" in student.cache
        assert teacher.body != student.body


async def test_a_held_smarty_credential_shares_and_a_google_one_does_not(larder, tmp_path):
    one, two = (make_key(google=False, random=lambda n, fill=fill: fill * n) for fill in (b"a", b"b"))
    callers = [{"name": "one", "key": one[1]}, {"name": "two", "key": two[1]}]
    smarty = "/smartystreets/us-street/street-address?street=12+Example+Place&city=Sampleton&state=NY"
    google = "/google/maps/api/geocode/json?address=12+Example+Place%2C+Sampleton+NY"
    async with larder(callers=callers) as house:
        for path, second in ((smarty, "hit"), (google, "fwd=miss")):
            await house.get(path, headers={"X-Larder-Key": one[0]})
            assert second in (await house.get(path, headers={"X-Larder-Key": two[0]})).cache

        assert (await house.get(smarty)).status == 401
        assert (await house.get(smarty, headers={"X-Larder-Key": "wrong"})).status == 401


async def test_no_secret_or_personal_datum_is_in_logs_metrics_or_errors(larder):
    async with larder() as house:
        await house.get(STUDENT_COURSES + "?search_term=CANARY-QUERY", headers=bearer(ADA))
        await house.get("/courseworks/api/v1/users/self", headers=bearer(ADA))
        await house.get("/courseworks/api/v1/CANARY-PATH?x=CANARY-QUERY", headers=bearer("CANARY-TOKEN"))
        await house.get("/CANARY-UPSTREAM/x", headers=bearer("CANARY-TOKEN"))
        await house.fail(kind="malformed")
        await house.get("/courseworks/api/v1/courses/565", headers=bearer(ADA))
        house.larder.observing.close()

        _, metrics = house.larder.observing.metrics.exposition()
        seen = house.log.getvalue() + metrics.decode()
        for canary in ("CANARY", ADA, "Ada Sample", "20064"):
            assert canary not in seen
