"""The legacy Places services that googlemaps calls: autocomplete, details and searches, with status in the body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import atlas
from sandbox.google.asking import Ask, Invalid
from sandbox.google.billing import Sku
from sandbox.google.geocoding import address_components, geometry, plus_codes
from sandbox.smarty.gazetteer import Building

MOST_PREDICTIONS = 5
_ANSWER_FIELDS = (
    "address_components",
    "adr_address",
    "business_status",
    "formatted_address",
    "geometry",
    "name",
    "place_id",
    "plus_code",
    "types",
    "url",
    "utc_offset",
    "vicinity",
)
# Fields that exist, and that no invented place has
_EMPTY_FIELDS = (
    "formatted_phone_number",
    "icon",
    "international_phone_number",
    "opening_hours",
    "permanently_closed",
    "photo",
    "photos",
    "price_level",
    "rating",
    "review",
    "reviews",
    "user_ratings_total",
    "website",
)


def autocomplete(ask: Ask) -> dict[str, Any]:
    """Predictions, or ZERO_RESULTS. Invalid without `input`."""
    typed = _needed(ask, "input")
    ask.state.meter.bill(ask.consumer, Sku.LEGACY_AUTOCOMPLETE)
    predictions = [_prediction(found, typed, ask.language) for found in atlas.beginning_with(typed)[:MOST_PREDICTIONS]]
    return {"predictions": predictions, "status": _status(predictions)}


def details(ask: Ask) -> dict[str, Any]:
    """One place. Invalid without an id or with unknown fields; NOT_FOUND when there is no such place."""
    place_id = ask.query.get("placeid") or ask.query.get("place_id")
    if not place_id:
        raise Invalid("Missing the placeid or reference parameter.")
    fields = _read_fields(ask.query)
    building = atlas.by_place_id(place_id)
    if building is None:
        raise Invalid("", "NOT_FOUND")
    ask.state.meter.bill(ask.consumer, Sku.LEGACY_DETAILS)
    return {"html_attributions": [], "result": _chosen(_place(building, ask.language), fields)}


def find_place(ask: Ask) -> dict[str, Any]:
    """Candidates for a text; by default only their ids. Invalid without `input` and `inputtype`."""
    text, kind = _needed(ask, "input"), _needed(ask, "inputtype")
    if kind not in ("textquery", "phonenumber"):
        raise Invalid("Invalid 'inputtype' parameter.")
    fields = _read_fields(ask.query) or (("place_id",),)
    found = atlas.found_by_text(text) if kind == "textquery" else []
    ask.state.meter.bill(ask.consumer, Sku.LEGACY_SEARCH)
    candidates = [_chosen(_place(building, ask.language), fields) for building in found]
    return {"candidates": candidates, "status": _status(candidates)}


def text_search(ask: Ask) -> dict[str, Any]:
    found = atlas.found_by_text(_needed(ask, "query"))
    return _search_answer(ask, found)


def nearby_search(ask: Ask) -> dict[str, Any]:
    """Places around a point. Invalid without `location` and a `radius` in metres."""
    try:
        radius = float(_needed(ask, "radius"))
    except ValueError as error:
        raise Invalid("Invalid 'radius' parameter.") from error
    near = [building for _, building in atlas.nearest(*ask.point("location"), radius)]
    kind = ask.query.get("type", "")
    return _search_answer(ask, [one for one in near if not kind or kind in atlas.place_types(one)])


def _search_answer(ask: Ask, found: list[Building]) -> dict[str, Any]:
    ask.state.meter.bill(ask.consumer, Sku.LEGACY_SEARCH)
    results = [_place(building, ask.language) for building in found]
    return {"html_attributions": [], "results": results, "status": _status(results)}


def _needed(ask: Ask, name: str) -> str:
    value = ask.query.get(name, "").strip()
    if not value:
        raise Invalid(f"Missing the '{name}' parameter.")
    return value


def _status(results: list[dict[str, Any]]) -> str:
    return "OK" if results else "ZERO_RESULTS"


def _read_fields(query: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    paths = tuple(tuple(path.strip().split("/")) for path in query.get("fields", "").split(",") if path.strip())
    for path in paths:
        if path[0] not in (*_ANSWER_FIELDS, *_EMPTY_FIELDS):
            raise Invalid(f"Error while parsing 'fields' parameter: Unsupported field name '{'/'.join(path)}'. ")
    return paths


def _chosen(place: dict[str, Any], fields: tuple[tuple[str, ...], ...]) -> dict[str, Any]:
    if not fields:
        return place
    kept: dict[str, Any] = {}
    for path in fields:
        if path[0] not in place:
            continue
        if len(path) > 1 and isinstance(place[path[0]], dict):
            inner = {path[1]: place[path[0]][path[1]]} if path[1] in place[path[0]] else {}
            kept[path[0]] = {**kept.get(path[0], {}), **inner}
        else:
            kept[path[0]] = place[path[0]]
    return kept


def _place(building: Building, language: str) -> dict[str, Any]:
    place = geometry(building.latitude, building.longitude)
    return {
        "address_components": address_components(building, language),
        "adr_address": f'<span class="street-address">{building.street_line}</span>',
        "business_status": "OPERATIONAL",
        "formatted_address": atlas.formatted(building, language),
        "geometry": {"location": place["location"], "viewport": place["viewport"]},
        "name": atlas.name_of(building),
        "place_id": building.place_id,
        "plus_code": plus_codes(building.latitude, building.longitude, building.town),
        "types": atlas.place_types(building),
        "url": f"https://maps.example/?cid={building.ordinal}",
        "utc_offset": building.town.utc_offset * 60,
        "vicinity": f"{building.street_line}, {building.town.city}",
    }


def _prediction(building: Building, typed: str, language: str) -> dict[str, Any]:
    description = atlas.formatted(building, language)
    main, _, secondary = description.partition(", ")
    matched = [{"length": min(len(typed), len(description)), "offset": 0}]
    return {
        "description": description,
        "matched_substrings": matched,
        "place_id": building.place_id,
        "reference": building.place_id,
        "structured_formatting": {
            "main_text": main,
            "main_text_matched_substrings": [{"length": min(len(typed), len(main)), "offset": 0}],
            "secondary_text": secondary,
        },
        "terms": [{"offset": description.index(term), "value": term} for term in description.split(", ")],
        "types": [*atlas.place_types(building), "geocode"],
    }
