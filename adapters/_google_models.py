"""What a good Google body parses as; false and zero fields are left out of it (UPSTREAMS.md §5.2, §5.3)."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, model_validator


class Geocoding(BaseModel):
    """Places that an address, a point or an id stands for. googlemaps dies on a body without `status`."""

    status: Literal["OK", "ZERO_RESULTS"]
    results: list[dict[str, Any]]


class Validation(BaseModel):
    """What was made of an address. Enums are names or, with `$alt=json;enum-encoding=int`, numbers."""

    result: Annotated[dict[str, Any], Field(min_length=1)]
    responseId: str | None = None  # noqa: N815 - Google's own spelling


class Places(BaseModel):
    """Any object: a field mask chooses its members, and those that are empty are left out (§5.4)."""

    @model_validator(mode="before")
    @classmethod
    def says_no_error(cls, value: Any) -> Any:
        """Raises ValueError where it does."""
        if isinstance(value, dict) and not {"error", "errors"}.isdisjoint(value):
            raise ValueError("an error is no answer")
        return value


GEOCODING = TypeAdapter(Geocoding)
VALIDATION = TypeAdapter(Validation)
PLACES = TypeAdapter(Places)
