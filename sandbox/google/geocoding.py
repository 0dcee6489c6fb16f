"""Geocoding: an address, a point, a place id or a component filter → results (UPSTREAMS.md §5.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.google import atlas
from sandbox.google.asking import Ask, Invalid
from sandbox.google.billing import Sku
from sandbox.google.troubles import NOWHERE, ONCE
from sandbox.smarty.gazetteer import SAMPLETON, TOWNS, Building, Town
from sandbox.smarty.matching import Correction, Match, Secondary, known_town, matches
from sandbox.smarty.postal import PostalParts, read_freeform

Result = dict[str, Any]
REVERSE_WITHIN_METRES = 2_000.0
MOST_REVERSE_RESULTS = 3
_FILTERS = ("country", "administrative_area", "locality", "postal_code", "route")
_PARTLY = (Secondary.UNKNOWN, Secondary.UNEXPECTED)


def answer(ask: Ask) -> dict[str, Any]:
    """Results, or ZERO_RESULTS. Invalid without anything to look for, or with a parameter that cannot be read."""
    results = [result for result in _found(ask) if _wanted(result, ask.query)]
    ask.state.meter.bill(ask.consumer, Sku.GEOCODING)
    return {"results": results, "status": "OK" if results else "ZERO_RESULTS"}


def _found(ask: Ask) -> list[Result]:
    query = ask.query
    filters = _read_components(query.get("components", ""))
    if query.get("place_id"):
        return [_by_place_id(query["place_id"], ask.language)]
    if query.get("latlng"):
        return _by_point(ask)
    if query.get("address", "").strip():
        return _by_address(query["address"], filters, ask.language)
    if filters:
        return [
            _town_result(town, ask.language) for town in TOWNS if "route" not in filters and _lies_in(town, filters)
        ]
    raise Invalid("Invalid request. Missing the 'address', 'components', 'latlng' or 'place_id' parameter.")


def _by_address(address: str, filters: Mapping[str, str], language: str) -> list[Result]:
    folded = " ".join(address.lower().split())
    if NOWHERE in folded:
        return []
    if ONCE in folded:  # the street is not in the book; what is left is the town
        return [_town_result(SAMPLETON, language, is_partial=True)]
    parts = read_freeform(address)
    found = [
        _matched(match, language) for match in matches(parts, needs_locality=False) if _fits(match.building, filters)
    ]
    named = [building_result(one, language) for one in atlas.found_by_text(address) if _fits(one, filters)]
    return found or named or _town_of(parts, filters, language)


def _matched(match: Match, language: str) -> Result:
    """A unit that is not there is dropped; a correction, a missing suffix aside, makes the match a partial one."""
    is_partial = bool(match.corrections - {Correction.COMPONENT}) or match.secondary in _PARTLY
    unit = match.unit if match.secondary is Secondary.CONFIRMED else ""
    return building_result(match.building, language, unit, is_partial=is_partial)


def _town_of(parts: PostalParts, filters: Mapping[str, str], language: str) -> list[Result]:
    town = known_town(parts)
    if town is None or not _lies_in(town, filters):
        return []
    return [_town_result(town, language, is_partial=bool(parts.delivery_line))]


def _by_point(ask: Ask) -> list[Result]:
    near = atlas.nearest(*ask.point("latlng"), REVERSE_WITHIN_METRES)[:MOST_REVERSE_RESULTS]
    buildings = [building_result(building, ask.language) for _, building in near]
    towns = list(dict.fromkeys(building.town for _, building in near))
    return [*buildings, *(_town_result(town, ask.language) for town in towns)]


def _by_place_id(place_id: str, language: str) -> Result:
    if building := atlas.by_place_id(place_id):
        return building_result(building, language)
    if town := atlas.town_by_place_id(place_id):
        return _town_result(town, language)
    raise Invalid("Invalid request. Invalid 'place_id' parameter.")


def _read_components(given: str) -> dict[str, str]:
    """`country:US|administrative_area:NY` → what a result must lie in. Invalid for a filter that does not exist."""
    filters = {}
    for pair in filter(None, given.split("|")):
        name, colon, value = pair.partition(":")
        if not colon or name not in _FILTERS:
            raise Invalid("Invalid request. Invalid 'components' parameter.")
        filters[name] = value.strip().lower()
    return filters


def _fits(building: Building, filters: Mapping[str, str]) -> bool:
    routes = {atlas.route(building, is_long=is_long).lower() for is_long in (True, False)}
    return _lies_in(building.town, filters) and filters.get("route", min(routes)) in routes


def _lies_in(town: Town, filters: Mapping[str, str]) -> bool:
    names = {
        "country": {town.country.lower(), atlas.country_name(town, "en").lower(), "us"},
        "administrative_area": {town.state.lower(), town.state_name.lower()},
        "locality": {town.city.lower()},
        "postal_code": {town.zipcode},
    }
    return all(filters[name] in known for name, known in names.items() if name in filters)


def _wanted(result: Result, query: Mapping[str, str]) -> bool:
    """`result_type` and `location_type` filter what a point gives."""
    types = set(filter(None, query.get("result_type", "").split("|")))
    precision = set(filter(None, query.get("location_type", "").split("|")))
    return (not types or bool(types & set(result["types"]))) and (
        not precision or result["geometry"]["location_type"] in precision
    )


def building_result(building: Building, language: str, unit: str = "", *, is_partial: bool = False) -> Result:
    return {
        "address_components": address_components(building, language, unit),
        "formatted_address": atlas.formatted(building, language, unit),
        "geometry": geometry(building.latitude, building.longitude),
        **({"partial_match": True} if is_partial else {}),
        "place_id": building.place_id,
        "plus_code": plus_codes(building.latitude, building.longitude, building.town),
        "types": ["subpremise"] if unit else atlas.place_types(building),
    }


def _town_result(town: Town, language: str, *, is_partial: bool = False) -> Result:
    return {
        "address_components": _town_components(town, language),
        "formatted_address": atlas.town_line(town, language),
        "geometry": geometry(town.latitude, town.longitude, "APPROXIMATE", atlas.TOWN_VIEWPORT),
        **({"partial_match": True} if is_partial else {}),
        "place_id": atlas.town_place_id(town),
        "types": ["locality", "political"],
    }


def geometry(latitude: float, longitude: float, kind: str = "ROOFTOP", reach: float = 0.001) -> Result:
    low, high = atlas.corners(latitude, longitude, reach)
    return {
        "location": {"lat": latitude, "lng": longitude},
        "location_type": kind,
        "viewport": {
            "northeast": {"lat": high[0], "lng": high[1]},
            "southwest": {"lat": low[0], "lng": low[1]},
        },
    }


def plus_codes(latitude: float, longitude: float, town: Town) -> Result:
    code = atlas.plus_code(latitude, longitude)
    return {"global_code": code, "compound_code": f"{code[4:]} {town.city}, {town.state}, USA"}


def address_components(building: Building, language: str, unit: str = "") -> list[Result]:
    components = [] if building.is_box else [_component(building.number, building.number, "street_number")]
    if unit:
        components.insert(0, _component(unit, unit, "subpremise"))
    if not building.is_box:
        names = atlas.route(building, is_long=True), atlas.route(building, is_long=False)
        components.append(_component(*names, "route"))
    components += _town_components(building.town, language)
    if building.plus4:
        components.append(_component(building.plus4, building.plus4, "postal_code_suffix"))
    return components


def _town_components(town: Town, language: str) -> list[Result]:
    county = f"{town.county_name} County"
    return [
        _component(town.city, town.city, "locality", "political"),
        _component(county, county, "administrative_area_level_2", "political"),
        _component(town.state_name, town.state, "administrative_area_level_1", "political"),
        _component(atlas.country_name(town, language), town.country, "country", "political"),
        _component(town.zipcode, town.zipcode, "postal_code"),
    ]


def _component(long_name: str, short_name: str, *types: str) -> Result:
    return {"long_name": long_name, "short_name": short_name, "types": list(types)}
