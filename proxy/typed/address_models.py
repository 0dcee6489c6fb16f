"""What is asked and answered below /v1/addresses (UPSTREAMS.md §11)."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic.config import JsonDict

from adapters import Address, Beginning, Brief, Finding, Neutral, Suggestion
from proxy.typed.errors import FieldError
from proxy.typed.reading import errors_of

MOST = 1000  # addresses in one request
WHOLE = "address"  # the field, where an address is wrong as such


class Unfit(BaseModel):
    """An address among others that cannot be asked for."""

    id: str | None
    errors: list[FieldError]


def _or_why_not(value: Any, handler: Any) -> Any:
    """One that is malformed stands among the others as what is wrong with it."""
    try:
        return handler(value)
    except ValidationError as error:
        given = value.get("id") if isinstance(value, dict) else None
        is_name = isinstance(given, str) and len(given) <= 100 and given.isprintable()
        return Unfit(id=given if is_name else None, errors=errors_of(Address, error, WHOLE))


Item = Annotated[Address, WrapValidator(_or_why_not)]

Providers = Annotated[
    tuple[Annotated[str, Field(json_schema_extra={"pattern": "^[^,]+$"})], ...],
    Field(
        default=(),
        max_length=10,
        fail_fast=True,
        json_schema_extra={"uniqueItems": True},
        description="Who is asked, in this order, among those that are configured; usually: all of those.",
    ),
]


def _either(name: str) -> JsonValue:
    """That it has this one of both; null is none."""
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


class Verify(Brief):
    """One address, or many."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [_either("address"), _either("addresses")]})

    address: Address | None = None
    addresses: Annotated[tuple[Item, ...], Field(min_length=1, max_length=MOST)] | None = None
    providers: Providers

    @model_validator(mode="after")
    def _one_or_many(self) -> Self:
        if (self.address is None) == (self.addresses is None):
            raise ValueError("has to have either address or addresses")
        return self

    @property
    def items(self) -> tuple[Address | Unfit, ...]:
        """All that are asked for."""
        return self.addresses or ((self.address,) if self.address is not None else ())


class Provenance(Neutral):
    """Where an answer comes from, and how old it is."""

    status: Literal["hit", "stale", "fallback", "miss", "bypass"] = Field(
        description="hit: from the cache; stale: too, and refreshed behind; fallback: too, since the provider could "
        "not be asked, or said nothing that could be taken; miss: the provider was asked; bypass: it was asked, and "
        "its answer may not be kept."
    )
    fetched_at: datetime = Field(description="When the provider said so.")
    hard_expires_at: datetime | None = Field(
        description="Until when it may be kept at all, here or by you: a provider's terms or the operator's word; "
        "null: nobody says."
    )
    age: int = Field(ge=0, description="Seconds since `fetched_at`.")


class Result(Finding):
    """What is known of an address."""

    provider: str = Field(description="The upstream that answered, as it is configured.")
    cache: Provenance


class FieldProblem(Neutral):
    """What is wrong with a field."""

    field: str
    detail: str


class ItemProblem(Neutral):
    """Why one address has no result, in the words of RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] = Field(default=(), description="Of a 422: each field that is wrong.")
    retry_after: int | None = Field(default=None, description="Seconds after which it may be asked for again.")


class VerifiedItem(Neutral):
    """One of the addresses that were asked for: a result, or a problem."""

    index: int = Field(ge=0, description="Its place in the request.")
    id: str | None = Field(description="The caller's own name for it, as it came.")
    result: Result | None = None
    problem: ItemProblem | None = None


class Verifications(Neutral):
    """One item for each address, in the order of the request."""

    results: tuple[VerifiedItem, ...]


def _listed(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


# Of a list in a query: who names nothing leaves it out, since an empty name is none.
NAMED: JsonDict = {"minItems": 1, "uniqueItems": True}


class Complete(Beginning):
    """What was typed, and who is asked."""

    providers: Annotated[Providers, BeforeValidator(_listed), Field(json_schema_extra=NAMED)]


class Completions(Neutral):
    """Addresses that begin as it was typed, the likeliest first."""

    provider: str
    suggestions: tuple[Suggestion, ...]
    cache: Provenance
