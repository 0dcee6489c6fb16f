"""How an address is asked for at Google, and what it suggests (UPSTREAMS.md §5.2, §5.4)."""

from collections.abc import Mapping, Sequence
from typing import Any

from adapters._addresses import Address, Beginning, Suggestion
from adapters._findings import text
from adapters._json import mapping, rows, written_json
from adapters._vocabulary import Lookup

CASS = frozenset({"US", "PR"})  # where it asks the postal service

# As google-maps-addressvalidation asks (§5.2), so that both find what the other has asked for: enums come as numbers.
# googlemaps asks without, but cannot be pointed at Larder for this (§10).
_AS_THE_SDK = (("$alt", "json;enum-encoding=int"),)


def validation(address: Address) -> Lookup:
    """A validation, as its SDK sends it; what is empty is not said."""
    asked: dict[str, Any] = {
        "regionCode": address.country,
        "locality": address.city,
        "administrativeArea": address.state,
        "postalCode": address.postal_code,
        "addressLines": [line for line in (*address.lines, address.street, address.secondary) if line],
    }
    body: dict[str, Any] = {"address": {name: value for name, value in asked.items() if value}}
    if address.country in CASS:
        body["enableUspsCass"] = True
    return Lookup(_AS_THE_SDK, written_json(body))


def typed(beginning: Beginning) -> Lookup:
    """The body of an autocompletion, of addresses alone. Without a session: each is billed by itself (§9)."""
    body = {"input": beginning.search, "includedPrimaryTypes": ["premise", "street_address", "subpremise"]}
    return Lookup(body=written_json(body))


def read_predictions(answer: Any) -> Sequence[Suggestion]:
    """Its predictions of places; queries are none."""
    found = (mapping(row.get("placePrediction")) for row in rows(mapping(answer).get("suggestions")))
    return [_suggestion(prediction) for prediction in found if prediction]


def _suggestion(prediction: Mapping[str, Any]) -> Suggestion:
    shown = mapping(prediction.get("structuredFormat"))
    return Suggestion(
        text=text(mapping(prediction.get("text")), "text") or "",
        street=text(mapping(shown.get("mainText")), "text"),
        place_id=text(prediction, "placeId"),
    )
