"""How an address is asked for: as each provider's SDK would, and only what it takes (UPSTREAMS.md §4.2, §5.2)."""

import json

import pytest
from pydantic import ValidationError

from adapters import Address, Beginning
from adapters import _google_addresses as google
from adapters import _smarty_addresses as smarty
from adapters._findings import number

IN_PARTS = {
    "street": "12 Example Pl",
    "secondary": "Apt 3",
    "city": "Sampleton",
    "state": "NY",
    "postal_code": "10099",
}
AS_THE_SDK = {"candidates": "5", "match": "enhanced", "format": "default"}


@pytest.mark.parametrize(
    ("fields", "query"),
    [
        (
            {
                "street": "12 Example Pl",
                "secondary": "Apt 3",
                "city": "Sampleton",
                "state": "NY",
                "postal_code": "10099",
            },
            {
                "street": "12 Example Pl",
                "secondary": "Apt 3",
                "city": "Sampleton",
                "state": "NY",
                "zipcode": "10099",
            },
        ),
        (
            {"lines": ["12 Example Pl", "Sampleton NY 10099"]},
            {"street": "12 Example Pl, Sampleton NY 10099"},
        ),
        ({"street": "25 Calle Muestra", "country": "PR"}, {"street": "25 Calle Muestra", "state": "PR"}),
        ({"lines": ["25 Calle Muestra", "00699"], "country": "PR"}, {"street": "25 Calle Muestra, 00699"}),
        ({"street": "  12\u00a0 Example\tPl "}, {"street": "12 Example Pl"}),
    ],
)
def test_smarty_is_asked_with_what_was_said_and_nothing_else(fields, query):
    assert dict(smarty.lookup(Address(**fields)).query) == {**query, **AS_THE_SDK}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"street": "1 Rue Exemple", "country": "FR"}, "country"),
        ({"street": "x" * 51, "city": "Sampleton"}, "street"),
        ({"street": "x" * 100}, None),
        ({"lines": ["x" * 60, "y" * 60]}, "lines"),
        ({"lines": ["x" * 49, "y" * 49]}, None),
        ({"street": "1 A St", "country": "gu"}, None),
    ],
)
def test_smarty_is_not_asked_for_what_it_does_not_take(fields, field):
    objection = smarty.objection(Address(**fields))

    assert (objection.field if objection is not None else None) == field


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        (
            {
                "street": "12 Example Pl",
                "secondary": "Apt 3",
                "city": "Sampleton",
                "state": "NY",
                "postal_code": "10099",
            },
            {
                "address": {
                    "regionCode": "US",
                    "locality": "Sampleton",
                    "administrativeArea": "NY",
                    "postalCode": "10099",
                    "addressLines": ["12 Example Pl", "Apt 3"],
                },
                "enableUspsCass": True,
            },
        ),
        (
            {"lines": ["1 Rue Exemple"], "country": "fr"},
            {"address": {"regionCode": "FR", "addressLines": ["1 Rue Exemple"]}},
        ),
    ],
)
def test_google_is_asked_with_what_was_said_and_of_the_postal_service_only_where_it_delivers(fields, body):
    assert json.loads(google.validation(Address(**fields)).body) == body


def test_what_was_typed_is_asked_for_without_a_session():
    assert smarty.typed(Beginning(search=" 12  Exa ")).query == (("search", "12 Exa"),)
    assert dict(smarty.typed(Beginning(search="12", limit=3, selected="x (4) y")).query) == {
        "search": "12",
        "selected": "x (4) y",
        "max_results": "3",
    }
    assert "sessionToken" not in json.loads(google.typed(Beginning(search="12 Exa")).body)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"street": "  "},
        {"lines": []},
        {"lines": ["  "]},
        {"street": "x", "lines": ["y"]},
        {"lines": ["y"], "secondary": "z"},
        {"lines": ["x" * 100, "y" * 100, "z" * 100]},
        {"street": "a\x00b"},
        {"street": "a\ud800b"},
        {"street": "x", "country": "U1"},
        {"street": "x", "country": ""},
        {"street": "x", "id": "a\nb"},
        {"street": "x", "zip": "10099"},
    ],
)
def test_what_is_no_address_is_refused(fields):
    with pytest.raises(ValidationError):
        Address(**fields)


@pytest.mark.parametrize("value", [True, "1", None, float("nan"), float("inf"), 10**400])
def test_what_is_no_finite_number_is_none(value):
    assert number({"x": value}, "x") is None
