"""Google's own clients against the stand-in: googlemaps, and the GAPIC clients over REST."""

import asyncio
import importlib
import time
from types import SimpleNamespace

import googlemaps
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.maps import addressvalidation_v1 as av
from google.maps import places_v1
from google.type.postal_address_pb2 import PostalAddress

KEY = "AIzaSandboxKey"
HOME = PostalAddress(region_code="US", address_lines=["12 Example Pl Apt 3", "Sampleton NY 10099"])


@pytest.fixture
def google(sandbox):
    return SimpleNamespace(base=f"{sandbox.url}/google", state=sandbox.state.google)


def options(google, key=KEY):
    return ClientOptions(api_endpoint=google.base, api_key=key)


@pytest.fixture
def classic(google):
    return googlemaps.Client(key=KEY, base_url=google.base, retry_over_query_limit=False)


@pytest.fixture
def validation(google):
    with av.AddressValidationClient(transport="rest", client_options=options(google)) as client:
        yield client


@pytest.fixture
def places(google):
    with places_v1.PlacesClient(transport="rest", client_options=options(google)) as client:
        yield client


async def test_googlemaps_geocodes_both_ways(classic):
    [there] = await asyncio.to_thread(classic.geocode, "12 Example Place, Sampleton NY")
    back = await asyncio.to_thread(classic.reverse_geocode, (40.8, -73.96))
    filtered = await asyncio.to_thread(
        classic.geocode, "12 Example Place, Sampleton NY", components={"country": "US"}, language="en", region="us"
    )

    assert there["place_id"] == back[0]["place_id"] == filtered[0]["place_id"]


async def test_googlemaps_takes_zero_results_for_an_empty_answer(classic):
    assert await asyncio.to_thread(classic.geocode, "zero results lane") == []


async def test_googlemaps_retries_once_over_the_limit_and_gets_its_answer(google, monkeypatch):
    monkeypatch.setattr("googlemaps.client.time", SimpleNamespace(time=time.time, sleep=lambda _: None))
    client = googlemaps.Client(key=KEY, base_url=google.base)

    assert await asyncio.to_thread(client.geocode, "overonce lane 7")


async def test_googlemaps_raises_on_errors_inside_a_200_and_on_a_400(google, classic):
    wrong = googlemaps.Client(key="AIzaBad", base_url=google.base)

    with pytest.raises(googlemaps.exceptions.ApiError, match="REQUEST_DENIED"):
        await asyncio.to_thread(wrong.geocode, "12 Example Place, Sampleton NY")
    with pytest.raises(googlemaps.exceptions.ApiError, match="OVER_DAILY_LIMIT"):
        await asyncio.to_thread(classic.geocode, "overdaily lane")
    with pytest.raises(googlemaps.exceptions.HTTPError, match="400"):
        await asyncio.to_thread(classic.geocode)


async def test_googlemaps_signs_for_a_business_client(google):
    facts = google.state.facts()["client"]
    client = googlemaps.Client(client_id=facts["id"], client_secret=facts["signing_secret"], base_url=google.base)
    forger = googlemaps.Client(client_id=facts["id"], client_secret="Zm9yZ2VyeQ==", base_url=google.base)

    assert await asyncio.to_thread(client.geocode, "12 Example Place, Sampleton NY")
    with pytest.raises(googlemaps.exceptions.ApiError, match="REQUEST_DENIED"):
        await asyncio.to_thread(forger.geocode, "12 Example Place, Sampleton NY")


async def test_googlemaps_reaches_the_legacy_places(classic):
    predictions = await asyncio.to_thread(classic.places_autocomplete, "12 Exa", "s1")
    details = await asyncio.to_thread(classic.place, "ChIJsandbox0001", fields=["name", "place_id"])
    found = await asyncio.to_thread(classic.find_place, "Example Hall", "textquery")

    assert predictions[0]["place_id"] == "ChIJsandbox0001"
    assert details["result"] == {"name": "Example Hall", "place_id": "ChIJsandbox0001"}
    assert found["candidates"] == [{"place_id": "ChIJsandbox0001"}]
    with pytest.raises(googlemaps.exceptions.ApiError, match="NOT_FOUND"):
        await asyncio.to_thread(classic.place, "missing")


async def test_googlemaps_validates_addresses_and_never_raises(google, classic, monkeypatch):
    module = importlib.import_module("googlemaps.addressvalidation")
    monkeypatch.setattr(module, "_ADDRESSVALIDATION_BASE_URL", google.base)

    good = await asyncio.to_thread(classic.addressvalidation, ["12 Example Place Apt 3, Sampleton NY"], "US")
    bad = await asyncio.to_thread(classic.addressvalidation, [])

    assert good["result"]["verdict"]["possibleNextAction"] == "ACCEPT"
    assert bad["error"]["status"] == "INVALID_ARGUMENT"


async def test_the_validation_client_reads_integer_enums(validation):
    request = av.ValidateAddressRequest(address=HOME, enable_usps_cass=True)

    answer = await asyncio.to_thread(validation.validate_address, request)

    assert answer.result.verdict.validation_granularity is av.Verdict.Granularity.SUB_PREMISE
    component = answer.result.address.address_components[0]
    assert component.confirmation_level is av.AddressComponent.ConfirmationLevel.CONFIRMED
    assert answer.result.usps_data.dpv_confirmation == "Y"
    assert not answer.result.verdict.has_replaced_components


async def test_the_validation_client_sends_feedback(validation):
    answer = await asyncio.to_thread(validation.validate_address, av.ValidateAddressRequest(address=HOME))
    feedback = av.ProvideValidationFeedbackRequest(
        conclusion=av.ProvideValidationFeedbackRequest.ValidationConclusion.VALIDATED_VERSION_USED,
        response_id=answer.response_id,
    )

    assert await asyncio.to_thread(validation.provide_validation_feedback, feedback) is not None


async def test_the_validation_client_raises_by_http_status(google, validation):
    def validate(*lines):
        address = PostalAddress(region_code="US", address_lines=lines)
        return validation.validate_address(av.ValidateAddressRequest(address=address))

    with pytest.raises(exceptions.BadRequest):
        await asyncio.to_thread(validate)
    with pytest.raises(exceptions.TooManyRequests):
        await asyncio.to_thread(validate, "overlimit lane")
    with pytest.raises(exceptions.ServiceUnavailable):
        await asyncio.to_thread(validate, "unavailable lane")
    with pytest.raises(exceptions.Forbidden):
        await asyncio.to_thread(validate, "denied lane")
    with (
        av.AddressValidationClient(transport="rest", client_options=options(google, "AIzaBad")) as stranger,
        pytest.raises(exceptions.BadRequest, match="API key not valid"),
    ):
        await asyncio.to_thread(stranger.validate_address, av.ValidateAddressRequest(address=HOME))


async def test_the_places_client_searches_and_reads_one_place(places):
    search = places_v1.SearchTextRequest(
        text_query="Example Hall", rank_preference=places_v1.SearchTextRequest.RankPreference.RELEVANCE
    )
    found = await asyncio.to_thread(
        places.search_text, search, metadata=[("x-goog-fieldmask", "places.id,places.formattedAddress")]
    )
    place = await asyncio.to_thread(
        places.get_place,
        places_v1.GetPlaceRequest(name="places/ChIJsandbox0001"),
        metadata=[("x-goog-fieldmask", "id,formattedAddress,location,businessStatus")],
    )

    assert found.places[0].id == place.id == "ChIJsandbox0001"
    assert found.places[0].formatted_address == "12 Example Pl, Sampleton, NY 10099, USA"
    assert place.business_status is places_v1.Place.BusinessStatus.OPERATIONAL


async def test_the_places_client_raises_without_a_mask_and_for_a_missing_place(places):
    with pytest.raises(exceptions.BadRequest, match="FieldMask is a required parameter"):
        await asyncio.to_thread(places.search_text, places_v1.SearchTextRequest(text_query="Example Hall"))
    with pytest.raises(exceptions.NotFound):
        await asyncio.to_thread(
            places.get_place,
            places_v1.GetPlaceRequest(name="places/missing"),
            metadata=[("x-goog-fieldmask", "id")],
        )


async def test_the_places_client_autocompletes_in_a_session_that_details_end(google, places):
    token = "11111111-0000-4000-8000-000000000000"
    request = places_v1.AutocompletePlacesRequest(input="12 Exa", session_token=token)
    suggested = await asyncio.to_thread(places.autocomplete_places, request)
    await asyncio.to_thread(
        places.get_place,
        places_v1.GetPlaceRequest(name="places/ChIJsandbox0001", session_token=token),
        metadata=[("x-goog-fieldmask", "displayName")],
    )

    assert suggested.suggestions[0].place_prediction.place_id == "ChIJsandbox0001"
    assert google.state.facts()["bill"]["sandbox"]["sessions"] == {"open": 0, "ended": 1}
