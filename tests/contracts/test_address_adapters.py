"""What every adapter says of addresses: asked at an endpoint it has, and read whatever comes."""

import json
from typing import Any

import pytest
from every_adapter import ADAPTERS, each_with
from hostile import JSON
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from adapters import Adapter, Address, Beginning, Completion, Finding, Lookup, Suggestion, Verification
from proxy.routing import parse_route

each_verifying = each_with("verification")
each_completing = each_with("completion")

WORDS = """
    result verdict address uspsData geocode location latitude longitude addressComponents componentName text metadata
    validationGranularity PREMISE missingComponentTypes unresolvedTokens dpvConfirmation Y N D S analysis components
    dpv_match_code footnotes A# enhanced_match delivery_line_1 last_line precision Zip9 suggestions street_line entries
    placePrediction structuredFormat mainText postalAddress addressLines addressComplete
"""
NAMES = st.sampled_from(WORDS.split())
ANSWERS = st.recursive(
    JSON | st.just("\ud83d"),  # half of a character
    lambda inner: st.dictionaries(NAMES, inner, max_size=6) | st.lists(inner, max_size=3),
    max_leaves=20,
)
TEXTS = st.text(st.characters(categories=["L", "N", "P"], include_characters=" "), max_size=12)
FULL = TEXTS.filter(str.strip)
PLACE = {"city": TEXTS, "state": TEXTS, "postal_code": TEXTS, "country": st.sampled_from(["US", "pr", "DE"])}
ADDRESSES = st.one_of(
    st.fixed_dictionaries({"street": FULL}, optional={"secondary": TEXTS, **PLACE}),
    st.fixed_dictionaries({"lines": st.lists(FULL, min_size=1, max_size=3)}, optional=PLACE),
).map(Address.model_validate)
MANY = [pytest.param(one, id=name) for name, one in ADAPTERS.items() if one.verification and one.verification.many]


def verification_of(adapter: Adapter) -> Verification:
    assert adapter.verification is not None
    return adapter.verification


def completion_of(adapter: Adapter) -> Completion:
    assert adapter.completion is not None
    return adapter.completion


def fits(adapter: Adapter, route: str, lookup: Lookup) -> bool:
    """Whether a lookup is what that route takes."""
    assert route in {endpoint.route for endpoint in adapter.endpoints}
    if parse_route(route).method == "GET":
        return bool(lookup.query) and not lookup.body
    return isinstance(json.loads(lookup.body), dict)


def test_who_can_verify_and_complete() -> None:
    assert {name for name, one in ADAPTERS.items() if one.verification} == {"google", "smartystreets"}
    assert {name for name, one in ADAPTERS.items() if one.completion} == {"google", "smartystreets"}


@each_verifying
@given(address=ADDRESSES)
def test_an_address_is_asked_for_at_an_endpoint_and_nothing_of_its_caller_goes_with_it(
    adapter: Adapter, address: Address
) -> None:
    verification = verification_of(adapter)
    named = address.model_copy(update={"id": "the-callers-own-name"})

    assert fits(adapter, verification.route, verification.ask(address))
    assert verification.ask(named) == verification.ask(address)
    assert verification.objection(named) == verification.objection(address)


@pytest.mark.parametrize("adapter", MANY)
@given(address=ADDRESSES)
def test_one_of_many_is_asked_for_as_one_alone(adapter: Adapter, address: Address) -> None:
    verification = verification_of(adapter)
    endpoint = next(one for one in adapter.endpoints if one.route == verification.many)

    assert endpoint.batch is not None
    assert endpoint.batch.single == verification.route
    assert endpoint.batch.pack(verification.ask(address).query)


@each_verifying
@given(answer=ANSWERS, address=ADDRESSES)
def test_anything_may_be_read(adapter: Adapter, answer: Any, address: Address) -> None:
    found = verification_of(adapter).read(answer, address)

    assert Finding.model_validate_json(found.model_dump_json()) == found
    assert found.verdict.ambiguous == (found.verdict.status == "ambiguous") == bool(found.alternatives)


@each_completing
@given(search=st.text(min_size=1, max_size=20), selected=TEXTS, limit=st.integers(1, 10))
def test_what_was_typed_is_asked_for_at_an_endpoint(adapter: Adapter, search: str, selected: str, limit: int) -> None:
    try:
        beginning = Beginning(search=search, selected=selected, limit=limit)
    except ValidationError:
        return
    completion = completion_of(adapter)

    assert fits(adapter, completion.route, completion.ask(beginning))


@each_completing
@given(answer=ANSWERS)
def test_any_suggestions_may_be_read(adapter: Adapter, answer: Any) -> None:
    for suggestion in completion_of(adapter).read(answer):
        assert Suggestion.model_validate_json(suggestion.model_dump_json()) == suggestion
