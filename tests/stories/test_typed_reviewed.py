"""/v1 as a hostile review left it: each story failed before its mend."""

import asyncio
import gzip
import io
import json

import pytest
from aiohttp import web

from tests.house import ADA, CY, bearer
from tests.origin import origin

VERIFY = "/v1/addresses/verify"
HOME = {"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY", "postal_code": "10099"}
NOWHERE_AT_ALL = {"street": "1 Any Street", "country": "XX"}  # Smarty does not take it, and Google refuses it


async def test_what_a_provider_refuses_for_what_it_is_is_not_to_be_tried_again(larder):
    async with larder() as home:
        alone = await home.ask("POST", VERIFY, json={"address": NOWHERE_AT_ALL})
        beside = await home.ask("POST", VERIFY, json={"addresses": [{"city": "x"}, NOWHERE_AT_ALL]})
        with_another = await home.ask("POST", VERIFY, json={"addresses": [NOWHERE_AT_ALL, HOME]})

        for answered, statuses in ((alone, [502]), (beside, [422, 502])):
            assert (answered.status, answered.json["type"]) == (502, "tag:larder,2026:provider-refused")
            assert "Retry-After" not in answered.headers
            assert [item["problem"]["status"] for item in answered.json["results"]] == statuses
        assert with_another.status == 200


async def test_who_wants_only_what_is_stored_hears_of_each_that_it_is_not(larder):
    async with larder() as home:
        headers = {"Cache-Control": "only-if-cached"}
        answered = await home.ask("POST", VERIFY, json={"addresses": [{"city": "x"}, HOME]}, headers=headers)

        assert (answered.status, answered.json["type"]) == (504, "tag:larder,2026:nothing-cached")
        assert [item["problem"]["status"] for item in answered.json["results"]] == [422, 504]
        assert await home.calls() == 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/addresses/autocomplete?search=%1C", "search"),  # white space to Python, but not to pydantic
        ("/v1/addresses/autocomplete?search=12&providers=", "providers.0"),
        ("/v1/addresses/autocomplete?search=12&providers=smartystreets,", "providers.1"),
    ],
)
async def test_what_says_nothing_is_asked_of_nobody(larder, path, field):
    async with larder() as home:
        refused = await home.get(path)

        assert (refused.status, [one["field"] for one in refused.json["errors"]]) == (422, [field])
        assert await home.calls() == 0


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_a_trace_is_not_allowed_whatever_its_body(larder, body):
    async with larder() as home:
        refused = await home.ask("TRACE", VERIFY, data=body or None, headers=bearer(ADA))

        assert (refused.status, refused.headers["Allow"]) == (405, "POST")


async def test_who_has_no_time_at_all_gets_what_is_stored(larder):
    async with larder() as home:
        at_once, body = {"X-Request-Timeout": "0"}, {"address": HOME}
        assert (await home.ask("POST", VERIFY, json=body, headers=at_once)).status == 503
        await home.ask("POST", VERIFY, json=body)
        await home.get("/v1/addresses/autocomplete?search=12")
        calls = await home.calls()

        assert (await home.ask("POST", VERIFY, json=body, headers=at_once)).status == 200
        assert (await home.get("/v1/addresses/autocomplete?search=12", headers=at_once)).status == 200
        assert await home.calls() == calls


async def test_where_nothing_is_left_it_is_worth_another_try_when_that_is_asked_again(larder):
    async with larder() as home:
        await home.fail("smartystreets", status=402)
        refused = [await home.get(f"/v1/addresses/autocomplete?search={at}") for at in (1, 2)]

        assert [(one.status, one.headers["Retry-After"]) for one in refused] == [(503, "300")] * 2
        assert await home.calls() == 1


async def test_a_provider_that_takes_its_time_leaves_the_next_one_some_of_the_callers(larder):
    async with larder(v1={"addresses": {"autocomplete": ["smartystreets", "google"]}}) as home:
        await home.fail("smartystreets", "latency", seconds=2)
        headers = {"X-Request-Timeout": "1"}
        async with asyncio.timeout(0.9):
            verified = await home.ask("POST", VERIFY, json={"address": HOME}, headers=headers)
        async with asyncio.timeout(0.9):
            completed = await home.get("/v1/addresses/autocomplete?search=12", headers=headers)

        assert verified.json["results"][0]["result"]["provider"] == "google"
        assert completed.json["provider"] == "google"


async def test_a_canvas_token_is_told_to_no_provider_of_addresses(larder):
    async with origin(lambda _: web.json_response([])) as upstream:
        alone = {"base_url": upstream.url, "credential": {"auth_id": "", "auth_token": ""}}
        async with larder(
            upstreams={"smartystreets": alone}
        ) as home:  # it alone would take Authorization: Google's is held
            path, body = f"{VERIFY}?auth-id=mine", {"address": HOME, "providers": ["smartystreets"]}
            await home.ask("POST", path, json=body, headers=bearer("canvas-canary"))
            await home.get("/v1/addresses/autocomplete?search=12", headers=bearer("canvas-canary"))

            assert len(upstream.seen) == 2
            assert "auth-id=mine" in upstream.seen[0].target
            assert not any(seen.all("authorization") for seen in upstream.seen)


async def test_what_may_be_read_may_be_asked_for_its_head_and_says_so(larder):
    async with larder() as home:
        for path in ("/v1/courses", "/v1/addresses/autocomplete", "/v1", "/openapi.json"):
            assert (await home.ask("PUT", path)).headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize("path", ["/v1/courses/sis_course_id:%ff", "/v1/students/sis_user_id:%ed%a0%80/overview"])
async def test_octets_that_are_no_text_are_no_id(larder, path):
    async with larder() as home:
        refused = await home.get(path, headers=bearer(ADA))

        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "id")


@pytest.mark.parametrize(
    ("path", "member", "local"),
    [("/v1/courses/565/roster?section=", "section_id", 4811), ("/v1/courses?term=", "term_id", 83)],
)
async def test_a_filter_takes_an_id_in_every_form_of_digits(larder, path, member, local):
    async with larder() as home:
        for form in (str(local), f"2107~{local}", str(2107 * 10**13 + local), f"00{local}"):
            rows = (await home.get(f"{path}{form}", headers=bearer(CY))).json["data"]

            assert {row[member] for row in rows} == {str(local)}
        assert not (await home.get(f"{path}{local + 1000}", headers=bearer(CY))).json["data"]


async def test_a_query_that_ends_early_says_nothing_more(larder):
    async with larder() as home:
        assert (await home.get("/v1/courses?&state=available&&", headers=bearer(ADA))).status == 200


@pytest.mark.parametrize(
    "body", ['{"address": %s, "address": %s}', '{"addresses": [%s, {"street": "1 A St", "street": %s}]}']
)
async def test_a_body_that_says_a_thing_twice_is_not_guessed_at(larder, body):
    async with larder() as home:
        data = body.replace("%s", json.dumps(HOME)).encode()
        refused = await home.ask("POST", VERIFY, data=data, headers={"Content-Type": "application/json"})

        assert (refused.status, refused.json["title"]) == (400, "Bad request")
        assert "twice" in refused.json["detail"]


async def test_a_body_is_no_larger_than_a_thousand_addresses_could_be(larder):
    async with larder() as home:
        long = {**HOME, "id": "x" * 100, "secondary": "y" * 100}
        fits = await home.ask(
            "POST", VERIFY, json={"addresses": [long] * 1000}, headers={"Cache-Control": "only-if-cached"}
        )
        whole = io.BytesIO(json.dumps({"address": HOME, "x": "x" * 2 * 1024 * 1024}).encode())
        too_large = await home.ask("POST", VERIFY, data=whole, headers={"Content-Type": "application/json"})

        assert (fits.status, too_large.status) == (504, 413)


MANY = dict.fromkeys(map(str, range(1000)), 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**MANY, "address": HOME}, "body"),
        ({"address": {**MANY, **HOME}}, "address"),
        ({"addresses": [{**MANY, **HOME}]}, "addresses.0"),
        ({"address": {"lines": [1] * 1000}}, "address.lines.0"),
        ({"address": HOME, "providers": [1] * 1000}, "providers.0"),
    ],
)
async def test_of_a_great_many_mistakes_one_is_looked_at(larder, body, field):
    async with larder() as home:
        refused = await home.ask("POST", VERIFY, json=body)

        assert (refused.status, [one["field"] for one in refused.json["errors"]]) == (422, [field])


async def test_what_may_be_meant_is_looked_for_a_few_times_only(larder):
    async with larder() as home:
        misspelt = {"stret": "x", "citty": "x", "stat": "x", "countri": "x", "linez": "x"}
        refused = await home.ask("POST", VERIFY, json={"address": {**misspelt, **HOME}})

        details = [one["detail"] for one in refused.json["errors"]]
        assert [("did you mean" in detail) for detail in details] == [True, True, True, False, False]


async def test_a_body_that_is_coded_is_refused_for_that(larder):
    async with larder() as home:
        body = gzip.compress(json.dumps({"address": HOME}).encode())
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        refused = await home.ask("POST", VERIFY, data=body, headers=headers)

        assert (refused.status, refused.headers["Accept-Encoding"]) == (415, "identity")
        assert refused.headers["Accept"] == "application/json"


# Half of a surrogate pair: what is left of an emoji that somebody cut in two. JSON may hold it, UTF-8 cannot say it.
HALF = "Caf\ud83d"
COURSE = {"id": 565, "name": HALF, "course_code": HALF, "sis_course_id": HALF, "enrollment_term_id": HALF}
ROW = {"id": 1, "course_id": 565, "user_id": 7, "type": "StudentEnrollment", "role": HALF, "user": {"name": HALF}}
STREET = {"input_index": 0, "delivery_line_1": HALF, "analysis": {"dpv_match_code": "Y"}, "large": 10**30}
VALIDATION = {
    "result": {
        "verdict": {"validationGranularity": "PREMISE", "addressComplete": True},
        "address": {
            "addressComponents": [{"componentType": "route", "componentName": {"text": HALF}}],
            "postalAddress": {"addressLines": [HALF]},
            "missingComponentTypes": [HALF],
        },
    }
}
SAID = {
    "/api/v1/courses": [COURSE],
    "/api/v1/courses/565": COURSE,
    "/api/v1/courses/565/enrollments": [ROW],
    "/api/v1/courses/565/sections": [{"id": 4811, "course_id": 565, "name": HALF}],
    "/api/v1/users/self": {"id": 7, "name": HALF, "email": HALF},
    "/api/v1/users/self/enrollments": [ROW],
    "/us-street/street-address": [STREET],
    "/us-autocomplete-pro/lookup": {"suggestions": [{"street_line": HALF, "entries": 1e300}]},
    "/v1:validateAddress": VALIDATION,
}


def halves(seen):
    """Whatever is asked for, with half a character in it."""
    return web.json_response(SAID[seen.target.partition("?")[0]])  # which writes it as it has to be written


@pytest.mark.parametrize(
    "path",
    [
        "/v1/courses",
        "/v1/courses/565",
        "/v1/courses/565/roster",
        "/v1/courses/565/sections",
        "/v1/me",
        "/v1/students/self/overview",
        "/v1/addresses/autocomplete?search=12",
        "/courseworks/api/v1/courses",
        "/courseworks/api/v1/courses?per_page=1",
    ],
)
async def test_half_a_character_from_an_upstream_costs_nobody_the_rest(larder, path):
    async with origin(halves) as upstream:
        at = {"base_url": upstream.url}
        async with larder(upstreams={"courseworks": at, "smartystreets": at}) as home:
            answered = [await home.get(path, headers=bearer(ADA)) for _ in range(2)]

            assert [one.status for one in answered] == [200, 200]
            assert b"Caf" in answered[0].body
            assert len(answered[0].body) < 2000  # no number of three hundred digits, either
            assert '"event":"failed"' not in home.log.getvalue()


@pytest.mark.parametrize("provider", ["smartystreets", "google"])
async def test_half_a_character_from_a_provider_leaves_all_addresses_their_results(larder, provider):
    async with origin(halves) as upstream:
        async with larder(upstreams={provider: {"base_url": upstream.url}}) as home:
            body = {"addresses": [HOME, {**HOME, "street": "12 Example Place"}][: 1 + (provider == "google")]}
            answered = await home.ask("POST", VERIFY, json={**body, "providers": [provider]})
            by_sdk = await home.ask("POST", "/smartystreets/us-street/street-address", json=[{"street": "12 Example"}])

            assert all(item["result"]["formatted"]["line1"] == "Caf?" for item in answered.json["results"])
            assert by_sdk.status == 200
