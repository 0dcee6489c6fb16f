"""Defects a hostile review found: each test says what should hold."""

import asyncio
import contextlib
import gzip

from aiohttp import web

from proxy.config.loading import plans_of
from tests.house import ADA, STUDENT_COURSES, bearer, config_file
from tests.origin import gated, origin, text

DECLARED = {"ttl": "60s", "negative_ttl": "5s", "stale_if_error": "1h"}


def mirror(url, cache=None, **more):
    block = {"adapter": "http", "base_url": url, "retry": {"attempts": 1}, **more}
    if cache is not None:
        block["endpoints"] = {"GET /x": {"cache": cache}}
    return {"upstreams": {"mirror": block}}


async def until(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def turns(count=200):
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_get_with_a_body_is_not_the_same_as_one_without(larder):
    async with origin(lambda seen: text(f"body={seen.body.decode()}", Cache_Control="max-age=60")) as there:
        async with larder(**mirror(there.url)) as house:
            await house.get("/mirror/x", data=b"poison")
            plain = await house.get("/mirror/x")

            assert plain.body == b"body="


async def test_a_canvas_get_with_a_form_body_does_not_answer_for_one_without(larder):
    def answer(seen):
        return web.json_response({"id": 565, "name": f"seen as {seen.body.decode() or 'self'}"})

    async with origin(answer) as there, larder(upstreams={"courseworks": {"base_url": there.url}}) as house:
        path = "/courseworks/api/v1/courses/565"
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        await house.get(path, headers=bearer(ADA, **form), data=b"as_user_id=7")
        plain = await house.get(path, headers=bearer(ADA))

        assert plain.json["name"] == "seen as self"


async def test_a_declared_cache_of_any_http_api_keeps_variants_apart(larder):
    def answer(seen):
        return text(f"lang={seen.all('Accept-Language')}", Vary="Accept-Language")

    async with origin(answer) as there, larder(**mirror(there.url, DECLARED)) as house:
        await house.get("/mirror/x", headers={"Accept-Language": "de"})
        english = await house.get("/mirror/x", headers={"Accept-Language": "en"})

        assert english.body == b"lang=['en']"


async def test_a_declared_cache_never_gives_a_coding_to_who_did_not_accept_it(larder):
    def answer(seen):
        if "gzip" in ",".join(seen.all("Accept-Encoding")):
            return web.Response(
                body=gzip.compress(b"hello"), headers={"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            )
        return text("hello", Vary="Accept-Encoding")

    async with origin(answer) as there, larder(**mirror(there.url, DECLARED)) as house:
        await house.get("/mirror/x", headers={"Accept-Encoding": "gzip"})
        plain = await house.get("/mirror/x", headers={"Accept-Encoding": "identity"})

        assert "Content-Encoding" not in plain.headers


async def test_repeated_lines_of_a_keyed_header_are_all_in_the_key(larder):
    def answer(seen):
        return web.json_response({"id": 565, "name": "|".join(seen.all("Accept"))})

    async with origin(answer) as there, larder(upstreams={"courseworks": {"base_url": there.url}}) as house:
        path = "/courseworks/api/v1/courses/565"
        one = [("Authorization", f"Bearer {ADA}"), ("Accept", "application/json")]
        two = [*one, ("Accept", "application/json+canvas-string-ids")]
        await house.get(path, headers=two)
        plain = await house.get(path, headers=one)

        assert plain.json["name"] == "application/json"


async def test_every_line_of_a_callers_cache_control_counts(larder):
    async with origin(lambda seen: text(Cache_Control="max-age=60")) as there:
        async with larder(**mirror(there.url)) as house:
            lines = [("Cache-Control", "max-age=100"), ("Cache-Control", "no-store")]
            await house.get("/mirror/x", headers=lines)

            assert len(house.larder.memory) == 0


async def test_two_credentials_lines_are_not_the_principal_of_the_first(larder):
    def answer(seen):
        return text("|".join(seen.all("X-Api-Key")), Cache_Control="private, max-age=60")

    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x", headers=[("X-Api-Key", "a"), ("X-Api-Key", "b")])
        plain = await house.get("/mirror/x", headers=[("X-Api-Key", "a")])

        assert plain.body == b"a"


async def test_an_error_that_sets_a_cookie_is_given_to_nobody_else(larder):
    def answer(seen):
        who = seen.all("X-Who")[0]
        return text(f"for {who}", 404, Set_Cookie=f"session={who}", Cache_Control="no-store")

    async with gated(answer) as there, larder(**mirror(there.url)) as house:
        first = asyncio.create_task(house.get("/mirror/x", headers={"X-Who": "ann"}))
        await until(lambda: len(there.seen) == 1)
        second = asyncio.create_task(house.get("/mirror/x", headers={"X-Who": "bob"}))
        await turns()
        there.gate.set()
        await first

        assert (await second).body == b"for bob"
        assert "ann" not in str((await second).headers)


async def test_an_error_that_varies_is_not_given_to_who_asked_differently(larder):
    def answer(seen):
        return text(f"for {seen.all('Accept-Language')[0]}", 404, Vary="Accept-Language")

    async with gated(answer) as there, larder(**mirror(there.url)) as house:
        first = asyncio.create_task(house.get("/mirror/x", headers={"Accept-Language": "de"}))
        await until(lambda: len(there.seen) == 1)
        second = asyncio.create_task(house.get("/mirror/x", headers={"Accept-Language": "en"}))
        await turns()
        there.gate.set()
        await first

        assert (await second).body == b"for en"


async def test_a_live_read_that_became_public_is_what_the_next_read_gets(larder):
    answers = iter([("old", "private, max-age=3600"), ("new", "public, max-age=3600")])

    def answer(_seen):
        body, control = next(answers)
        return text(body, Cache_Control=control)

    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        me = {"Authorization": "Bearer a"}
        await house.get("/mirror/x", headers=me)
        live = await house.get("/mirror/x", headers={**me, "Cache-Control": "no-cache"})
        after = await house.get("/mirror/x", headers=me)

        assert live.body == b"new"
        assert after.body == b"new"


async def test_a_live_read_that_may_not_be_stored_ends_the_older_answer(larder):
    answers = iter([("old", "max-age=3600"), ("new", "no-store"), ("new", "no-store")])

    def answer(_seen):
        body, control = next(answers)
        return text(body, Cache_Control=control)

    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x")
        await house.get("/mirror/x", headers={"Cache-Control": "no-cache"})

        assert (await house.get("/mirror/x")).body == b"new"


async def test_a_missing_thing_is_never_covered_by_what_was_there_before_by_headers(larder):
    answers = iter([(200, "max-age=1, stale-if-error=3600"), (404, ""), (503, "")])

    def answer(_seen):
        status, control = next(answers)
        return text(str(status), status, **({"Cache_Control": control} if control else {}))

    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x")
        house.clock.advance(5)
        missing = await house.get("/mirror/x")
        after = await house.get("/mirror/x")

        assert missing.status == 404
        assert after.status == 503


async def test_a_missing_course_is_never_covered_by_what_was_there_before_negative_ttl_0(larder):
    tuned = {"cache": {"ttl": "60s", "negative_ttl": "0s", "stale_while_revalidate": "0s", "stale_if_error": "24h"}}
    async with larder(upstreams={"courseworks": {"endpoints": {"GET /api/v1/courses/{course}": tuned}}}) as house:
        course = "/courseworks/api/v1/courses/565"
        await house.get(course, headers=bearer(ADA))
        house.clock.advance(300)
        await house.fail(status=404, body='{"errors":[{"message":"The specified resource does not exist."}]}')
        missing = await house.get(course, headers=bearer(ADA))
        await house.heal()
        await house.fail()
        after = await house.get(course, headers=bearer(ADA))

        assert missing.status == 404
        assert after.status == 503


async def test_a_304_to_a_404_is_a_404_with_the_negative_ttl(larder):
    def answer(seen):
        if seen.all("If-None-Match"):
            return web.Response(status=304, headers={"ETag": '"a"'})
        return text("no", 404, ETag='"a"')

    async with origin(answer) as there, larder(**mirror(there.url, DECLARED)) as house:
        await house.get("/mirror/x")
        house.clock.advance(6)
        await house.get("/mirror/x")
        house.clock.advance(6)
        asked = len(there.seen)
        await house.get("/mirror/x")

        assert len(there.seen) == asked + 1


async def test_a_token_refused_on_a_write_or_an_uncached_path_ends_its_partition(larder):
    body = '{"errors":[{"message":"Revoked access token."}]}'
    headers = {"WWW-Authenticate": 'Bearer realm="canvas-lms"', "Content-Type": "application/json"}
    async with larder() as house:
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        await house.fail(status=401, body=body, headers=headers)
        for method, path in (("PUT", "courses/565"), ("GET", "conversations")):
            refused = await house.ask(method, f"/courseworks/api/v1/{path}", headers=bearer(ADA))
            assert refused.status == 401

        assert (await house.get(STUDENT_COURSES, headers=bearer(ADA))).status == 401


async def test_calls_that_queued_before_the_circuit_opened_do_not_hammer(larder):
    guards = {
        "concurrency": {"upstream": 1, "queue": 100},
        "breaker": {"minimum_calls": 2, "cooldown": "60s"},
    }
    async with gated(lambda seen: text("no", 503)) as there, larder(**mirror(there.url, **guards)) as house:
        reads = [asyncio.create_task(house.get(f"/mirror/{n}")) for n in range(20)]
        await until(lambda: house.larder.upstreams["mirror"].slots.waiting == 19)
        there.gate.set()
        await asyncio.gather(*reads)

        assert len(there.seen) <= 3


async def test_a_hanging_upstream_opens_the_circuit_also_where_the_deadline_is_no_longer_than_an_attempt(larder):
    guards = {
        "timeout": {"attempt": "50ms", "total": "50ms"},
        "breaker": {"minimum_calls": 2, "cooldown": "60s"},
    }
    async with gated(lambda seen: text()) as there, larder(**mirror(there.url, **guards)) as house:
        for n in range(4):
            assert (await house.get(f"/mirror/{n}")).status in (503, 504)

        assert house.larder.upstreams["mirror"].breaker.state == "open"


async def test_taking_a_declared_cache_away_drops_no_request(larder):
    async with origin(lambda seen: text(Cache_Control="max-age=60")) as there:
        async with larder(**mirror(there.url, DECLARED)) as house:
            await house.get("/mirror/x")
            config = {**house.config, "upstreams": {**house.config["upstreams"]}}
            config["upstreams"]["mirror"] = mirror(there.url)["upstreams"]["mirror"]
            house.larder.follow(plans_of(config_file(config)))

            assert (await house.get("/mirror/x")).status == 200


async def test_a_request_under_way_survives_the_removal_of_its_upstream(larder):
    async with origin(lambda seen: text()) as there, larder(**mirror(there.url)) as house:
        began = asyncio.Event()

        async def body():
            yield b"a"
            began.set()
            await asyncio.sleep(0)
            await removed.wait()
            yield b"b"

        removed = asyncio.Event()
        posted = asyncio.create_task(house.ask("POST", "/mirror/x", data=body()))
        await began.wait()
        await until(lambda: '"POST"' in house.log.getvalue())
        upstreams = {name: block for name, block in house.config["upstreams"].items() if name != "mirror"}
        house.larder.follow(plans_of(config_file({**house.config, "upstreams": upstreams})))
        removed.set()

        assert (await posted).status == 200


async def test_only_if_cached_never_goes_upstream_also_where_nothing_is_cached(larder):
    async with larder() as house:
        path = "/courseworks/api/v1/conversations"
        read = await house.get(path, headers=bearer(ADA, **{"Cache-Control": "only-if-cached"}))

        assert read.status == 504
        assert await house.calls(path) == 0


async def test_a_body_that_breaks_off_ends_the_connection_and_no_second_answer_is_written_into_it(larder):
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nCache-Control: no-store\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, larder(**mirror(f"http://127.0.0.1:{port}")) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port)
        writer.write(b"GET /mirror/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        got = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(2):
                while chunk := await reader.read(65536):
                    got += chunk
        writer.close()

        assert got.count(b"HTTP/1.1") == 1, got
        assert not got.endswith(b"0\r\n\r\n"), got


async def test_a_purged_answer_does_not_come_back_when_keep_at_most_grows(larder):
    tuned = {"cache": {"ttl": "1h", "stale_if_error": "1h"}}
    courses = {"keep_at_most": "1d", "endpoints": {"GET /api/v1/courses": tuned}}
    short = {"courseworks": courses, "smartystreets": {"keep_at_most": "1d"}, "google": {"keep_at_most": "1d"}}
    async with larder(upstreams=short) as house:
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        await house.larder.purger.purge(["@upstream:courseworks"])
        await house.settled()
        house.clock.advance(3 * 86_400)
        await house.larder._housekeeping.sweep()
        tuned = {"cache": {"ttl": "30d", "stale_if_error": "1h"}}
        courses = {"keep_at_most": "90d", "endpoints": {"GET /api/v1/courses": tuned}}
        house.reload(upstreams={"courseworks": courses})

        assert "hit" not in (await house.get(STUDENT_COURSES, headers=bearer(ADA))).cache


async def test_a_lowered_keep_at_most_holds_at_once_for_what_is_kept_by_headers(larder):
    async with origin(lambda seen: text(Cache_Control="max-age=864000")) as there:
        async with larder(**mirror(there.url)) as house:
            await house.get("/mirror/x")
            house.clock.advance(7200)
            house.reload(**mirror(there.url, keep_at_most="1h"))

            assert "hit" not in (await house.get("/mirror/x")).cache


async def test_a_lost_permission_removes_a_variant_for_good(larder):
    forbidden = False

    def answer(seen):
        if forbidden and seen.all("Accept-Language") == ["de"]:
            return text("no", 403)
        control = "private, max-age=3600"
        return text(f"in {seen.all('Accept-Language')[0]}", Cache_Control=control, Vary="Accept-Language")

    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        german = {"Authorization": "Bearer a", "Accept-Language": "de"}
        english = {**german, "Accept-Language": "en"}
        await house.get("/mirror/x", headers=german)
        forbidden = True
        refused = await house.get("/mirror/x", headers={**german, "Cache-Control": "no-cache"})
        await house.get("/mirror/x", headers=english)
        again = await house.get("/mirror/x", headers=german)

        assert refused.status == 403
        assert again.status == 403


async def test_odd_octets_in_a_request_header_do_not_trip_the_breaker(larder):
    guards = {"breaker": {"minimum_calls": 1, "cooldown": "60s"}}
    async with origin(lambda seen: text()) as there, larder(**mirror(there.url, **guards)) as house:
        reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port)
        writer.write(b"GET /mirror/x HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Odd: caf\xe9\r\nConnection: close\r\n\r\n")
        got = await reader.read(-1)
        writer.close()

        assert b" 200 " in got.split(b"\r\n")[0]
        assert house.larder.upstreams["mirror"].breaker.state == "closed"


async def test_a_fragment_in_a_request_does_not_cut_off_the_held_credential(larder):
    async with origin(lambda seen: web.json_response([])) as there:
        smarty = {"smartystreets": {"base_url": there.url}}
        async with larder(upstreams=smarty) as house:
            reader, writer = await asyncio.open_connection("127.0.0.1", house.larder.listener.port)
            writer.write(
                b"GET /smartystreets/us-street/street-address?street=1#x HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                b"Connection: close\r\n\r\n"
            )
            got = await reader.read(-1)
            writer.close()

            assert b" 400 " in got.split(b"\r\n")[0] or "auth-token" in there.seen[0].target


async def test_whoever_comes_after_a_write_does_not_get_an_error_from_before_it(larder):
    answers = iter(["old", "new"])

    def answer(seen):
        return text() if seen.method == "POST" else text(next(answers), 403)

    async with gated(answer) as there, larder(**mirror(there.url)) as house:
        first = asyncio.create_task(house.get("/mirror/x"))
        await until(lambda: len(there.seen) == 1)
        await house.ask("POST", "/mirror/x")
        second = asyncio.create_task(house.get("/mirror/x"))
        await turns()
        there.gate.set()
        await first

        assert (await second).body == b"new"


async def test_a_large_error_reaches_everyone_who_shared_the_call(larder):
    async with gated(lambda seen: text("x" * 5000, 503)) as there:
        async with larder(store={"max_entry": "1KiB"}, **mirror(there.url)) as house:
            first = asyncio.create_task(house.get("/mirror/x"))
            await until(lambda: len(there.seen) == 1)
            second = asyncio.create_task(house.get("/mirror/x"))
            await turns()
            there.gate.set()
            answers = await asyncio.gather(first, second, return_exceptions=True)

            assert [getattr(answer, "status", answer) in (502, 503) for answer in answers] == [True, True]
            assert answers[0].body == answers[1].body != b""


async def test_a_probe_that_found_no_place_does_not_cost_a_cooldown(larder):
    guards = {
        "concurrency": {"upstream": 1, "queue": 0},
        "breaker": {"minimum_calls": 1, "cooldown": "60s"},
    }
    statuses = iter([200, 503, 200])

    def answer(_seen):
        return text("x", next(statuses))

    async with gated(answer) as there, larder(**mirror(there.url, **guards)) as house:
        upstream = house.larder.upstreams["mirror"]
        there.gate.set()
        await house.get("/mirror/0")
        assert (await house.get("/mirror/1")).status == 503
        assert upstream.breaker.state == "open"
        house.clock.advance(61)
        async with upstream.slots.taken("none", shared=True):
            await house.get("/mirror/2")  # queue full: nothing was sent

        assert (await house.get("/mirror/3")).status == 200


async def test_a_day_long_retry_after_does_not_keep_a_healed_upstream_unasked(larder):
    async with larder() as house:
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        house.clock.advance(3600)
        await house.fail(headers={"Retry-After": "86400"})
        await house.get(STUDENT_COURSES, headers=bearer(ADA))
        await house.heal()
        house.clock.advance(3600)

        assert "fwd-status=304" in (await house.get(STUDENT_COURSES, headers=bearer(ADA))).cache
