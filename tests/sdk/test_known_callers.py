"""The four ways a caller is known (DESIGN.md §6), each with the SDK of somebody who needs it."""

import asyncio
import os
from base64 import b64encode

import googlemaps
import pytest
from canvasapi import exceptions as canvas_refused
from google.api_core import exceptions as google_refused
from google.maps import addressvalidation_v1 as av
from google.maps import places_v1
from google.type.postal_address_pb2 import PostalAddress
from smartystreets_python_sdk import BasicAuthCredentials, SharedCredentials, StaticCredentials
from smartystreets_python_sdk import exceptions as smarty_refused
from smartystreets_python_sdk.us_street import Lookup

from proxy.callers.keys import make_key
from sandbox.journal import short_hash
from tests.house import ADA
from tests.sdk.clients import classic, in_canvas, in_pages_of, looked_up, places, smarty, validation

COURSES = "/courseworks/api/v1/courses"
GEOCODE = "/google/maps/api/geocode/json"
STREET = "/us-street/street-address"
ADDRESS = "12 Example Place, Sampleton NY"
HELD_BY_LARDER = f"Basic {b64encode(b'sandbox-id:sandbox-token').decode()}"
HOME = {"street": "12 Example Place", "city": "Sampleton", "state": "NY", "zipcode": "10099"}
KEY = make_key(google=False, random=os.urandom)
ANOTHER_KEY = make_key(google=False, random=os.urandom)
GOOGLE_KEY = make_key(google=True, random=os.urandom)
ANOTHER_GOOGLE_KEY = make_key(google=True, random=os.urandom)
CALLERS = [
    {"name": "enrollment", "key": [KEY.hash, GOOGLE_KEY.hash]},
    {"name": "mailing", "key": [ANOTHER_KEY.hash, ANOTHER_GOOGLE_KEY.hash], "allow": ["smartystreets", "google"]},
]


@pytest.fixture
async def guarded(larder):
    """A Larder that answers to known callers only; the loopback is no network of theirs."""
    async with larder(callers=CALLERS) as home:
        yield home


def course_ids(canvas):
    return [course.id for course in in_pages_of(5, canvas.get_courses())]


async def assert_hidden(home, secret, *names):
    """No upstream got the key (the journal shows what stands in a credential's place as a hash) or these headers."""
    journal = await home.control("journal", method="GET")
    assert journal["requests"]
    for entry in journal["requests"]:
        told = f"{entry['path']} {entry['query']} {entry['headers']}"
        assert secret not in told
        assert short_hash(secret) not in told
        assert not {"x-larder-key", *names} & entry["headers"].keys()
    home.larder.observing.log.flush()
    written = home.log.getvalue()
    assert '"caller":"enrollment"' in written
    assert secret not in written
    assert ADA not in written


async def test_a_stranger_is_refused_in_each_sdks_own_words_and_no_upstream_hears_of_it(guarded):
    with pytest.raises(canvas_refused.InvalidAccessToken):
        await in_canvas(guarded.url, course_ids)
    with pytest.raises(smarty_refused.BadCredentialsError):
        await looked_up(smarty(guarded.url, STREET).build_us_street_api_client(), Lookup(**HOME))
    with classic(guarded.url) as client, pytest.raises(googlemaps.exceptions.HTTPError, match="401"):
        await asyncio.to_thread(client.geocode, ADDRESS)
    with validation(guarded.url) as client, pytest.raises(google_refused.Unauthorized):
        await asyncio.to_thread(client.validate_address, av.ValidateAddressRequest())

    assert await guarded.calls() == 0


async def test_canvasapi_is_known_by_a_header_of_its_session_and_canvas_never_sees_it(guarded):
    found = await in_canvas(guarded.url, course_ids, ADA, {"X-Larder-Key": KEY.key})

    assert len(found) == 14
    assert await guarded.calls(COURSES) == 1
    await assert_hidden(guarded, KEY.key)


async def test_the_header_stays_behind_where_nothing_is_kept_too(guarded):
    def story(canvas):
        canvas.graphql("query($id: ID!) { course(id: $id) { name } }", {"id": "100"})
        return canvas.get_course(100).update(course={"name": "Course 0 (renamed)"})

    await in_canvas(guarded.url, story, "sandbox-token", {"X-Larder-Key": KEY.key})

    assert await guarded.calls("/courseworks/api/graphql") == 1
    await assert_hidden(guarded, KEY.key)


async def test_a_wrong_key_in_the_header_is_refused_though_the_token_is_right(guarded):
    with pytest.raises(canvas_refused.InvalidAccessToken):
        await in_canvas(guarded.url, course_ids, ADA, {"X-Larder-Key": "larder_guessed"})

    assert await guarded.calls() == 0


async def test_smarty_is_known_by_a_header_too(guarded):
    builder = smarty(guarded.url, STREET).with_custom_header({"X-Larder-Key": KEY.key})

    assert await looked_up(builder.build_us_street_api_client(), Lookup(**HOME))
    await assert_hidden(guarded, KEY.key)


async def test_canvasapi_is_known_by_the_network_it_comes_from(larder):
    async with larder(callers=[{"name": "enrollment", "networks": ["127.0.0.0/8"]}]) as home:
        assert len(await in_canvas(home.url, course_ids)) == 14


async def test_another_network_is_not_enough(larder):
    async with larder(callers=[{"name": "enrollment", "networks": ["10.0.0.0/8"]}]) as home:
        with pytest.raises(canvas_refused.InvalidAccessToken):
            await in_canvas(home.url, course_ids)


async def test_canvasapi_is_known_by_a_key_in_its_base_url_and_keeps_it_from_page_to_page(guarded):
    found = await in_canvas(f"{guarded.url}/@{KEY.key}", course_ids)

    assert len(found) == len(set(found)) == 14
    assert await guarded.calls(COURSES) == 1
    await assert_hidden(guarded, KEY.key)


async def test_pages_kept_for_one_base_url_are_linked_by_another_callers_own(guarded):
    await in_canvas(f"{guarded.url}/@{KEY.key}", course_ids)
    found = await in_canvas(guarded.url, course_ids, ADA, {"X-Larder-Key": KEY.key})

    assert len(found) == 14
    assert await guarded.calls(COURSES) == 1


async def test_each_of_the_others_is_known_by_a_key_in_its_base_url(guarded):
    base = f"{guarded.url}/@{KEY.key}"
    assert await looked_up(smarty(base, STREET).build_us_street_api_client(), Lookup(**HOME))
    with classic(base) as client:
        assert await asyncio.to_thread(client.geocode, ADDRESS)
    with validation(base) as client:
        address = PostalAddress(region_code="US", address_lines=["12 Example Pl Apt 3", "Sampleton NY 10099"])
        answer = await asyncio.to_thread(client.validate_address, av.ValidateAddressRequest(address=address))

    assert answer.result.verdict.address_complete


@pytest.mark.parametrize(
    "credentials",
    [
        BasicAuthCredentials("enrollment", KEY.key),
        StaticCredentials("enrollment", KEY.key),
        SharedCredentials(KEY.key, "app.example.edu"),
    ],
    ids=["basic", "query", "embedded"],
)
async def test_smarty_is_known_by_a_larder_key_in_the_place_of_its_own(guarded, credentials):
    client = smarty(guarded.url, STREET, credentials).build_us_street_api_client()

    for _ in range(2):
        [candidate] = await looked_up(client, Lookup(**HOME))
        assert candidate.analysis.dpv_match_code == "D"

    assert await guarded.calls("/smartystreets/*") == 1
    await assert_hidden(guarded, KEY.key, "referer")
    [entry] = (await guarded.control("journal", method="GET"))["requests"]
    assert entry["headers"]["authorization"] == short_hash(HELD_BY_LARDER)


async def test_googlemaps_is_known_by_a_larder_key_in_the_place_of_its_own(guarded):
    with classic(guarded.url, GOOGLE_KEY.key) as client:
        first, second = [await asyncio.to_thread(client.geocode, ADDRESS) for _ in range(2)]

    assert second == first
    assert await guarded.calls(GEOCODE) == 1
    await assert_hidden(guarded, GOOGLE_KEY.key)


async def test_the_rest_clients_are_known_by_a_larder_key_in_the_place_of_googles(guarded):
    address = PostalAddress(region_code="US", address_lines=["12 Example Pl Apt 3", "Sampleton NY 10099"])
    with validation(guarded.url, GOOGLE_KEY.key) as client:
        answer = await asyncio.to_thread(client.validate_address, av.ValidateAddressRequest(address=address))

    assert answer.result.verdict.address_complete
    await assert_hidden(guarded, GOOGLE_KEY.key, "x-goog-api-key")


async def test_the_larder_key_stays_behind_where_nothing_is_kept_too(guarded):
    wanted = places_v1.GetPlaceRequest(name="places/ChIJsandbox0001")
    with places(guarded.url, GOOGLE_KEY.key) as client:
        place = await asyncio.to_thread(client.get_place, wanted, metadata=[("x-goog-fieldmask", "id")])
    with classic(guarded.url, GOOGLE_KEY.key) as client:
        details = await asyncio.to_thread(client.place, "ChIJsandbox0001", fields=["place_id"])

    assert place.id == details["result"]["place_id"] == "ChIJsandbox0001"
    await assert_hidden(guarded, GOOGLE_KEY.key, "x-goog-api-key")


async def test_googles_answers_are_not_shared_between_two_callers_but_smartys_are(guarded):
    for google_key, key in ((GOOGLE_KEY, KEY), (ANOTHER_GOOGLE_KEY, ANOTHER_KEY)):
        with classic(guarded.url, google_key.key) as client:
            assert await asyncio.to_thread(client.geocode, ADDRESS)
        credentials = BasicAuthCredentials("anyone", key.key)
        assert await looked_up(smarty(guarded.url, STREET, credentials).build_us_street_api_client(), Lookup(**HOME))

    assert await guarded.calls(GEOCODE) == 2
    assert await guarded.calls("/smartystreets/*") == 1


async def test_a_caller_who_may_not_use_an_upstream_is_forbidden_it(guarded):
    with pytest.raises(canvas_refused.Forbidden):
        await in_canvas(guarded.url, course_ids, ADA, {"X-Larder-Key": ANOTHER_KEY.key})

    assert await guarded.calls() == 0


async def test_a_larder_key_is_no_canvas_token_for_canvas_tokens_are_the_callers_own(guarded):
    with pytest.raises(canvas_refused.InvalidAccessToken):
        await in_canvas(guarded.url, course_ids, KEY.key)

    assert await guarded.calls() == 0
