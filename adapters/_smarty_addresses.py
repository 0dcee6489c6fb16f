"""How an address is asked for at Smarty, and what it suggests (UPSTREAMS.md §4.2, §4.3)."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters._addresses import Address, Beginning, Suggestion
from adapters._findings import number, text
from adapters._json import mapping, rows
from adapters._vocabulary import Lookup, Objection

# What USPS delivers to (Publication 28, appendix B): each is a state to Smarty.
COUNTRIES = frozenset({"US", "AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI"})
LONGEST_STREET = 50
LONGEST_FREEFORM = 100
MOST_ENTRIES = 1_000_000  # units of one building that are believed

# As its SDK asks (SDK_REQUESTS.md §2), so that both find what the other has asked for.
_AS_THE_SDK = (("candidates", "5"), ("match", "enhanced"), ("format", "default"))


def objection(address: Address) -> Objection | None:
    """What US Street does not take."""
    if address.country not in COUNTRIES:
        return Objection("country", f"one of {', '.join(sorted(COUNTRIES))}")
    if address.lines and len(_written(address)) > LONGEST_FREEFORM:
        return Objection("lines", f"at most {LONGEST_FREEFORM} characters in all")
    is_in_parts = address.street and (address.city or address.state or address.postal_code)
    if is_in_parts and len(address.street) > LONGEST_STREET:
        return Objection("street", f"at most {LONGEST_STREET} characters")
    return None


def lookup(address: Address) -> Lookup:
    """The query of one lookup; what is empty is not said."""
    state = address.state or ("" if address.country == "US" else address.country)
    fields = (
        ("street", address.street or _written(address)),
        ("secondary", address.secondary),
        ("city", address.city),
        ("state", state if not address.lines or address.state else ""),
        ("zipcode", address.postal_code),
    )
    return Lookup((*(pair for pair in fields if pair[1]), *_AS_THE_SDK))


def typed(beginning: Beginning) -> Lookup:
    """The query of US Autocomplete Pro; its usual number is not said, as its SDK does not."""
    fields = [("search", beginning.search), ("selected", beginning.selected)]
    fields += [("max_results", str(beginning.limit))] if beginning.limit != 10 else []
    return Lookup(tuple(pair for pair in fields if pair[1]))


def read_suggestions(answer: Any) -> Sequence[Suggestion]:
    """Its suggestions; null is none."""
    return [_suggestion(row) for row in rows(mapping(answer).get("suggestions"))]


def _suggestion(row: Mapping[str, Any]) -> Suggestion:
    street, secondary = text(row, "street_line"), text(row, "secondary")
    place = " ".join(part for name in ("city", "state", "zipcode") if (part := text(row, name)))
    entries = min(max(0, int(number(row, "entries") or 0)), MOST_ENTRIES)
    shown = " ".join(part for part in (street, secondary) if part)
    return Suggestion(
        text=", ".join(part for part in (shown, place) if part),
        street=street,
        secondary=secondary,
        city=text(row, "city"),
        state=text(row, "state"),
        postal_code=text(row, "zipcode"),
        country="US",
        entries=entries,
        selected=f"{shown} ({entries}) {place}" if entries > 1 else None,
    )


def _written(address: Address) -> str:
    return ", ".join(address.lines)
