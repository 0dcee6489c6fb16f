"""googlemaps through Larder: geocoding and the older Places, whose errors come inside a 200."""

import asyncio
from types import SimpleNamespace

import googlemaps
import pytest

from tests.sdk.clients import ANY_KEY, HELD_KEY, NO_CREDENTIAL, classic, switch

GEOCODE = "/google/maps/api/geocode/json"
HOME = "12 Example Place, Sampleton NY"
WEEK_AND_MORE = 8 * 24 * 3600


async def geocoded(base, address=HOME, key=ANY_KEY, **options):
    with classic(base, key) as client:
        return await asyncio.to_thread(client.geocode, address, **options)


async def test_geocoding_is_paid_for_once(home):
    first = await geocoded(home.url)
    second = await geocoded(home.url)

    assert first[0]["place_id"] == "ChIJsandbox0001"
    assert second == first
    assert await home.calls(GEOCODE) == 1


async def test_geocoding_with_a_filter_is_another_question(home):
    [plain] = await geocoded(home.url)
    [filtered] = await geocoded(home.url, components={"country": "US"}, language="en", region="us")

    assert plain["place_id"] == filtered["place_id"]
    assert await home.calls(GEOCODE) == 2


async def test_reverse_geocoding_is_paid_for_once(home):
    with classic(home.url) as client:
        first, second = [await asyncio.to_thread(client.reverse_geocode, (40.8, -73.96)) for _ in range(2)]

    assert first[0]["place_id"] == "ChIJsandbox0001"
    assert second == first
    assert await home.calls(GEOCODE) == 1


async def test_zero_results_are_an_empty_answer_kept_for_an_hour(home):
    for _ in range(2):
        assert await geocoded(home.url, "zero results lane") == []
    assert await home.calls(GEOCODE) == 1

    await home.settled()
    home.clock.advance(3601)
    assert await geocoded(home.url, "zero results lane") == []
    assert await home.calls(GEOCODE) == 2


async def test_without_the_terms_accepted_nothing_is_kept(larder):
    async with larder() as home:
        home.reload(upstreams={"google": {"terms_accepted": []}})

        assert await geocoded(home.url) == await geocoded(home.url)
        assert await home.calls(GEOCODE) == 2


async def test_validation_by_googlemaps_is_paid_for_once_and_its_enums_are_words(home):
    with classic(home.url) as client:
        first, second = [
            await asyncio.to_thread(client.addressvalidation, ["12 Example Place Apt 3, Sampleton NY"], "US")
            for _ in range(2)
        ]

    assert first["result"]["verdict"]["possibleNextAction"] == "ACCEPT"
    assert first["result"]["verdict"]["validationGranularity"] == "SUB_PREMISE"
    assert second == first
    assert await home.calls("/google/v1:validateAddress") == 1


async def test_validation_by_googlemaps_gives_the_error_as_google_wrote_it(home):
    with classic(home.url) as client:
        answer = await asyncio.to_thread(client.addressvalidation, [])

    assert answer["error"]["status"] == "INVALID_ARGUMENT"


async def test_the_older_places_are_passed_on_and_never_kept(home):
    with classic(home.url) as client:
        for asked in (1, 2):
            [prediction] = await asyncio.to_thread(client.places_autocomplete, "12 Exa", "s1")
            details = await asyncio.to_thread(client.place, "ChIJsandbox0001", fields=["name", "place_id"])
            assert prediction["place_id"] == details["result"]["place_id"] == "ChIJsandbox0001"
            assert await home.calls("/google/maps/api/place/*") == 2 * asked
        with pytest.raises(googlemaps.exceptions.ApiError, match="NOT_FOUND"):
            await asyncio.to_thread(client.place, "missing")


@pytest.mark.parametrize(
    ("address", "error", "said"),
    [
        ("unknown error lane", googlemaps.exceptions.ApiError, "UNKNOWN_ERROR"),
        ("overlimit lane", googlemaps.exceptions._OverQueryLimit, "OVER_QUERY_LIMIT"),
        (None, googlemaps.exceptions.HTTPError, "400"),
    ],
)
async def test_each_error_inside_a_200_is_the_sdks_own_exception_and_is_not_kept(home, address, error, said):
    before = 0
    for _ in range(2):
        with pytest.raises(error, match=said):
            await geocoded(home.url, address)
        asked = await home.calls(GEOCODE)
        assert asked > before
        before = asked


@pytest.mark.parametrize(
    ("address", "said"), [("overdaily lane", "OVER_DAILY_LIMIT"), ("denied lane", "REQUEST_DENIED")]
)
async def test_a_key_that_is_refused_rests_and_the_sdk_hears_why_without_a_call(home, address, said):
    for _ in range(3):
        with pytest.raises(googlemaps.exceptions.ApiError, match=said):
            await geocoded(home.url, address)

    assert await home.calls(GEOCODE) == 1


async def test_the_sdks_own_patience_with_a_quota_works_through_larder(home, monkeypatch):
    slept = []
    now = iter(range(1000))
    patient = SimpleNamespace(time=lambda: next(now), sleep=slept.append)
    monkeypatch.setattr("googlemaps.client.time", patient)
    with classic(home.url, retry_over_query_limit=True) as client:
        assert await asyncio.to_thread(client.geocode, "overonce lane 7")

    assert await home.calls(GEOCODE) == 2


async def test_a_wrong_key_is_judged_by_google_and_gets_nothing_that_is_kept(larder):
    async with larder(upstreams=NO_CREDENTIAL) as home:
        assert await geocoded(home.url, key=HELD_KEY)

        with pytest.raises(googlemaps.exceptions.ApiError, match="REQUEST_DENIED"):
            await geocoded(home.url, key="AIzaWrong")

        assert await home.calls(GEOCODE) == 2


async def test_a_business_clients_signature_survives_larder(larder):
    async with larder(upstreams=NO_CREDENTIAL) as home:
        facts = home.sandbox.google.facts()["client"]
        right = {"client_id": facts["id"], "client_secret": facts["signing_secret"]}
        forged = {"client_id": facts["id"], "client_secret": "Zm9yZ2VyeQ=="}

        with classic(home.url, None, **right) as client, classic(home.url, None, **forged) as forger:
            assert await asyncio.to_thread(client.geocode, HOME)
            with pytest.raises(googlemaps.exceptions.ApiError, match="REQUEST_DENIED"):
                await asyncio.to_thread(forger.geocode, HOME)


@pytest.mark.parametrize(
    "trouble", ["over_query_limit", "over_daily_limit", "request_denied", "unknown_error", "unavailable"]
)
async def test_what_is_kept_covers_for_an_error_inside_a_200(home, trouble):
    before = await geocoded(home.url)
    await home.settled()
    home.clock.advance(WEEK_AND_MORE)
    asked = await home.calls(GEOCODE)
    await switch(home, google={"trouble": trouble})

    assert await geocoded(home.url) == before
    assert await home.calls(GEOCODE) > asked


async def test_what_is_kept_covers_for_google_when_it_is_down_but_not_past_its_terms(home):
    before = await geocoded(home.url)
    await home.settled()
    home.clock.advance(WEEK_AND_MORE)
    await home.fail("google", kind="down")
    assert await geocoded(home.url) == before

    home.clock.advance(22 * 24 * 3600 + 1)  # 30 days in all (UPSTREAMS.md §7)
    with pytest.raises(googlemaps.exceptions.HTTPError, match="502"):
        await geocoded(home.url)
