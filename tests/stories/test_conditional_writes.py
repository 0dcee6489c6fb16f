"""A write with a precondition is compared with the live state before it is sent, where Canvas compares nothing."""

from tests.house import ADA, ADMIN, CY, bearer

COURSE = "/courseworks/api/v1/courses/565"
ROSTER = f"{COURSE}/enrollments"
NAME = "CanaryCourseName"


def form(name="Renamed"):
    return {"course[name]": name}


async def tag_of(house, path=COURSE, token=CY):
    return (await house.get(path, headers=bearer(token))).headers["ETag"]


async def puts(house):
    return (await house.control("journal?method=PUT", method="GET"))["requests"]


async def rename_elsewhere(house, name=NAME):
    """Somebody else changes it, past Larder, and no notification comes."""
    url = f"{house.sandbox_url}/courseworks/api/v1/courses/565"
    assert (await house.ask("PUT", url, headers=bearer(ADMIN), data=form(name))).status == 200


async def test_the_tag_is_strong_and_the_same_from_the_upstream_the_cache_and_the_fast_lane(larder):
    async with larder() as house:
        tags = [await tag_of(house) for _ in range(4)]

        assert len(set(tags)) == 1
        assert tags[0].startswith('"')


async def test_what_changes_by_itself_changes_no_tag(larder):
    async with larder() as house:
        first = await house.get(ROSTER, headers=bearer(CY))
        house.clock.advance(100_000)
        second = await house.get(ROSTER, headers=bearer(CY, **{"Cache-Control": "no-cache"}))

        assert first.headers["ETag"] == second.headers["ETag"]
        assert "last_activity_at" in first.json[0]


async def test_who_has_it_already_hears_so_and_the_upstream_is_still_asked_by_its_own_tag(larder):
    async with larder() as house:
        tag = await tag_of(house)
        known = await house.get(COURSE, headers=bearer(CY, **{"If-None-Match": tag}))
        live = await house.get(COURSE, headers=bearer(CY, **{"Cache-Control": "no-cache"}))

        assert (known.status, known.headers["ETag"], known.body) == (304, tag, b"")
        assert "fwd-status=304" in live.cache
        assert (live.status, live.headers["ETag"]) == (200, tag)
        assert "Larder-Tag" not in live.headers


async def test_a_part_of_an_answer_whose_tag_leaves_something_out_is_not_given(larder):
    async with larder() as house:
        tag = await tag_of(house)

        answer = await house.get(COURSE, headers=bearer(CY, Range="bytes=0-1", **{"If-Range": tag}))

        assert answer.status == 200


async def test_a_write_to_what_is_as_its_writer_knew_it_is_sent_without_the_condition(larder):
    async with larder() as house:
        tag = await tag_of(house)

        done = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": tag}), data=form())

        assert (done.status, done.json["name"]) == (200, "Renamed")
        assert len(await puts(house)) == 1
        assert await tag_of(house) != tag


async def test_a_write_to_what_has_moved_is_refused_with_what_changed_and_not_sent(larder):
    async with larder() as house:
        tag = await tag_of(house)
        await rename_elsewhere(house)
        before = len(await puts(house))

        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": tag}), data=form())

        assert refused.status == 412
        assert refused.json["errors"] == [{"field": "name", "message": "name: has changed", "error_code": "changed"}]
        assert len(await puts(house)) == before
        assert NAME not in refused.body.decode() + house.log.getvalue()
        assert (await house.get(COURSE, headers=bearer(CY))).json["name"] == NAME  # what was read is kept, too


async def test_what_changed_is_not_said_where_it_is_not_known(larder):
    async with larder() as house:
        await tag_of(house)

        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": '"of long ago"'}), data=form())

        assert refused.status == 412
        assert set(refused.json["errors"][0]) == {"message"}


async def test_the_state_is_read_live_and_never_from_the_cache(larder):
    async with larder() as house:
        tag = await tag_of(house)

        await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": tag}), data=form())

        journal = await house.control("journal?path=/courseworks/api/v1/courses/565", method="GET")
        assert [entry["method"] for entry in journal["requests"]][:3] == ["GET", "GET", "PUT"]


async def test_what_cannot_be_read_is_not_written(larder):
    async with larder() as house:
        tag = await tag_of(house)
        await house.fail(status=503, method="GET")

        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": tag}), data=form())

        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert "precondition-unchecked" in refused.cache
        assert await puts(house) == []


async def test_what_cannot_be_read_in_time_is_not_written(larder):
    timeout = {"attempt": "200ms", "total": "300ms"}
    async with larder(upstreams={"courseworks": {"timeout": timeout}}) as house:
        tag = await tag_of(house)
        await house.fail(kind="latency", seconds=5, method="GET")

        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": tag}), data=form())

        assert refused.status in (503, 504)
        assert await puts(house) == []


async def test_who_may_not_read_it_hears_the_upstreams_refusal_and_nothing_is_written(larder):
    async with larder() as house:
        refused = await house.ask("PUT", COURSE, headers=bearer("nobody", **{"If-Match": "*"}), data=form())

        assert refused.status == 401
        assert "WWW-Authenticate" in refused.headers
        assert await puts(house) == []


async def test_if_none_match_any_writes_only_where_there_is_nothing(larder):
    async with larder() as house:
        there = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-None-Match": "*"}), data=form())
        nowhere = "/courseworks/api/v1/courses/999999"
        absent = await house.ask("PUT", nowhere, headers=bearer(CY, **{"If-None-Match": "*"}), data=form())
        lost = await house.ask("PUT", nowhere, headers=bearer(CY, **{"If-Match": "*"}), data=form())

        assert (there.status, absent.status, lost.status) == (412, 404, 412)
        assert [entry["path"] for entry in await puts(house)] == [nowhere]


async def test_what_one_may_see_decides_what_is_compared(larder):
    """A student's tag of the course is not the teacher's: each is compared with what its own token reads."""
    async with larder() as house:
        students = await tag_of(house, token=ADA)

        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": students}), data=form())

        assert refused.status == 412


async def test_an_operator_may_leave_preconditions_to_the_upstream(larder):
    upstreams = {"courseworks": {"writes": {"preconditions": False}}}
    async with larder(upstreams=upstreams) as house:
        done = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": '"other"'}), data=form())

        assert done.status == 200
        assert await house.calls("/courseworks/api/v1/courses/565") == 1  # the PUT alone


async def test_a_write_in_disguise_is_not_sent_as_the_read_before_it(larder):
    async with larder() as house:
        headers = bearer(CY, **{"If-Match": '"other"', "X-HTTP-Method-Override": "PUT"})

        refused = await house.ask("POST", COURSE, headers=headers, data=form())

        assert refused.status == 412
        journal = await house.control("journal?path=/courseworks/api/v1/courses/565", method="GET")
        assert [entry["method"] for entry in journal["requests"]] == ["GET"]


async def test_where_nothing_is_kept_the_upstream_is_to_judge(larder):
    endpoints = {"GET /api/v1/courses/{course}": {"cache": {"partition": "none"}}}
    async with larder(upstreams={"courseworks": {"endpoints": endpoints}}) as house:
        done = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": '"other"'}), data=form())

        assert done.status == 200
        assert await house.calls("/courseworks/api/v1/courses/565") == 1


async def test_a_head_never_has_a_tag_that_a_get_does_not_have(larder):
    async with larder() as house:
        before = await house.ask("HEAD", COURSE, headers=bearer(CY))
        tag = await tag_of(house)
        after = await house.ask("HEAD", COURSE, headers=bearer(CY))

        assert before.headers.get("ETag") in (None, tag)
        assert after.headers["ETag"] == tag


async def test_what_is_too_large_to_be_compared_is_not_written_over_blindly(larder):
    async with larder(store={"max_entry": "100B"}) as house:
        refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": '"other"'}), data=form())

        assert refused.status == 503
        assert await puts(house) == []


async def test_a_precondition_that_cannot_be_read_is_refused_with_what_would_be_right_and_nothing_is_sent(larder):
    async with larder() as house:
        tag = await tag_of(house)
        before = await house.calls("/courseworks/*")
        for name, value in (
            ("If-Match", tag.strip('"')),
            ("If-Match", ""),
            ("If-Match", f"{tag}, *"),
            ("If-None-Match", f"w/{tag}"),
        ):
            refused = await house.ask("PUT", COURSE, headers=bearer(CY, **{name: value}), data=form())

            assert refused.status == 400, value
            assert refused.json["errors"][0]["message"].startswith(f"{name}: found what is no entity-tag")
        assert (await puts(house), await house.calls("/courseworks/*")) == ([], before)

        weak = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Match": f'W/"a,b", {tag}'}), data=form())
        assert weak.status == 200


async def test_a_date_that_is_none_is_ignored(larder):
    async with larder() as house:
        done = await house.ask("PUT", COURSE, headers=bearer(CY, **{"If-Unmodified-Since": "soon"}), data=form())

        assert done.status == 200
