"""/v1/addresses: provider-neutral answers from the same cache as the SDKs', and another provider where none comes."""

import asyncio
import json

import pytest

from proxy.callers.keys import HASH_PREFIX, digest_key

VERIFY = "/v1/addresses/verify"
STREET = "/smartystreets/us-street/street-address"
HOME = {"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY", "postal_code": "10099"}
NOWHERE = {"street": "1 Nomatch Way", "city": "Nowhere", "state": "NY"}
# As the SDK of Smarty asks (SDK_REQUESTS.md §2).
BY_SDK = {
    "candidates": "5",
    "street": HOME["street"],
    "city": "Sampleton",
    "state": "NY",
    "zipcode": "10099",
    "match": "enhanced",
    "format": "default",
}
ONLY_GOOGLE = {"v1": {"addresses": {"providers": ["google"]}}}


def flat(number):
    return {**HOME, "street": f"12 Example Place Apt {number}"}


def numbered(number):
    """An address of its own, wherever it is."""
    return {"street": f"{number} Sample St", "city": "Sampleton", "state": "NY"}


async def verify(home, *addresses, headers=(), path=VERIFY, **more):
    body = {"addresses": list(addresses), **more}
    return await home.ask("POST", path, json=body, headers=dict(headers))


def paid(home):
    return sum(account["lookups_used"] for account in home.sandbox.smarty.facts()["accounts"])


def told(answered):
    """Of each item: who answered, and what; or its problem's status."""
    return [
        (item["result"]["provider"], item["result"]["verdict"]["status"])
        if item["result"]
        else item["problem"]["status"]
        for item in answered.json["results"]
    ]


async def test_an_address_is_answered_in_nobodys_words_and_says_where_from(larder):
    async with larder() as home:
        answered = await home.ask("POST", VERIFY, json={"address": {**HOME, "id": "home"}})
        [item] = answered.json["results"]
        result = item["result"]

        assert (answered.status, item["index"], item["id"], item["problem"]) == (200, 0, "home", None)
        assert result["provider"] == "smartystreets"
        assert result["verdict"]["status"] == "verified"
        assert result["verdict"]["deliverability"] == "deliverable"
        assert result["components"]["secondary_number"] == "3"
        assert result["formatted"]["single_line"] == "12 Example Pl Apt 3, Sampleton NY 10099-0001"
        assert result["geocode"]["precision"] == "zip9"
        assert result["cache"] == {
            "status": "miss",
            "fetched_at": "2026-09-21T14:13:20Z",
            "hard_expires_at": None,
            "age": 0,
        }
        assert answered.headers["Content-Type"] == "application/json"
        assert answered.headers["Cache-Control"] == "no-store"

        home.clock.advance(3600)
        again = await verify(home, HOME)
        [item] = again.json["results"]
        assert again.cache.startswith("larder; hit")
        assert item["result"]["cache"] == {**result["cache"], "status": "hit", "age": 3600}


async def test_what_is_verified_is_a_hit_for_the_sdk_and_the_other_way_round(larder):
    async with larder() as home:
        await verify(home, HOME)
        async with home.session.get(home.url + STREET, params=BY_SDK) as by_sdk:
            assert by_sdk.headers["Cache-Status"].startswith("larder; hit")
            assert (await by_sdk.json())[0]["delivery_line_1"] == "12 Example Pl Apt 3"
        async with home.session.get(home.url + STREET, params={**BY_SDK, "street": flat(2)["street"]}) as by_sdk:
            assert "fwd=miss" in by_sdk.headers["Cache-Status"]

        assert (await verify(home, flat(2))).cache.startswith("larder; hit")
        assert paid(home) == 2


async def test_googles_answers_are_shared_with_its_sdk_too_and_end_after_thirty_days(larder):
    async with larder(**ONLY_GOOGLE) as home:
        [item] = (await verify(home, {"lines": ["12 Example Place, Sampleton NY"]})).json["results"]
        by_sdk = await home.ask(
            "POST",
            "/google/v1:validateAddress?%24alt=json%3Benum-encoding%3Dint",
            json={
                "address": {"addressLines": ["12 Example Place, Sampleton NY"], "regionCode": "US"},
                "enableUspsCass": True,
            },
        )

        assert item["result"]["provider"] == "google"
        assert item["result"]["cache"]["hard_expires_at"] == "2026-10-21T14:13:20Z"
        assert by_sdk.cache.startswith("larder; hit")

        home.clock.advance(31 * 24 * 3600)
        await home.fail("google")
        assert (await verify(home, {"lines": ["12 Example Place, Sampleton NY"]})).status == 503


async def test_without_accepted_terms_nothing_of_google_is_kept(larder):
    async with larder(upstreams={"google": {"terms_accepted": []}}, **ONLY_GOOGLE) as home:
        first, again = await verify(home, HOME), await verify(home, HOME)

        assert [told(one) for one in (first, again)] == [[("google", "verified")]] * 2
        assert again.json["results"][0]["result"]["cache"]["status"] == "bypass"
        assert await home.calls("/google/*") == 2


async def test_a_malformed_address_says_what_is_wrong_with_it_and_the_others_answer(larder):
    async with larder() as home:
        asked = [numbered(number) for number in range(100)]
        asked[57] = {"id": "mine", "streeet": "12 Example Place", "city": 5}
        answered = await verify(home, *asked)
        [bad] = [item for item in answered.json["results"] if item["problem"]]

        assert answered.status == 200
        assert (bad["index"], bad["id"], bad["result"]) == (57, "mine", None)
        assert bad["problem"]["status"] == 422
        assert {(error["field"], error["detail"]) for error in bad["problem"]["errors"]} == {
            ("streeet", "unknown field; did you mean street?"),
            ("city", "has to be text"),
        }
        assert sum(item["result"] is not None for item in answered.json["results"]) == 99
        assert (paid(home), await home.calls("/smartystreets/*")) == (99, 1)


@pytest.mark.parametrize(
    ("body", "field", "says"),
    [
        ({}, "body", "has to have either address or addresses"),
        ({"address": HOME, "addresses": [HOME]}, "body", "has to have either address or addresses"),
        ({"addresses": []}, "addresses", "at least 1"),
        ({"addresses": [HOME] * 1001}, "addresses", "has to have at most 1,000 items"),
        ({"address": HOME, "provider": "google"}, "provider", "did you mean providers?"),
        ({"address": HOME, "providers": ["gogle"]}, "providers.0", "did you mean google?"),
        ({"address": HOME, "providers": ["courseworks"]}, "providers.0", "is not configured to verify addresses"),
        ({"address": HOME, "providers": ["google", "google"]}, "providers.1", "stands there twice"),
        ({"address": {**HOME, "lines": ["12 Example Place"]}}, "address", "say one or the other"),
        ({"address": {"city": "Sampleton"}}, "address", "street or lines are needed"),
        ({"address": {**HOME, "strete": "x"}}, "address.strete", "did you mean street?"),
        ({"address": {**HOME, "country": "USA"}}, "address.country", "two letters"),
        ({"address": {**HOME, "street": "x" * 101}}, "address.street", "at most 100 characters"),
        ({"address": {**HOME, "street": "a\u200bb"}}, "address.street", "printable"),
        ({"addresses": [{"city": "x"}, {"state": 1}]}, "addresses.1.state", "has to be text"),
        ({"addresses": [5]}, "addresses.0", "has to be an object"),
        ({"addresses": [{**HOME, "lines": ["x"]}]}, "addresses.0", "say one or the other"),
        ({"address": {**HOME, "country": "DE"}, "providers": ["smartystreets"]}, "address.country", "one of AS, FM"),
        ([HOME], "body", "has to be an object"),
    ],
)
async def test_what_is_wrong_with_a_whole_request_is_told_by_its_field(larder, body, field, says):
    async with larder() as home:
        answered = await home.ask("POST", VERIFY, json=body)
        told = {error["field"]: error["detail"] for error in answered.json["errors"]}

        assert (answered.status, answered.headers["Content-Type"]) == (422, "application/problem+json")
        assert says in told[field]
        assert await home.calls() == 0


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b"[" * 5000, "headers": {"Content-Type": "application/json"}}, 400),
        ({"data": b'{"address": {}}', "headers": {"Content-Type": "text/plain"}}, 415),
        ({"data": b""}, 415),
    ],
)
async def test_a_body_that_is_no_json_is_refused(larder, options, status):
    async with larder() as home:
        assert (await home.ask("POST", VERIFY, **options)).status == status


async def test_while_smarty_is_down_google_answers_and_says_so(larder):
    async with larder() as home:
        await home.fail("smartystreets")
        answered = await verify(home, HOME, flat(2))

        assert told(answered) == [("google", "verified")] * 2
        metrics = home.larder.observing.metrics.exposition()[1].decode()
        assert 'larder_failovers_total{detail="upstream-failed",to="google",upstream="smartystreets"} 2.0' in metrics


async def test_what_is_stale_is_rather_given_than_another_provider_asked(larder):
    async with larder() as home:
        await verify(home, HOME)
        home.clock.advance(32 * 24 * 3600)
        await home.fail("smartystreets")
        [item] = (await verify(home, HOME)).json["results"]

        assert (item["result"]["provider"], item["result"]["cache"]["status"]) == ("smartystreets", "fallback")
        assert await home.calls("/google/*") == 0


async def test_no_match_is_an_answer_and_nobody_else_is_asked(larder):
    async with larder() as home:
        answered = await verify(home, NOWHERE)

        assert told(answered) == [("smartystreets", "not_found")]
        assert await home.calls("/google/*") == 0


async def test_of_several_that_may_be_meant_all_are_shown(larder):
    async with larder() as home:
        [item] = (await verify(home, {"street": "20 Sample St", "city": "Sampleton", "state": "NY"})).json["results"]
        result = item["result"]

        assert (result["verdict"]["status"], result["components"], result["candidates"]) == ("ambiguous", None, 2)
        assert [one["formatted"]["line1"] for one in result["alternatives"]] == ["20 N Sample St", "20 S Sample St"]


async def test_what_is_known_of_the_one_is_given_and_the_rest_asked_of_the_other(larder):
    async with larder() as home:
        await verify(home, HOME)
        await home.fail("smartystreets")
        answered = await verify(home, flat(2), HOME, NOWHERE)

        assert [name for name, _ in told(answered)] == ["google", "smartystreets", "google"]
        assert "fwd=partial" in answered.cache


async def test_an_open_circuit_lets_the_next_provider_answer_without_another_call(larder):
    async with larder(upstreams={"smartystreets": {"breaker": {"minimum_calls": 1}, "retry": {"attempts": 1}}}) as home:
        await home.fail("smartystreets")
        await verify(home, HOME)
        before = await home.calls("/smartystreets/*")

        assert told(await verify(home, flat(2))) == [("google", "verified")]
        assert await home.calls("/smartystreets/*") == before


async def test_a_quota_that_is_used_up_lets_the_next_provider_answer(larder):
    async with larder() as home:
        await home.control("settings", {"smarty": {"quota": 0}})
        answered = await verify(home, HOME)
        alone = await verify(home, flat(2), providers=["smartystreets"])

        assert told(answered) == [("google", "verified")]
        assert alone.status == 503
        assert alone.json["results"][0]["problem"]["title"] == "Quota used up"
        assert alone.json["results"][0]["problem"]["retry_after"] >= 1


@pytest.mark.parametrize(
    "trouble", ["over_query_limit", "over_daily_limit", "request_denied", "unavailable", "deadline_exceeded"]
)
async def test_whatever_keeps_google_from_answering_smarty_does(larder, trouble):
    async with larder() as home:
        await home.control("settings", {"google": {"trouble": trouble}})

        assert told(await verify(home, HOME, providers=["google", "smartystreets"])) == [("smartystreets", "verified")]


async def test_who_names_an_order_is_answered_in_that_order(larder):
    async with larder() as home:
        assert told(await verify(home, HOME, providers=["google", "smartystreets"])) == [("google", "verified")]


async def test_where_nobody_can_be_asked_each_says_why_and_all_say_when_to_come_again(larder):
    async with larder() as home:
        await home.fail("smartystreets")
        await home.fail("google")
        answered = await verify(home, {**HOME, "id": "a"}, {"id": "b"})

        assert answered.status == 503
        assert answered.headers["Retry-After"].isdigit()
        assert answered.headers["Content-Type"] == "application/problem+json"
        assert answered.cache == "larder; detail=upstream-failed"
        assert told(answered) == [502, 422]
        assert int(answered.headers["Retry-After"]) >= 1
        assert [item["id"] for item in answered.json["results"]] == ["a", "b"]


async def test_an_address_that_the_first_provider_does_not_take_is_asked_of_the_next(larder):
    async with larder() as home:
        answered = await verify(home, {**HOME, "country": "DE"}, HOME)

        assert [item["result"]["provider"] for item in answered.json["results"]] == ["google", "smartystreets"]


async def test_a_thousand_addresses_need_ten_calls_and_none_of_them_twice(larder):
    async with larder(store={"durable": "none"}) as home:
        asked = [numbered(number) for number in range(999)] + [HOME]
        answered = await verify(home, *asked)
        again = await verify(home, *asked)

        assert (answered.status, len(answered.json["results"])) == (200, 1000)
        assert [item["index"] for item in answered.json["results"]] == list(range(1000))
        assert answered.json["results"][999]["result"]["verdict"]["status"] == "verified"
        assert (paid(home), await home.calls("/smartystreets/*")) == (1000, 10)
        assert again.cache.startswith("larder; hit")
        assert again.cache.endswith('detail="1000 hit"')


async def test_more_than_google_may_be_asked_at_once_wait_for_their_turn(larder):
    async with larder(
        upstreams={"google": {"concurrency": {"upstream": 4, "credential": 4, "queue": 2}}}, **ONLY_GOOGLE
    ) as home:
        answered = await verify(home, *(numbered(number) for number in range(30)))

        assert answered.status == 200
        assert all(item["result"] for item in answered.json["results"])


async def test_the_same_address_twice_is_asked_for_once_and_each_keeps_its_name(larder):
    async with larder() as home:
        answered = await verify(home, {**HOME, "id": "a"}, {**HOME, "city": "SAMPLETON", "id": "b"})

        assert [item["id"] for item in answered.json["results"]] == ["a", "b"]
        assert paid(home) == 1


async def test_a_caller_says_how_fresh_it_has_to_be(larder):
    async with larder() as home:
        await verify(home, HOME)
        live = await verify(home, HOME, headers={"Cache-Control": "no-cache"})
        unstored = await verify(home, flat(2), flat(4), headers={"Cache-Control": "no-store"})
        only = await verify(home, flat(2), headers={"Cache-Control": "only-if-cached"})

        assert live.json["results"][0]["result"]["cache"]["status"] == "miss"
        assert told(unstored) == [("smartystreets", "verified")] * 2
        assert only.status == 504
        assert paid(home) == 4


async def test_who_waits_no_longer_hears_so_in_time(larder):
    async with larder() as home:
        await home.fail("smartystreets", "latency", seconds=1)
        await home.fail("google", "latency", seconds=1)
        async with asyncio.timeout(0.9):
            answered = await verify(home, HOME, headers={"X-Request-Timeout": "0.2"})

        assert answered.status == 503


# who may ask

KEY = "a-key-of-thirty-two-characters-or-more"


def callers(*allow):
    return [{"name": "forms", "key": f"{HASH_PREFIX}{digest_key(KEY).hex()}", "allow": list(allow)}]


async def test_who_is_not_known_is_refused_and_who_is_may_use_its_upstreams_only(larder):
    async with larder(callers=callers("smartystreets")) as home:
        mine = {"X-Larder-Key": KEY}
        await home.fail("smartystreets")

        assert (await verify(home, HOME)).status == 401
        assert (await verify(home, HOME, headers={"X-Larder-Key": "wrong"})).status == 401
        assert (await verify(home, HOME, headers=mine, providers=["google"])).status == 403
        assert (await verify(home, HOME, headers=mine)).status == 503
        assert (await verify(home, HOME, path=f"/@{KEY}{VERIFY}")).status == 503
        assert await home.calls("/google/*") == 0


async def test_without_callers_no_page_of_another_host_gets_an_answer(larder):
    async with larder() as home:
        assert (await verify(home, HOME, headers={"Host": "elsewhere.example"})).status == 421
        assert (await home.ask("POST", VERIFY, data=b"{}", headers={"Content-Type": "text/plain"})).status == 415
        assert await home.calls() == 0


async def test_each_caller_has_its_own_of_google(larder):
    async with larder(callers=[*callers("google"), {"name": "other", "networks": ["127.0.0.0/8"]}]) as home:
        await verify(home, HOME, headers={"X-Larder-Key": KEY}, providers=["google"])

        assert "fwd=miss" in (await verify(home, HOME, providers=["google"])).cache
        assert "hit" in (await verify(home, HOME, headers={"X-Larder-Key": KEY}, providers=["google"])).cache


async def test_a_caller_may_bring_its_own_credential_where_larder_holds_none(larder):
    async with larder(upstreams={"smartystreets": {"credential": {"auth_id": "", "auth_token": ""}}}) as home:
        path = f"{VERIFY}?auth-id=sandbox-id&auth-token=sandbox-token"
        other = f"{VERIFY}?auth-id=sandbox-id-two&auth-token=sandbox-token-two"
        mine = {"path": path, "providers": ["smartystreets"]}

        assert told(await verify(home, HOME, **mine)) == [("smartystreets", "verified")]
        assert (await verify(home, HOME, **mine)).cache.startswith("larder; hit")
        assert "fwd=miss" in (await verify(home, HOME, path=other, providers=["smartystreets"])).cache
        refused = await verify(home, HOME, providers=["smartystreets"])
        assert (refused.status, refused.json["results"][0]["problem"]["title"]) == (503, "Credential refused")


async def test_a_credential_that_two_providers_could_read_reaches_neither(larder):
    none = {"smartystreets": {"credential": {"auth_id": "", "auth_token": ""}}, "google": {"credential": {"key": ""}}}
    async with larder(upstreams=none) as home:
        await verify(home, HOME, headers={"Authorization": "Basic c2FuZGJveC1pZDpzYW5kYm94LXRva2Vu"})
        seen = await home.control("journal", method="GET")

        assert seen["count"] >= 1
        assert '"content-type"' in json.dumps(seen)
        assert '"authorization"' not in json.dumps(seen)  # the journal has digests of such values


# completing


async def test_what_is_typed_is_completed_and_a_building_opens_into_its_units(larder):
    async with larder() as home:
        first = await home.get("/v1/addresses/autocomplete?search=12+Exa")
        [building] = first.json["suggestions"]
        async with home.session.get(
            home.url + "/v1/addresses/autocomplete",
            params={"search": "12 Exa", "selected": building["selected"], "limit": 3},
        ) as units:
            found = (await units.json())["suggestions"]
        by_sdk = await home.get("/smartystreets/us-autocomplete-pro/lookup?search=12+Exa")

        assert (first.status, first.json["provider"], building["entries"]) == (200, "smartystreets", 4)
        assert [one["secondary"] for one in found] == ["Apt 1", "Apt 2", "Apt 3"]
        assert by_sdk.cache.startswith("larder; hit")


async def test_nothing_that_begins_so_is_an_empty_list(larder):
    async with larder() as home:
        assert (await home.get("/v1/addresses/autocomplete?search=zzz")).json["suggestions"] == []


async def test_google_completes_only_where_it_is_named(larder):
    async with larder() as home:
        await home.fail("smartystreets")
        assert (await home.get("/v1/addresses/autocomplete?search=12+Exa")).status in (502, 503)
        assert (await home.get("/v1/addresses/autocomplete?search=12+Exa&providers=google")).status == 422
        assert await home.calls("/google/*") == 0

        home.reload(v1={"addresses": {"autocomplete": ["smartystreets", "google"]}})
        answered = await home.get("/v1/addresses/autocomplete?search=12+Exa")
        assert (answered.status, answered.json["provider"]) == (200, "google")
        assert answered.json["suggestions"][0]["place_id"] == "ChIJsandbox0001"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "search"),
        ("search=", "search"),
        ("search=x&limit=11", "limit"),
        ("search=x&limit=many", "limit"),
        ("search=x&limits=1", "limits"),
        ("search=x&search=y", "search"),
        ("search=x&providers=gogle", "providers.0"),
    ],
)
async def test_what_is_wrong_with_a_query_is_told_by_its_field(larder, query, field):
    async with larder() as home:
        answered = await home.get(f"/v1/addresses/autocomplete?{query}")

        assert answered.status == 422
        assert field in [error["field"] for error in answered.json["errors"]]


# what stays unsaid


async def test_no_address_reaches_log_or_metrics(larder):
    canary = "Zanzibarstreet"
    async with larder() as home:
        asked = [{"street": f"12 {canary}", "city": canary}, {"street": 5, canary: canary}, {**HOME, "id": canary}]
        await verify(home, *asked)
        await verify(home, {**HOME, "secondary": canary, "country": "XX"}, providers=["google"])
        await home.ask("POST", f"{VERIFY}?{canary}={canary}", json={"address": HOME})
        await home.get(f"/v1/addresses/autocomplete?search={canary}")
        await home.get(f"/v1/{canary}")
        await home.fail("smartystreets")
        await home.fail("google")
        await verify(home, {"street": f"14 {canary}"})
        home.larder.observing.log.flush()
        logged = home.log.getvalue()

        assert "POST /v1/addresses/verify" in logged
        assert canary.lower() not in logged.lower()
        assert canary.lower() not in home.larder.observing.metrics.exposition()[1].decode().lower()
