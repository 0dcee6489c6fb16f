"""Patterns of texts in typed requests, and what each wants in plain words."""

from collections.abc import Mapping

from adapters import COUNTRY

ID = r"^([0-9]{1,6}~)?[0-9]{1,19}$"
NO_COMMA = "^[^,]+$"

WORDS: Mapping[str, str] = {
    COUNTRY: "has to be two letters (ISO 3166-1), such as US",
    ID: "has to be an id, such as 565 or 2107~565",
    NO_COMMA: "has to have no comma in it",
}
