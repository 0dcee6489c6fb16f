"""google-maps-addressvalidation and google-maps-places over REST, through Larder."""

import asyncio

import pytest
from google.api_core import exceptions
from google.maps import addressvalidation_v1 as av
from google.maps import places_v1
from google.type.postal_address_pb2 import PostalAddress

from tests.sdk.clients import HELD_KEY, NO_CREDENTIAL, classic, places, switch, validation

VALIDATE = "/google/v1:validateAddress"
LINES = ("12 Example Pl Apt 3", "Sampleton NY 10099")
MASK = ("x-goog-fieldmask", "id,formattedAddress,location,businessStatus")
WEEK_AND_MORE = 8 * 24 * 3600


def asked_for(*lines, **more):
    return av.ValidateAddressRequest(address=PostalAddress(region_code="US", address_lines=lines), **more)


async def validated(base, *lines, key=HELD_KEY, **more):
    with validation(base, key) as client:
        return await asyncio.to_thread(client.validate_address, asked_for(*(lines or LINES), **more))


async def test_validation_reads_integer_enums_and_is_paid_for_once(home):
    first = await validated(home.url, enable_usps_cass=True)
    second = await validated(home.url, enable_usps_cass=True)

    assert first.result.verdict.validation_granularity is av.Verdict.Granularity.SUB_PREMISE
    component = first.result.address.address_components[0]
    assert component.confirmation_level is av.AddressComponent.ConfirmationLevel.CONFIRMED
    assert first.result.usps_data.dpv_confirmation == "Y"
    assert second == first
    assert await home.calls(VALIDATE) == 1


async def test_integers_for_one_sdk_and_words_for_the_other_are_kept_apart(home):
    for _ in range(2):
        by_numbers = await validated(home.url)
        with classic(home.url) as client:
            by_words = await asyncio.to_thread(client.addressvalidation, list(LINES), "US")
        assert by_numbers.result.verdict.validation_granularity is av.Verdict.Granularity.SUB_PREMISE
        assert by_words["result"]["verdict"]["validationGranularity"] == "SUB_PREMISE"

    assert await home.calls(VALIDATE) == 2


async def test_a_correction_sequence_is_passed_on_and_never_kept(home):
    first = await validated(home.url)

    for asked in (2, 3):
        await validated(home.url, previous_response_id=first.response_id)
        assert await home.calls(VALIDATE) == asked


async def test_feedback_is_sent_once_and_leaves_what_is_kept_alone(home):
    answer = await validated(home.url)
    feedback = av.ProvideValidationFeedbackRequest(
        conclusion=av.ProvideValidationFeedbackRequest.ValidationConclusion.VALIDATED_VERSION_USED,
        response_id=answer.response_id,
    )
    with validation(home.url) as client:
        await asyncio.to_thread(client.provide_validation_feedback, feedback)

    assert home.sandbox.google.facts()["feedback"] == {"VALIDATED_VERSION_USED": 1}
    assert await validated(home.url) == answer
    assert await home.calls(VALIDATE) == 1


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (("overlimit lane",), exceptions.TooManyRequests),
        (("unavailable lane",), exceptions.ServiceUnavailable),
        ((" ",), exceptions.BadRequest),
    ],
    ids=["429", "503", "400"],
)
async def test_each_error_is_the_sdks_own_exception_and_is_not_kept(home, lines, error):
    before = 0
    for _ in range(2):
        with pytest.raises(error):
            await validated(home.url, *lines)
        asked = await home.calls(VALIDATE)
        assert asked > before
        before = asked


async def test_a_key_that_is_refused_rests_and_the_sdk_hears_why_without_a_call(home):
    for _ in range(3):
        with pytest.raises(exceptions.Forbidden):
            await validated(home.url, "denied lane")

    assert await home.calls(VALIDATE) == 1


async def test_a_wrong_key_is_judged_by_google_and_gets_nothing_that_is_kept(larder):
    async with larder(upstreams=NO_CREDENTIAL) as home:
        assert await validated(home.url)

        with pytest.raises(exceptions.BadRequest, match="API key not valid"):
            await validated(home.url, key="AIzaWrong")

        assert await home.calls(VALIDATE) == 2


@pytest.mark.parametrize("trouble", ["over_query_limit", "request_denied", "unavailable", "deadline_exceeded"])
async def test_what_is_kept_covers_for_google(home, trouble):
    before = await validated(home.url)
    await home.settled()
    home.clock.advance(WEEK_AND_MORE)
    asked = await home.calls(VALIDATE)
    await switch(home, google={"trouble": trouble})

    assert await validated(home.url) == before
    assert await home.calls(VALIDATE) > asked


async def test_when_google_is_down_and_nothing_is_kept_the_sdk_says_so_in_its_own_words(home):
    await home.fail("google", kind="down")

    with pytest.raises(exceptions.BadGateway):
        await validated(home.url)


async def test_place_details_are_passed_on_and_never_kept_but_a_search_for_ids_alone_is(home):
    search = places_v1.SearchTextRequest(text_query="Example Hall")
    wanted = places_v1.GetPlaceRequest(name="places/ChIJsandbox0001")
    with places(home.url) as client:
        for asked in (1, 2):
            place = await asyncio.to_thread(client.get_place, wanted, metadata=[MASK])
            found = await asyncio.to_thread(client.search_text, search, metadata=[("x-goog-fieldmask", "places.id")])
            assert place.id == found.places[0].id == "ChIJsandbox0001"
            assert place.business_status is places_v1.Place.BusinessStatus.OPERATIONAL
            assert await home.calls("/google/v1/places*") == 1 + asked


async def test_a_missing_place_and_a_missing_mask_are_the_sdks_own_exceptions(home):
    with places(home.url) as client:
        missing = places_v1.GetPlaceRequest(name="places/missing")
        with pytest.raises(exceptions.NotFound):
            await asyncio.to_thread(client.get_place, missing, metadata=[("x-goog-fieldmask", "id")])
        with pytest.raises(exceptions.BadRequest, match="FieldMask is a required parameter"):
            await asyncio.to_thread(client.search_text, places_v1.SearchTextRequest(text_query="Example Hall"))


async def test_a_session_of_autocompletion_is_billed_as_one(home):
    token = "11111111-0000-4000-8000-000000000000"
    with places(home.url) as client:
        for typed in ("12 Exa", "12 Exa"):
            request = places_v1.AutocompletePlacesRequest(input=typed, session_token=token)
            suggested = await asyncio.to_thread(client.autocomplete_places, request)
        chosen = places_v1.GetPlaceRequest(name="places/ChIJsandbox0001", session_token=token)
        await asyncio.to_thread(client.get_place, chosen, metadata=[("x-goog-fieldmask", "displayName")])

    assert suggested.suggestions[0].place_prediction.place_id == "ChIJsandbox0001"
    assert await home.calls("/google/v1/places:autocomplete") == 2
    assert home.sandbox.google.facts()["bill"]["sandbox"]["sessions"] == {"open": 0, "ended": 1}
