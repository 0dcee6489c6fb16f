"""/v1/courses, /v1/me and /v1/students: neutral, without pages, from the same entries as canvasapi's."""

import asyncio
import re
from pathlib import Path

import pytest

from proxy.callers.keys import HASH_PREFIX, digest_key
from tests.house import ADA, ADMIN, BEN, CY, bearer

ROSTER = "/v1/courses/565/roster"
BY_SDK = "/courseworks/api/v1/courses/565/enrollments"
PER_PAGE = "?per_page=100"


async def read(home, path, token=ADA, **headers):
    return await home.get(path, headers=bearer(token, **headers))


def ids(answered):
    return [row["id"] for row in answered.json["data"]]


async def test_courses_are_told_in_nobodys_words_and_say_where_from(larder):
    async with larder() as home:
        answered = await read(home, "/v1/courses")
        body = answered.json
        methods = next(row for row in body["data"] if row["id"] == "565")

        assert answered.status == 200
        assert methods == {
            "id": "565",
            "name": "Made-up Methods",
            "code": "MADE W1001",
            "state": "available",
            "term_id": "83",
            "account_id": "79",
            "sis_id": None,
            "starts_at": None,
            "ends_at": None,
            "time_zone": "America/New_York",
            "enrollments": [{"type": "student", "role": "StudentEnrollment", "state": "active"}],
        }
        assert len(body["data"]) == 14
        assert (body["upstream"], body["cache"]["status"]) == ("courseworks", "miss")
        assert answered.headers["Cache-Control"] == "private, no-cache"

        home.clock.advance(60)
        again = await read(home, "/v1/courses")
        assert again.cache.startswith("larder; hit")
        assert (again.headers["Age"], again.json["cache"]["age"]) == ("60", 60)
        assert again.headers["ETag"] == answered.headers["ETag"]


@pytest.mark.parametrize("is_typed_first", [True, False], ids=["typed first", "path first"])
async def test_a_roster_is_fetched_once_whichever_way_it_is_read(larder, is_typed_first):
    async with larder() as home:
        paths = [ROSTER, BY_SDK + PER_PAGE]
        first, second = paths if is_typed_first else paths[::-1]
        await read(home, first, CY, Accept="*/*")
        await home.settled()
        assert (before := await home.calls("/courseworks/api/v1/courses/565/enrollments*")) > 0
        answered = await read(home, second, CY, Accept="*/*")

        assert answered.cache.startswith("larder; hit")
        assert await home.calls("/courseworks/api/v1/courses/565/enrollments*") == before
        assert answered.status == 200


async def test_a_roster_has_all_rows_whoever_they_are_and_no_grades(larder):
    async with larder() as home:
        answered = await read(home, ROSTER, CY)
        [ada] = [row for row in answered.json["data"] if row["user_id"] == "20064"]

        assert len(answered.json["data"]) == 71 > 10
        assert ada == {
            "id": "46825",
            "user_id": "20064",
            "course_id": "565",
            "section_id": "4811",
            "type": "student",
            "role": "StudentEnrollment",
            "state": "active",
            "starts_at": None,
            "ends_at": None,
            "name": "Ada Sample",
            "sortable_name": "Sample, Ada",
            "login_id": "as0001",
            "sis_user_id": "as0001",
        }
        assert b"score" not in answered.body


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("type=teacher", 2),
        ("type=teacher,ta", 3),
        ("role=TeacherEnrollment", 2),
        ("section=4812&type=student", 32),
        ("state=invited", 1),
        ("state=completed", 1),
        ("state=completed,inactive", 2),
        ("type=student&role=StudentEnrollment&state=invited", 1),
        ("section=1", 0),
    ],
)
async def test_a_roster_is_filtered(larder, query, count):
    async with larder() as home:
        answered = await read(home, f"{ROSTER}?{query}&fields=id", CY)

        assert answered.status == 200
        assert len(answered.json["data"]) == count
        assert all(row.keys() == {"id"} for row in answered.json["data"])


async def test_filters_of_what_is_listed_unasked_are_answered_from_one_entry(larder):
    async with larder() as home:
        await read(home, ROSTER, CY)
        calls = await home.calls()
        for query in ("type=teacher", "section=4811", "state=active", "state=active,invited", "fields=id,name"):
            assert (await read(home, f"{ROSTER}?{query}", CY)).cache.startswith("larder; hit")

        assert await home.calls() == calls


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=unpublished", ["590"]),
        ("state=completed,unpublished", ["400", "590"]),
        ("term=82", ["400"]),
        ("enrollment_type=teacher&state=available&term=83", ["101", "102", "103", "104", "105", "106", "565"]),
        ("enrollment_type=student", []),
    ],
)
async def test_courses_are_filtered(larder, query, found):
    async with larder() as home:
        assert sorted(ids(await read(home, f"/v1/courses?{query}", CY))) == found


@pytest.mark.parametrize(
    ("path", "field", "says"),
    [
        ("/v1/courses?fields=id,nmae", "fields.1", "unknown field; did you mean name?"),
        ("/v1/courses?fields=", "fields.0", "unknown field; known: id, name"),
        ("/v1/courses?fields=id,id", "fields", "the same stands there twice"),
        ("/v1/courses?terms=82", "terms", "unknown field; did you mean term?"),
        ("/v1/courses?state=open", "state.0", "'available'"),
        ("/v1/courses?term=fall", "term.0", "has to be an id"),
        ("/v1/courses?upstream=coursework", "upstream", "did you mean courseworks?"),
        ("/v1/courses?upstream=google", "upstream", "no upstream that can tell of courses"),
        ("/v1/courses/565/roster?type=student&role=TeacherEnrollment", "query", "contradict each other"),
        ("/v1/courses/565/roster?sections=4811", "sections", "did you mean section?"),
        ("/v1/courses/565/sections?state=active", "state", "unknown field"),
        ("/v1/courses/5%2F65", "id", "a Canvas id"),
        ("/v1/students/nobody/overview", "id", "a Canvas id"),
        ("/v1/me?page=2", "page", "unknown field"),
    ],
)
async def test_what_cannot_be_meant_is_named_and_asked_of_nobody(larder, path, field, says):
    async with larder() as home:
        refused = await read(home, path)
        [error] = refused.json["errors"]

        assert (refused.status, refused.headers["Content-Type"]) == (422, "application/problem+json")
        assert error["field"] == field
        assert says in error["detail"]
        assert await home.calls() == 0


@pytest.mark.parametrize("named", ["565", "sis_course_id:2026F-MADE1001", "2107~565", "21070000000000565"])
async def test_a_course_is_found_by_each_of_its_names(larder, named):
    async with larder() as home:
        answered = await read(home, f"/v1/courses/{named}?fields=name", CY)

        assert answered.json["data"] == {"id": "565", "name": "Made-up Methods"}


async def test_a_slash_in_an_id_stays_in_it(larder):
    async with larder() as home:
        answered = await read(home, "/v1/courses/sis_course_id%3A2026F%2FSAND%2F012?fields=name", ADMIN)

        assert answered.json["data"] == {"id": "112", "name": "Course 12"}


async def test_sections_and_who_one_is(larder):
    async with larder() as home:
        sections, me = await read(home, "/v1/courses/565/sections"), await read(home, "/v1/me")

        assert ids(sections) == ["4811", "4812"]
        assert sections.json["data"][0]["course_id"] == "565"
        assert me.json["data"]["id"] == "20064"
        assert me.json["data"]["login_id"] == "as0001"


async def test_who_has_it_already_is_told_so_until_it_changes(larder):
    async with larder() as home:
        first = await read(home, "/v1/courses/565")
        tag = {"If-None-Match": first.headers["ETag"]}
        home.clock.advance(120)
        same = await read(home, "/v1/courses/565", **tag)

        assert not first.headers["ETag"].startswith("W/")
        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
        assert same.headers["Age"] == "120"
        assert (await read(home, "/v1/courses/565?fields=name", **tag)).status == 200

        renamed = {"course[name]": "Made-up Methods II"}
        assert (
            await home.ask("PUT", "/courseworks/api/v1/courses/565", data=renamed, headers=bearer(ADMIN))
        ).status == 200
        changed = await read(home, "/v1/courses/565", **tag)
        assert (changed.status, changed.json["data"]["name"]) == (200, "Made-up Methods II")


async def test_an_etag_is_of_what_does_not_change_by_itself(larder):
    async with larder() as home:
        first = await read(home, ROSTER, CY)
        home.clock.advance(3600)  # everybody has been active since
        later = await read(home, ROSTER, CY, **{"Cache-Control": "no-cache"})

        assert later.json["cache"]["age"] == 0
        assert later.headers["ETag"] == first.headers["ETag"]


async def test_nobody_gets_anothers(larder):
    async with larder() as home:
        await read(home, "/v1/courses", ADA)
        answered = await read(home, "/v1/courses", BEN)

        assert "fwd=miss" in answered.cache
        assert next(row["name"] for row in answered.json["data"] if row["id"] == "565") == "Methods (Tuesdays)"


@pytest.mark.parametrize(
    ("path", "token", "status", "title"),
    [
        ("/v1/courses", "sandbox-expired", 401, "Token refused"),
        ("/v1/me", "no-such-token", 401, "Token refused"),
        ("/v1/courses/565/roster", BEN, 200, ""),
        ("/v1/courses/101/roster", BEN, 403, "Not permitted"),
        ("/v1/courses/101", BEN, 403, "Not permitted"),
        ("/v1/courses/99999", ADA, 404, "Nothing there"),
        ("/v1/students/99999/overview", ADMIN, 404, "Nothing there"),
        ("/v1/students/20065/overview", "sandbox-expired", 401, "Token refused"),
    ],
)
async def test_errors_of_canvas_are_problems_with_the_right_status(larder, path, token, status, title):
    async with larder() as home:
        for _ in range(2):
            answered = await read(home, path, token)

            assert answered.status == status, answered.body
            if status != 200:
                assert answered.headers["Content-Type"] == "application/problem+json"
                assert answered.json["title"] == title
            if status == 401:
                assert answered.headers.getall("WWW-Authenticate") == ['Bearer realm="courseworks"']


async def test_without_a_token_one_is_asked_for(larder):
    async with larder() as home:
        answered = await home.get("/v1/courses")

        assert answered.status == 401
        assert "Authorization: Bearer" in answered.json["detail"]


async def test_who_is_throttled_is_told_so_and_for_how_long(larder):
    async with larder(defaults={"retry": {"attempts": 1}}) as home:
        await home.fail(kind="throttle")
        answered = await read(home, "/v1/courses")

        assert (answered.status, answered.json["title"]) == (429, "Throttled")
        assert int(answered.headers["Retry-After"]) >= 1


async def test_a_failing_canvas_is_covered_for_and_the_answer_says_so(larder):
    async with larder() as home:
        await read(home, "/v1/courses")
        home.clock.advance(3600)
        await home.fail()
        covered, missing = await read(home, "/v1/courses"), await read(home, "/v1/courses/565")

        assert (covered.status, covered.json["cache"]["status"]) == (200, "fallback")
        assert missing.status == 502


async def test_a_list_that_is_too_long_says_where_its_pages_are(larder):
    async with larder(store={"max_entry": "20KiB"}) as home:
        for _ in range(2):
            refused = await read(home, ROSTER, CY)

            assert (refused.status, refused.json["title"]) == (422, "List too long")
            assert "/courseworks/api/v1/courses/{course}/enrollments" in refused.json["detail"]


@pytest.mark.parametrize("how", ["not kept whole", "not kept at all"])
async def test_a_list_that_is_not_kept_whole_is_read_page_by_page(larder, how):
    more = {"upstreams": {"courseworks": {"collection": {"whole": False}}}} if how == "not kept whole" else {}
    async with larder(**more) as home:
        headers = {} if more else {"Cache-Control": "no-store"}
        answered = await read(home, "/v1/courses/565/roster", CY, **headers)

        assert len(answered.json["data"]) == 71
        assert len(set(ids(answered))) == 71


async def test_an_upstream_of_several_has_to_be_named(larder):
    async with larder() as home:
        other = {**home.config["upstreams"]["courseworks"], "adapter": "courseworks"}
        home.reload(upstreams={"barnard": other})
        refused = await read(home, "/v1/me")
        named = await read(home, "/v1/me?upstream=barnard")
        home.reload(v1={"courses": {"upstream": "courseworks"}})

        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "upstream")
        assert named.json["upstream"] == "barnard"
        assert (await read(home, "/v1/me")).json["upstream"] == "courseworks"


async def test_a_held_token_is_used_and_its_refusal_is_not_the_callers(larder):
    async with larder(upstreams={"courseworks": {"credential": {"token": CY}}}) as home:
        answered = await home.get("/v1/me")
        assert answered.json["data"]["id"] == "20070"

        home.reload(upstreams={"courseworks": {"credential": {"token": "sandbox-expired"}}})
        assert (await home.get("/v1/me")).status == 502


async def test_an_overview_has_all_parts_and_shares_their_entries(larder):
    async with larder() as home:
        await read(home, "/v1/courses")
        await read(home, "/v1/me")
        calls = await home.calls()
        answered = await read(home, "/v1/students/self/overview")
        body = answered.json

        assert answered.status == 200
        assert [body[part]["status"] for part in ("profile", "courses", "sections")] == [200, 200, 200]
        assert [body[part]["cache"]["status"] for part in ("profile", "courses", "sections")] == ["hit", "hit", "miss"]
        assert body["profile"]["data"]["name"] == "Ada Sample"
        assert {"4811"} == {row["section_id"] for row in body["sections"]["data"] if row["course_id"] == "565"}
        assert await home.calls() == calls + 1


async def test_a_part_that_fails_is_told_apart(larder):
    async with larder() as home:
        await home.fail(path="/api/v1/users/self/enrollments*")
        body = (await read(home, "/v1/students/self/overview")).json

        assert (body["profile"]["status"], body["courses"]["status"], body["sections"]["status"]) == (200, 200, 502)
        assert body["sections"]["data"] is None
        assert body["sections"]["problem"]["title"] == "Upstream unreachable"


async def test_where_no_part_comes_all_of_them_say_why(larder):
    async with larder() as home:
        await home.fail()
        answered = await read(home, "/v1/students/self/overview")

        assert answered.status == 503
        assert {part["status"] for part in answered.json["parts"].values()} <= {502, 503}
        assert int(answered.headers["Retry-After"]) >= 1


async def test_parts_are_read_side_by_side_and_share_the_callers_time(larder):
    async with larder(server={"drain": "100ms"}) as home:
        await home.fail(kind="hang", path="/api/v1/users/self/enrollments*")
        started = asyncio.get_running_loop().time()
        answered = await read(home, "/v1/students/self/overview", **{"X-Request-Timeout": "1.0"})

        assert asyncio.get_running_loop().time() - started < 10
        assert [answered.json[part]["status"] for part in ("profile", "courses", "sections")] == [200, 200, 504]


async def test_only_what_is_stored_is_given_to_who_asks_for_that(larder):
    async with larder() as home:
        only = {"Cache-Control": "only-if-cached"}
        assert (await read(home, "/v1/courses", **only)).status == 504
        assert (await read(home, "/v1/students/self/overview", **only)).status == 504
        assert await home.calls() == 0


async def test_what_the_readme_asks_for_is_answered(larder):
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    paths = re.findall(r"curl '?http://127.0.0.1:8080(/v1/(?:courses|students)[^' ]*)", readme)
    async with larder() as home:
        answered = [await read(home, path, CY) for path in paths]

        assert len(paths) == 3
        assert [one.status for one in answered] == [200, 200, 200]


async def test_no_log_line_and_no_metric_names_anybody(larder):
    async with larder() as home:
        for path in ("/v1/me", ROSTER, "/v1/students/20064/overview", "/v1/courses/sis_course_id:canary-course"):
            await read(home, path, CY)
            await read(home, path, "canary-token")
        home.larder.observing.log.flush()
        text = home.log.getvalue() + home.larder.observing.metrics.exposition()[1].decode()

        for canary in ("canary", "20064", "Ada", "as0001", "sandbox-teacher"):
            assert canary not in text
        assert "GET /v1/courses/{id}/roster" in text


async def test_a_dot_segment_is_no_id(larder):
    async with larder() as home:
        for path in ("/v1/courses/%2E%2E/sections", "/v1/courses/..%2F..%2Faccounts/sections"):
            assert (await read(home, path)).status == 400

        assert await home.calls() == 0


KEY = "larder-key-of-registrar-0123456789"
REGISTRAR = {"name": "registrar", "key": f"{HASH_PREFIX}{digest_key(KEY).hex()}"}


async def test_who_is_known_by_key_or_network_brings_the_canvas_token_beside(larder):
    async with larder(callers=[REGISTRAR, {"name": "campus", "networks": ["127.0.0.0/8"]}]) as home:
        by_key = await read(home, "/v1/me", ADA, **{"X-Larder-Key": KEY})
        by_network = await read(home, "/v1/me", BEN)
        in_path = await read(home, f"/@{KEY}/v1/me", CY)

        assert [one.json["data"]["id"] for one in (by_key, by_network, in_path)] == ["20064", "20065", "20070"]


async def test_who_may_not_use_canvas_is_refused_before_it_is_asked(larder):
    async with larder(callers=[{**REGISTRAR, "allow": ["google"]}]) as home:
        refused = await read(home, "/v1/courses", ADA, **{"X-Larder-Key": KEY})

        assert (refused.status, refused.json["title"]) == (403, "Caller not allowed")
        assert (await read(home, "/v1/courses", ADA)).json["title"] == "Unknown caller"
        assert await home.calls() == 0


async def test_a_larder_key_in_the_place_of_a_token_is_sent_to_no_canvas(larder):
    async with larder(callers=[REGISTRAR]) as home:
        held = {**home.config["upstreams"]["courseworks"], "adapter": "courseworks", "credential": {"token": CY}}
        home.reload(upstreams={"barnard": held})
        by_held = await read(home, "/v1/me?upstream=barnard", KEY)
        by_own = await read(home, "/v1/me?upstream=courseworks", KEY)
        journal = await home.control("journal", method="GET")

        assert by_held.json["data"]["id"] == "20070"
        assert by_own.status == 401
        assert ["authorization" in one["headers"] for one in journal["requests"]] == [True, False]


async def test_head_tells_what_get_would(larder):
    async with larder() as home:
        got = await read(home, "/v1/courses/565/sections")
        head = await home.ask("HEAD", "/v1/courses/565/sections", headers=bearer(ADA))

        assert (head.status, head.body, head.headers["ETag"]) == (200, b"", got.headers["ETag"])


async def test_a_purge_reaches_what_is_read_here(larder):
    async with larder() as home:
        await read(home, "/v1/courses/565/sections", CY)
        made = {"course_section[name]": "Section 003"}
        path = "/courseworks/api/v1/courses/565/sections"
        assert (await home.ask("POST", path, data=made, headers=bearer(CY))).status < 300

        assert "Section 003" in [row["name"] for row in (await read(home, "/v1/courses/565/sections", CY)).json["data"]]
