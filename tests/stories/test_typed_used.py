"""/v1 as its users met it: each answer that nobody could make sense of, before its mend."""

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
