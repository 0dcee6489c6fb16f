"""The Google stand-in over real sockets, as any HTTP client sees it."""

import json
from dataclasses import dataclass

import pytest
from yarl import URL

from sandbox.google.atlas import plus_code

KEY = "AIzaSandboxKey"
GEOCODE = "/maps/api/geocode/json"
VALIDATE = "/v1:validateAddress"
INT = "%24alt=json%3Benum-encoding%3Dint"
HOME = {"regionCode": "US", "addressLines": ["12 Example Pl Apt 3", "Sampleton NY 10099"]}
BY_KEY = {"X-Goog-Api-Key": KEY}
TOKEN = "11111111-0000-4000-8000-000000000000"


def masked(fields, key=KEY):
    return {"X-Goog-Api-Key": key, "X-Goog-FieldMask": fields}


# SDK_REQUESTS.md §3 and §4, line by line: (target below the prefix, body, headers, HTTP status, status in the body)
RECORDED = [
    (f"{GEOCODE}?address=12+Example+Place%2C+Sampleton+NY&key={KEY}", None, {}, 200, "OK"),
    (
        f"{GEOCODE}?address=12+Example+Place%2C+Sampleton+NY&components=administrative_area%3ANY%7Ccountry%3AUS"
        f"&language=en&region=us&key={KEY}",
        None,
        {},
        200,
        "OK",
    ),
    (f"{GEOCODE}?address=zero+results+lane&key={KEY}", None, {}, 200, "ZERO_RESULTS"),
    (f"{GEOCODE}?latlng=40.8%2C-73.96&key={KEY}", None, {}, 200, "OK"),
    (f"{GEOCODE}?address=12+Example+Place%2C+Sampleton+NY&key=AIzaBad", None, {}, 200, "REQUEST_DENIED"),
    (f"{GEOCODE}?address=overlimit+lane&key={KEY}", None, {}, 200, "OVER_QUERY_LIMIT"),
    (f"{GEOCODE}?address=overonce+lane+148670039&key={KEY}", None, {}, 200, "OVER_QUERY_LIMIT"),
    (
        f"{VALIDATE}?key={KEY}",
        {"address": {"addressLines": ["12 Example Place, Sampleton NY"], "regionCode": "US"}, "enableUspsCass": True},
        {},
        200,
        None,
    ),
    (f"{VALIDATE}?key={KEY}", {"address": {"addressLines": []}, "enableUspsCass": None}, {}, 400, None),
    (f"/maps/api/place/autocomplete/json?input=12+Exa&sessiontoken=s1&key={KEY}", None, {}, 200, "OK"),
    (
        "/maps/api/place/details/json?fields=name%2Cplace_id&placeid=ChIJsandbox0001&reviews_sort=most_relevant"
        f"&key={KEY}",
        None,
        {},
        200,
        "OK",
    ),
    (f"{VALIDATE}?{INT}", {"address": HOME, "enableUspsCass": True}, BY_KEY, 200, None),
    (f"{VALIDATE}?{INT}", {"address": {"regionCode": "US"}}, BY_KEY, 400, None),
    (f"{VALIDATE}?{INT}", {"address": HOME}, {"x-goog-api-key": "AIzaBad"}, 400, None),
    (f"{VALIDATE}?{INT}", {"address": {"regionCode": "US", "addressLines": ["overlimit lane"]}}, BY_KEY, 429, None),
    (
        f"/v1:provideValidationFeedback?{INT}",
        {"conclusion": 1, "responseId": "4cb4f5a2-0000-4000-8000-000000000001"},
        BY_KEY,
        200,
        None,
    ),
    (
        f"/v1/places:searchText?{INT}",
        {"textQuery": "Example Hall"},
        masked("places.id,places.formattedAddress"),
        200,
        None,
    ),
    (f"/v1/places:searchText?{INT}", {"textQuery": "Example Hall"}, BY_KEY, 400, None),
    (f"/v1/places:autocomplete?{INT}", {"input": "12 Exa", "sessionToken": TOKEN}, BY_KEY, 200, None),
    (f"/v1/places/ChIJsandbox0001?{INT}", None, masked("id,formattedAddress,location"), 200, None),
    (f"/v1/places/missing?{INT}", None, masked("id"), 404, None),
]


@dataclass
class Answer:
    status: int
    headers: dict
    text: str

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def reason(self):
        return self.json["error"]["details"][0]["reason"]


class Google:
    """The stand-in in a running sandbox, and a client that can send it anything."""

    def __init__(self, sandbox):
        self.base, self.http, self.clock = f"{sandbox.url}/google", sandbox.http, sandbox.clock
        self.sandbox = sandbox

    @property
    def state(self):
        return self.sandbox.state.google

    async def send(self, target, body=None, headers=BY_KEY):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        method = "GET" if body is None else "POST"
        async with self.http.request(method, self.url(target), data=data, headers=headers) as sent:
            return Answer(sent.status, sent.headers, await sent.text())

    def url(self, target):
        return URL(self.base + target, encoded=True)

    async def geocode(self, **parameters):
        async with self.http.get(self.base + GEOCODE, params={**parameters, "key": KEY}) as sent:
            return await sent.json()

    async def validate(self, address, target=VALIDATE, **more):
        answer = await self.send(target, {"address": address, **more})
        assert answer.status == 200
        return answer.json


@pytest.fixture
def google(sandbox):
    return Google(sandbox)


@pytest.mark.parametrize(("target", "body", "headers", "code", "status"), RECORDED)
async def test_recorded_sdk_traffic_gets_the_recorded_status(google, target, body, headers, code, status):
    answer = await google.send(target, body, headers)

    assert answer.status == code
    assert status is None or answer.json["status"] == status


# ---- geocoding -------------------------------------------------------------------------------------------------


async def test_an_address_is_found_with_its_parts_and_point(google):
    [found] = (await google.geocode(address="12 Example Place, Sampleton NY"))["results"]

    assert found["formatted_address"] == "12 Example Pl, Sampleton, NY 10099, USA"
    assert found["geometry"]["location_type"] == "ROOFTOP"
    assert {"long_name": "Example Place", "short_name": "Example Pl", "types": ["route"]} in found["address_components"]
    assert "partial_match" not in found
    assert found["plus_code"]["global_code"].startswith("87G8")


@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [(20.3700625, 2.7821875, "7FG49QCJ+2V"), (-41.2730625, 174.7859375, "4VCPPQGP+Q9")],
)
def test_plus_codes_are_those_of_the_open_location_code(latitude, longitude, code):
    assert plus_code(latitude, longitude) == code


async def test_a_misspelt_street_and_a_lone_town_are_partial_matches(google):
    [misspelt] = (await google.geocode(address="14 Exampel Pl, Sampleton NY"))["results"]
    [town] = (await google.geocode(address="999 Nowhere St, Sampleton, NY"))["results"]

    assert misspelt["partial_match"]
    assert (town["partial_match"], town["geometry"]["location_type"]) == (True, "APPROXIMATE")


async def test_components_filter_and_stand_alone(google):
    elsewhere = await google.geocode(address="12 Example Place, Sampleton NY", components="administrative_area:NJ")
    [town] = (await google.geocode(components="postal_code:07099|country:US"))["results"]

    assert (elsewhere["status"], elsewhere["results"]) == ("ZERO_RESULTS", [])
    assert town["types"] == ["locality", "political"]


async def test_reverse_geocoding_filters_by_type(google):
    everything = await google.geocode(latlng="40.8,-73.96")
    towns = await google.geocode(latlng="40.8,-73.96", result_type="locality")
    sea = await google.geocode(latlng="0,0")

    assert everything["results"][0]["place_id"] == "ChIJsandbox0001"
    assert [one["types"] for one in towns["results"]] == [["locality", "political"]]
    assert sea["status"] == "ZERO_RESULTS"


async def test_a_place_id_comes_back_as_its_address(google):
    [found] = (await google.geocode(place_id="ChIJsandbox0002"))["results"]

    assert found["formatted_address"].startswith("14 Example Pl")


async def test_the_answer_speaks_the_language_asked_for(google):
    french = await google.geocode(address="14 Example Place, Sampleton NY", language="fr")
    header = await google.send(
        f"{GEOCODE}?address=14+Example+Place%2C+Sampleton+NY", headers={**BY_KEY, "Accept-Language": "es-MX,es;q=0.9"}
    )

    assert french["results"][0]["formatted_address"].endswith("États-Unis")
    assert header.json["results"][0]["formatted_address"].endswith("EE. UU.")
    assert header.headers["Vary"] == "Accept-Language"


async def test_nothing_to_look_for_is_an_invalid_request(google):
    by_default = await google.send(GEOCODE)
    google.state.configure({"invalid_request_status": 200})
    as_once = await google.send(f"{GEOCODE}?latlng=here")

    assert (by_default.status, by_default.json["status"]) == (400, "INVALID_REQUEST")
    assert (as_once.status, as_once.json["status"]) == (200, "INVALID_REQUEST")


@pytest.mark.parametrize(
    ("street", "status"),
    [
        ("overlimit lane", "OVER_QUERY_LIMIT"),
        ("overdaily lane", "OVER_DAILY_LIMIT"),
        ("denied lane", "REQUEST_DENIED"),
        ("unknown error lane", "UNKNOWN_ERROR"),
        ("zero results lane, Sampleton NY", "ZERO_RESULTS"),
    ],
)
async def test_streets_of_trouble_bring_it_in_a_200_without_results(google, street, status):
    answer = await google.send(f"{GEOCODE}?address={street.replace(' ', '+')}")

    assert (answer.status, answer.json["status"], answer.json["results"]) == (200, status, [])


async def test_an_overonce_lane_is_limited_once_each(google):
    statuses = [
        (await google.geocode(address=address))["status"]
        for address in ("overonce lane 1", "overonce lane 1", "overonce lane 2")
    ]

    assert statuses == ["OVER_QUERY_LIMIT", "OK", "OVER_QUERY_LIMIT"]


async def test_no_key_at_all_is_denied_in_a_200(google):
    answer = await google.send(f"{GEOCODE}?address=14+Example+Pl", headers={})

    assert (answer.status, answer.json["status"]) == (200, "REQUEST_DENIED")
    assert answer.json["error_message"]


async def test_a_switch_brings_trouble_to_both_kinds_of_service(google):
    google.state.configure({"trouble": "unknown_error", "trouble_times": 2, "unknown_error_status": 500})

    classic = await google.send(f"{GEOCODE}?address=14+Example+Pl")
    modern = await google.send(VALIDATE, {"address": HOME})
    after = await google.send(VALIDATE, {"address": HOME})

    assert (classic.status, classic.json["status"]) == (500, "UNKNOWN_ERROR")
    assert (modern.status, modern.json["error"]["status"]) == (500, "INTERNAL")
    assert after.status == 200


async def test_a_quota_per_minute_is_full_until_the_next_minute(google):
    google.state.configure({"queries_per_minute": 1})

    first = await google.geocode(address="14 Example Pl, Sampleton NY")
    second = await google.geocode(address="14 Example Pl, Sampleton NY")
    google.clock.now += 60
    third = await google.geocode(address="14 Example Pl, Sampleton NY")

    assert [first["status"], second["status"], third["status"]] == ["OK", "OVER_QUERY_LIMIT", "OK"]


# ---- address validation ----------------------------------------------------------------------------------------


async def test_a_good_address_is_accepted_with_enums_by_name(google):
    result = (await google.validate(HOME, enableUspsCass=True))["result"]

    assert result["verdict"] == {
        "inputGranularity": "SUB_PREMISE",
        "validationGranularity": "SUB_PREMISE",
        "geocodeGranularity": "PREMISE",
        "addressComplete": True,
        "hasInferredComponents": True,
        "possibleNextAction": "ACCEPT",
    }
    assert result["address"]["formattedAddress"] == "12 Example Place Apt 3, Sampleton, NY 10099-0001, USA"
    assert result["metadata"] == {"business": False, "poBox": False, "residential": True}


async def test_enums_are_numbers_when_asked_for(google):
    verdict = (await google.validate(HOME, f"{VALIDATE}?{INT}"))["result"]["verdict"]

    assert (verdict["inputGranularity"], verdict["possibleNextAction"]) == (1, 4)


async def test_an_escaped_colon_reaches_the_same_method(google):
    assert (await google.validate(HOME, "/v1%3AvalidateAddress"))["responseId"]


async def test_false_and_empty_fields_are_left_out(google):
    result = (await google.validate({"regionCode": "US", "addressLines": ["77 Unknown Rd", "Nowhere NY"]}))["result"]

    assert result["verdict"]["possibleNextAction"] == "FIX"
    assert "addressComplete" not in result["verdict"]
    assert "missingComponentTypes" not in result["address"]
    assert "metadata" not in result


@pytest.mark.parametrize(
    ("lines", "action", "flag"),
    [
        (["12 Example Pl", "Sampleton NY 10099"], "CONFIRM_ADD_SUBPREMISES", None),
        (["12 Example Pl Apt 99", "Sampleton NY 10099"], "CONFIRM", "hasUnconfirmedComponents"),
        (["14 Exampel Pl", "Sampleton NY 10099"], "CONFIRM", "hasSpellCorrectedComponents"),
        (["14 Example Pl", "Sampleton NY 10001"], "CONFIRM", "hasReplacedComponents"),
        (["999 Example Pl", "Sampleton NY 10099"], "FIX", "hasUnconfirmedComponents"),
    ],
)
async def test_the_verdict_says_what_to_do_next(google, lines, action, flag):
    verdict = (await google.validate({"regionCode": "US", "addressLines": lines}))["result"]["verdict"]

    assert verdict["possibleNextAction"] == action
    assert flag is None or verdict[flag]


async def test_postal_data_come_only_for_the_united_states_and_puerto_rico_and_cass_only_when_asked(google):
    with_cass = (await google.validate(HOME, enableUspsCass=True))["result"]["uspsData"]
    without = (await google.validate(HOME, enableUspsCass=None))["result"]["uspsData"]
    french = (await google.validate({**HOME, "regionCode": "FR"}, enableUspsCass=True))["result"]
    unknown = await google.validate(
        {"regionCode": "US", "addressLines": ["999 Example Pl", "Sampleton NY 10099"]}, enableUspsCass=True
    )
    tropical = await google.validate(
        {"regionCode": "PR", "addressLines": ["25 Calle Muestra"], "locality": "Playa Ejemplo"}, enableUspsCass=True
    )

    assert (with_cass["dpvConfirmation"], with_cass["dpvFootnote"], with_cass["cassProcessed"]) == ("Y", "AABB", True)
    assert with_cass["standardizedAddress"]["firstAddressLine"] == "12 EXAMPLE PL APT 3"
    assert set(without) == {"standardizedAddress"}
    assert "uspsData" not in french
    assert unknown["result"]["uspsData"]["dpvConfirmation"] == "N"
    assert tropical["result"]["uspsData"]["dpvConfirmation"] == "Y"


async def test_every_validation_has_a_response_id_of_its_own(google):
    first, second = await google.validate(HOME), await google.validate(HOME)

    assert first["responseId"] != second["responseId"]
    assert first["result"] == second["result"]


async def test_a_field_mask_may_narrow_a_validation(google):
    answer = await google.send(VALIDATE, {"address": HOME}, masked("result.verdict.address_complete,responseId"))

    assert answer.json == {"result": {"verdict": {"addressComplete": True}}, "responseId": answer.json["responseId"]}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{not json", "Invalid JSON"),
        ({"adress": HOME}, 'Unknown name "adress"'),
        ({"address": {**HOME, "zip": "10099"}}, "at 'address'"),
        ({"address": HOME, "enableUspsCass": "yes"}, "enableUspsCass"),
        ({"address": {"regionCode": "US"}}, "Address lines missing"),
        ({"address": {**HOME, "regionCode": "XX"}}, "Unsupported region code"),
        ({"address": {"addressLines": ["x" * 281]}}, "longer than 280"),
        ({"address": HOME, "sessionToken": "x" * 37}, "session token"),
    ],
)
async def test_a_bad_validation_request_is_an_invalid_argument(google, body, said):
    answer = await google.send(VALIDATE, body)

    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert said in answer.json["error"]["message"]


async def test_snake_case_names_are_accepted_as_proto3_json_does(google):
    answer = await google.send(VALIDATE, {"address": {"region_code": "US", "address_lines": HOME["addressLines"]}})

    assert answer.status == 200


async def test_feedback_needs_a_conclusion_and_a_response_id(google):
    response_id = (await google.validate(HOME))["responseId"]
    path = "/v1:provideValidationFeedback"

    good = await google.send(path, {"conclusion": "USER_VERSION_USED", "responseId": response_id})

    assert (good.status, good.json) == (200, {})
    assert (await google.send(path, {"responseId": response_id})).status == 400
    assert (await google.send(path, {"conclusion": "UNUSED"})).status == 400
    assert google.state.facts()["feedback"] == {"USER_VERSION_USED": 1}


# ---- who asks, and errors --------------------------------------------------------------------------------------


async def test_gRPC_style_credentials_are_refused_each_in_its_way(google):  # noqa: N802  # the protocol's own spelling
    nobody = await google.send(VALIDATE, {"address": HOME}, {})
    wrong_key = await google.send(f"{VALIDATE}?key=AIzaBad", {"address": HOME}, {})
    wrong_token = await google.send(VALIDATE, {"address": HOME}, {"Authorization": "Bearer wrong"})
    good_token = await google.send(VALIDATE, {"address": HOME}, {"Authorization": "Bearer sandbox-oauth-token"})

    assert (nobody.status, nobody.json["error"]["status"]) == (403, "PERMISSION_DENIED")
    assert (wrong_key.status, wrong_key.reason) == (400, "API_KEY_INVALID")
    assert (wrong_token.status, wrong_token.json["error"]["status"]) == (401, "UNAUTHENTICATED")
    assert good_token.status == 200


async def test_a_full_quota_says_when_to_come_back_if_told_to(google):
    trouble = {"address": {"addressLines": ["overlimit lane"]}}
    said = await google.send(VALIDATE, trouble)
    google.state.configure({"retry_info": False})
    silent = await google.send(VALIDATE, trouble)

    assert (said.status, said.reason) == (429, "RATE_LIMIT_EXCEEDED")
    assert said.json["error"]["details"][1]["retryDelay"] == "2s"
    assert len(silent.json["error"]["details"]) == 1
    assert "Retry-After" not in said.headers


async def test_gRPC_style_answers_carry_googles_headers(google):  # noqa: N802  # the protocol's own spelling
    answer = await google.send(VALIDATE, {"address": HOME})

    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.headers["Cache-Control"] == "private"
    assert answer.headers["Vary"] == "Origin, X-Origin, Referer"


@pytest.mark.parametrize("target", ["/v1:nothing", "/v1/places/", "/maps/api/geocode/xml", "/"])
async def test_an_unknown_path_is_a_page_of_html(google, target):
    answer = await google.send(target)

    assert (answer.status, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")


async def test_settings_are_switched_over_http_and_an_unknown_one_is_refused_with_the_valid_ones(sandbox):
    switched = await sandbox.post("/_sandbox/settings", json={"google": {"trouble": "request_denied"}})
    unknown = await sandbox.post("/_sandbox/settings", json={"google": {"troubel": "off"}})
    denied = await sandbox.get(f"/google{GEOCODE}", params={"address": "14 Example Pl", "key": KEY})

    assert (switched.status, unknown.status) == (200, 400)
    assert "troubel" in unknown.json["error"]
    assert "trouble_times" in unknown.json["error"]
    assert denied.json["status"] == "REQUEST_DENIED"
