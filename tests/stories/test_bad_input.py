"""Bad input gets a clear answer, and nothing good is lost for it."""

import asyncio

from proxy.config.file import ConfigError
from tests.house import ADA, STUDENT_COURSES, bearer


async def test_an_unknown_upstream_is_told_the_known_ones(larder):
    async with larder() as house:
        answer = await house.get("/coursework/api/v1/courses")

        assert answer.status == 404
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "courseworks, google, smartystreets" in answer.json["detail"]


async def test_a_body_over_the_limit_is_a_413(larder):
    async with larder(server={"max_body": "1KiB"}) as house:
        answer = await house.ask("PUT", "/courseworks/api/v1/courses/565", headers=bearer(ADA), data=b"x" * 2000)

        assert answer.status == 413
        assert await house.calls() == 0


async def test_a_head_over_the_limit_is_a_431_in_one_line_and_in_many(larder):
    async with larder(server={"max_head": "4KiB"}) as house:
        for headers in ({"X-Long": "x" * 5000}, {f"X-{number}": "x" * 500 for number in range(10)}):
            assert (await house.get("/-/health", headers=headers)).status == 431


async def test_what_is_not_http_is_answered_in_larders_words(larder):
    async with larder() as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port)
        writer.write(b"NONSENSE\r\n\r\n")

        answer = await reader.read()

        assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
        assert b"problem+json" in answer
        assert b"NONSENSE" not in answer
        writer.close()


async def test_a_foreign_host_is_refused_without_callers(larder):
    async with larder() as house:
        assert (await house.get(STUDENT_COURSES, headers=bearer(ADA, Host="evil.example"))).status == 421


async def test_an_unreachable_upstream_is_a_502_in_the_providers_shape_and_ready_tells(larder):
    dead = {name: {"base_url": "http://127.0.0.1:9"} for name in ("courseworks", "smartystreets", "google")}
    async with larder(upstreams=dead) as house:
        answer = await house.get(STUDENT_COURSES, headers=bearer(ADA))

        async with asyncio.timeout(30):  # until the others were looked for too
            while (ready := await house.get("/-/ready")).status == 200:
                await asyncio.sleep(0)
        assert answer.status == 502
        assert answer.json["errors"][0]["message"]
        assert ready.status == 503
        assert "courseworks" in ready.json["parts"]["upstreams"]
        assert (await house.get("/-/health")).status == 200


async def test_a_changed_ttl_holds_for_the_next_request_and_for_what_is_stored(larder):
    async with larder() as house:
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        house.clock.advance(100)
        route = {"GET /api/v1/courses": {"cache": {"ttl": "50s", "refresh_after": "50s", "stale_while_revalidate": 0}}}

        house.reload(upstreams={"courseworks": {"endpoints": route}})

        assert "fwd=stale" in (await house.get(STUDENT_COURSES, headers=bearer(ADA))).cache


async def test_a_bad_config_is_refused_as_a_whole_and_the_old_one_stays(larder):
    async with larder() as house:
        route = {"GET /api/v1/courses": {"cache": {"tll": "50s"}}}
        try:
            house.reload(upstreams={"courseworks": {"endpoints": route}})
        except ConfigError as error:
            refused = str(error)

        assert "did you mean ttl?" in refused
        assert (await house.get(STUDENT_COURSES, headers=bearer(ADA))).status == 200


async def test_what_runs_when_the_end_is_told_is_still_answered(larder):
    async with larder() as house:
        await house.fail(kind="latency", seconds=0.3)
        running = asyncio.create_task(house.get(STUDENT_COURSES, headers=bearer(ADA)))
        writing = asyncio.create_task(
            house.ask(
                "PUT",
                "/courseworks/api/v1/courses/565",
                headers=bearer("sandbox-teacher-cy"),
                data={"course[name]": "N"},
            )
        )
        while await house.calls() < 2:
            await asyncio.sleep(0)

        await house.larder.close()

        assert (await running).status == 200
        assert (await writing).status == 200
