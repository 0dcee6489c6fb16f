"""There, and paid for once: an account with nothing left ends nothing of what it has paid for already."""

OWN = {"smartystreets": {"credential": {"auth_id": "", "auth_token": ""}}}
KEYS = "auth-id=sandbox-id&auth-token=sandbox-token"
LOOKUP = "/smartystreets/us-street/street-address"
KNOWN = f"{LOOKUP}?street=12+Example+Pl&zipcode=10099&{KEYS}"
NEW = f"{LOOKUP}?street=14+Example+Pl&zipcode=10099&{KEYS}"
MONTH = 31 * 86_400


async def test_what_was_paid_for_is_still_there(larder):
    async with larder(upstreams=OWN) as house:
        paid = await house.get(KNOWN)
        await house.fail("smartystreets", status=402)

        refused = await house.get(NEW)
        again = await house.get(KNOWN)

        assert (paid.status, refused.status) == (200, 402)
        assert (again.body, "hit" in again.cache) == (paid.body, True)


async def test_what_is_older_covers_as_for_any_failure(larder):
    async with larder(upstreams=OWN) as house:
        paid = await house.get(KNOWN)
        house.clock.advance(MONTH + 86_400)
        await house.fail("smartystreets", status=402)

        kept = await house.get(KNOWN)

        assert (kept.status, kept.body) == (200, paid.body)
        assert "detail=quota-used-up" in kept.cache


async def test_a_key_that_is_refused_still_ends_all_that_it_brought(larder):
    async with larder(upstreams=OWN) as house:
        await house.get(KNOWN)
        await house.fail("smartystreets", status=401)

        assert (await house.get(NEW)).status == 401
        assert (await house.get(KNOWN)).status == 401


async def test_google_says_it_in_a_200(larder):
    google = {"google": {"credential": {"key": ""}}}
    async with larder(upstreams=google) as house:
        known = "/google/maps/api/geocode/json?address=12+Example+Pl,+Sampleton&key=AIzaSandboxKey"
        paid = await house.get(known)
        await house.fail("google", status=200, body={"status": "OVER_DAILY_LIMIT", "results": []})
        refused = await house.get("/google/maps/api/geocode/json?address=14+Example+Pl&key=AIzaSandboxKey")

        again = await house.get(known)

        assert (paid.json["status"], refused.json["status"]) == ("OK", "OVER_DAILY_LIMIT")
        assert "hit" in again.cache
