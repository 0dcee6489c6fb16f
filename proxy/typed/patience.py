"""Patience: how much of a caller's time is left, where one request is answered by several calls after each other."""

from collections.abc import Callable, Mapping

from policies.deadline import caller_budget


class Patience:
    """Runs from when it is made."""

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        """`seconds` None: as many as it takes. `clock` tells seconds, and never goes back."""
        self._clock = clock
        self._until = None if seconds is None else clock() + seconds

    def share(self, among: int) -> "Patience":
        """What the first of so many may take that are asked after each other: the others get their turn in time."""
        left = self.left
        return Patience(None if left is None else left / among, self._clock)

    @property
    def left(self) -> float | None:
        """Seconds; None: as many as it takes."""
        return None if self._until is None else max(0.0, self._until - self._clock())

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self.left is not None and self.left <= 0


def patience_of(headers: Mapping[str, str], clock: Callable[[], float]) -> Patience:
    """A caller's, by what it says of it. `clock` as there."""
    return Patience(caller_budget(headers), clock)
