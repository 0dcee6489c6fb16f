"""US Street: addresses in, candidates out, sorted by input and candidate index (UPSTREAMS.md §4.2, §4.3)."""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.smarty.calls import Call, Fields, whole_number
from sandbox.smarty.candidates import Style, confirmed, postal_status, unconfirmed
from sandbox.smarty.matching import Match, known_street, matches
from sandbox.smarty.postal import PostalParts, read_address
from sandbox.smarty.refusals import Refusal
from sandbox.smarty.state import STANDARD, throttled

MAX_CANDIDATES = 10
MAX_INPUT_ID = 36
STRATEGIES = ("strict", "range", "invalid", "enhanced")
FORMATS = ("default", "project-usa")
COUNTY_SOURCES = ("postal", "geographic")

# Streets that make the stand-in refuse, as the recorded traffic has them (SDK_REQUESTS.md §2)
_REFUSALS: Mapping[str, Refusal] = {
    "9 unseen rd": Refusal(402, "Payment Required: the lookups of this subscription are used up."),
    "8 unseen rd": throttled(2),
}


def answer(call: Call) -> list[dict[str, object]]:
    """The candidates of every lookup. Refusal: 400 without a street on GET, 402, 413, 422, 429."""
    lookups = call.lookups()
    if call.method == "GET" and not lookups[0].get("street", "").strip():
        raise Refusal(400, "Bad Request: the field 'street' is required.")
    licence = call.licence
    for lookup in lookups:
        _check(lookup)
    call.charge(len(lookups))
    found: list[dict[str, object]] = []
    for index, lookup in enumerate(lookups):
        for place, candidate in enumerate(_candidates(lookup, licence, call.headers)):
            found.append({**_echo(lookup), "input_index": index, "candidate_index": place, **candidate})
    return found


def _check(lookup: Fields) -> None:
    if refusal := _REFUSALS.get(" ".join(lookup.get("street", "").lower().split())):
        raise Refusal(refusal.status, refusal.message, refusal.headers)
    for name, valid in (("match", STRATEGIES), ("format", FORMATS), ("county_source", COUNTY_SOURCES)):
        if lookup.get(name) and lookup[name] not in valid:
            raise Refusal(400, f"Bad Request: '{name}' must be one of {', '.join(valid)}.")
    whole_number(lookup, "candidates", 1)
    if len(lookup.get("input_id", "")) > MAX_INPUT_ID:
        raise Refusal(400, f"Bad Request: 'input_id' is longer than {MAX_INPUT_ID} characters.")


def _echo(lookup: Fields) -> dict[str, object]:
    return {name: lookup[name] for name in ("input_id", "addressee") if lookup.get(name)}


def _candidates(lookup: Fields, licence: str, headers: Mapping[str, str]) -> list[dict[str, object]]:
    parts = _read(lookup)
    strategy = _strategy(lookup, licence, headers)
    style = Style(
        licence=licence,
        is_enhanced=strategy == "enhanced",
        is_upper_case=lookup.get("format") == "project-usa",
        county_source=lookup.get("county_source") or "postal",
        features=frozenset(lookup.get("features", "").split(",")),
    )
    accepted = [match for match in matches(parts) if _accepts(strategy, match)]
    wanted = min(max(whole_number(lookup, "candidates", 1), 1), MAX_CANDIDATES)
    if accepted:
        return [confirmed(match, style) for match in accepted[:wanted]]
    if strategy == "invalid" and parts.delivery_line:
        return [unconfirmed(parts, style)]
    if strategy == "range" and known_street(parts) is not None:
        return [unconfirmed(parts, style)]
    return []


def _read(lookup: Fields) -> PostalParts:
    street = " ".join(filter(None, (lookup.get("street", ""), lookup.get("street2", ""))))
    if lastline := lookup.get("lastline", ""):
        return read_address(f"{street} {lookup.get('secondary', '')}, {lastline}")
    return read_address(
        street,
        secondary=lookup.get("secondary", ""),
        city=lookup.get("city", ""),
        state=lookup.get("state", ""),
        zipcode=lookup.get("zipcode", ""),
    )


def _strategy(lookup: Fields, licence: str, headers: Mapping[str, str]) -> str:
    """The match strategy; strict by default, and enhanced is strict without a Core licence (UPSTREAMS.md §4.2)."""
    given = lookup.get("match")
    if not given and headers.get("X-Include-Invalid", "").lower() == "true":
        return "invalid"
    if not given and headers.get("X-Standardize-Only", "").lower() == "true":
        return "range"
    return "strict" if not given or (given == "enhanced" and licence == STANDARD) else given


def _accepts(strategy: str, match: Match) -> bool:
    return strategy == "enhanced" or postal_status(match) != "N"
