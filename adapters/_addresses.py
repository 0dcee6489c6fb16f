"""Addresses without a provider: what is asked, and what is answered, whoever verifies it (UPSTREAMS.md §11)."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints, model_validator

MOST_MEMBERS = 50  # of an object that somebody sends
COUNTRY = r"^\s*[A-Za-z]{2}\s*$"  # two letters; space about them is taken off
LONGEST = 280  # characters of an address in all (UPSTREAMS.md §5.2)

Status = Literal["verified", "corrected", "incomplete", "partial", "ambiguous", "unverified", "not_found"]
Deliverability = Literal[
    "deliverable", "deliverable_missing_secondary", "deliverable_ignoring_secondary", "undeliverable", "unknown"
]
Precision = Literal[
    "rooftop", "parcel", "interpolated", "street", "block",
    "zip9", "zip8", "zip7", "zip6", "zip5", "area", "unknown",
]  # fmt: skip

Reason = Literal[
    "abbreviations_fixed",
    "better_exists",
    "cardinal_rule",
    "city_or_state_fixed",
    "component_changed",
    "component_inferred",
    "component_missing",
    "component_replaced",
    "component_suspicious",
    "component_unconfirmed",
    "early_warning",
    "insufficient",
    "invalid_city_state_zip",
    "invalid_delivery_address",
    "lacslink",
    "magnet_street",
    "military",
    "multiple_zip4",
    "no_match",
    "no_stat",
    "no_zip4",
    "not_found",
    "secondary_missing",
    "secondary_required",
    "secondary_unrecognised",
    "several_candidates",
    "spelling_corrected",
    "street_spelling_fixed",
    "unique_zip",
    "unofficial_city",
    "unresolved_input",
    "unverifiable_city_state",
    "vacant",
    "zip_corrected",
    "zipmove",
]
"""What was found or put right, by whichever provider: where two say the same, in the same word."""


class Neutral(BaseModel):
    """A part of what Larder itself answers: no field but these, and none of them missing."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_serialization_defaults_required=True)


# What no address has in it, as a document can say it: control characters but white space, and soft hyphens. Other
# characters that cannot be printed are refused, too; all of them would be a page of ranges.
_SHOWN = r"[^\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad]"
_SEEN = r"[^\x00-\x20\x7f-\xa0\xad]"  # and which is no white space
_SAYS = f"^{_SHOWN}*{_SEEN}{_SHOWN}*$"


def _printable(text: str) -> str:
    if not text.isprintable():  # half of a surrogate pair is not, which UTF-8 cannot say
        raise ValueError("has to be of printable characters")
    return text


def _one_line(text: str) -> str:
    """With single spaces, whatever white space it came with."""
    return _printable(" ".join(text.split()))


def _said(text: str) -> str:
    """What is left of it without its white space, which Python and pydantic do not quite agree on."""
    if not text:
        raise ValueError("has to say something")
    return text


def _of(pattern: str) -> Any:
    """As it is documented: pydantic's own patterns are compared with what is left without white space."""
    return Field(json_schema_extra={"pattern": pattern})


_Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=100), AfterValidator(_one_line), _of(f"^{_SHOWN}*$")
]
_FullLine = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
    AfterValidator(_one_line),
    AfterValidator(_said),
    _of(_SAYS),
]
_WORD = _of(r"^[^\x00-\x1f\x7f-\xa0\xad]*$")

# Either by its parts or by its lines: the other may be there, and empty.
_BY_PARTS: JsonValue = {
    "required": ["street"],
    "properties": {"street": {"pattern": _SEEN}, "lines": {"maxItems": 0}},
}
_BY_LINES: JsonValue = {
    "required": ["lines"],
    "properties": {
        "lines": {"minItems": 1},
        "street": {"pattern": r"^\s*$"},
        "secondary": {"pattern": r"^\s*$"},
    },
}


def _few(value: Any) -> Any:
    """Whoever sends a million members means none of them, and each of them would be looked at."""
    if isinstance(value, dict) and len(value) > MOST_MEMBERS:
        raise ValueError(f"has at most {MOST_MEMBERS} members")
    return value


class Brief(Neutral):
    """What somebody sends in a body: no more members than could be meant."""

    _is_small = model_validator(mode="before")(_few)


class Address(Brief):
    """An address to verify: by its parts, or by its lines as they stand on an envelope."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_BY_PARTS, _BY_LINES]})

    id: Annotated[str, StringConstraints(max_length=100), AfterValidator(_printable), _WORD] | None = Field(
        default=None, description="The caller's own name for it, repeated in the answer; no provider sees it."
    )
    street: _Line = Field(default="", description="House number and street; a unit may stand here, too.")
    secondary: _Line = Field(default="", description="Apartment, suite or unit.")
    city: _Line = ""
    state: _Line = ""
    postal_code: _Line = ""
    country: Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern=COUNTRY)] = Field(
        default="US", description="ISO 3166-1, two letters."
    )
    lines: tuple[_FullLine, ...] = Field(
        default=(),
        max_length=5,
        fail_fast=True,
        description="In place of street and secondary: the address as it is written.",
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.lines and (self.street or self.secondary):
            raise ValueError("lines stand in place of street and secondary: say one or the other")
        if not (self.lines or self.street):
            raise ValueError("street or lines are needed")
        if sum(len(part) for part in self.parts) > LONGEST:
            raise ValueError(f"an address has at most {LONGEST} characters")
        return self

    @property
    def parts(self) -> tuple[str, ...]:
        """Everything it says, but for the country."""
        return (*self.lines, self.street, self.secondary, self.city, self.state, self.postal_code)


class Outcome(Neutral):
    """What is to be thought of an address."""

    status: Status = Field(
        description="verified; corrected: verified after a change the user should see; incomplete: a unit or number "
        "is missing; partial: only coarser than a building; ambiguous: several candidates; unverified; not_found."
    )
    deliverability: Deliverability
    changed: bool = Field(default=False, description="Whether the answer spells it otherwise than it was asked.")
    missing_secondary: bool = False
    unknown_secondary: bool = False
    ambiguous: bool = False
    reasons: tuple[Reason, ...] = Field(default=(), description="What was found or put right.")


class Components(Neutral):
    """An address in its parts, as the provider spells it; null: it has no such part."""

    primary_number: str | None = None
    street: str | None = None
    street_predirection: str | None = None
    street_postdirection: str | None = None
    street_suffix: str | None = Field(
        default=None, description="Null where the provider leaves it in `street` (Google)."
    )
    secondary_designator: str | None = None
    secondary_number: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    postal_code_ext: str | None = None
    country: str | None = None
    urbanization: str | None = Field(default=None, description="Of addresses in Puerto Rico.")


class Formatted(Neutral):
    """An address as it is written."""

    line1: str | None = None
    line2: str | None = None
    last_line: str | None = None
    single_line: str | None = None


class Geocode(Neutral):
    """Where an address is."""

    lat: float | None = None
    lng: float | None = None
    precision: Precision = "unknown"
    place_id: str | None = None


class Attributes(Neutral):
    """What else is known of it; null: the provider does not say."""

    residential: bool | None = None
    po_box: bool | None = None
    cmra: bool | None = Field(default=None, description="Whether a commercial mail receiving agency takes mail there.")
    vacant: bool | None = None
    no_stat: bool | None = Field(
        default=None, description="Whether the postal service does not count it as deliverable yet."
    )
    record_type: str | None = None
    county_fips: str | None = None


class Candidate(Neutral):
    """One of several addresses that may be meant."""

    components: Components
    formatted: Formatted


Raw = str | bool | int | tuple[str, ...]


class Finding(Neutral):
    """What a provider's answer says of an address."""

    verdict: Outcome
    components: Components | None = Field(
        default=None, description="Null where nothing was found, or no one address is meant."
    )
    formatted: Formatted | None = None
    geocode: Geocode | None = None
    attributes: Attributes = Attributes()
    candidates: int = Field(default=0, ge=0, description="How many addresses the provider found.")
    alternatives: tuple[Candidate, ...] = Field(default=(), description="They, where the verdict is ambiguous.")
    provider_raw: dict[str, Raw] = Field(
        default={}, description="The provider's own signals that the verdict was made of."
    )


class Beginning(Neutral):
    """What somebody has typed of an address, to be completed."""

    search: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=127),
        AfterValidator(_one_line),
        AfterValidator(_said),
        _of(_SAYS),
    ] = Field(description="What was typed so far.")
    limit: int = Field(default=10, ge=1, le=10, description="The most suggestions wanted.")
    selected: Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable), _WORD] = Field(
        "", description="The `selected` of a suggestion, to see the units of that building."
    )


class Suggestion(Neutral):
    """An address that begins as it was typed."""

    text: str = Field(description="All of it, to be shown.")
    street: str | None = None
    secondary: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: str | None = None
    entries: int = Field(default=0, ge=0, description="Units that may yet be chosen from.")
    selected: str | None = Field(default=None, description="What to ask with to see those units.")
    place_id: str | None = None
