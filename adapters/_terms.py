"""What a provider's terms allow."""

from typing import NamedTuple


class Term(NamedTuple):
    """What they say of one kind of content."""

    keep_at_most: float | None  # seconds, then it is deleted; None: they set no end; 0: it may not be kept
    clause: str  # where they say so
