"""Pacing reports: what pacers of one upstream tell each other, so that they agree (policies/pacing.py)."""

from collections.abc import Hashable
from enum import IntEnum
from typing import NamedTuple, Protocol


class Told(IntEnum):
    """What a report tells. The numbers go from process to process, beside the breakers' (policies/breaker.py)."""

    TAKEN = 24  # a call wants to go out; number: the instant after which that is of no use
    LEFT = 25  # number: units, as the upstream said
    COST = 26  # number: units, of one call
    THROTTLED = 27  # number: seconds that the upstream asked for; 0: none
    SUCCEEDED = 28


class Report(NamedTuple):
    """What a pacer is told. Instants are seconds of a clock that is the same for all who share it."""

    what: Told
    credential: Hashable  # as the journal names it
    number: float
    at: float


class Journal(Protocol):
    """Hands reports to every pacer of a credential, in one order."""

    def named(self, credential: str) -> Hashable:
        """What a credential is called in reports."""

    def write(self, report: Report) -> float | None:
        """Hand a report to all; what this process's pacer answered when it heard it."""

    def read(self) -> None:
        """Tell this process's pacer what the others have written since."""
