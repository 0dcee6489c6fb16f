"""An overview with all parts is not sent again to whoever has it; one in which a part is missing always is."""

from tests.house import ADA, BEN
from tests.stories.test_jobs import ASYNC, ended, result
from tests.stories.test_typed_courses import read

OVERVIEW = "/v1/students/self/overview"


async def test_who_has_it_is_told_so_however_old_it_has_grown(larder):
    async with larder() as home:
        first = await read(home, OVERVIEW)
        home.clock.advance(20)
        same = await read(home, OVERVIEW, **{"If-None-Match": first.headers["ETag"]})
        again = await read(home, OVERVIEW)

        assert first.headers["ETag"].startswith('"')
        assert (first.headers["Cache-Control"], first.headers["Vary"]) == ("private, no-cache", "Authorization")
        assert (same.status, same.body, same.headers["ETag"]) == (304, b"", first.headers["ETag"])
        assert (again.status, again.headers["ETag"]) == (200, first.headers["ETag"])
        assert again.json["courses"]["cache"] != first.json["courses"]["cache"], "only its age has changed"


async def test_what_changes_in_any_part_changes_the_tag(larder):
    async with larder() as home:
        first = await read(home, OVERVIEW)
        await home.control("change", {"kind": "rename_course", "course_id": 565, "name": "Another Name"})
        changed = await read(home, OVERVIEW, **{"If-None-Match": first.headers["ETag"], "Cache-Control": "no-cache"})
        others = await read(home, OVERVIEW, BEN, **{"If-None-Match": first.headers["ETag"]})

        assert changed.status == others.status == 200
        assert len({one.headers["ETag"] for one in (first, changed, others)}) == 3


async def test_where_a_part_is_missing_nothing_is_validated(larder):
    async with larder() as home:
        whole = await read(home, OVERVIEW)
        await home.fail(path="/api/v1/users/self/enrollments*")
        partial = await read(home, OVERVIEW, **{"If-None-Match": whole.headers["ETag"], "Cache-Control": "no-cache"})
        any_tag = await read(home, OVERVIEW, **{"If-None-Match": "*", "Cache-Control": "no-cache"})

        for answered in (partial, any_tag):
            assert answered.status == 200
            assert answered.json["sections"]["problem"]["title"] == "Upstream unreachable"
            assert "ETag" not in answered.headers
            assert answered.headers["Cache-Control"] == "no-store"


async def test_the_result_of_a_job_has_the_same_tag(larder):
    async with larder() as home:
        at_once = await read(home, OVERVIEW)
        begun = await read(home, OVERVIEW, **ASYNC)
        headers = {"Authorization": f"Bearer {ADA}"}
        await ended(home, begun, **headers)

        assert (await result(home, begun, **headers)).headers["ETag"] == at_once.headers["ETag"]
