"""What USPS says of an address, as Address Validation hands it on: delivery flags only with CASS (§5.2)."""

from __future__ import annotations

from sandbox.google.messages import Message
from sandbox.smarty.candidates import Style, confirmed, postal_status, unconfirmed
from sandbox.smarty.matching import Match
from sandbox.smarty.postal import PostalParts
from sandbox.smarty.state import CORE

# our name of a CASS fact in the candidate's metadata and analysis → Google's
_METADATA = {
    "carrier_route": "carrierRoute",
    "record_type": "addressRecordType",
    "county_name": "county",
    "elot_sequence": "elotNumber",
    "elot_sort": "elotFlag",
}
_ANALYSIS = {
    "dpv_match_code": "dpvConfirmation",
    "dpv_footnotes": "dpvFootnote",
    "dpv_cmra": "dpvCmra",
    "dpv_vacant": "dpvVacant",
    "dpv_no_stat": "dpvNoStat",
}
_COMPONENTS = {"delivery_point": "deliveryPointCode", "delivery_point_check_digit": "deliveryPointCheckDigit"}


def postal_data(parts: PostalParts, match: Match | None, *, uses_cass: bool) -> Message:
    """The `uspsData` of a result: the standardised address always, the rest when the request asked for CASS."""
    style = Style(licence=CORE)
    candidate = unconfirmed(parts, style) if match is None else confirmed(match, style)
    data: Message = {"standardizedAddress": _standardised(parts, match, str(candidate["delivery_line_1"]))}
    if not uses_cass:
        return data
    for section, names in (("metadata", _METADATA), ("analysis", _ANALYSIS), ("components", _COMPONENTS)):
        facts = candidate[section]
        if isinstance(facts, dict):
            data |= {names[name]: value for name, value in facts.items() if name in names}
    if match is not None:
        town = match.building.town
        data |= {"fipsCountyCode": town.county_fips[2:], "postOfficeState": town.state}
        data |= {"postOfficeCity": town.city.upper(), "defaultAddress": postal_status(match) == "D"}
    return {**data, "county": str(data.get("county", "")).upper(), "cassProcessed": True}


def _standardised(asked: PostalParts, match: Match | None, line: str) -> Message:
    parts, urbanization = asked, ""
    if match is not None:
        town, urbanization = match.building.town, match.building.urbanization
        parts = PostalParts(city=town.city, state=town.state, zipcode=town.zipcode, plus4=match.building.plus4)
    return {
        "firstAddressLine": line.upper(),
        "urbanization": urbanization.upper(),
        "cityStateZipAddressLine": parts.last_line.upper(),
        "city": parts.city.upper(),
        "state": parts.state,
        "zipCode": parts.zipcode,
        "zipCodeExtension": parts.plus4,
    }
