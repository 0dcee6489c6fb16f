"""Writing a match as Smarty's candidate object; keys that would be blank or false are left out (UPSTREAMS.md §4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.smarty.gazetteer import Building, Town
from sandbox.smarty.matching import Correction, Match, Secondary, known_street, known_town
from sandbox.smarty.postal import PostalParts
from sandbox.smarty.state import ROOFTOP

COMPONENT_ANALYSIS = "component-analysis"
IANA_TIMEZONE = "iana-timezone"

# (dpv_match_code, dpv_footnotes, footnotes, enhanced_match) of each way a unit can fit
_SECONDARY = {
    Secondary.NONE: ("Y", "AABB", "", "postal-match"),
    Secondary.CONFIRMED: ("Y", "AABB", "", "postal-match"),
    Secondary.MISSING: ("D", "AAN1", "H#", "postal-match,missing-secondary"),
    Secondary.UNKNOWN: ("S", "AAC1", "S#", "postal-match,unknown-secondary"),
    Secondary.UNEXPECTED: ("S", "AACC", "S#", "postal-match,unknown-secondary"),
}
_FOOTNOTES = {
    Correction.ZIPCODE: "A#",
    Correction.CITY: "B#",
    Correction.SPELLING: "M#",
    Correction.COMPONENT: "L#",
}


@dataclass(frozen=True)
class Style:
    """What a lookup asked of the output, besides the address."""

    licence: str
    is_enhanced: bool = False
    is_upper_case: bool = False  # format=project-usa
    county_source: str = "postal"
    features: frozenset[str] = frozenset()


def postal_status(match: Match) -> str:
    """The DPV match code: N for a building the post office does not know."""
    return _SECONDARY[match.secondary][0] if match.building.is_postal else "N"


def confirmed(match: Match, style: Style) -> dict[str, object]:
    """The candidate of a building in the book."""
    building, town = match.building, match.building.town
    parts = _standardised(match)
    candidate: dict[str, object] = {"delivery_line_1": parts.delivery_line, "last_line": parts.last_line}
    components = _components(parts, town.city)
    if building.is_postal:
        point = f"{_digits(match.unit or building.number) % 100:02d}"
        check = _check_digit(f"{town.zipcode}{building.plus4}{point}")
        candidate["delivery_point_barcode"] = f"{town.zipcode}{building.plus4}{point}{check}"
        components |= {"delivery_point": point, "delivery_point_check_digit": check}
    if building.urbanization:
        components["urbanization"] = building.urbanization
    candidate["smarty_key"] = building.unit_key(match.unit)
    return _styled(candidate, components, _metadata(building, style), _analysis(match, parts, style), style)


def unconfirmed(parts: PostalParts, style: Style) -> dict[str, object]:
    """The candidate of an address that is not in the book: standardised, not confirmed."""
    street, town = known_street(parts), known_town(parts)
    candidate: dict[str, object] = {"delivery_line_1": parts.delivery_line, "last_line": parts.last_line}
    metadata: dict[str, object] = {"precision": "Unknown"}
    if town is not None:
        metadata = {"precision": "Zip5", **_place(town, style), "latitude": town.latitude, "longitude": town.longitude}
    analysis = (
        {"dpv_match_code": "N", "dpv_footnotes": "AAM3", "active": "N", "footnotes": "W#"}
        if street is not None
        else {"dpv_footnotes": "A1", "active": "N", "footnotes": "F#" if town is not None else "C#"}
    )
    return _styled(candidate, _components(parts, town.city if town else ""), metadata, dict(analysis), style)


def _standardised(match: Match) -> PostalParts:
    building, town = match.building, match.building.town
    return PostalParts(
        number=building.number,
        predirection=building.predirection,
        street=building.street,
        suffix=building.suffix,
        designator=(building.designator if building.units else "#") if match.unit else "",
        unit=match.unit,
        city=town.city,
        state=town.state,
        zipcode=town.zipcode,
        plus4=building.plus4,
        is_box=building.is_box,
    )


def _components(parts: PostalParts, default_city: str) -> dict[str, object]:
    names = {
        "primary_number": parts.number,
        "street_predirection": parts.predirection,
        "street_name": "PO Box" if parts.is_box else parts.street,
        "street_suffix": parts.suffix,
        "secondary_designator": parts.designator,
        "secondary_number": parts.unit,
        "city_name": parts.city,
        "default_city_name": default_city,
        "state_abbreviation": parts.state,
        "zipcode": parts.zipcode,
        "plus4_code": parts.plus4,
    }
    return {name: value for name, value in names.items() if value}


def _metadata(building: Building, style: Style) -> dict[str, object]:
    is_exact = style.licence == ROOFTOP
    record_type = "P" if building.is_box else "H" if building.units else "S"
    metadata: dict[str, object] = {
        **({"record_type": record_type, "carrier_route": "C001"} if building.is_postal else {}),
        **_place(building.town, style),
        **({"rdi": building.rdi} if building.rdi else {}),
        **({"elot_sequence": "0001", "elot_sort": "A"} if building.is_postal else {}),
        "latitude": round(building.latitude, 6 if is_exact else 5),
        "longitude": round(building.longitude, 6 if is_exact else 5),
        "coordinate_license": 1,
        "precision": "Rooftop" if is_exact else "Zip9" if building.is_postal else "Zip5",
    }
    return metadata


def _place(town: Town, style: Style) -> dict[str, object]:
    by_map = style.county_source == "geographic" and town.located_county_name
    place: dict[str, object] = {
        "zip_type": "Standard",
        "county_fips": town.located_county_fips if by_map else town.county_fips,
        "county_name": town.located_county_name if by_map else town.county_name,
        "congressional_district": "12",
        "time_zone": town.time_zone,
        "utc_offset": town.utc_offset,
    }
    if town.observes_dst:
        place["dst"] = True
    if IANA_TIMEZONE in style.features:
        place |= {"iana_time_zone": town.iana_time_zone, "iana_utc_offset": town.utc_offset}
        place |= {"iana_dst": True} if town.observes_dst else {}
    return place


def _analysis(match: Match, parts: PostalParts, style: Style) -> dict[str, object]:
    code, dpv_footnotes, footnotes, enhanced = _SECONDARY[match.secondary]
    building = match.building
    footnotes = "".join(_FOOTNOTES[made] for made in Correction if made in match.corrections) + footnotes
    analysis: dict[str, object] = {"dpv_match_code": "N", "dpv_footnotes": "A1", "active": "N"}
    if building.is_postal:
        analysis = {
            "dpv_match_code": code,
            "dpv_footnotes": dpv_footnotes,
            "dpv_cmra": "Y" if building.is_cmra else "N",
            "dpv_vacant": "Y" if building.is_vacant else "N",
            "dpv_no_stat": "N",
            "active": "Y",
        }
    if footnotes:
        analysis["footnotes"] = footnotes
    if style.is_enhanced:
        analysis["enhanced_match"] = enhanced if building.is_postal else "non-postal-match"
    if COMPONENT_ANALYSIS in style.features:
        analysis["components"] = {
            name: {"status": "confirmed"} for name in _components(parts, "") if name != "default_city_name"
        }
    return analysis


def _styled(
    candidate: dict[str, object],
    components: dict[str, object],
    metadata: dict[str, object],
    analysis: dict[str, object],
    style: Style,
) -> dict[str, object]:
    if style.is_upper_case:
        candidate, components = _upper(candidate), _upper(components)
    return {**candidate, "components": components, "metadata": metadata, "analysis": analysis}


def _upper(texts: dict[str, object]) -> dict[str, object]:
    return {name: value.upper() if isinstance(value, str) else value for name, value in texts.items()}


def _digits(text: str) -> int:
    return int("".join(character for character in text if character.isdigit()) or "0")


def _check_digit(digits: str) -> str:
    """What brings the sum of a POSTNET code's digits to a multiple of ten."""
    return str(-sum(map(int, digits)) % 10)
