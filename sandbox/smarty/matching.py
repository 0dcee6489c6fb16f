"""Finding the buildings an address may mean, and what had to be corrected on the way."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from sandbox.smarty.gazetteer import BUILDINGS, TOWNS, Building, Town
from sandbox.smarty.postal import PostalParts

_NEAR_ENOUGH = 0.8  # difflib's ratio: `Exampel` is Example, `Nomatch` is nothing


class Secondary(Enum):
    """How the unit that was asked for fits the building (DPV, UPSTREAMS.md §4.3)."""

    NONE = "the building has no units and none was asked for"
    CONFIRMED = "confirmed"
    MISSING = "the building has units and none was asked for"
    UNKNOWN = "the building has units, but not this one"
    UNEXPECTED = "the building has no units"


class Correction(Enum):
    ZIPCODE = "zipcode"
    CITY = "city"
    SPELLING = "spelling"
    COMPONENT = "component"  # a direction or suffix added or changed


@dataclass(frozen=True)
class Match:
    building: Building
    unit: str
    secondary: Secondary
    corrections: frozenset[Correction]


def matches(parts: PostalParts, *, needs_locality: bool = True) -> list[Match]:
    """Every building the address may mean, in the order of the book; empty when none fits."""
    if needs_locality and not parts.has_locality:
        return []
    return [match for building in BUILDINGS if (match := _match(parts, building)) is not None]


def known_street(parts: PostalParts) -> Building | None:
    """A building on the street asked for, when the street exists but the number does not."""
    for building in BUILDINGS:
        if not building.is_box and _same_street(parts, building) and _locality(parts, building.town) is not None:
            return building
    return None


def known_town(parts: PostalParts) -> Town | None:
    for town in TOWNS:
        if parts.has_locality and _locality(parts, town) is not None:
            return town
    return None


def _match(parts: PostalParts, building: Building) -> Match | None:
    if parts.number.upper() != building.number or parts.is_box != building.is_box:
        return None
    if not building.is_box and not _same_street(parts, building):
        return None
    locality = _locality(parts, building.town)
    if locality is None:
        return None
    corrections = frozenset([*locality, *(() if building.is_box else _street_corrections(parts, building))])
    return Match(building, parts.unit, _secondary(parts, building), corrections)


def _same_street(parts: PostalParts, building: Building) -> bool:
    asked, known = parts.street.lower(), building.street.lower()
    if parts.predirection and parts.predirection != building.predirection:
        return False
    return bool(asked) and (asked == known or difflib.SequenceMatcher(None, asked, known).ratio() >= _NEAR_ENOUGH)


def _street_corrections(parts: PostalParts, building: Building) -> Iterable[Correction]:
    if parts.street.lower() != building.street.lower():
        yield Correction.SPELLING
    if (parts.suffix, parts.predirection) != (building.suffix, building.predirection):
        yield Correction.COMPONENT


def _locality(parts: PostalParts, town: Town) -> tuple[Correction, ...] | None:
    """What to correct so that the address lies in the town; None when it does not."""
    same_zip = parts.zipcode == town.zipcode
    same_city = parts.city.lower() == town.city.lower() and parts.state in {"", town.state}
    if not parts.has_locality:
        return () if parts.state in {"", town.state} else None
    if same_city:
        return () if same_zip or not parts.zipcode else (Correction.ZIPCODE,)
    if same_zip:
        return (Correction.CITY,) if parts.city else ()
    return None


def _secondary(parts: PostalParts, building: Building) -> Secondary:
    if building.units:
        if not parts.unit:
            return Secondary.MISSING
        return Secondary.CONFIRMED if parts.unit in building.units else Secondary.UNKNOWN
    return Secondary.UNEXPECTED if parts.unit else Secondary.NONE
