"""Written: what became of a write, as its caller hears it and as it is remembered."""

from enum import Enum
from typing import NamedTuple

from proxy.answers import Answer
from proxy.errors import LarderError


class Outcome(Enum):
    """Whether a write was carried out."""

    DONE = "done"  # the upstream answered, with a success or a refusal of what was sent: it would answer so again
    NOT_DONE = "not done"  # nothing was sent, or whoever sent it was turned away: it may be tried again
    UNKNOWN = "unknown"  # it was sent, and nobody knows what came of it


class Written(NamedTuple):
    """An answer or an error, and what they say of the write."""

    outcome: Outcome
    answer: Answer | None = None
    error: LarderError | None = None

    def told(self) -> Answer:
        """The answer. Raises LarderError, if there is none."""
        if self.answer is None:
            raise self.error or RuntimeError("a write has an answer or an error")
        return self.answer
