"""Each row of the table of UPSTREAMS.md §11 for Google, by its name; and what else is read of a validation."""

import pytest

from adapters import Address
from adapters._google_findings import GRANULARITIES, LEVELS, NEXT_ACTIONS, read_validation

ASKED = Address(street="12 Example Place Apt 3", city="Sampleton", state="NY", postal_code="10099")


def component(kind, text, level="CONFIRMED", **more):
    return {"componentType": kind, "componentName": {"text": text}, "confirmationLevel": level, **more}


PARTS = [
    component("street_number", "12"),
    component("route", "Example Place"),
    component("subpremise", "3"),
    component("locality", "Sampleton"),
    component("administrative_area_level_1", "New York"),
    component("postal_code", "10099"),
    component("postal_code_suffix", "0001", inferred=True),
    component("country", "USA"),
]


def answer(dpv="Y", address=(), parts=PARTS, **verdict):
    """What is None is left out, as proto3 JSON does."""
    verdict = {"validationGranularity": "SUB_PREMISE", "addressComplete": True, **verdict}
    usps = {"cassProcessed": True, **({"dpvConfirmation": dpv} if dpv else {})}
    return {
        "result": {
            "verdict": {name: value for name, value in verdict.items() if value is not None},
            "address": {
                "formattedAddress": "12 Example Place Apt 3, Sampleton, NY 10099-0001, USA",
                "postalAddress": {
                    "regionCode": "US",
                    "administrativeArea": "NY",
                    "locality": "Sampleton",
                    "postalCode": "10099-0001",
                    "addressLines": ["12 Example Pl Apt 3"],
                },
                "addressComponents": parts,
                **dict(address),
            },
            "geocode": {"location": {"latitude": 40.8, "longitude": -73.96}, "placeId": "ChIJx"},
            "metadata": {"residential": True},
            **({"uspsData": usps} if dpv is not None else {}),
        },
        "responseId": "4cb4f5a2-0000-4000-8000-000000000001",
    }


ELSEWHERE = None  # no uspsData at all
BLANK = ""  # "not confirmable", which is no error
SUSPICIOUS = [*PARTS[1:], component("street_number", "12", "UNCONFIRMED_AND_SUSPICIOUS")]

ROWS = {
    **{
        f"only an area, dpv {dpv!r}": (answer(dpv, validationGranularity="OTHER"), ("unverified", expected))
        for dpv, expected in {
            "Y": "deliverable",
            "D": "deliverable_missing_secondary",
            "S": "deliverable_ignoring_secondary",
            "N": "undeliverable",
            BLANK: "unknown",
            ELSEWHERE: "unknown",
        }.items()
    },
    "no granularity": (answer(ELSEWHERE, validationGranularity=None), ("unverified", "unknown")),
    "unspecified granularity": (
        answer(ELSEWHERE, validationGranularity="GRANULARITY_UNSPECIFIED"),
        ("unverified", "unknown"),
    ),
    "unresolved tokens": (answer(address={"unresolvedTokens": ["xyz"]}), ("unverified", "deliverable")),
    "a suspicious component": (answer(BLANK, parts=SUSPICIOUS), ("unverified", "unknown")),
    "a unit is missing": (
        answer(BLANK, address={"missingComponentTypes": ["subpremise"]}, addressComplete=None),
        ("incomplete", "deliverable_missing_secondary"),
    ),
    "a unit is missing, by the postal service": (answer("D"), ("incomplete", "deliverable_missing_secondary")),
    "something else is missing": (
        answer(address={"missingComponentTypes": ["street_number"]}),
        ("incomplete", "unknown"),
    ),
    "not complete": (answer(addressComplete=None), ("incomplete", "unknown")),
    "a unit is unknown": (answer("S"), ("corrected", "deliverable_ignoring_secondary")),
    "not confirmed": (answer("N"), ("unverified", "undeliverable")),
    "a street": (answer(validationGranularity="ROUTE"), ("partial", "unknown")),
    "a block": (answer(validationGranularity="BLOCK"), ("partial", "unknown")),
    "unconfirmed components": (answer(hasUnconfirmedComponents=True), ("partial", "deliverable")),
    "unconfirmed components elsewhere": (
        answer(ELSEWHERE, hasUnconfirmedComponents=True),
        ("partial", "unknown"),
    ),
    "replaced components": (answer(hasReplacedComponents=True), ("corrected", "deliverable")),
    "spelling corrected": (answer(hasSpellCorrectedComponents=True), ("corrected", "deliverable")),
    "spelling corrected, not confirmable": (
        answer(BLANK, hasSpellCorrectedComponents=True),
        ("corrected", "unknown"),
    ),
    "a building": (answer(validationGranularity="PREMISE"), ("verified", "deliverable")),
    "a unit": (answer(), ("verified", "deliverable")),
    "a unit, with components inferred": (answer(hasInferredComponents=True), ("verified", "deliverable")),
    "a building elsewhere": (answer(ELSEWHERE, validationGranularity="PREMISE"), ("verified", "unknown")),
    "near a building": (answer(validationGranularity="PREMISE_PROXIMITY"), ("partial", "unknown")),
}


@pytest.mark.parametrize(("given", "expected"), ROWS.values(), ids=ROWS)
def test_a_row_of_the_table(given, expected):
    found = read_validation(given, ASKED).verdict

    assert (found.status, found.deliverability) == expected


@pytest.mark.parametrize(("given", "expected"), ROWS.values(), ids=ROWS)
def test_enums_that_come_as_numbers_mean_the_same(given, expected):
    verdict = given["result"]["verdict"]
    if (name := verdict.get("validationGranularity")) is not None:
        verdict = {**verdict, "validationGranularity": GRANULARITIES.index(name)}
    address = given["result"]["address"]
    parts = [
        {**part, "confirmationLevel": LEVELS.index(part["confirmationLevel"])} for part in address["addressComponents"]
    ]
    address = {**address, "addressComponents": parts}
    numbered = {**given, "result": {**given["result"], "verdict": verdict, "address": address}}

    assert read_validation(numbered, ASKED) == read_validation(given, ASKED)


@pytest.mark.parametrize(
    ("location", "lat", "lng"),
    [({"latitude": 40.8}, 40.8, 0.0), ({"latitude": "x", "longitude": 1e999}, None, None), ({}, None, None)],
)
def test_what_is_left_out_of_a_place_is_zero_and_what_is_no_number_is_no_place(location, lat, lng):
    given = answer()
    given["result"]["geocode"]["location"] = location
    geocode = read_validation(given, ASKED).geocode

    assert (geocode.lat, geocode.lng) == (lat, lng)


@pytest.mark.parametrize(
    ("granularity", "precision"),
    [
        ("SUB_PREMISE", "rooftop"),
        ("PREMISE", "rooftop"),
        ("PREMISE_PROXIMITY", "interpolated"),
        ("BLOCK", "block"),
        ("ROUTE", "street"),
        ("OTHER", "area"),
        (None, "unknown"),
    ],
)
def test_a_precision(granularity, precision):
    assert read_validation(answer(geocodeGranularity=granularity), ASKED).geocode.precision == precision


@pytest.mark.parametrize("action", ["FIX", "CONFIRM_ADD_SUBPREMISES", "CONFIRM", "ACCEPT"])
def test_what_google_advises_is_among_its_raw_signals_by_its_name(action):
    by_name, by_number = (
        read_validation(answer(possibleNextAction=said), ASKED).provider_raw["possibleNextAction"]
        for said in (action, NEXT_ACTIONS.index(action))
    )

    assert by_name == by_number == action


def test_components_are_mapped_as_the_table_says():
    found = read_validation(answer(), ASKED)

    assert found.components.model_dump(exclude_none=True) == {
        "primary_number": "12",
        "street": "Example Place",
        "secondary_number": "3",
        "city": "Sampleton",
        "state": "NY",
        "postal_code": "10099",
        "postal_code_ext": "0001",
        "country": "US",
    }
    assert found.formatted.line1 == "12 Example Pl Apt 3"
    assert found.formatted.last_line == "Sampleton, NY 10099-0001"
    assert found.geocode.place_id == "ChIJx"
    assert found.attributes.residential is True
    assert found.attributes.po_box is False


@pytest.mark.parametrize("kind", ["sublocality", "postal_town"])
def test_a_city_may_have_another_name(kind):
    parts = [part for part in PARTS if part["componentType"] != "locality"]

    assert read_validation(answer(parts=[*parts, component(kind, "Elsewhere")]), ASKED).components.city == "Elsewhere"


def test_what_the_postal_service_warns_of_is_among_the_reasons():
    given = answer(hasInferredComponents=True)
    given["result"]["uspsData"] |= {"dpvVacant": "Y", "dpvNoStat": "Y"}
    found = read_validation(given, ASKED)

    assert found.verdict.reasons == ("component_inferred", "vacant", "no_stat")
    assert (found.attributes.vacant, found.attributes.no_stat) == (True, True)


def test_an_answer_about_nothing_is_unverified():
    found = read_validation({"result": {}}, ASKED)

    assert (found.verdict.status, found.candidates, found.components, found.geocode) == ("unverified", 0, None, None)
