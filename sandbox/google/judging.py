"""Judging an address: what was confirmed, inferred, replaced or missing, and what to do next (UPSTREAMS.md §5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from sandbox.google import atlas
from sandbox.google.messages import Message, Present
from sandbox.google.postal_service import postal_data
from sandbox.smarty.gazetteer import Building, Town
from sandbox.smarty.matching import Correction, Match, Secondary, known_street, known_town, matches
from sandbox.smarty.postal import PostalParts, read_address, read_freeform

CASS_REGIONS = ("US", "PR")


class Granularity(IntEnum):
    GRANULARITY_UNSPECIFIED = 0
    SUB_PREMISE = 1
    PREMISE = 2
    PREMISE_PROXIMITY = 3
    BLOCK = 4
    ROUTE = 5
    OTHER = 6


class ConfirmationLevel(IntEnum):
    CONFIRMATION_LEVEL_UNSPECIFIED = 0
    CONFIRMED = 1
    UNCONFIRMED_BUT_PLAUSIBLE = 2
    UNCONFIRMED_AND_SUSPICIOUS = 3


class NextAction(IntEnum):
    POSSIBLE_NEXT_ACTION_UNSPECIFIED = 0
    FIX = 1
    CONFIRM_ADD_SUBPREMISES = 2
    CONFIRM = 3
    ACCEPT = 4


@dataclass(frozen=True)
class Judgement:
    """What was asked for, and what the book says to it. Without a match, `street` or `town` may still be known."""

    parts: PostalParts
    match: Match | None
    street: Building | None
    town: Town | None

    @property
    def missing(self) -> list[str]:
        needs_unit = self.match is not None and self.match.secondary is Secondary.MISSING
        lacking = {"street_number": not self.parts.number, "subpremise": needs_unit}
        return [name for name, is_lacking in lacking.items() if is_lacking]

    @property
    def unconfirmed(self) -> list[str]:
        if self.match is not None:
            return ["subpremise"] if self.match.secondary in (Secondary.UNKNOWN, Secondary.UNEXPECTED) else []
        doubted = {
            "subpremise": bool(self.parts.unit),
            "street_number": bool(self.parts.number),
            "route": self.street is None and bool(self.parts.street),
            "locality": self.town is None and bool(self.parts.city),
        }
        return [name for name, is_doubted in doubted.items() if is_doubted]

    @property
    def unresolved(self) -> list[str]:
        return self.parts.street.split() if self.match is None and self.town is None else []


def judge(address: Message, *, uses_cass: bool) -> Message:
    """The `result` of a validation. USPS data only in the United States and Puerto Rico."""
    judgement = _look_up(address)
    result: Message = {
        "verdict": _verdict(judgement),
        "address": _address(judgement),
        "geocode": _geocode(judgement),
    }
    match = judgement.match
    if match is not None:
        result["metadata"] = {
            "business": Present(match.building.rdi == "Commercial"),
            "poBox": Present(match.building.is_box),
            "residential": Present(match.building.rdi == "Residential"),
        }
    region = address.get("regionCode", "").upper() or "US"
    if region in CASS_REGIONS:
        result["uspsData"] = postal_data(judgement.parts, match, uses_cass=uses_cass)
    return result


def _look_up(address: Message) -> Judgement:
    lines = ", ".join(address["addressLines"])
    region = address.get("regionCode", "").upper() or "US"
    if address.get("locality") or address.get("postalCode"):
        parts = read_address(
            lines,
            city=address.get("locality", ""),
            state=address.get("administrativeArea", ""),
            zipcode=address.get("postalCode", ""),
        )
    else:
        parts = read_freeform(f"{lines}, {address.get('administrativeArea', '')}".rstrip(", "))
    if region not in CASS_REGIONS:  # the book has no buildings elsewhere
        return Judgement(parts, None, None, None)
    found = matches(parts, needs_locality=False)
    return Judgement(parts, found[0] if found else None, known_street(parts), known_town(parts))


def _verdict(judgement: Judgement) -> Message:
    parts, match = judgement.parts, judgement.match
    corrections = match.corrections if match else frozenset()
    given = Granularity.ROUTE if parts.street else Granularity.OTHER
    if parts.number:
        given = Granularity.SUB_PREMISE if parts.unit else Granularity.PREMISE
    located = Granularity.ROUTE if judgement.street else Granularity.OTHER
    confirmed = located
    if match is not None:
        located = Granularity.PREMISE
        confirmed = Granularity.SUB_PREMISE if match.secondary is Secondary.CONFIRMED else Granularity.PREMISE
    return {
        "inputGranularity": given,
        "validationGranularity": confirmed,
        "geocodeGranularity": located,
        "addressComplete": not judgement.missing and not judgement.unresolved,
        "hasUnconfirmedComponents": bool(judgement.unconfirmed),
        "hasInferredComponents": match is not None and bool(_inferred(parts, match)),
        "hasReplacedComponents": bool(corrections & {Correction.ZIPCODE, Correction.CITY}),
        "hasSpellCorrectedComponents": Correction.SPELLING in corrections,
        "possibleNextAction": _next_action(judgement),
    }


def _next_action(judgement: Judgement) -> NextAction:
    if judgement.match is None:
        return NextAction.FIX
    if judgement.missing:
        return NextAction.CONFIRM_ADD_SUBPREMISES
    is_changed = bool(judgement.match.corrections - {Correction.COMPONENT})
    return NextAction.CONFIRM if is_changed or judgement.unconfirmed else NextAction.ACCEPT


def _inferred(parts: PostalParts, match: Match) -> set[str]:
    """Component types the caller did not give and the book adds."""
    given = {
        "postal_code": parts.zipcode,
        "locality": parts.city,
        "administrative_area_level_1": parts.state,
        "postal_code_suffix": parts.plus4 or not match.building.plus4,
    }
    return {name for name, value in given.items() if not value}


def _address(judgement: Judgement) -> Message:
    parts, match = judgement.parts, judgement.match
    address = _doubted_address(judgement) if match is None else _known_address(parts, match)
    return {
        **address,
        "missingComponentTypes": judgement.missing,
        "unconfirmedComponentTypes": judgement.unconfirmed,
        "unresolvedTokens": judgement.unresolved,
    }


def _doubted_address(judgement: Judgement) -> Message:
    parts = judgement.parts
    return {
        "formattedAddress": ", ".join(filter(None, (parts.delivery_line, parts.last_line))),
        "postalAddress": {"languageCode": "en", "addressLines": [parts.delivery_line], "locality": parts.city},
        "addressComponents": _doubted_components(judgement),
    }


def _known_address(parts: PostalParts, match: Match) -> Message:
    building, town = match.building, match.building.town
    zipcode = f"{town.zipcode}-{building.plus4}" if building.plus4 else town.zipcode
    unit = f" {building.designator if building.units else '#'} {match.unit}" if match.unit else ""
    street = building.street_line
    if not building.is_box:
        street = f"{building.number} {atlas.route(building, is_long=True)}"
    postal = {
        "regionCode": town.country,
        "languageCode": "en",
        "postalCode": zipcode,
        "administrativeArea": town.state,
        "locality": town.city,
        "addressLines": [f"{building.street_line}{unit}"],
    }
    return {
        "formattedAddress": f"{street}{unit}, {atlas.town_line(town, 'en', zipcode)}",
        "postalAddress": postal,
        "addressComponents": _components(parts, match),
    }


def _components(parts: PostalParts, match: Match) -> list[Message]:
    inferred, corrections = _inferred(parts, match), match.corrections
    is_doubted = match.secondary in (Secondary.UNKNOWN, Secondary.UNEXPECTED)
    changes: dict[str, dict[str, Any]] = {
        "route": {"spellCorrected": Correction.SPELLING in corrections},
        "locality": {"replaced": Correction.CITY in corrections},
        "postal_code": {"replaced": Correction.ZIPCODE in corrections},
        "subpremise": {"unexpected": match.secondary is Secondary.UNEXPECTED},
    }
    return [
        {
            **_component(name, text, is_confirmed=not (name == "subpremise" and is_doubted)),
            "inferred": name in inferred,
            **changes.get(name, {}),
        }
        for name, text in _texts(match).items()
        if text
    ]


def _texts(match: Match) -> dict[str, str]:
    building, town = match.building, match.building.town
    return {
        "street_number": "" if building.is_box else building.number,
        "route": atlas.route(building, is_long=True),
        "post_box": building.street_line if building.is_box else "",
        "subpremise": match.unit,
        "locality": town.city,
        "administrative_area_level_1": town.state,
        "postal_code": town.zipcode,
        "postal_code_suffix": building.plus4,
        "country": atlas.country_name(town, "en"),
    }


def _doubted_components(judgement: Judgement) -> list[Message]:
    parts = judgement.parts
    values = {
        "street_number": parts.number,
        "route": f"{parts.street} {parts.suffix}".strip(),
        "subpremise": parts.unit,
        "locality": parts.city,
        "administrative_area_level_1": parts.state,
        "postal_code": parts.zipcode,
    }
    doubted = judgement.unconfirmed
    return [_component(name, text, is_confirmed=name not in doubted) for name, text in values.items() if text]


def _component(name: str, text: str, *, is_confirmed: bool) -> Message:
    level = ConfirmationLevel.CONFIRMED if is_confirmed else ConfirmationLevel.UNCONFIRMED_BUT_PLAUSIBLE
    language = {} if text[:1].isdigit() else {"languageCode": "en"}
    return {"componentName": {"text": text, **language}, "componentType": name, "confirmationLevel": level}


def _geocode(judgement: Judgement) -> Message:
    """The building, else the street's first building, else the town; nothing when none is known."""
    building = judgement.match.building if judgement.match else judgement.street
    if building is not None:
        spot = (building.latitude, building.longitude)
        kinds = atlas.place_types(building)[:1] if judgement.match else ["route"]
        return _located(spot, building.place_id if judgement.match else "", 12.0, kinds)
    if judgement.town is not None:
        town = judgement.town
        kinds = ["locality", "political"]
        return _located((town.latitude, town.longitude), atlas.town_place_id(town), 5_000.0, kinds)
    return {}


def _located(spot: tuple[float, float], place_id: str, size: float, types: list[str]) -> Message:
    low, high = atlas.corners(*spot)
    return {
        "location": {"latitude": spot[0], "longitude": spot[1]},
        "plusCode": {"globalCode": atlas.plus_code(*spot)},
        "bounds": {
            "low": {"latitude": low[0], "longitude": low[1]},
            "high": {"latitude": high[0], "longitude": high[1]},
        },
        "featureSizeMeters": size,
        "placeId": place_id,
        "placeTypes": types,
    }
