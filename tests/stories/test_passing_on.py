"""Transparent: what reaches the upstream and the caller is what was sent, less what ends at a proxy."""

import pytest

from tests.house import ADA, STUDENT_COURSES, bearer
from tests.origin import origin, text


def mirror(url, **more):
    return {"upstreams": {"mirror": {"adapter": "http", "base_url": url, **more}}}


async def test_encoding_repeats_and_order_reach_the_upstream_as_sent(larder):
    async with origin(lambda seen: text()) as there, larder(**mirror(there.url)) as house:
        target = "/a%2Fb/%7Ec;x=1/?b=2&a=1&b=1&empty=&bare&plus=a+b&pct=a%20b&u=%E2%82%AC"
        await house.get("/mirror" + target)

        assert there.seen[0].target == target


async def test_hop_by_hop_fields_and_what_connection_names_end_at_larder(larder):
    async with origin(lambda seen: text(Connection="X-Hop", X_Hop="1", X_End="2", TE="x")) as there:
        async with larder(**mirror(there.url)) as house:
            headers = {"Connection": "X-Mine, traceparent", "X-Mine": "1", "TE": "trailers", "X-End": "2"}
            answer = await house.get("/mirror/x", headers={**headers, "X-Larder-Key": "", "Proxy-Connection": "x"})
            if answer.status == 401:
                answer = await house.get("/mirror/x", headers=headers)

            seen = there.seen[0]
            assert seen.all("X-End") == ["2"]
            assert len(seen.all("traceparent")) == 1
            assert not any(seen.all(name) for name in ("X-Mine", "TE", "X-Larder-Key", "Proxy-Connection"))
            assert answer.headers["X-End"] == "2"
            assert "X-Hop" not in answer.headers
            assert answer.cache.startswith("larder;")


async def test_an_answers_connection_field_cannot_remove_what_larder_adds(larder):
    async with origin(lambda seen: text(Connection="Cache-Status, Age, traceparent")) as there:
        async with larder(**mirror(there.url)) as house:
            answer = await house.get("/mirror/x")

            assert answer.cache
            assert answer.headers["traceparent"].startswith("00-")


async def test_a_trace_is_continued_upstream(larder):
    async with origin(lambda seen: text()) as there, larder(**mirror(there.url)) as house:
        trace = "0af7651916cd43dd8448eb211c80319c"
        await house.get("/mirror/x", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})

        (sent,) = there.seen[0].all("traceparent")
        assert sent.split("-")[1] == trace
        assert sent.split("-")[2] != "b7ad6b7169203331"


async def test_links_begin_with_the_base_url_the_caller_used(larder):
    async with larder(server={"trusted_proxies": ["127.0.0.0/8"]}) as house:
        front = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "api.example.edu", "X-Forwarded-Prefix": "/larder"}
        plain = await house.get(STUDENT_COURSES + "?per_page=5", headers=bearer(ADA))
        fronted = await house.get(STUDENT_COURSES + "?per_page=5", headers=bearer(ADA, **front))

        assert f'<{house.url}/courseworks/api/v1/courses?page=2&per_page=5>; rel="next"' in plain.headers["Link"]
        assert "<https://api.example.edu/larder/courseworks/api/v1/courses?page=2" in fronted.headers["Link"]
        assert fronted.cache.startswith("larder; hit")


async def test_forwarded_fields_of_an_untrusted_peer_mean_nothing(larder):
    async with larder() as house:
        front = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example;proto=https"}
        answer = await house.get(STUDENT_COURSES, headers=bearer(ADA, **front))

        assert "evil.example" not in answer.headers["Link"]


async def test_an_unknown_endpoint_of_a_known_upstream_passes_through_uncached(larder):
    async with larder() as house:
        for _ in range(2):
            answer = await house.get("/courseworks/api/v1/accounts/1/reports", headers=bearer(ADMIN_TOKEN))
            assert answer.cache.startswith("larder; fwd=bypass")
        assert await house.calls("/courseworks/api/v1/accounts/1/reports") == 2


ADMIN_TOKEN = "sandbox-admin"


async def test_an_answer_over_the_limit_streams_through_and_is_not_stored(larder):
    big = "x" * 300_000
    async with origin(lambda seen: text(big, Cache_Control="max-age=60")) as there:
        async with larder(**mirror(there.url), store={"max_entry": "100KiB"}) as house:
            for _ in range(2):
                answer = await house.get("/mirror/big")
                assert len(answer.body) == 300_000
                assert "stored" not in answer.cache
            assert len(there.seen) == 2


async def test_google_is_cached_only_when_its_terms_are_accepted(larder):
    async with larder(upstreams={"google": {"terms_accepted": []}}) as house:
        path = "/google/maps/api/geocode/json?address=12+Example+Place%2C+Sampleton+NY"
        for _ in range(2):
            assert "fwd=bypass" in (await house.get(path)).cache


async def test_google_is_never_asked_without_a_caller_who_waits(larder):
    async with larder() as house:
        path = "/google/maps/api/geocode/json?address=12+Example+Place%2C+Sampleton+NY"
        await house.get(path)
        house.clock.advance(8 * 86_400)

        late = await house.get(path)

        assert "fwd=stale" in late.cache
        await house.settled()
        assert await house.calls("/google/maps/api/geocode/json") == 2


async def test_a_request_in_a_google_session_bypasses_the_cache(larder):
    async with larder() as house:
        body = {"address": {"regionCode": "US", "addressLines": ["12 Example Pl"]}, "sessionToken": "s1"}
        for _ in range(2):
            answer = await house.ask("POST", "/google/v1:validateAddress", json=body)
            assert answer.status == 200
            assert "fwd=bypass" in answer.cache


async def test_validations_are_kept_by_their_body_and_the_colon_may_be_escaped(larder):
    async with larder() as house:
        body = {"address": {"regionCode": "US", "addressLines": ["12 Example Pl, Sampleton NY 10099"]}}
        first = await house.ask("POST", "/google/v1:validateAddress", json=body)
        again = await house.ask("POST", "/google/v1%3AvalidateAddress", json={**body, "enableUspsCass": None})
        other = await house.ask("POST", "/google/v1:validateAddress?$alt=json;enum-encoding=int", json=body)

        assert "stored" in first.cache
        assert again.cache.startswith("larder; hit")
        assert "fwd=miss" in other.cache
        assert again.json["responseId"] == first.json["responseId"]


@pytest.mark.parametrize(
    ("headers", "second"),
    [
        ({"Cache-Control": "max-age=60"}, "hit"),
        ({"Cache-Control": "no-store"}, "fwd=miss"),
        ({"Cache-Control": "private, max-age=60"}, "fwd=miss"),
        ({"Cache-Control": "max-age=60", "Set-Cookie": "a=b"}, "fwd=miss"),
        ({}, "fwd=stale"),  # kept for when the upstream cannot be reached, and validated every time
        ({"Cache-Control": "max-age=60", "Vary": "*"}, "fwd=miss"),
    ],
)
async def test_the_generic_adapter_goes_by_the_upstreams_headers(larder, headers, second):
    async with origin(lambda seen: text(**{name.replace("-", "_"): v for name, v in headers.items()})) as there:
        async with larder(**mirror(there.url)) as house:
            await house.get("/mirror/x")
            assert second in (await house.get("/mirror/x")).cache


@pytest.mark.parametrize(("cache_control", "second"), [("max-age=60", "fwd=miss"), ("public, max-age=60", "hit")])
async def test_an_authorised_answer_is_shared_only_where_rfc_9111_says(larder, cache_control, second):
    async with origin(lambda seen: text(seen.all("Authorization")[0], Cache_Control=cache_control)) as there:
        async with larder(**mirror(there.url)) as house:
            await house.get("/mirror/x", headers=bearer("one"))
            assert second in (await house.get("/mirror/x", headers=bearer("two"))).cache
            assert "hit" in (await house.get("/mirror/x", headers=bearer("one"))).cache


async def test_variants_are_kept_side_by_side(larder):
    async def read(house, language):
        return await house.get("/mirror/x", headers={"Accept-Language": language})

    def answer(seen):
        return text(seen.all("Accept-Language")[0], Cache_Control="max-age=60", Vary="Accept-Language")

    async with origin(answer) as there, larder(**mirror(there.url)) as house:
        for language in ("de", "en", "de", "en"):
            last = await read(house, language)
            assert last.body.decode() == language
        assert last.cache.startswith("larder; hit")
        assert len(there.seen) == 2


async def test_an_unsafe_method_invalidates_its_target(larder):
    async with origin(lambda seen: text(Cache_Control="max-age=60")) as there, larder(**mirror(there.url)) as house:
        await house.get("/mirror/x")
        await house.ask("PUT", "/mirror/x", data=b"new")
        assert "fwd=stale" in (await house.get("/mirror/x")).cache


async def test_an_operators_cache_for_a_generic_endpoint_holds(larder):
    endpoints = {"GET /things/{thing}": {"cache": {"ttl": "1m"}}}
    async with origin(lambda seen: text(Cache_Control="no-cache")) as there:
        async with larder(**mirror(there.url, endpoints=endpoints)) as house:
            await house.get("/mirror/things/1")
            assert (await house.get("/mirror/things/1")).cache.startswith("larder; hit")
