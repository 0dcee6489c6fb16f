"""What an answer of Google's Address Validation says of an address, in no provider's words (§5.2, §11)."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from adapters._addresses import (
    Address,
    Attributes,
    Components,
    Deliverability,
    Finding,
    Formatted,
    Geocode,
    Outcome,
    Precision,
    Raw,
    Reason,
    Status,
)
from adapters._findings import flag, number, text, texts
from adapters._json import mapping, rows

# By number, too: with `$alt=json;enum-encoding=int` they come so.
GRANULARITIES = ("GRANULARITY_UNSPECIFIED", "SUB_PREMISE", "PREMISE", "PREMISE_PROXIMITY", "BLOCK", "ROUTE", "OTHER")
NEXT_ACTIONS = ("", "FIX", "CONFIRM_ADD_SUBPREMISES", "CONFIRM", "ACCEPT")
LEVELS = ("", "CONFIRMED", "UNCONFIRMED_BUT_PLAUSIBLE", "UNCONFIRMED_AND_SUSPICIOUS")

BY_DPV: Mapping[str | None, Deliverability] = {
    "Y": "deliverable",
    "D": "deliverable_missing_secondary",
    "S": "deliverable_ignoring_secondary",
    "N": "undeliverable",
}
PRECISIONS: Mapping[str, Precision] = {
    "SUB_PREMISE": "rooftop",
    "PREMISE": "rooftop",
    "PREMISE_PROXIMITY": "interpolated",
    "BLOCK": "block",
    "ROUTE": "street",
    "OTHER": "area",
}
REASONS: Mapping[str, Reason] = {
    "hasUnconfirmedComponents": "component_unconfirmed",
    "hasInferredComponents": "component_inferred",
    "hasReplacedComponents": "component_replaced",
    "hasSpellCorrectedComponents": "spelling_corrected",
}


class _Signals(NamedTuple):
    """What the table goes by. What proto3 JSON leaves out is false or empty."""

    granularity: str
    is_complete: bool
    has: frozenset[str]  # of the names in REASONS
    missing: frozenset[str]  # component types
    has_unresolved: bool
    is_suspicious: bool
    dpv: str | None
    is_vacant: bool
    is_no_stat: bool

    @property
    def by_dpv(self) -> Deliverability:
        """As far as the postal service knows it."""
        return BY_DPV.get(self.dpv, "unknown")


def read_validation(answer: Any, address: Address) -> Finding:
    """The answer to one validation."""
    result = mapping(mapping(answer).get("result"))
    found, usps = mapping(result.get("address")), mapping(result.get("uspsData"))
    signals = _signals(result)
    is_found = bool(rows(found.get("addressComponents")))
    return Finding(
        verdict=_verdict(signals),
        components=_components(found, usps, address) if is_found else None,
        formatted=_formatted(found, usps) if is_found else None,
        geocode=_geocode(result),
        attributes=_attributes(mapping(result.get("metadata")), usps),
        candidates=1 if is_found else 0,
        provider_raw=_raw(result, signals, answer),
    )


def _verdict(signals: _Signals) -> Outcome:
    status, deliverability = _judged(signals)
    return Outcome(
        status=status,
        deliverability=deliverability,
        changed=bool(signals.has & {"hasReplacedComponents", "hasSpellCorrectedComponents"}),
        missing_secondary="subpremise" in signals.missing or signals.dpv == "D",
        unknown_secondary=signals.dpv == "S",
        reasons=tuple(_reasons(signals)),
    )


def _judged(signals: _Signals) -> tuple[Status, Deliverability]:
    """The table of §11, row by row; the first that matches holds."""
    granularity, dpv = signals.granularity, signals.dpv
    if granularity in ("", "GRANULARITY_UNSPECIFIED", "OTHER") or signals.has_unresolved or signals.is_suspicious:
        return "unverified", signals.by_dpv
    if "subpremise" in signals.missing or dpv == "D":
        return "incomplete", "deliverable_missing_secondary"
    if signals.missing or not signals.is_complete:
        return "incomplete", "unknown"
    if dpv == "S":
        return "corrected", "deliverable_ignoring_secondary"
    if dpv == "N":
        return "unverified", "undeliverable"
    return _judged_by_place(signals)


def _judged_by_place(signals: _Signals) -> tuple[Status, Deliverability]:
    """The rest of the table, of addresses that the postal service confirms or knows nothing of."""
    if signals.granularity in ("ROUTE", "BLOCK"):
        return "partial", "unknown"
    if "hasUnconfirmedComponents" in signals.has:
        return "partial", signals.by_dpv
    if signals.has & {"hasReplacedComponents", "hasSpellCorrectedComponents"}:
        return "corrected", signals.by_dpv
    if signals.granularity in ("PREMISE", "SUB_PREMISE"):
        return "verified", signals.by_dpv
    return "partial", "unknown"


def _signals(result: Mapping[str, Any]) -> _Signals:
    verdict, address = mapping(result.get("verdict")), mapping(result.get("address"))
    usps = mapping(result.get("uspsData"))
    levels = [_named(row.get("confirmationLevel"), LEVELS) for row in rows(address.get("addressComponents"))]
    return _Signals(
        granularity=_named(verdict.get("validationGranularity"), GRANULARITIES),
        is_complete=verdict.get("addressComplete") is True,
        has=frozenset(name for name in REASONS if verdict.get(name) is True),
        missing=frozenset(texts(address.get("missingComponentTypes"))),
        has_unresolved=bool(texts(address.get("unresolvedTokens"))),
        is_suspicious="UNCONFIRMED_AND_SUSPICIOUS" in levels,
        dpv=text(usps, "dpvConfirmation"),
        is_vacant=flag(usps, "dpvVacant") is True,
        is_no_stat=flag(usps, "dpvNoStat") is True,
    )


def _reasons(signals: _Signals) -> Iterable[Reason]:
    found = [word for name, word in REASONS.items() if name in signals.has]
    if signals.missing - {"subpremise"}:
        found.append("component_missing")
    if "subpremise" in signals.missing or signals.dpv == "D":
        found.append("secondary_missing")
    if signals.dpv == "S":
        found.append("secondary_unrecognised")
    if signals.is_suspicious:
        found.append("component_suspicious")
    if signals.has_unresolved:
        found.append("unresolved_input")
    if signals.is_vacant:
        found.append("vacant")
    if signals.is_no_stat:
        found.append("no_stat")
    return found


def _components(found: Mapping[str, Any], usps: Mapping[str, Any], address: Address) -> Components:
    by_type: dict[str | None, str | None] = {}
    for row in rows(found.get("addressComponents")):
        by_type.setdefault(text(row, "componentType"), text(mapping(row.get("componentName")), "text"))
    postal = mapping(found.get("postalAddress"))
    cities = (by_type.get(name) for name in ("locality", "sublocality", "postal_town"))
    return Components(
        primary_number=by_type.get("street_number"),
        street=by_type.get("route") or by_type.get("post_box"),
        secondary_number=by_type.get("subpremise"),
        city=next((city for city in cities if city), None),
        state=text(postal, "administrativeArea") or by_type.get("administrative_area_level_1"),
        postal_code=by_type.get("postal_code"),
        postal_code_ext=by_type.get("postal_code_suffix"),
        country=text(postal, "regionCode") or address.country,
        urbanization=text(mapping(usps.get("standardizedAddress")), "urbanization"),
    )


def _formatted(found: Mapping[str, Any], usps: Mapping[str, Any]) -> Formatted:
    postal = mapping(found.get("postalAddress"))
    line1, line2, *_ = (*texts(postal.get("addressLines")), None, None)
    area = " ".join(part for name in ("administrativeArea", "postalCode") if (part := text(postal, name)))
    last_line = ", ".join(part for part in (text(postal, "locality"), area) if part)
    return Formatted(
        line1=line1,
        line2=line2,
        last_line=text(mapping(usps.get("standardizedAddress")), "cityStateZipAddressLine") or last_line or None,
        single_line=text(found, "formattedAddress"),
    )


def _geocode(result: Mapping[str, Any]) -> Geocode | None:
    geocode = mapping(result.get("geocode"))
    location = mapping(geocode.get("location"))
    place_id = text(geocode, "placeId")
    if not location and place_id is None:
        return None
    granularity = _named(mapping(result.get("verdict")).get("geocodeGranularity"), GRANULARITIES)
    place = {"latitude": 0, "longitude": 0, **location} if location else {}  # zero is left out
    return Geocode(
        lat=number(place, "latitude"),
        lng=number(place, "longitude"),
        precision=PRECISIONS.get(granularity, "unknown"),
        place_id=place_id,
    )


def _attributes(metadata: Mapping[str, Any], usps: Mapping[str, Any]) -> Attributes:
    is_known = bool(metadata)  # then what is left out is false
    return Attributes(
        residential=metadata.get("residential") is True if is_known else None,
        po_box=metadata.get("poBox") is True if is_known else None,
        cmra=flag(usps, "dpvCmra"),
        vacant=flag(usps, "dpvVacant"),
        no_stat=flag(usps, "dpvNoStat"),
        record_type=text(usps, "addressRecordType"),
    )


def _raw(result: Mapping[str, Any], signals: _Signals, answer: Any) -> dict[str, Raw]:
    verdict, usps = mapping(result.get("verdict")), mapping(result.get("uspsData"))
    said: dict[str, Raw | None] = {
        "validationGranularity": signals.granularity or None,
        "geocodeGranularity": _named(verdict.get("geocodeGranularity"), GRANULARITIES) or None,
        "addressComplete": signals.is_complete,
        **dict.fromkeys(sorted(signals.has), True),
        "possibleNextAction": _named(verdict.get("possibleNextAction"), NEXT_ACTIONS) or None,
        "missingComponentTypes": tuple(sorted(signals.missing)) or None,
        "dpvConfirmation": signals.dpv,
        "dpvFootnote": text(usps, "dpvFootnote"),
        "responseId": text(mapping(answer), "responseId"),
    }
    return {name: value for name, value in said.items() if value is not None}


def _named(value: object, names: tuple[str, ...]) -> str:
    """An enum's name, whether it came as a name or as a number."""
    if isinstance(value, str):
        return value if value in names else ""
    if not isinstance(value, int) or isinstance(value, bool):
        return ""
    return names[value] if 0 <= value < len(names) else ""
