"""Collecting: a list that comes in pages is kept whole, as long as it is not too large for that."""

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import STRICT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CollectionPolicy:
    """How the pages of one list are kept."""

    whole: bool = True  # as one; else each page by itself
    max_rows: int = Field(default=5_000, ge=1)  # a list with more is kept page by page
