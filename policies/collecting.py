"""Collecting: a list that comes in pages is kept whole, as long as it is not too large for that."""

from enum import StrEnum

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import STRICT


class Recheck(StrEnum):
    """Which pages are looked at again once all are here, by their validators. `ends`: the first and the last; where one
    row came, went or moved meanwhile, these tell, or a row that is there twice. `all`: each, so that all were true at
    one time, whatever happened; for twice the calls.
    """

    ENDS = "ends"
    ALL = "all"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CollectionPolicy:
    """How the pages of one list are kept."""

    whole: bool = True  # as one; else each page by itself
    max_rows: int = Field(default=5_000, ge=1)  # a list with more is kept page by page
    recheck: Recheck = Recheck.ENDS  # not where nothing changed since the walk before
