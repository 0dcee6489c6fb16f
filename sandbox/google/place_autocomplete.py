"""Places (New) autocomplete: predictions for what was typed, counted into their session (UPSTREAMS.md §5.4)."""

from __future__ import annotations

from aiohttp import web

from sandbox.google import atlas
from sandbox.google.messages import Message
from sandbox.google.places import AREA, COMMON, LAT_LNG, within
from sandbox.google.rpc import RpcCall, Schema, invalid, read_body, session_token
from sandbox.smarty.gazetteer import Building
from sandbox.smarty.reverse_geo import distance_metres

MOST_PREDICTIONS = 5
MOST_REGIONS = 15
MOST_PRIMARY_TYPES = 5
REQUEST: Schema = {
    **COMMON,
    "input": str,
    "sessionToken": str,
    "locationBias": AREA,
    "locationRestriction": AREA,
    "includedPrimaryTypes": [str],
    "includedRegionCodes": [str],
    "origin": LAT_LNG,
    "inputOffset": int,
    "includeQueryPredictions": bool,
    "includePureServiceAreaBusinesses": bool,
    "includeFutureOpeningBusinesses": bool,
}


def autocomplete(call: RpcCall) -> web.Response:
    """Suggestions; an empty object when nothing fits. RpcError: 400 without input, or with too many filters."""
    message = read_body(call.body, REQUEST)
    typed = message.get("input", "")
    _check(message)
    token = session_token(message.get("sessionToken", ""))
    call.check(typed)
    call.state.meter.autocomplete(call.consumer, token)
    typed = typed[: message.get("inputOffset", len(typed))]
    found = [one for one in atlas.beginning_with(typed) if _fits(one, message)][:MOST_PREDICTIONS]
    suggestions = [{"placePrediction": _prediction(one, typed, message)} for one in found]
    if message.get("includeQueryPredictions") and found:
        suggestions.append({"queryPrediction": {"text": _matched(f"{typed.strip()} near me", typed)}})
    return call.reply({"suggestions": suggestions})


def _check(message: Message) -> None:
    if not message.get("input", "").strip():
        raise invalid("Autocomplete input is empty.", "input")
    if not 0 <= message.get("inputOffset", 0) <= len(message["input"]):
        raise invalid("Input offset is not within the input.", "input_offset")
    if len(message.get("includedRegionCodes", [])) > MOST_REGIONS:
        raise invalid(f"At most {MOST_REGIONS} region codes may be specified.", "included_region_codes")
    if len(message.get("includedPrimaryTypes", [])) > MOST_PRIMARY_TYPES:
        raise invalid(f"At most {MOST_PRIMARY_TYPES} primary types may be specified.", "included_primary_types")
    if message.get("locationBias") and message.get("locationRestriction"):
        raise invalid("Only one of location_bias and location_restriction may be specified.", "location_bias")


def _fits(building: Building, message: Message) -> bool:
    regions = {code.upper() for code in message.get("includedRegionCodes", [])}
    types = set(message.get("includedPrimaryTypes", []))
    return (
        (not regions or building.town.country in regions)
        and (not types or atlas.place_types(building)[0] in types)
        and within(building, message.get("locationRestriction", {}))
    )


def _prediction(building: Building, typed: str, message: Message) -> Message:
    text = atlas.formatted(building, atlas.language_of(message.get("languageCode", "")))
    if building.place_name.lower().startswith(typed.strip().lower()):
        text = f"{building.place_name}, {text}"
    main, _, secondary = text.partition(", ")
    prediction: Message = {
        "place": f"places/{building.place_id}",
        "placeId": building.place_id,
        "text": _matched(text, typed),
        "structuredFormat": {"mainText": _matched(main, typed), "secondaryText": {"text": secondary}},
        "types": atlas.place_types(building),
    }
    if origin := message.get("origin"):
        metres = distance_metres(origin.get("latitude", 0.0), origin.get("longitude", 0.0), building)
        prediction["distanceMeters"] = round(metres)
    return prediction


def _matched(text: str, typed: str) -> Message:
    """A text with the part that was typed marked; `startOffset` 0 is left out when written."""
    end = min(len(typed.strip()), len(text))
    return {"text": text, "matches": [{"startOffset": 0, "endOffset": end}]}
