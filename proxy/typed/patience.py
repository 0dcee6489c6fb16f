"""Patience: how much of a caller's time is left, where one request is answered by several calls after each other."""

from collections.abc import Callable, Mapping

from policies.deadline import caller_budget


class Patience:
    """Runs from when it is made."""

    def __init__(self, headers: Mapping[str, str], clock: Callable[[], float]) -> None:
        """`clock` tells seconds, and never goes back."""
        self._clock = clock
        budget = caller_budget(headers)
        self._until = None if budget is None else clock() + budget

    @property
    def left(self) -> float | None:
        """Seconds; None: as many as it takes."""
        return None if self._until is None else max(0.0, self._until - self._clock())

    @property
    def is_over(self) -> bool:
        """Whether nobody waits any more."""
        return self.left is not None and self.left <= 0
