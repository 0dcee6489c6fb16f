"""Restarting: how long a worker's place stays empty after it ended, so that one that cannot live costs little.

The first end after a steady life is made good at once; one that follows soon waits, and each further one twice as long.
"""

from dataclasses import dataclass

_MOST_DOUBLINGS = 30  # beyond any `most` that makes sense


@dataclass(frozen=True, kw_only=True)
class RestartPolicy:
    """How a place is filled again. All in seconds."""

    first: float = 0.5  # the first wait
    most: float = 30.0  # no wait is longer
    steady: float = 60.0  # who lived so long was well: what came before is forgotten


class Restarts:
    """What one place has seen. Does no I/O: told how long a worker lived, it says how long to wait for the next."""

    def __init__(self, policy: RestartPolicy = RestartPolicy()) -> None:
        self.policy = policy
        self._soon = 0  # ends that each followed a life that was not steady

    def __repr__(self) -> str:
        return f"<Restarts {self._soon} short lives in a row>"

    def wait_after(self, lived: float) -> float:
        """Seconds to wait before a worker that lived for `lived` seconds is replaced."""
        if lived >= self.policy.steady:
            self._soon = 0
        wait = self._wait()
        self._soon += 1
        return wait

    def _wait(self) -> float:
        if self._soon == 0:
            return 0.0
        doublings = min(self._soon - 1, _MOST_DOUBLINGS)
        return min(self.policy.most, self.policy.first * 2.0**doublings)
