"""The Smarty stand-in over real sockets, as any HTTP client sees it."""

import base64
import json
from dataclasses import dataclass

import pytest

STREET = "/us-street/street-address"
AUTH = {"auth-id": "sandbox-id", "auth-token": "sandbox-token"}
HOME = {"street": "12 Example Place", "city": "Sampleton", "state": "NY", "zipcode": "10099"}
APARTMENT = {**HOME, "street": "12 Example Place Apt 3"}
ENHANCED = "candidates=5&match=enhanced&format=default"
HOME_QUERY = "street=12+Example+Place&city=Sampleton&state=NY&zipcode=10099"
NO_MATCH_QUERY = "street=1+Nomatch+Way&city=Nowhere&state=NY"
BAD = "Basic " + base64.b64encode(b"sandbox-id:wrong").decode()
GOOD = "Basic " + base64.b64encode(b"sandbox-id:sandbox-token").decode()


@dataclass
class Answer:
    status: int
    headers: dict
    text: str


class Smarty:
    """The stand-in in a running sandbox, and a client that can send it anything."""

    def __init__(self, sandbox):
        self.base, self.http, self.clock = f"{sandbox.url}/smartystreets", sandbox.http, sandbox.clock
        self.sandbox = sandbox

    @property
    def state(self):
        return self.sandbox.state.smarty

    async def send(self, target, body, headers):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        async with self.http.request(
            "GET" if body is None else "POST", self.base + target, data=data, headers=headers
        ) as sent:
            return Answer(sent.status, sent.headers, await sent.text())

    async def ask(self, path, **fields):
        """What one GET finds; the credentials go in the query."""
        async with self.http.get(self.base + path, params={**fields, **AUTH}) as sent:
            assert sent.status == 200
            return await sent.json()

    async def ask_all(self, path, lookups):
        answer = await self.send(path, lookups, {"Authorization": GOOD})
        assert answer.status == 200
        return json.loads(answer.text)


@pytest.fixture
def smarty(sandbox):
    return Smarty(sandbox)


def row(index, **fields):
    return {"candidates": 5, "input_id": f"row{index}", **fields, "match": "enhanced", "format": "default"}


NO_MATCH = {"street": "1 Nomatch Way", "city": "Nowhere", "state": "NY"}

# SDK_REQUESTS.md §2, line by line: (path and query below the API's prefix, body, Authorization, status)
RECORDED = [
    (f"{STREET}?candidates=5&{HOME_QUERY}&match=enhanced&format=default", None, GOOD, 200),
    (
        f"{STREET}?candidates=5&{HOME_QUERY}&match=enhanced&format=default&auth-id=sandbox-id&auth-token=sandbox-token",
        None,
        None,
        200,
    ),
    (f"{STREET}?{HOME_QUERY}&match=strict&format=default", None, GOOD, 200),
    (f"{STREET}?candidates=5&{NO_MATCH_QUERY}&match=enhanced&format=default", None, GOOD, 200),
    (f"{STREET}?candidates=5&input_id=abc-1&{HOME_QUERY}&match=enhanced&format=default", None, GOOD, 200),
    (f"{STREET}?candidates=5&input_id=abc-2&{HOME_QUERY}&match=enhanced&format=default", None, GOOD, 200),
    (STREET, [row(0, **HOME), row(1, **NO_MATCH), row(2, **HOME)], GOOD, 200),
    (STREET, [row(0, **NO_MATCH), row(1, **HOME)], GOOD, 200),
    (STREET, [row(0, **HOME), row(1, **HOME)], GOOD, 200),
    (f"{STREET}?candidates=5&city=Sampleton&state=NY&match=enhanced&format=default", None, GOOD, 400),
    (f"{STREET}?candidates=5&{HOME_QUERY}&match=enhanced&format=default", None, BAD, 401),
    (f"{STREET}?candidates=5&street=9+Unseen+Rd&city=X&state=NY&match=enhanced&format=default", None, GOOD, 402),
    (f"{STREET}?candidates=5&street=8+Unseen+Rd&city=X&state=NY&match=enhanced&format=default", None, GOOD, 429),
    (f"{STREET}?candidates=5&{HOME_QUERY}&match=enhanced&format=default&license=us-core-cloud", None, GOOD, 200),
    ("/us-zipcode/lookup?zipcode=10099", None, GOOD, 200),
    ("/us-zipcode/lookup", [{"zipcode": "10099"}, {"zipcode": "00000"}], GOOD, 200),
    ("/us-autocomplete-pro/lookup?search=12+Exa", None, GOOD, 200),
    ("/us-autocomplete/v2/lookup?search=12+Exa", None, GOOD, 200),
    ("/international-street/verify?country=FRA&freeform=1+Rue+Exemple%2C+Ville", None, GOOD, 200),
]


@pytest.mark.parametrize(("target", "body", "authorization", "status"), RECORDED)
async def test_recorded_sdk_traffic_gets_the_recorded_status(smarty, target, body, authorization, status):
    headers = {"Authorization": authorization} if authorization else {}

    answer = await smarty.send(target, body, headers)

    assert answer.status == status


async def test_get_and_post_give_the_same_candidate(smarty):
    [by_get] = await smarty.ask(STREET, **APARTMENT)
    [by_post] = await smarty.ask_all(STREET, [APARTMENT])

    assert by_get == by_post
    assert by_get["delivery_line_1"] == "12 Example Pl Apt 3"
    assert by_get["last_line"] == "Sampleton NY 10099-0001"
    assert by_get["analysis"]["dpv_match_code"] == "Y"


async def test_a_batch_leaves_gaps_where_nothing_matched_and_echoes_input_ids(smarty):
    found = await smarty.ask_all(STREET, [{**APARTMENT, "input_id": "a"}, NO_MATCH, {**APARTMENT, "input_id": "c"}])

    assert [(one["input_index"], one["input_id"]) for one in found] == [(0, "a"), (2, "c")]


async def test_no_match_at_all_is_an_empty_list(smarty):
    assert await smarty.ask(STREET, **NO_MATCH) == []


async def test_an_ambiguous_street_gives_as_many_candidates_as_asked(smarty):
    ambiguous = {**HOME, "street": "20 Sample St"}

    one = await smarty.ask(STREET, **ambiguous)
    two = await smarty.ask(STREET, **ambiguous, candidates="5")

    assert [found["delivery_line_1"] for found in one] == ["20 N Sample St"]
    assert [(found["candidate_index"], found["delivery_line_1"]) for found in two] == [
        (0, "20 N Sample St"),
        (1, "20 S Sample St"),
    ]


@pytest.mark.parametrize(
    ("street", "strategy", "codes"),
    [
        ("14 Example Pl", "strict", ["Y"]),
        ("12 Example Pl", "strict", ["D"]),
        ("12 Example Pl Apt 99", "strict", ["S"]),
        ("999 Example Pl", "strict", []),
        ("999 Example Pl", "invalid", ["N"]),
        ("1 Nomatch Way", "invalid", [None]),
        ("5 Newbuilt Ln", "strict", []),
        ("5 Newbuilt Ln", "enhanced", ["N"]),
    ],
)
async def test_the_match_strategy_decides_what_is_returned(smarty, street, strategy, codes):
    found = await smarty.ask(STREET, **{**HOME, "street": street, "match": strategy})

    assert [one["analysis"].get("dpv_match_code") for one in found] == codes


async def test_only_an_enhanced_lookup_says_how_it_matched(smarty):
    [strict] = await smarty.ask(STREET, **APARTMENT)
    [enhanced] = await smarty.ask(STREET, **APARTMENT, match="enhanced")

    assert "enhanced_match" not in strict["analysis"]
    assert enhanced["analysis"]["enhanced_match"] == "postal-match"


async def test_corrections_are_told_in_footnotes(smarty):
    [wrong_zip] = await smarty.ask(STREET, street="14 Exampel Pl", city="Sampleton", state="NY", zipcode="10098")

    assert wrong_zip["components"]["zipcode"] == "10099"
    assert wrong_zip["analysis"]["footnotes"] == "A#M#"


async def test_a_whole_address_in_the_street_field_is_understood(smarty):
    [found] = await smarty.ask(STREET, street="12 example place, apt 3, sampleton ny 10099")

    assert found["delivery_line_1"] == "12 Example Pl Apt 3"


async def test_format_licence_county_source_and_features_change_the_output(smarty):
    [upper] = await smarty.ask(STREET, **APARTMENT, format="project-usa")
    [rooftop] = await smarty.ask(STREET, **APARTMENT, license="none-of-mine,us-rooftop-geocoding-cloud")
    [by_map] = await smarty.ask(
        STREET, street="1 Placeholder Rd", zipcode="07099", county_source="geographic", features="iana-timezone"
    )

    assert upper["delivery_line_1"] == "12 EXAMPLE PL APT 3"
    assert rooftop["metadata"]["precision"] == "Rooftop"
    assert (by_map["metadata"]["county_name"], by_map["metadata"]["iana_time_zone"]) == ("Essex", "America/New_York")


async def test_false_members_are_left_out(smarty):
    [tropical] = await smarty.ask(STREET, street="25 Calle Muestra", city="Playa Ejemplo", state="PR", zipcode="00699")

    assert "dst" not in tropical["metadata"]
    assert "street_suffix" not in tropical["components"]


@pytest.mark.parametrize(
    ("size", "status"),
    [(100, 200), (101, 413)],
)
async def test_a_batch_may_hold_a_hundred_addresses(smarty, size, status):
    answer = await smarty.send(
        STREET, [{"street": "14 Example Pl", "zipcode": "10099"}] * size, {"Authorization": GOOD}
    )

    assert answer.status == status


async def test_a_batch_of_more_than_32_kilobytes_is_refused(smarty):
    answer = await smarty.send(STREET, [{**HOME, "addressee": "x" * 33_000}], {"Authorization": GOOD})

    assert answer.status == 413


@pytest.mark.parametrize(
    "body", [b"not json", b'{"street": "12 Example Pl"}', b'[{"street": 12}]', b'["12 Example Pl"]', b"null"]
)
async def test_a_malformed_batch_is_a_400_that_the_sdk_can_read(smarty, body):
    answer = await smarty.send(STREET, body, {"Authorization": GOOD})

    assert answer.status == 400
    assert isinstance(json.loads(answer.text)["errors"], list)


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/us-autocomplete-pro/lookup", 422),
        ("/us-zipcode/nowhere", 404),
        ("/no-such-api/lookup", 404),
        (f"{STREET}?street=12+Example+Pl&match=psychic", 400),
        (f"{STREET}?{HOME_QUERY}&license=not-mine", 402),
    ],
)
async def test_other_refusals(smarty, target, status):
    answer = await smarty.send(target, None, {"Authorization": GOOD})

    assert answer.status == status


async def test_autocomplete_takes_no_post(smarty):
    answer = await smarty.send("/us-autocomplete-pro/lookup", [{}], {"Authorization": GOOD})

    assert answer.status == 405


async def test_missing_credentials_are_a_401_without_a_body(smarty):
    answer = await smarty.send(f"{STREET}?{HOME_QUERY}", None, {})

    assert (answer.status, answer.text) == (401, "")


async def test_an_embedded_key_works_only_for_get_and_only_from_its_host(smarty):
    target, home = f"{STREET}?{HOME_QUERY}&key=sandbox-embedded-key", {"Referer": "https://app.example.edu"}

    assert (await smarty.send(target, None, home)).status == 200
    assert (await smarty.send(target, None, {"Referer": "https://elsewhere.example"})).status == 401
    assert (await smarty.send(target, [HOME], home)).status == 401


async def test_every_lookup_of_a_batch_counts_and_a_used_up_quota_is_402(smarty):
    smarty.state.configure({"quota": 3})

    await smarty.ask_all(STREET, [HOME, NO_MATCH])
    over = await smarty.send(STREET, [HOME, HOME], {"Authorization": GOOD})
    await smarty.ask(STREET, **HOME)

    [mine, other] = smarty.state.facts()["accounts"]
    assert over.status == 402
    assert (mine["lookups"], other["lookups_used"]) == ({"us-street": 3}, 0)


async def test_throttling_with_and_without_retry_after(smarty):
    smarty.state.configure({"throttle": "retry_after", "retry_after": 7, "throttle_times": 1})
    with_header = await smarty.send(f"{STREET}?{HOME_QUERY}", None, {"Authorization": GOOD})
    after = await smarty.send(f"{STREET}?{HOME_QUERY}", None, {"Authorization": GOOD})
    smarty.state.configure({"throttle": "no_retry_after", "throttle_times": None})
    without = await smarty.send(f"{STREET}?{HOME_QUERY}", None, {"Authorization": GOOD})

    assert (with_header.status, with_header.headers["Retry-After"]) == (429, "7")
    assert after.status == 200
    assert without.status == 429
    assert "Retry-After" not in without.headers


async def test_a_leaky_bucket_refuses_until_it_has_drained(smarty):
    smarty.state.configure({"lookups_per_second": 2})

    await smarty.ask_all(STREET, [HOME, HOME])
    full = await smarty.send(f"{STREET}?{HOME_QUERY}", None, {"Authorization": GOOD})
    smarty.clock.now += 1

    assert (full.status, full.headers["Retry-After"]) == (429, "1")
    assert len(await smarty.ask(STREET, **HOME)) == 1


async def test_settings_are_switched_over_http_and_an_unknown_one_is_refused_with_the_valid_ones(sandbox):
    switched = await sandbox.post("/_sandbox/settings", json={"smarty": {"quota": 0}})
    unknown = await sandbox.post("/_sandbox/settings", json={"smarty": {"quotum": 1}})
    wrong = await sandbox.post("/_sandbox/settings", json={"smarty": {"throttle": "sometimes"}})
    over = await sandbox.get(f"/smartystreets{STREET}", params={**HOME, **AUTH})

    assert (switched.status, unknown.status, wrong.status, over.status) == (200, 400, 400, 402)
    assert "quotum" in unknown.json["error"]
    assert "quota" in unknown.json["error"]
    assert "throttle" in wrong.json["error"]


async def test_a_reset_forgets_what_was_used_and_switched(sandbox):
    await sandbox.get(f"/smartystreets{STREET}", params={**HOME, **AUTH})
    await sandbox.post("/_sandbox/settings", json={"smarty": {"quota": 1}})

    await sandbox.post("/_sandbox/reset")

    accounts = (await sandbox.get("/_sandbox/state")).json["smarty"]["accounts"]
    assert [account["lookups_used"] for account in accounts] == [0, 0]
    assert (await sandbox.get(f"/smartystreets{STREET}", params={**HOME, **AUTH})).status == 200


async def test_a_bad_zip_code_is_a_200_that_says_so(smarty):
    good, bad, blank, conflict = await smarty.ask_all(
        "/us-zipcode/lookup",
        [{"zipcode": "10099"}, {"zipcode": "00000"}, {}, {"zipcode": "10099", "city": "Mockville", "state": "NJ"}],
    )

    assert good["city_states"][0]["city"] == "Sampleton"
    assert (bad["input_index"], bad["status"]) == (1, "invalid_zipcode")
    assert (blank["status"], conflict["status"]) == ("blank", "conflict")


async def test_autocomplete_filters_and_opens_a_building(smarty):
    [building] = (await smarty.ask("/us-autocomplete-pro/lookup", search="12 Exa"))["suggestions"]
    opened = await smarty.ask(
        "/us-autocomplete-pro/lookup", search="12 Exa", selected="12 Example Pl Apt (4) Sampleton"
    )
    nothing = await smarty.ask("/us-autocomplete-pro/lookup", search="12 Exa", include_only_states="NJ")

    assert (building["street_line"], building["entries"]) == ("12 Example Pl", 4)
    assert [one["secondary"] for one in opened["suggestions"]] == ["Apt 1", "Apt 2", "Apt 3", "Apt 4"]
    assert nothing["suggestions"] is None


async def test_enrichment_answers_304_to_its_own_etag_header(smarty):
    target = "/us-enrichment/lookup/1234567890/property/principal"
    first = await smarty.send(target, None, {"Authorization": GOOD})
    again = await smarty.send(target, None, {"Authorization": GOOD, "Etag": first.headers["Etag"]})
    narrower = await smarty.send(f"{target}?include=acres", None, {"Authorization": GOOD})

    assert (first.status, again.status, again.text) == (200, 304, "")
    assert json.loads(narrower.text)[0]["attributes"] == {"acres": "0.25"}
    assert narrower.headers["Etag"] != first.headers["Etag"]


async def test_enrichment_by_address_and_for_an_unknown_key(smarty):
    [counted] = await smarty.ask(
        "/us-enrichment/lookup/search/secondary/count", street="12 Example Pl", city="Sampleton", state="NY"
    )

    assert counted == {"smarty_key": "1234567890", "count": 4}
    assert (await smarty.send("/us-enrichment/lookup/1/secondary", None, {"Authorization": GOOD})).status == 404
