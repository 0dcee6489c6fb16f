"""US Autocomplete, Pro and v2: addresses that begin as typed; a chosen building opens into its units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.smarty.calls import Call, Fields, whole_number
from sandbox.smarty.gazetteer import BUILDINGS, Building
from sandbox.smarty.postal import read_freeform
from sandbox.smarty.refusals import Refusal

MAX_RESULTS = 10


@dataclass(frozen=True)
class Suggestion:
    building: Building
    unit: str = ""

    @property
    def entries(self) -> int:
        """How many units a caller may still choose from; zero when the suggestion is complete."""
        return 0 if self.unit else len(self.building.units)


def answer_pro(call: Call) -> dict[str, object]:
    """Suggestions; null when there are none. Refusal: 422 without `search`, 402, 429."""
    return {"suggestions": [_written(found) for found in _suggestions(call)] or None}


def answer_v2(call: Call) -> dict[str, object]:
    """As Pro, and each suggestion says its Smarty key, where to go on, and its source."""
    written = [
        {
            "smarty_key": found.building.unit_key(found.unit),
            **({"entry_id": found.building.smarty_key} if found.entries > 1 else {}),
            **_written(found),
            "source": "postal" if found.building.is_postal else "other",
        }
        for found in _suggestions(call)
    ]
    return {"suggestions": written or None}


def _suggestions(call: Call) -> list[Suggestion]:
    search = call.query.get("search", "").strip()
    if not search:
        raise Refusal(422, "Unprocessable Entity: the field 'search' is required.")
    wanted = whole_number(call.query, "max_results", MAX_RESULTS)
    if not 1 <= wanted <= MAX_RESULTS:
        raise Refusal(400, f"Bad Request: 'max_results' must be a number from 1 to {MAX_RESULTS}.")
    call.charge()
    found = [one for one in _beginning_with(search, call.query.get("selected", "")) if _allowed(one, call.query)]
    found.sort(key=lambda one: not _preferred(one, call.query))
    return found[:wanted]


def _beginning_with(search: str, selected: str) -> Iterator[Suggestion]:
    if selected:
        chosen = (building for building in BUILDINGS if _is_selected(building, selected))
        yield from (Suggestion(building, unit) for building in chosen for unit in building.units)
        return
    parts = read_freeform(search)
    typed = parts.delivery_line.lower() if parts.city else " ".join(search.lower().split())
    for building in BUILDINGS:
        long_line = f"{building.street_line}, {building.town.city} {building.town.state}".lower()
        if building.street_line.lower().startswith(typed) or long_line.startswith(typed):
            yield Suggestion(building)


def _is_selected(building: Building, selected: str) -> bool:
    """`selected` is what a suggestion showed, or in v2 its `entry_id`."""
    line = f"{building.street_line} {building.designator} ({len(building.units)}) "
    return selected == building.smarty_key or selected.startswith(line)


def _written(found: Suggestion) -> dict[str, object]:
    building, town = found.building, found.building.town
    secondary = f"{building.designator} {found.unit}".rstrip() if building.units else ""
    return {
        "street_line": building.street_line,
        "secondary": secondary,
        "city": town.city,
        "state": town.state,
        "zipcode": town.zipcode,
        "entries": found.entries,
    }


def _listed(query: Fields, name: str) -> set[str]:
    return {item.strip().lower() for item in query.get(name, "").replace(",", ";").split(";") if item.strip()}


def _allowed(found: Suggestion, query: Fields) -> bool:
    town = found.building.town
    facts = {"cities": town.city.lower(), "states": town.state.lower(), "zip_codes": town.zipcode}
    for name, value in facts.items():
        only = _listed(query, f"include_only_{name}")
        if only and value not in only:
            return False
    if town.state.lower() in _listed(query, "exclude_states"):
        return False
    return found.building.is_postal or query.get("source") == "all"


def _preferred(found: Suggestion, query: Fields) -> bool:
    town = found.building.town
    return (
        town.city.lower() in _listed(query, "prefer_cities")
        or town.state.lower() in _listed(query, "prefer_states")
        or town.zipcode in _listed(query, "prefer_zip_codes")
    )
