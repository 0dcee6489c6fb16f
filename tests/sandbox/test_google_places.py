"""Google's places, new and legacy, and what the price meter makes of every request."""

import pytest

KEY = "AIzaSandboxKey"
BY_KEY = {"X-Goog-Api-Key": KEY}
GEOCODE = "/maps/api/geocode/json"
TOKEN = "11111111-0000-4000-8000-000000000000"
HOME = {"regionCode": "US", "addressLines": ["12 Example Pl Apt 3", "Sampleton NY 10099"]}


def masked(fields, key=KEY):
    return {"X-Goog-Api-Key": key, "X-Goog-FieldMask": fields}


class Google:
    """The stand-in in a running sandbox."""

    def __init__(self, sandbox):
        self.sandbox, self.state = sandbox, sandbox.state.google

    async def send(self, target, body=None, headers=BY_KEY):
        method = "GET" if body is None else "POST"
        return await self.sandbox.ask(method, f"/google{target}", json=body, headers=headers)

    async def geocode(self, address):
        return await self.sandbox.get(f"/google{GEOCODE}", params={"address": address, "key": KEY})

    async def validate(self, address, **more):
        assert (await self.send("/v1:validateAddress", {"address": address, **more})).status == 200


@pytest.fixture
def google(sandbox):
    return Google(sandbox)


async def test_a_field_mask_is_required_and_applied(google):
    path = "/v1/places/ChIJsandbox0001"
    none = await google.send(path)
    by_header = await google.send(path, None, masked("id,displayName.text"))
    by_query = await google.send(f"{path}?fields=location&languageCode=fr")
    unknown = await google.send(path, None, masked("colour"))

    assert (none.status, none.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert by_header.json == {"id": "ChIJsandbox0001", "displayName": {"text": "Example Hall"}}
    assert set(by_query.json) == {"location"}
    assert unknown.status == 400


async def test_text_search_finds_by_name_and_by_address(google):
    async def ids(query):
        answer = await google.send("/v1/places:searchText", {"textQuery": query}, masked("places.id"))
        return [place["id"] for place in answer.json.get("places", [])]

    assert await ids("Example Hall") == ["ChIJsandbox0001"]
    assert await ids("14 Example Place, Sampleton") == ["ChIJsandbox0002"]
    assert await ids("nothing of the kind") == []


async def test_nearby_search_needs_a_circle_and_sorts_by_distance(google):
    circle = {"circle": {"center": {"latitude": 40.8, "longitude": -73.96}, "radius": 500.0}}
    path = "/v1/places:searchNearby"

    near = await google.send(path, {"locationRestriction": circle, "maxResultCount": 2}, masked("places.id"))

    assert near.json["places"] == [{"id": "ChIJsandbox0001"}, {"id": "ChIJsandbox0002"}]
    assert (await google.send(path, {}, masked("places.id"))).status == 400


async def test_autocomplete_needs_no_mask_and_answers_an_empty_object_when_nothing_fits(google):
    path = "/v1/places:autocomplete"
    [found] = (await google.send(path, {"input": "12 Exa"})).json["suggestions"]

    assert found["placePrediction"]["place"] == "places/ChIJsandbox0001"
    assert found["placePrediction"]["text"]["matches"] == [{"endOffset": 6}]
    assert (await google.send(path, {"input": "zzz"})).json == {}
    assert (await google.send(path, {"input": "12 Exa", "includedRegionCodes": ["pr"]})).json == {}
    assert (await google.send(path, {"input": "12 Exa", "includedRegionCodes": ["us"] * 16})).status == 400


async def test_an_old_place_id_answers_with_the_new_one(google):
    answer = await google.send("/v1/places/ChIJsandboxMoved", None, masked("id"))

    assert answer.json == {"id": "ChIJsandbox0001"}


async def test_legacy_services_answer_with_a_status(google):
    async def status(target):
        return (await google.send(f"/maps/api/place/{target}")).json["status"]

    assert await status("details/json?placeid=missing") == "NOT_FOUND"
    assert await status("details/json?placeid=ChIJsandbox0001&fields=colour") == "INVALID_REQUEST"
    assert await status("autocomplete/json?input=zzz") == "ZERO_RESULTS"
    assert await status("textsearch/json?query=Example+Hall") == "OK"
    assert await status("nearbysearch/json?location=40.8,-73.96&radius=100") == "OK"
    assert await status("findplacefromtext/json?input=Example+Hall&inputtype=textquery") == "OK"


# ---- the price meter -------------------------------------------------------------------------------------------


async def type_in_a_session(google, token, keystrokes):
    for _ in range(keystrokes):
        await google.send("/v1/places:autocomplete", {"input": "12 Exa", "sessionToken": token})


def requests(google, consumer="sandbox"):
    return google.state.facts()["bill"][consumer]["requests"]


async def test_a_session_ended_by_a_validation_makes_its_keystrokes_free(google):
    await type_in_a_session(google, TOKEN, 3)
    await google.validate(HOME, sessionToken=TOKEN)
    await google.validate(HOME, sessionToken=TOKEN)

    assert requests(google) == {
        "Autocomplete Session Usage": 1,
        "Address Validation Enterprise": 1,
        "Address Validation Pro": 1,
    }


async def test_a_session_ended_by_essentials_pays_its_first_twelve_keystrokes(google):
    await type_in_a_session(google, TOKEN, 15)
    await google.send(f"/v1/places/ChIJsandbox0001?sessionToken={TOKEN}", None, masked("formattedAddress"))

    assert requests(google) == {"Place Details Essentials": 1, "Autocomplete Requests": 12}


async def test_an_abandoned_session_pays_by_keystroke(google):
    await type_in_a_session(google, TOKEN, 2)

    assert requests(google) == {"Autocomplete Requests": 2}
    assert google.state.facts()["bill"]["sandbox"]["sessions"] == {"open": 1, "ended": 0}


@pytest.mark.parametrize(
    ("fields", "sku"),
    [
        ("id", "Place Details Essentials (IDs only)"),
        ("id,location", "Place Details Essentials"),
        ("location,displayName", "Place Details Pro"),
        ("rating", "Place Details Enterprise"),
        ("*", "Place Details Enterprise + Atmosphere"),
    ],
)
async def test_the_dearest_field_sets_the_price_of_details(google, fields, sku):
    await google.send("/v1/places/ChIJsandbox0001", None, masked(fields))

    assert requests(google) == {sku: 1}


async def test_refused_requests_cost_nothing_and_each_key_pays_for_itself(google):
    await google.geocode(address="overlimit lane")
    await google.send("/v1/places/missing", None, masked("id"))
    await google.geocode(address="zero results lane")
    await google.send("/v1/places:searchText", {"textQuery": "x"}, masked("places.id", "AIzaSandboxKeyTwo"))

    assert requests(google) == {"Geocoding": 1}
    assert requests(google, "sandbox-two") == {"Text Search Essentials (IDs only)": 1}
    assert google.state.facts()["bill"]["sandbox"]["usd"] == 0.005
