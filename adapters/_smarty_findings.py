"""What an answer of Smarty's US Street API says of an address, in no provider's words (UPSTREAMS.md §4.3, §11)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, get_args

from adapters._addresses import (
    Address,
    Attributes,
    Candidate,
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
from adapters._findings import flag, number, text, words_of
from adapters._json import mapping, rows

# Each is followed by "#" (§4.3). Unknown letters are information, and no more.
FOOTNOTES: Mapping[str, Reason] = {
    "A": "zip_corrected",
    "B": "city_or_state_fixed",
    "C": "invalid_city_state_zip",
    "D": "no_zip4",
    "F": "not_found",
    "H": "secondary_missing",
    "I": "insufficient",
    "K": "cardinal_rule",
    "L": "component_changed",
    "LI": "lacslink",
    "LL": "lacslink",
    "M": "street_spelling_fixed",
    "N": "abbreviations_fixed",
    "O": "multiple_zip4",
    "P": "better_exists",
    "Q": "unique_zip",
    "R": "early_warning",
    "S": "secondary_unrecognised",
    "T": "magnet_street",
    "U": "unofficial_city",
    "V": "unverifiable_city_state",
    "W": "invalid_delivery_address",
    "X": "unique_zip",
    "Y": "military",
    "Z": "zipmove",
}
CORRECTIONS = frozenset({"A", "B", "K", "L", "LL", "M", "P", "U"})
RESPELLED = CORRECTIONS | {"LI", "N", "Z"}
REFUSED = frozenset({"A1", "M1", "M3", "P1", "P3"})  # DPV: there is no such delivery point
SIGNALS = ("dpv_match_code", "dpv_footnotes", "footnotes", "enhanced_match", "active")

_PRECISIONS: Mapping[str, Precision] = {
    name.title(): name
    for name in get_args(Precision)
    if name in ("rooftop", "parcel", "street") or name.startswith("zip")
}


class _Signals(NamedTuple):
    """What the table goes by."""

    dpv: str
    dpv_footnotes: frozenset[str]
    footnotes: frozenset[str]
    enhanced: frozenset[str]
    vacant: bool | None
    no_stat: bool | None


def read_candidates(answer: Any, address: Address) -> Finding:
    """The answer to one lookup: a list of candidates."""
    found = rows(answer)
    if not found:
        return Finding(verdict=Outcome(status="not_found", deliverability="unknown", reasons=("no_match",)))
    lines = {(text(row, "delivery_line_1"), text(row, "last_line")) for row in found}
    if len(lines) > 1:
        verdict = Outcome(status="ambiguous", deliverability="unknown", ambiguous=True, reasons=("several_candidates",))
        alternatives = tuple(
            Candidate(components=_components(row, address), formatted=_formatted(row)) for row in found
        )
        return Finding(verdict=verdict, candidates=len(found), alternatives=alternatives)
    [row, *_] = found
    return Finding(
        verdict=_verdict(row, address),
        components=_components(row, address),
        formatted=_formatted(row),
        geocode=_geocode(row),
        attributes=_attributes(row),
        candidates=len(found),
        provider_raw=_raw(row),
    )


def _verdict(row: Mapping[str, Any], address: Address) -> Outcome:
    signals = _signals(mapping(row.get("analysis")))
    is_moved = _is_elsewhere(row, address)
    status, deliverability = _judged(signals, is_corrected=bool(signals.footnotes & CORRECTIONS) or is_moved)
    spelled = words_of([text(row, "delivery_line_1") or ""])
    return Outcome(
        status=status,
        deliverability=deliverability,
        changed=is_moved or bool(signals.footnotes & RESPELLED) or not spelled <= words_of(address.parts),
        missing_secondary=signals.dpv == "D" or "missing-secondary" in signals.enhanced,
        unknown_secondary=signals.dpv == "S" or "unknown-secondary" in signals.enhanced,
        reasons=tuple(_reasons(signals)),
    )


def _judged(signals: _Signals, *, is_corrected: bool) -> tuple[Status, Deliverability]:
    """The table of §11, row by row; the first that matches holds."""
    if signals.dpv == "Y":
        return "corrected" if is_corrected else "verified", "unknown" if signals.vacant else "deliverable"
    if signals.dpv == "D":
        return "incomplete", "deliverable_missing_secondary"
    if signals.dpv == "S":
        return "corrected", "undeliverable" if "C1" in signals.dpv_footnotes else "deliverable_ignoring_secondary"
    if not signals.dpv and "non-postal-match" in signals.enhanced:
        return "partial", "unknown"
    if signals.dpv == "N" or signals.dpv_footnotes & REFUSED or "F" in signals.footnotes:
        return "unverified", "undeliverable"
    return "unverified", "unknown"


def _signals(analysis: Mapping[str, Any]) -> _Signals:
    dpv_footnotes = text(analysis, "dpv_footnotes") or ""
    return _Signals(
        dpv=(text(analysis, "dpv_match_code") or "").strip(),
        dpv_footnotes=frozenset(re.findall("..", dpv_footnotes)),
        footnotes=frozenset((text(analysis, "footnotes") or "").split("#")) - {""},
        enhanced=frozenset(part.strip() for part in (text(analysis, "enhanced_match") or "").split(",")),
        vacant=flag(analysis, "dpv_vacant"),
        no_stat=flag(analysis, "dpv_no_stat"),
    )


def _reasons(signals: _Signals) -> Iterable[Reason]:
    found = [FOOTNOTES[letter] for letter in sorted(signals.footnotes) if letter in FOOTNOTES]
    if "C1" in signals.dpv_footnotes:
        found.append("secondary_required")
    if signals.vacant:
        found.append("vacant")
    if signals.no_stat:
        found.append("no_stat")
    return dict.fromkeys(found)


def _is_elsewhere(row: Mapping[str, Any], address: Address) -> bool:
    """Whether number, street or unit are others than were asked for. Abbreviations make no other line of it: only
    what is never abbreviated is compared.
    """
    components = mapping(row.get("components"))
    names = ("primary_number", "street_name", "secondary_number")
    return not words_of([text(components, name) or "" for name in names]) <= words_of(address.parts)


def _components(row: Mapping[str, Any], address: Address) -> Components:
    parts = mapping(row.get("components"))
    return Components(
        primary_number=text(parts, "primary_number"),
        street=text(parts, "street_name"),
        street_predirection=text(parts, "street_predirection"),
        street_postdirection=text(parts, "street_postdirection"),
        street_suffix=text(parts, "street_suffix"),
        secondary_designator=text(parts, "secondary_designator"),
        secondary_number=text(parts, "secondary_number"),
        city=text(parts, "city_name"),
        state=text(parts, "state_abbreviation"),
        postal_code=text(parts, "zipcode"),
        postal_code_ext=text(parts, "plus4_code"),
        country=address.country,
        urbanization=text(parts, "urbanization"),
    )


def _formatted(row: Mapping[str, Any]) -> Formatted:
    line1, line2, last_line = (text(row, name) for name in ("delivery_line_1", "delivery_line_2", "last_line"))
    single = ", ".join(line for line in (line1, line2, last_line) if line)
    return Formatted(line1=line1, line2=line2, last_line=last_line, single_line=single or None)


def _geocode(row: Mapping[str, Any]) -> Geocode | None:
    metadata = mapping(row.get("metadata"))
    lat, lng = number(metadata, "latitude"), number(metadata, "longitude")
    if lat is None or lng is None:
        return None
    return Geocode(lat=lat, lng=lng, precision=_PRECISIONS.get(text(metadata, "precision") or "", "unknown"))


def _attributes(row: Mapping[str, Any]) -> Attributes:
    metadata, analysis = mapping(row.get("metadata")), mapping(row.get("analysis"))
    record_type = text(metadata, "record_type")
    return Attributes(
        residential={"Residential": True, "Commercial": False}.get(text(metadata, "rdi") or ""),
        po_box=None if record_type is None else record_type == "P",
        cmra=flag(analysis, "dpv_cmra"),
        vacant=flag(analysis, "dpv_vacant"),
        no_stat=flag(analysis, "dpv_no_stat"),
        record_type=record_type,
        county_fips=text(metadata, "county_fips"),
    )


def _raw(row: Mapping[str, Any]) -> dict[str, Raw]:
    analysis = mapping(row.get("analysis"))
    said = ((name, text(analysis, name)) for name in SIGNALS)
    return {name: value for name, value in said if value is not None}
