"""What a good Smarty body parses as; an empty list is a real answer: no match (UPSTREAMS.md §1.4, §4.3)."""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictInt, TypeAdapter

Index = Annotated[StrictInt, Field(ge=0)]


class Candidate(BaseModel):
    """One match of one input; the SDK puts it where `input_index` says."""

    input_index: Index
    candidate_index: Index | None = None
    components: dict[str, Any] | None = None
    analysis: dict[str, Any] | None = None


class ZipResult(BaseModel):
    """What one ZIP or city is; a bad one has `status` and `reason` instead."""

    input_index: Index
    status: str | None = None
    city_states: list[dict[str, Any]] | None = None
    zipcodes: list[dict[str, Any]] | None = None


class Suggestions(BaseModel):
    """Completions of what was typed; null when there are none."""

    suggestions: list[dict[str, Any]] | None


class InternationalMatch(BaseModel):
    """One match outside the US."""

    address1: str | None = None
    components: dict[str, Any] | None = None
    analysis: dict[str, Any] | None = None


STREET = TypeAdapter(list[Candidate])
ZIP = TypeAdapter(list[ZipResult])
SUGGESTIONS = TypeAdapter(Suggestions)
INTERNATIONAL = TypeAdapter(list[InternationalMatch])
ENRICHMENT = TypeAdapter(list[dict[str, Any]])
