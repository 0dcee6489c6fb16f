"""Each row of the table of UPSTREAMS.md §11 for Smarty, by its name; and what else is read of a candidate."""

import pytest

from adapters import Address
from adapters._smarty_findings import FOOTNOTES, read_candidates

ASKED = Address(street="12 Example Place Apt 3", city="Sampleton", state="NY", postal_code="10099")


def candidate(line="12 Example Pl Apt 3", components=(), metadata=(), **analysis):
    return {
        "input_index": 0,
        "candidate_index": 0,
        "delivery_line_1": line,
        "last_line": "Sampleton NY 10099-0001",
        "components": {
            "primary_number": "12",
            "street_name": "Example",
            "street_suffix": "Pl",
            "secondary_designator": "Apt",
            "secondary_number": "3",
            "city_name": "Sampleton",
            "state_abbreviation": "NY",
            "zipcode": "10099",
            "plus4_code": "0001",
            **dict(components),
        },
        "metadata": {
            "record_type": "H",
            "rdi": "Residential",
            "county_fips": "36061",
            "latitude": 40.80001,
            "longitude": -73.96001,
            "precision": "Zip9",
            **dict(metadata),
        },
        "analysis": {"dpv_match_code": "Y", "dpv_vacant": "N", **analysis},
    }


def verdict(*rows, asked=ASKED):
    found = read_candidates(list(rows), asked).verdict
    return found.status, found.deliverability


ROWS = {
    "no candidate": ([], ("not_found", "unknown")),
    "several candidates of different lines": (
        [candidate(), candidate(line="12 Example Ct Apt 3")],
        ("ambiguous", "unknown"),
    ),
    "several candidates of the same line": ([candidate(), candidate()], ("verified", "deliverable")),
    "confirmed": ([candidate()], ("verified", "deliverable")),
    "confirmed, nobody says whether vacant": ([candidate(dpv_vacant=None)], ("verified", "deliverable")),
    "confirmed, abbreviations fixed": ([candidate(footnotes="N#")], ("verified", "deliverable")),
    **{
        f"confirmed, after a change: {letters}": ([candidate(footnotes=f"{letters}#N#")], ("corrected", "deliverable"))
        for letters in ("A", "B", "L", "M", "P", "LL", "K", "U")
    },
    "confirmed, no change by LACSLink": ([candidate(footnotes="LI#")], ("verified", "deliverable")),
    "confirmed, another line": (
        [candidate(line="14 Example Pl Apt 3", components={"primary_number": "14"})],
        ("corrected", "deliverable"),
    ),
    "confirmed, but vacant": ([candidate(dpv_vacant="Y")], ("verified", "unknown")),
    "confirmed, not counted yet": ([candidate(dpv_no_stat="Y")], ("verified", "deliverable")),
    "a unit is missing": (
        [candidate(dpv_match_code="D", dpv_footnotes="AAN1", footnotes="H#")],
        ("incomplete", "deliverable_missing_secondary"),
    ),
    "a unit is unknown, not required": (
        [candidate(dpv_match_code="S", dpv_footnotes="AACC", footnotes="S#")],
        ("corrected", "deliverable_ignoring_secondary"),
    ),
    "a unit is unknown, required": (
        [candidate(dpv_match_code="S", dpv_footnotes="AAC1", footnotes="S#")],
        ("corrected", "undeliverable"),
    ),
    "there, but not served": (
        [candidate(dpv_match_code="", enhanced_match="non-postal-match")],
        ("partial", "unknown"),
    ),
    "not confirmed": (
        [candidate(dpv_match_code="N", enhanced_match="non-postal-match")],
        ("unverified", "undeliverable"),
    ),
    **{
        f"not confirmed: {code}": (
            [candidate(dpv_match_code=None, dpv_footnotes=f"AA{code}")],
            ("unverified", "undeliverable"),
        )
        for code in ("M1", "M3", "P1", "P3", "A1")
    },
    "not confirmed: F": ([candidate(dpv_match_code="", footnotes="F#")], ("unverified", "undeliverable")),
    "no signal at all": ([candidate(dpv_match_code="")], ("unverified", "unknown")),
}


@pytest.mark.parametrize(("rows", "expected"), ROWS.values(), ids=ROWS)
def test_a_row_of_the_table(rows, expected):
    assert verdict(*rows) == expected


@pytest.mark.parametrize(
    ("word", "precision"),
    [("Rooftop", "rooftop"), ("Parcel", "parcel"), ("Street", "street"), ("Unknown", "unknown"), ("Moon", "unknown")]
    + [(f"Zip{digits}", f"zip{digits}") for digits in range(5, 10)],
)
def test_a_precision(word, precision):
    assert read_candidates([candidate(metadata={"precision": word})], ASKED).geocode.precision == precision


def test_the_example_of_the_table():
    found = read_candidates([candidate(footnotes="N#", dpv_footnotes="AABB")], ASKED)

    assert found.model_dump(exclude={"components", "attributes", "alternatives"}) == {
        "verdict": {
            "status": "verified",
            "deliverability": "deliverable",
            "changed": True,
            "missing_secondary": False,
            "unknown_secondary": False,
            "ambiguous": False,
            "reasons": ("abbreviations_fixed",),
        },
        "formatted": {
            "line1": "12 Example Pl Apt 3",
            "line2": None,
            "last_line": "Sampleton NY 10099-0001",
            "single_line": "12 Example Pl Apt 3, Sampleton NY 10099-0001",
        },
        "geocode": {"lat": 40.80001, "lng": -73.96001, "precision": "zip9", "place_id": None},
        "candidates": 1,
        "provider_raw": {"dpv_match_code": "Y", "dpv_footnotes": "AABB", "footnotes": "N#"},
    }
    assert found.components.street == "Example"
    assert found.components.country == "US"
    assert found.attributes.model_dump(exclude_none=True) == {
        "residential": True,
        "po_box": False,
        "vacant": False,
        "record_type": "H",
        "county_fips": "36061",
    }


def test_of_several_none_is_chosen_and_all_are_shown():
    found = read_candidates([candidate(), candidate(line="12 Example Ct Apt 3")], ASKED)

    assert found.verdict.ambiguous
    assert (found.candidates, found.components, found.formatted) == (2, None, None)
    assert [one.formatted.line1 for one in found.alternatives] == ["12 Example Pl Apt 3", "12 Example Ct Apt 3"]


@pytest.mark.parametrize(
    ("street", "changed"), [("12 example  pl. apt 3", False), ("12 Example Place Apt 3", True), ("12 Example Pl", True)]
)
def test_an_address_is_changed_where_its_line_has_a_word_that_was_not_asked_for(street, changed):
    assert read_candidates([candidate()], ASKED.model_copy(update={"street": street})).verdict.changed is changed


def test_what_is_written_as_lines_is_compared_as_well():
    asked = Address(lines=["12 Example Place Apt 3", "Sampleton NY 10099"])

    assert verdict(candidate(), asked=asked) == ("verified", "deliverable")


def test_every_footnote_has_a_word_and_an_unknown_one_is_left_to_the_raw_signals():
    letters = "#".join([*FOOTNOTES, "?", ""])
    found = read_candidates([candidate(footnotes=letters)], ASKED)

    assert set(found.verdict.reasons) == set(FOOTNOTES.values())
    assert found.provider_raw["footnotes"] == letters
