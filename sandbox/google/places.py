"""Places (New): details, text and nearby search, each behind a field mask (UPSTREAMS.md §5.4)."""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import web

from sandbox.google import atlas
from sandbox.google.billing import Sku
from sandbox.google.messages import Mask, Message
from sandbox.google.place_messages import FIELDS, details_sku, place_message, search_sku
from sandbox.google.rpc import RpcCall, RpcError, Schema, invalid, read_body, session_token
from sandbox.smarty.gazetteer import Building

MOST_RESULTS = 20
LAT_LNG: Schema = {"latitude": float, "longitude": float}
AREA: Schema = {
    "rectangle": {"low": LAT_LNG, "high": LAT_LNG},
    "circle": {"center": LAT_LNG, "radius": float},
}
COMMON: Schema = {"languageCode": str, "regionCode": str}
TEXT_SEARCH: Schema = {
    **COMMON,
    "textQuery": str,
    "includedType": str,
    "strictTypeFiltering": bool,
    "openNow": bool,
    "minRating": float,
    "maxResultCount": int,
    "pageSize": int,
    "locationBias": AREA,
    "locationRestriction": AREA,
    **dict.fromkeys(("rankPreference", "priceLevels", "evOptions", "routingParameters"), object),
    "searchAlongRouteParameters": object,
    **dict.fromkeys(("includePureServiceAreaBusinesses", "includeFutureOpeningBusinesses"), bool),
}
NEARBY_SEARCH: Schema = {
    **COMMON,
    "includedTypes": [str],
    "excludedTypes": [str],
    "includedPrimaryTypes": [str],
    "excludedPrimaryTypes": [str],
    "maxResultCount": int,
    "locationRestriction": AREA,
    **dict.fromkeys(("rankPreference", "routingParameters"), object),
    "includeFutureOpeningBusinesses": bool,
}
# What a search answers beside `places`, when there is more to say than this stand-in has
_BESIDE_PLACES = {"nextPageToken", "routingSummaries", "contextualContents", "searchUri"}


def get_place(call: RpcCall) -> web.Response:
    """One place. RpcError: 400 without a field mask, 404 when there is no such place."""
    _check_mask(call.mask, FIELDS)
    token = session_token(call.query.get("sessionToken") or call.query.get("session_token") or "")
    call.check("")
    building = atlas.by_place_id(call.place)
    if building is None:
        raise RpcError(404, "NOT_FOUND", "The Place ID is no longer valid or does not exist.")
    call.state.meter.detailed(call.consumer, token, details_sku(call.mask))
    return call.reply(place_message(building, atlas.language_of(call.query.get("languageCode", ""))))


def search_text(call: RpcCall) -> web.Response:
    """Places by name or address. RpcError: 400 without a field mask or a query."""
    _check_search_mask(call.mask)
    message = read_body(call.body, TEXT_SEARCH)
    text = message.get("textQuery", "").strip()
    if not text:
        raise invalid("Empty text_query.", "text_query")
    call.check(text)
    found = [one for one in atlas.found_by_text(text) if within(one, message.get("locationRestriction", {}))]
    if kind := message.get("includedType"):
        found = [one for one in found if kind in atlas.place_types(one)]
    call.state.meter.bill(call.consumer, search_sku(call.mask))
    return _places(call, found[: _limit(message)], message)


def search_nearby(call: RpcCall) -> web.Response:
    """Places in a circle, the nearest first. RpcError: 400 without a field mask or a circle."""
    _check_search_mask(call.mask)
    message = read_body(call.body, NEARBY_SEARCH)
    circle = message.get("locationRestriction", {}).get("circle")
    if not circle or "center" not in circle:
        raise invalid("location_restriction.circle is required.", "location_restriction")
    call.check("")
    spot = circle["center"].get("latitude", 0.0), circle["center"].get("longitude", 0.0)
    near = [building for _, building in atlas.nearest(*spot, circle.get("radius", 0.0))]
    included = {*message.get("includedTypes", []), *message.get("includedPrimaryTypes", [])}
    excluded = {*message.get("excludedTypes", []), *message.get("excludedPrimaryTypes", [])}
    found = [one for one in near if _has_type(one, included, excluded)]
    call.state.meter.bill(call.consumer, Sku.NEARBY)
    return _places(call, found[: _limit(message)], message)


def within(building: Building, area: Message) -> bool:
    """Whether a building lies in a circle or rectangle; no area holds everything."""
    if circle := area.get("circle"):
        centre = circle.get("center", {})
        spot = centre.get("latitude", 0.0), centre.get("longitude", 0.0)
        return any(one is building for _, one in atlas.nearest(*spot, circle.get("radius", 0.0)))
    if rectangle := area.get("rectangle"):
        low, high = rectangle.get("low", {}), rectangle.get("high", {})
        return bool(
            low.get("latitude", 0.0) <= building.latitude <= high.get("latitude", 0.0)
            and low.get("longitude", 0.0) <= building.longitude <= high.get("longitude", 0.0)
        )
    return True


def _places(call: RpcCall, found: Iterable[Building], message: Message) -> web.Response:
    language = atlas.language_of(message.get("languageCode", ""))
    return call.reply({"places": [place_message(building, language) for building in found]})


def _limit(message: Message) -> int:
    wanted = message.get("maxResultCount") or message.get("pageSize") or MOST_RESULTS
    if not 1 <= wanted <= MOST_RESULTS:
        raise invalid(f"Max number of results must be between 1 and {MOST_RESULTS} inclusive.", "max_result_count")
    return int(wanted)


def _has_type(building: Building, included: set[str], excluded: set[str]) -> bool:
    types = set(atlas.place_types(building))
    return (not included or bool(types & included)) and not types & excluded


def _check_mask(mask: Mask, known: Iterable[str]) -> None:
    if not mask:
        raise invalid(
            "FieldMask is a required parameter. See https://cloud.google.com/apis/docs/system-parameters on how to"
            " provide it. As an example, you can set the header 'X-Goog-FieldMask' to '*' to get all fields.",
            "fields",
        )
    for path in mask:
        if path[0] != "*" and path[0] not in known:
            raise invalid(f"Error expanding 'fields' parameter. Cannot find matching fields for path '{path[0]}'.")


def _check_search_mask(mask: Mask) -> None:
    _check_mask(mask, {"places", *_BESIDE_PLACES})
    inner = tuple(path[1:] for path in mask if path[0] == "places" and len(path) > 1)
    if inner:
        _check_mask(inner, FIELDS)
