"""/v1 as its users met it: each answer that nobody could make sense of, before its mend."""

import json

import pytest
from multidict import CIMultiDict

from tests.house import ADA, bearer

VERIFY = "/v1/addresses/verify"
HOME = {"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY", "postal_code": "10099"}
JSON = {"Content-Type": "application/json"}
HURRIED = {"X-Request-Timeout": "1"}  # no time to wait until a credential may call again
ONCE = {"retry": {"attempts": 1}}


async def test_a_credential_that_was_throttled_is_told_the_same_as_long_as_it_has_to_wait(larder):
    async with larder(defaults=ONCE) as home:
        await home.fail(kind="throttle")
        for path in ("/v1/courses/565", "/v1/courses/565/sections", "/v1/students/self/overview"):
            told = await home.get(path, headers=bearer(ADA, **HURRIED))

            assert (told.status, told.json["title"]) == (429, "Throttled"), told.body
            assert "this credential" in told.json["detail"]
            assert int(told.headers["Retry-After"]) >= 1
        beside = await home.get("/courseworks/api/v1/courses/100", headers=bearer(ADA, **HURRIED))

        assert (beside.status, beside.cache) == (503, "larder; detail=quota-low")
        assert "Little is left of what courseworks allows this credential." in beside.body.decode()


async def test_a_provider_that_throttles_is_not_one_that_many_calls_wait_for(larder):
    async with larder(defaults=ONCE) as home:
        await home.fail("google", kind="throttle")
        told = await home.ask("POST", VERIFY, json={"address": HOME, "providers": ["google"]})

        assert told.status == 503
        assert told.json["results"][0]["problem"]["detail"] == "google said that it is asked too often."


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "body: found nothing; it has to be a JSON object"),
        (b" \n", "body: found nothing; it has to be a JSON object"),
        (b'{"address":\n {"street": "12 Example",}}', "body: found no JSON, at line 2, column "),
        (b'{"address": {"street": "\xff"}}', "body: found what is no UTF-8; it has to be a JSON object"),
        (b'{"address": {"street": "a", "street": "b"}}', "street: found it twice; it has to be there once"),
    ],
)
async def test_a_body_that_cannot_be_read_says_where(larder, body, says):
    async with larder() as home:
        told = await home.ask("POST", VERIFY, data=body, headers=JSON)

        assert (told.status, told.json["title"]) == (400, "Bad request")
        assert told.json["detail"].startswith(says)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ({"street": "1 Any Street", "country": "USA"}, "country: has to be two letters (ISO 3166-1), such as US"),
        ({"street": "\ud800"}, "street: has to be text that UTF-8 can write"),
    ],
)
async def test_a_field_that_is_wrong_is_told_in_words(larder, address, says):
    async with larder() as home:
        told = await home.ask("POST", VERIFY, data=json.dumps({"address": address}), headers=JSON)

        assert (told.status, told.json["detail"]) == (422, f"address.{says}")


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("search=%FF", "search: has to be text that UTF-8 can write"),
        (f"search=12&limit={'9' * 5000}", "limit: has to be a whole number of fewer digits"),
        ("search=12&authorization=x", "authorization: unknown field"),
        ("search=12&x-goog-api-key=x", "x-goog-api-key: unknown field"),
        ("search=12&providers=google", "providers.0: is not configured to complete addresses; known: smartystreets"),
        ("search=12&providers=smarty", "providers.0: is not configured to complete addresses; did you mean smartys"),
    ],
)
async def test_a_query_that_is_wrong_is_told_in_words(larder, query, says):
    async with larder() as home:
        told = await home.get(f"/v1/addresses/autocomplete?{query}")

        assert told.status == 422
        assert told.json["detail"].startswith(says)


async def test_what_was_answered_is_not_counted_as_refused(larder):
    async with larder() as home:
        for path in ("/-/health", "/-/ready"):
            assert (await home.get(path)).status == 200
        told = home.larder.observing.metrics.exposition()[1].decode()

        assert 'cache="none",caller="-",endpoint="-",status="200",upstream="-"} 2.0' in told
        assert 'cache="refused"' not in told


async def test_where_nobody_answers_each_says_why_and_the_soonest_is_worth_another_try(larder):
    async with larder(defaults=ONCE, v1={"addresses": {"providers": ["google", "smartystreets"]}}) as home:
        await home.fail("google", kind="throttle")
        await home.fail("smartystreets", status=402)
        told = await home.ask("POST", VERIFY, json={"addresses": [HOME, {"city": "x"}]})
        problem = told.json["results"][0]["problem"]

        assert (told.status, problem["title"]) == (503, "Quota used up")
        said = "google said that it is asked too often. The account at smartystreets has nothing left."
        assert problem["detail"] == said
        assert int(told.headers["Retry-After"]) == problem["retry_after"] < 300


async def test_what_one_provider_refuses_for_what_it_is_stays_refused_whatever_the_other_one_says(larder):
    async with larder(defaults=ONCE) as home:
        await home.fail("smartystreets", status=402)
        told = await home.ask("POST", VERIFY, json={"address": {"street": "1 Any Street", "country": "XX"}})

        assert (told.status, told.json["title"]) == (502, "Provider refused")
        assert told.json["results"][0]["problem"]["retry_after"] is None


async def test_who_looks_at_a_webhooks_url_hears_that_it_is_one(larder):
    async with larder() as home:
        looked = await home.get("/webhooks/campus")

        assert (looked.status, looked.headers["Allow"]) == (405, "POST")
        assert looked.json["detail"] == "There is POST /webhooks/{source}."


@pytest.mark.parametrize("name", ["Content-Type", "User-Agent"])
async def test_a_field_that_may_stand_once_is_named_where_it_stands_twice(larder, name):
    async with larder() as home:
        told = await home.ask("POST", VERIFY, data=b"{}", headers=CIMultiDict([(name, "canary"), (name, "canary/2")]))

        assert told.status == 400
        assert told.json["detail"].lower().startswith(f"{name.lower()}: found it twice; it has to be there once")
        assert b"canary" not in told.body


async def test_what_stands_in_for_an_answer_is_called_so_however_fresh_it_would_be(larder):
    async with larder(defaults=ONCE) as home:
        newer = {"Cache-Control": "max-age=0"}
        await home.get("/v1/courses", headers=bearer(ADA))
        await home.ask("POST", VERIFY, json={"address": HOME})
        home.clock.advance(1)
        for upstream in ("courseworks", "smartystreets"):
            await home.fail(upstream)
        for _ in range(2):
            courses = await home.get("/v1/courses", headers=bearer(ADA, **newer))
            verified = await home.ask("POST", VERIFY, json={"address": HOME}, headers=newer)

            assert courses.json["cache"]["status"] == "fallback", courses.cache
            assert verified.json["results"][0]["result"]["cache"]["status"] == "fallback"
            assert 'detail="1 fallback"' in verified.cache


async def test_a_good_list_in_place_of_one_that_shrank_is_no_answer_of_the_upstream(larder):
    async with larder() as home:
        await home.get("/v1/courses", headers=bearer(ADA))
        home.clock.advance(1)
        await home.fail(kind="empty_list")
        kept = await home.get("/v1/courses", headers=bearer(ADA, **{"Cache-Control": "max-age=0"}))

        assert "detail=collection-shrank" in kept.cache
        assert (len(kept.json["data"]), kept.json["cache"]["status"]) == (14, "fallback")


async def test_where_nobody_completes_an_address_each_says_why_too(larder):
    async with larder(defaults=ONCE, v1={"addresses": {"autocomplete": ["google", "smartystreets"]}}) as home:
        await home.fail("google", kind="throttle")
        await home.fail("smartystreets", status=402)
        told = await home.get("/v1/addresses/autocomplete?search=12")

        assert (told.status, told.json["title"]) == (503, "Quota used up")
        said = "google said that it is asked too often. The account at smartystreets has nothing left."
        assert told.json["detail"] == said
        assert int(told.headers["Retry-After"]) < 300
