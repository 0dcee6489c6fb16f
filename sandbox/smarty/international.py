"""International Street: one address abroad, verified against a short invented book (UPSTREAMS.md §4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.smarty.calls import Call, Fields
from sandbox.smarty.refusals import Refusal


@dataclass(frozen=True)
class Abroad:
    """An address outside the United States. `form` is the country's address format, as Smarty names its parts."""

    country: str
    premise: str
    thoroughfare: str
    locality: str
    postal_code: str
    latitude: float
    longitude: float
    form: str
    line: str
    last_line: str


_BOOK = (
    Abroad(
        "FRA",
        "1",
        "Rue Exemple",
        "Ville",
        "00001",
        48.85,
        2.35,
        "premise thoroughfare|postal_code locality",
        "1 Rue Exemple",
        "00001 Ville",
    ),
    Abroad(
        "CAN",
        "5",
        "Rue Modèle",
        "Exempleville",
        "H0H 0A0",
        45.5,
        -73.57,
        "premise thoroughfare|locality postal_code",
        "5 Rue Modèle",
        "Exempleville H0H 0A0",
    ),
    Abroad(
        "DEU",
        "7",
        "Musterstraße",
        "Musterstadt",
        "01999",
        51.05,
        13.74,
        "thoroughfare premise|postal_code locality",
        "Musterstraße 7",
        "01999 Musterstadt",
    ),
)
_COUNTRIES = {
    "france": "FRA",
    "fr": "FRA",
    "canada": "CAN",
    "ca": "CAN",
    "germany": "DEU",
    "de": "DEU",
}


def answer(call: Call) -> list[dict[str, object]]:
    """The candidates. Refusal: 422 without a country or an address, 402, 429."""
    query = call.query
    country = query.get("country", "").strip()
    typed = query.get("freeform") or " ".join(
        query.get(name, "") for name in ("address1", "address2", "locality", "postal_code")
    )
    if not country or not typed.strip():
        raise Refusal(422, "Unprocessable Entity: 'country' and 'freeform' or 'address1' are required.")
    call.charge()
    code = _COUNTRIES.get(country.lower(), country.upper())
    echo: dict[str, object] = {"input_id": query["input_id"]} if query.get("input_id") else {}
    for known in _BOOK:
        if known.country == code and _words(f"{known.line} {known.locality}") <= _words(typed):
            return [{**echo, **_verified(known, query)}]
    return [{**echo, **_unverified(code, typed, query)}]


def _words(text: str) -> set[str]:
    return set(text.lower().replace(",", " ").split())


def _verified(known: Abroad, query: Fields) -> dict[str, object]:
    metadata: dict[str, object] = {"address_format": known.form}
    if query.get("geocode") == "true":
        metadata |= {"latitude": known.latitude, "longitude": known.longitude, "geocode_precision": "Premise"}
    return {
        **({"organization": query["organization"]} if query.get("organization") else {}),
        "address1": known.line,
        "address2": known.last_line,
        "components": {
            "country_iso_3": known.country,
            "locality": known.locality,
            "postal_code": known.postal_code,
            "postal_code_short": known.postal_code,
            "premise": known.premise,
            "premise_number": known.premise,
            "thoroughfare": known.thoroughfare,
        },
        "metadata": metadata,
        "analysis": {
            "verification_status": "Verified",
            "address_precision": "Premise",
            "max_address_precision": "DeliveryPoint",
        },
    }


def _unverified(country: str, typed: str, query: Fields) -> dict[str, object]:
    locality = query.get("locality", "").strip().lower()
    in_town = next((one for one in _BOOK if one.country == country and _is_named(one, typed, locality)), None)
    return {
        "address1": " ".join(typed.split()),
        "components": {"country_iso_3": country, **({"locality": in_town.locality} if in_town else {})},
        "metadata": {},
        "analysis": {
            "verification_status": "Partial" if in_town else "None",
            "address_precision": "Locality" if in_town else "None",
            "max_address_precision": "DeliveryPoint",
        },
    }


def _is_named(known: Abroad, typed: str, locality: str) -> bool:
    return known.locality.lower() == locality or known.locality.lower() in _words(typed)
