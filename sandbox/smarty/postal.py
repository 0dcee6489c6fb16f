"""Reading a postal address as people type it: one text or several fields → its parts, in USPS abbreviations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sandbox.smarty.gazetteer import TOWNS

# USPS Publication 28, appendix C1 and C2: the forms this stand-in knows
SUFFIXES: Mapping[str, str] = {
    "place": "Pl",
    "pl": "Pl",
    "street": "St",
    "st": "St",
    "avenue": "Ave",
    "ave": "Ave",
    "road": "Rd",
    "rd": "Rd",
    "lane": "Ln",
    "ln": "Ln",
    "way": "Way",
    "boulevard": "Blvd",
    "blvd": "Blvd",
    "court": "Ct",
    "ct": "Ct",
    "drive": "Dr",
    "dr": "Dr",
}
DESIGNATORS: Mapping[str, str] = {
    "apartment": "Apt",
    "apt": "Apt",
    "unit": "Unit",
    "suite": "Ste",
    "ste": "Ste",
    "room": "Rm",
    "rm": "Rm",
    "#": "#",
}
DIRECTIONS: Mapping[str, str] = {
    "north": "N",
    "n": "N",
    "south": "S",
    "s": "S",
    "east": "E",
    "e": "E",
    "west": "W",
    "w": "W",
}
STATES: Mapping[str, str] = {
    name: town.state for town in TOWNS for name in (town.state_name.lower(), town.state.lower())
}
_CITIES = sorted({town.city for town in TOWNS}, key=len, reverse=True)
_COUNTRY = re.compile(r"[,\s]+(usa|us|united states|puerto rico)\.?$", re.IGNORECASE)
_ZIP = re.compile(r"(?:^|[,\s])(\d{5})(?:-?(\d{4}))?$")
_STATE = re.compile(r"[,\s]([A-Za-z]{2})$")  # one the book has no town in
_BOX = re.compile(r"^p\.?\s*o\.?\s*box\s+(\w+)$", re.IGNORECASE)


@dataclass(frozen=True)
class PostalParts:
    """An address taken apart. Empty strings are parts that were not given."""

    number: str = ""
    predirection: str = ""
    street: str = ""
    suffix: str = ""
    designator: str = ""
    unit: str = ""
    city: str = ""
    state: str = ""
    zipcode: str = ""
    plus4: str = ""
    is_box: bool = False

    @property
    def has_locality(self) -> bool:
        return bool(self.zipcode or self.city)

    @property
    def delivery_line(self) -> str:
        if self.is_box:
            return f"PO Box {self.number}"
        unit = (self.designator, self.unit) if self.unit else ()
        return " ".join(part for part in (self.number, self.predirection, self.street, self.suffix, *unit) if part)

    @property
    def last_line(self) -> str:
        zipcode = f"{self.zipcode}-{self.plus4}" if self.plus4 else self.zipcode
        return " ".join(part for part in (self.city, self.state, zipcode) if part)


def read_address(
    street: str, *, secondary: str = "", city: str = "", state: str = "", zipcode: str = ""
) -> PostalParts:
    """The parts of an address given in fields; a `street` without city and ZIP code is read as the whole address."""
    if not (city or zipcode):
        return read_freeform(f"{street}, {state}" if state else street, secondary=secondary)
    code, _, plus4 = zipcode.strip().replace(" ", "-").partition("-")
    parts = _read_delivery_line(f"{street} {secondary}")
    given_state = state.strip()
    return replace(
        parts,
        city=city.strip().rstrip(",").title(),
        state=STATES.get(given_state.lower(), given_state.upper()),
        zipcode=code,
        plus4=plus4,
    )


def read_freeform(text: str, *, secondary: str = "") -> PostalParts:
    """The parts of an address in one text: `12 Example Place, Sampleton NY 10099`."""
    rest, zipcode, plus4 = _COUNTRY.sub("", text.strip().rstrip(",")), "", ""
    if found := _ZIP.search(rest):
        zipcode, plus4, rest = found[1], found[2] or "", rest[: found.start()].rstrip(", ")
    rest, state = _split_end(rest, {name: short for name, short in STATES.items() if name != rest.lower()})
    if not state and zipcode and (other := _STATE.search(rest)) and other[1].lower() not in SUFFIXES:
        state, rest = other[1].upper(), rest[: other.start()]
    rest, city = _split_end(rest, {name.lower(): name for name in _CITIES})
    if not city and "," in rest:  # an unknown town is what stands after the last comma
        rest, _, tail = rest.rpartition(",")
        city = tail.strip().title()
    return replace(_read_delivery_line(f"{rest} {secondary}"), city=city, state=state, zipcode=zipcode, plus4=plus4)


def _split_end(text: str, names: Mapping[str, str]) -> tuple[str, str]:
    folded = text.lower()
    for name in sorted(names, key=len, reverse=True):
        if folded == name or re.search(rf"[,\s]{re.escape(name)}$", folded):
            return text[: len(text) - len(name)].rstrip(", "), names[name]
    return text, ""


def _read_delivery_line(line: str) -> PostalParts:
    words = [word.strip(".") for word in re.split(r"[\s,]+", line.replace("#", " # ").strip()) if word.strip(".")]
    if box := _BOX.match(" ".join(words)):
        return PostalParts(number=box[1], is_box=True)
    parts = PostalParts()
    if words and words[0][0].isdigit():
        parts = replace(parts, number=words.pop(0))
    for place, word in enumerate(words):
        if word.lower() in DESIGNATORS and place + 1 < len(words):
            unit = " ".join(words[place + 1 :]).upper()
            parts = replace(parts, designator=DESIGNATORS[word.lower()], unit=unit)
            words = words[:place]
            break
    if len(words) > 1 and words[0].lower() in DIRECTIONS:
        parts = replace(parts, predirection=DIRECTIONS[words.pop(0).lower()])
    if len(words) > 1 and words[-1].lower() in SUFFIXES:
        parts = replace(parts, suffix=SUFFIXES[words.pop().lower()])
    return replace(parts, street=" ".join(words).title())
