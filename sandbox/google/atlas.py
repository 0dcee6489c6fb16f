"""The invented buildings and towns as Google would know them: names by language, points, plus codes, searching."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.smarty.gazetteer import BUILDINGS, TOWNS, Building, Town
from sandbox.smarty.matching import matches
from sandbox.smarty.postal import SUFFIXES, read_freeform
from sandbox.smarty.reverse_geo import distance_metres

# language → country code → (long name, as it ends a formatted address)
_COUNTRIES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "en": {"US": ("United States", "USA"), "PR": ("Puerto Rico", "Puerto Rico")},
    "fr": {"US": ("États-Unis", "États-Unis"), "PR": ("Porto Rico", "Porto Rico")},
    "es": {"US": ("Estados Unidos", "EE. UU."), "PR": ("Puerto Rico", "Puerto Rico")},
}
_LONG_SUFFIXES = {
    short: max((name for name in SUFFIXES if SUFFIXES[name] == short), key=len) for short in SUFFIXES.values()
}
_DIRECTIONS = {"N": "North", "S": "South", "E": "East", "W": "West"}
MOVED_PLACES: Mapping[str, str] = {"ChIJsandboxMoved": "ChIJsandbox0001"}  # an old id answers with the new one
_ALPHABET = "23456789CFGHJMPQRVWX"
_CELLS_PER_DEGREE = 8000  # of a ten-digit plus code
_VIEWPORT = 0.001
TOWN_VIEWPORT = 0.05


def language_of(given: str, accept_language: str = "") -> str:
    """A language the atlas has; English otherwise. The parameter goes before Accept-Language."""
    wanted = given or accept_language.partition(",")[0].partition(";")[0]
    short = wanted.strip().lower()[:2]
    return short if short in _COUNTRIES else "en"


def country_name(town: Town, language: str) -> str:
    return _COUNTRIES[language][town.country][0]


def route(building: Building, *, is_long: bool) -> str:
    if building.is_box:
        return ""
    suffix = _LONG_SUFFIXES.get(building.suffix, "").title() if is_long else building.suffix
    direction = _DIRECTIONS.get(building.predirection, "") if is_long else building.predirection
    return " ".join(part for part in (direction, building.street, suffix) if part)


def town_line(town: Town, language: str, zipcode: str = "") -> str:
    ending = _COUNTRIES[language][town.country][1]
    return f"{town.city}, {town.state} {zipcode or town.zipcode}, {ending}"


def formatted(building: Building, language: str, unit: str = "") -> str:
    street = f"{building.street_line} {building.designator} {unit}" if unit else building.street_line
    return f"{street}, {town_line(building.town, language)}"


def plus_code(latitude: float, longitude: float) -> str:
    """The ten-digit Open Location Code of a point."""
    north, east = int((latitude + 90) * _CELLS_PER_DEGREE), int((longitude + 180) * _CELLS_PER_DEGREE)
    digits = ""
    for _ in range(5):
        digits = _ALPHABET[north % 20] + _ALPHABET[east % 20] + digits
        north, east = north // 20, east // 20
    return f"{digits[:8]}+{digits[8:]}"


def corners(
    latitude: float, longitude: float, reach: float = _VIEWPORT
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The south-west and north-east corner of a view of a point; `reach` in degrees."""
    south_west = (round(latitude - reach, 6), round(longitude - reach, 6))
    return south_west, (round(latitude + reach, 6), round(longitude + reach, 6))


def place_types(building: Building) -> list[str]:
    if building.place_type == "premise":
        return ["premise", "street_address"]
    return [building.place_type, "point_of_interest", "establishment"]


def name_of(building: Building) -> str:
    return building.place_name or building.street_line


def by_place_id(place_id: str) -> Building | None:
    wanted = MOVED_PLACES.get(place_id, place_id)
    return next((building for building in BUILDINGS if building.place_id == wanted), None)


def town_by_place_id(place_id: str) -> Town | None:
    return next((town for town in TOWNS if town_place_id(town) == place_id), None)


def town_place_id(town: Town) -> str:
    return f"ChIJsandboxTown{TOWNS.index(town) + 1:02d}"


def found_by_text(text: str) -> list[Building]:
    """The buildings a text names, by their name or their address."""
    words = " ".join(text.lower().replace(",", " ").split())
    named = [one for one in BUILDINGS if one.place_name and one.place_name.lower() in words]
    if named or not words:
        return named
    return [match.building for match in matches(read_freeform(text), needs_locality=False)]


def beginning_with(text: str) -> list[Building]:
    """The buildings whose name or address begins as typed, long or short forms."""
    typed = _folded(text)
    return [building for building in BUILDINGS if typed and any(line.startswith(typed) for line in _lines(building))]


def _lines(building: Building) -> tuple[str, ...]:
    end = f"{building.town.city} {building.town.state} {building.town.zipcode}"
    long_line = building.street_line if building.is_box else f"{building.number} {route(building, is_long=True)}"
    return tuple(_folded(f"{line} {end}") for line in (building.street_line, long_line, building.place_name) if line)


def _folded(text: str) -> str:
    return " ".join(text.lower().replace(",", " ").split())


def nearest(latitude: float, longitude: float, within_metres: float) -> list[tuple[float, Building]]:
    """Buildings by distance in metres."""
    ranked = sorted((distance_metres(latitude, longitude, one), one.ordinal, one) for one in BUILDINGS)
    return [(metres, building) for metres, _, building in ranked if metres <= within_metres]


def point(building: Building) -> dict[str, Any]:
    """google.type.LatLng"""
    return {"latitude": building.latitude, "longitude": building.longitude}
