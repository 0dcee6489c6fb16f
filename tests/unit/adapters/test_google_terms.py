"""What of Google's answers may be kept, and how long: field masks × bodies × terms (UPSTREAMS.md §7)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import NOT_JSON, Exchange, Sent
from adapters.google import adapter
from policies import DAY

DETAILS, SEARCH, VALIDATE = "/v1/places/ChIJ1", "/v1/places:searchText", "/v1:validateAddress"
GEOCODE, LEGACY, TYPED = "/maps/api/geocode/json", "/maps/api/place/details/json", "/v1/places:autocomplete"
POINT = {"latitude": 40.8, "longitude": -73.96}
FOUND: dict[str, Any] = {"id": "ChIJ1", "location": POINT, "displayName": {"text": "A shop"}}
ADDRESS = {"result": {"address": {"formattedAddress": "12 Example Pl"}, "geocode": {"placeId": "ChIJ1"}}}
BY_CLASSIC = {"results": [{"place_id": "ChIJ1", "geometry": {"location": {"lat": 1, "lng": 2}}}], "status": "OK"}
THIRTY, FREE, NEVER = 30 * DAY, None, 0


def only(*names: str) -> dict[str, Any]:
    return {name: FOUND[name] for name in names}


def sent(path: str, mask: str | None, where: str = "header") -> Sent:
    query = ((where, mask),) if mask is not None and where != "header" else ()
    return Sent("POST", path, query, {"x-goog-fieldmask": mask} if mask is not None and where == "header" else {})


def kept(path: str, mask: str | None, json: Any, where: str = "header") -> float | None:
    """Seconds that an answer may be kept by the terms, as the strictest kind in it says; None: without an end."""
    assert adapter.content is not None
    terms = [adapter.content_terms[kind] for kind in adapter.content(Exchange(sent(path, mask, where), 200, json))]
    ends = [term.keep_at_most for term in terms if term.keep_at_most is not None]
    return min(ends, default=None)


@pytest.mark.parametrize(
    ("path", "mask", "json", "seconds"),
    [
        (DETAILS, "id", only("id"), FREE),
        (DETAILS, "name", {"name": "places/ChIJ1"}, FREE),
        (DETAILS, "id,location", only("id", "location"), THIRTY),
        (DETAILS, "location", only("location"), THIRTY),
        (DETAILS, "viewport", {"viewport": {"low": POINT, "high": POINT}}, THIRTY),
        (DETAILS, "id,displayName", only("id", "displayName"), NEVER),
        (DETAILS, "id,allowsDogs", only("id"), NEVER),  # false is left out, and says that no dogs are allowed
        (DETAILS, "*", only("id"), NEVER),
        (DETAILS, None, only("id"), NEVER),
        (DETAILS, "id", only("id", "displayName"), NEVER),  # more came than was asked for
        (DETAILS, "name", {"name": "places/ChIJ1/photos/7"}, NEVER),
        (DETAILS, "name", {"name": "Ada's shop"}, NEVER),
        (DETAILS, "id", NOT_JSON, NEVER),
        (SEARCH, "places.id", {"places": [only("id"), only("id")]}, FREE),
        (SEARCH, "places.id", {}, FREE),
        (SEARCH, "places.id,places.location", {"places": [only("id", "location")]}, THIRTY),
        (SEARCH, "places.id,nextPageToken", {"places": [only("id")], "nextPageToken": "t"}, NEVER),
        (SEARCH, "places(id)", {"places": [only("id")]}, NEVER),  # a spelling that nothing here knows
        (
            TYPED,
            "suggestions.placePrediction.placeId",
            {"suggestions": [{"placePrediction": {"placeId": "ChIJ1"}}]},
            FREE,
        ),
        (TYPED, None, {"suggestions": [{"placePrediction": {"placeId": "ChIJ1", "text": {"text": "12 E"}}}]}, NEVER),
        (VALIDATE, None, ADDRESS, THIRTY),
        (VALIDATE, "result.geocode.placeId", {"result": {"geocode": {"placeId": "ChIJ1"}}}, FREE),
        (VALIDATE, "result.geocode.placeId", ADDRESS, THIRTY),
        (VALIDATE, "result.geocode", {"result": {"geocode": {"location": POINT}}}, THIRTY),
        (GEOCODE, None, BY_CLASSIC, THIRTY),
        (GEOCODE, None, {"results": [], "status": "ZERO_RESULTS"}, THIRTY),
    ],
)
def test_the_strictest_thing_in_an_answer_says_how_long_it_may_be_kept(
    path: str, mask: str | None, json: Any, seconds: float | None
) -> None:
    assert kept(path, mask, json) == seconds


@pytest.mark.parametrize("where", ["fields", "$fields"])
def test_a_mask_in_the_query_is_one_too(where: str) -> None:
    assert kept(DETAILS, "id", only("id"), where) is FREE
    assert kept(DETAILS, "displayName", only("id"), where) == NEVER
    assert kept(LEGACY, "place_id", {"result": {"place_id": "ChIJ1"}, "status": "OK"}, where) is FREE
    assert kept(LEGACY, "geometry/location", {"result": {"geometry": {"location": {"lat": 1, "lng": 2}}}}, where) == (
        THIRTY
    )


@pytest.mark.parametrize("mask", ["id", "id, location"])
def test_what_may_be_kept_is_looked_for(mask: str) -> None:
    assert adapter.keeps is not None
    assert adapter.keeps(sent(DETAILS, mask))


@pytest.mark.parametrize("mask", ["id,rating", "*", None])
def test_what_may_never_be_kept_is_known_before_it_is_asked_for(mask: str | None) -> None:
    assert adapter.keeps is not None
    assert not adapter.keeps(sent(DETAILS, mask))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "places", "location", "latitude", "text", "name"]), inside, max_size=3)
    ),
    max_leaves=10,
)


@given(JSON, JSON, st.sampled_from(["id", "id,location", "places.id", "displayName"]))
def test_more_in_an_answer_never_lets_it_be_kept_longer(one: Any, more: Any, mask: str) -> None:
    alone, together = kept(DETAILS, mask, {"places": [one]}), kept(DETAILS, mask, {"places": [one, more]})

    assert alone is None or (together is not None and together <= alone)
