"""US Reverse Geo: the addresses nearest to a point, at most ten, within half a mile."""

from __future__ import annotations

import math

from sandbox.smarty.calls import Call, Fields
from sandbox.smarty.gazetteer import BUILDINGS, Building
from sandbox.smarty.refusals import Refusal

MAX_RESULTS = 10
FARTHEST_METRES = 800.0
EARTH_RADIUS_METRES = 6_371_000.0


def answer(call: Call) -> dict[str, object]:
    """Results by distance in metres. Refusal: 400 without two coordinates, 402, 429."""
    latitude, longitude = _coordinate(call.query, "latitude", 90), _coordinate(call.query, "longitude", 180)
    call.charge()
    near = sorted(
        (distance_metres(latitude, longitude, building), building.ordinal, building)
        for building in BUILDINGS
        if building.is_postal or call.query.get("source") == "all"
    )
    found = [_result(building, metres) for metres, _, building in near if metres <= FARTHEST_METRES]
    return {"results": found[:MAX_RESULTS]}


def distance_metres(latitude: float, longitude: float, building: Building) -> float:
    """Along the ground, flat enough for a town."""
    north = math.radians(building.latitude - latitude)
    east = math.radians(building.longitude - longitude) * math.cos(math.radians(latitude))
    return EARTH_RADIUS_METRES * math.hypot(north, east)


def _coordinate(query: Fields, name: str, limit: float) -> float:
    try:
        value = float(query.get(name, ""))
    except ValueError as error:
        raise Refusal(400, f"Bad Request: '{name}' must be a number.") from error
    if not abs(value) <= limit:
        raise Refusal(400, f"Bad Request: '{name}' must lie between -{limit:g} and {limit:g}.")
    return value


def _result(building: Building, metres: float) -> dict[str, object]:
    town = building.town
    return {
        "coordinate": {
            "latitude": building.latitude,
            "longitude": building.longitude,
            "accuracy": "Rooftop",
            "license": 1,
        },
        "distance": round(metres, 2),
        "address": {
            "street": building.street_line,
            "city": town.city,
            "state_abbreviation": town.state,
            "zipcode": town.zipcode,
            "source": "postal" if building.is_postal else "other",
            "smarty_key": building.smarty_key,
        },
    }
