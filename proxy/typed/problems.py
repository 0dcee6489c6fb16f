"""Problems as a typed caller reads them (RFC 9457), for the documents that tell of them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from proxy.typed.address_models import FieldProblem


class ProblemDocument(BaseModel):
    """Why there is no answer."""

    model_config = ConfigDict(title="Problem", extra="allow")

    type: str = Field(description="`tag:larder,2026:` and a fixed word, or about:blank.")
    title: str
    status: int
    detail: str
    errors: tuple[FieldProblem, ...] = Field(default=(), description="Of a 422: each field that is wrong.")
    results: tuple[dict[str, Any], ...] = Field(
        default=(), description="Of a request for many things, none of which has an answer: the problem of each."
    )
    parts: dict[str, Any] = Field(
        default={}, description="Of an overview none of whose parts came: each with its status and problem."
    )
