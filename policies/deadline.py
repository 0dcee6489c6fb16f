"""Deadline: how long a caller will wait, and what cannot be had in that time."""

import re
from collections import deque
from collections.abc import Callable, Mapping

_SECONDS = re.compile(r"(\d{1,6}(?:\.\d{1,6})?)(ms|s)?", re.ASCII)
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?=$|[,;])", re.ASCII | re.IGNORECASE)


def caller_budget(headers: Mapping[str, str]) -> float | None:
    """Seconds that a caller gives an answer, by `X-Request-Timeout` (2.5, 2s or 800ms) or by `Prefer: wait=2` (RFC 7240
    §4.3); the shorter of the two; None where nothing readable is said, which is no error (§2).
    """
    timeout, prefer = headers.get("X-Request-Timeout"), headers.get("Prefer")
    said = []
    match = _SECONDS.fullmatch(timeout.strip()) if timeout is not None else None
    if match is not None:
        said.append(float(match[1]) / (1000 if match[2] == "ms" else 1))
    match = _WAIT.search(prefer) if prefer is not None else None
    if match is not None:
        said.append(float(match[1]))
    return min(said, default=None)


class Quickest:
    """How long the quickest of an endpoint's recent answers took: with less time left, a call cannot end well."""

    RECENT = 16  # answers
    FORGOTTEN = 10.0  # seconds after which an answer says nothing any more: slow times end

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answers: deque[tuple[float, float]] = deque(maxlen=self.RECENT)

    def answered(self, seconds: float) -> None:
        """An answer took so long."""
        self._answers.append((self._clock(), seconds))

    @property
    def seconds(self) -> float:
        """0 where nothing is known."""
        oldest = self._clock() - self.FORGOTTEN
        return min((seconds for at, seconds in self._answers if at > oldest), default=0.0)

    @property
    def forgotten_in(self) -> float:
        """Seconds until nothing is known, if no other answer comes: then a call is begun, whatever time it has."""
        newest = max((at for at, _ in self._answers), default=-self.FORGOTTEN)
        return max(0.0, newest + self.FORGOTTEN - self._clock())
