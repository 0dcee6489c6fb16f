"""Jobs as a caller sees them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "interrupted"]


class Progress(BaseModel):
    """How far it has got."""

    done: int
    total: int


class JobLinks(BaseModel):
    """Where to go on, by the base URL that you used."""

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    itself: str = Field(alias="self")
    result: str


class Job(BaseModel):
    """A request that is answered later."""

    id: str
    route: str = Field(description="What was asked for: `POST /v1/addresses/verify`, say.")
    status: State = Field(
        description="`failed`: the result is the problem that you would have been told. `interrupted`: the process "
        "that ran it ended, and it could not be taken up again; send the request once more."
    )
    progress: Progress
    created_at: datetime
    expires_at: datetime | None = Field(description="From then on nobody knows of it. null: it is not over yet.")
    links: JobLinks


class Jobs(BaseModel):
    """Jobs, the newest first."""

    data: tuple[Job, ...]


class JobResult(BaseModel):
    """What the route would have answered at once: its status, its header fields, its body."""

    model_config = ConfigDict(extra="allow")
