"""US Enrichment: facts about a building by its Smarty key, with the odd `Etag` request header (UPSTREAMS.md §4.5)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping

from aiohttp import web

from sandbox.smarty.calls import Call
from sandbox.smarty.gazetteer import BUILDINGS, Building
from sandbox.smarty.matching import matches
from sandbox.smarty.postal import read_address
from sandbox.smarty.refusals import Refusal

SEARCH = "search"


def answer(call: Call) -> web.Response:
    """The records with an `Etag`; 304 when the caller's `Etag` is still right. Refusal: 400, 402, 404, 429."""
    _, key, *dataset = call.path
    write = _DATASETS.get("/".join(dataset))
    if write is None:
        raise Refusal(404, f"Not Found: the datasets are {', '.join(_DATASETS)}.")
    building = _found_by_address(call) if key == SEARCH else _found_by_key(key)
    call.charge()
    if building is None:
        raise Refusal(404, "Not Found: there is no record for this address.")
    body = json.dumps([_chosen(write(building), call)]).encode()
    etag = hashlib.sha256(body).hexdigest()[:16]
    if call.headers.get("Etag", call.headers.get("If-None-Match", "")).strip('"') == etag:
        return web.Response(status=304, headers={"Etag": etag})
    return web.Response(body=body, headers={"Etag": etag}, content_type="application/json")


def _found_by_key(key: str) -> Building | None:
    return next((one for one in BUILDINGS if key in {one.smarty_key, *map(one.unit_key, one.units)}), None)


def _found_by_address(call: Call) -> Building | None:
    query = call.query
    street = query.get("street") or query.get("freeform", "")
    if not street.strip():
        raise Refusal(400, "Bad Request: 'street' or 'freeform' is required.")
    parts = read_address(
        street, city=query.get("city", ""), state=query.get("state", ""), zipcode=query.get("zipcode", "")
    )
    return next((match.building for match in matches(parts)), None)


def _chosen(record: dict[str, object], call: Call) -> dict[str, object]:
    """Only the attributes that `include` names, or all but those that `exclude` names."""
    include = set(filter(None, call.query.get("include", "").split(",")))
    exclude = set(filter(None, call.query.get("exclude", "").split(",")))
    attributes = record.get("attributes")
    if not isinstance(attributes, dict):
        return record
    kept = {
        name: value for name, value in attributes.items() if name not in exclude and (not include or name in include)
    }
    return {**record, "attributes": kept}


def _principal(building: Building) -> dict[str, object]:
    attributes = {
        "acres": "0.25",
        "assessed_value": str(100_000 + building.ordinal * 1_000),
        "bedrooms": str(max(len(building.units), 1) * 2),
        "land_use_standard": building.rdi,
        "latitude": f"{building.latitude:.6f}",
        "longitude": f"{building.longitude:.6f}",
        "situs_county": building.town.county_name,
        "year_built": str(1900 + building.ordinal),
    }
    return {
        "smarty_key": building.smarty_key,
        "data_set_name": "property",
        "data_subset_name": "principal",
        "attributes": attributes,
    }


def _geo_reference(building: Building) -> dict[str, object]:
    town = building.town
    attributes = {
        "census_block": {"accuracy": "block", "geoid": f"{town.county_fips}0001001{building.ordinal:03d}"},
        "census_tract": {"code": "0001.00", "geoid": f"{town.county_fips}000100"},
        "place": {"accuracy": "exact", "code": "00001", "name": town.city, "type": "incorporated"},
    }
    return {
        "smarty_key": building.smarty_key,
        "data_set_name": "geo-reference",
        "data_set_version": "census-2020",
        "attributes": attributes,
    }


def _secondary(building: Building) -> dict[str, object]:
    town = building.town
    root = {
        "smarty_key": building.smarty_key,
        "secondary_count": len(building.units),
        "primary_number": building.number,
        "street_name": building.street,
        "street_suffix": building.suffix,
        "city_name": town.city,
        "state_abbreviation": town.state,
        "zipcode": town.zipcode,
        "plus4_code": building.plus4,
    }
    secondaries = [
        {
            "smarty_key": building.unit_key(unit),
            "secondary_designator": building.designator,
            "secondary_number": unit,
            "plus4_code": building.plus4,
        }
        for unit in building.units
    ]
    return {"smarty_key": building.smarty_key, "root_address": root, "secondaries": secondaries}


def _secondary_count(building: Building) -> dict[str, object]:
    return {"smarty_key": building.smarty_key, "count": len(building.units)}


_DATASETS: Mapping[str, Callable[[Building], dict[str, object]]] = {
    "property/principal": _principal,
    "geo-reference": _geo_reference,
    "secondary": _secondary,
    "secondary/count": _secondary_count,
}
