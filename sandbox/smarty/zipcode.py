"""US ZIP Code: towns and ZIP codes for each other; a bad one is a 200 that says so (UPSTREAMS.md §4.3)."""

from __future__ import annotations

from sandbox.smarty.calls import Call, Fields
from sandbox.smarty.gazetteer import TOWNS, Town
from sandbox.smarty.postal import STATES

_REASONS = {
    "blank": "Blank lookup (you must provide a ZIP Code and/or City/State combination).",
    "invalid_zipcode": "Invalid ZIP Code.",
    "invalid_state": "Invalid State.",
    "invalid_city": "Invalid City.",
    "conflict": "Conflicting ZIP Code and City/State combination.",
}


def answer(call: Call) -> list[dict[str, object]]:
    """One result for each lookup. Refusal: 400, 402, 413, 429."""
    lookups = call.lookups()
    call.charge(len(lookups))
    return [_result(index, lookup) for index, lookup in enumerate(lookups)]


def _result(index: int, lookup: Fields) -> dict[str, object]:
    result: dict[str, object] = {"input_index": index}
    if lookup.get("input_id"):
        result["input_id"] = lookup["input_id"]
    zipcode, city = lookup.get("zipcode", "").strip()[:5], lookup.get("city", "").strip().lower()
    given_state = lookup.get("state", "").strip().lower()
    town = _town(zipcode, city, STATES.get(given_state, given_state))
    if isinstance(town, str):
        return {**result, "status": town, "reason": _REASONS[town]}
    return {**result, "city_states": [_city_state(town)], "zipcodes": [_zipcode(town)]}


def _town(zipcode: str, city: str, state: str) -> Town | str:
    """The town meant, or the status that says what was wrong."""
    if not zipcode and not city:
        return "blank"
    by_zip = next((town for town in TOWNS if town.zipcode == zipcode), None)
    if zipcode and by_zip is None:
        return "invalid_zipcode"
    if not city:
        return by_zip or "blank"
    if state not in set(STATES.values()):
        return "invalid_state"
    by_city = next((town for town in TOWNS if (town.city.lower(), town.state) == (city, state)), None)
    if by_city is None:
        return "invalid_city"
    return by_city if by_zip in (None, by_city) else "conflict"


def _city_state(town: Town) -> dict[str, object]:
    return {
        "city": town.city,
        "mailable_city": True,
        "state_abbreviation": town.state,
        "state": town.state_name,
    }


def _zipcode(town: Town) -> dict[str, object]:
    elsewhere: list[dict[str, object]] = []
    if town.located_county_name:
        elsewhere.append(
            {
                "county_fips": town.located_county_fips,
                "county_name": town.located_county_name,
                "state_abbreviation": town.state,
                "state": town.state_name,
            }
        )
    return {
        "zipcode": town.zipcode,
        "zipcode_type": "S",
        "default_city": town.city,
        "county_fips": town.county_fips,
        "county_name": town.county_name,
        "state_abbreviation": town.state,
        "state": town.state_name,
        "latitude": town.latitude,
        "longitude": town.longitude,
        "precision": "Zip5",
        "alternate_counties": elsewhere,
    }
