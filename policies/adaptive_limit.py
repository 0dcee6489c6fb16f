"""Adaptive limit: fewer calls at a time while answers get slower than they were, and more again as they recover.

The gradient of Netflix's concurrency-limits (`Gradient2Limit`): an average of latency over a long time, divided by one
over a short time, says how much of the latency is a queue at the upstream; the limit follows that. The long average
gets to know a latency that stays, so the limit comes back. Two differences: the room that is left for a queue is the
square root of the limit, as in `GradientLimit`, and the short average is over calls instead of a window of time.
"""

import math

TOLERANCE = 1.5  # times that answers may be slower before the limit follows
SMOOTHING = 0.2  # of each step is taken
MOST_CUT = 0.5  # of the limit, that one step aims at, at the least
BACKOFF = 0.9  # of the limit is left after a failure
LONG, SHORT = 600, 10  # calls that an average is over
RECOVERED, FORGET = 2.0, 0.95  # so many times as fast as on average: the average was of bad times, and is let go of


class AdaptiveLimit:
    """How many calls may be under way at a time: between `least` and `most`, where it begins."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = min(least, most), most
        self._limit = float(most)
        self._long, self._short = _Average(LONG), _Average(SHORT)

    def __repr__(self) -> str:
        return f"<AdaptiveLimit {self.limit} of {self._most}>"

    @property
    def limit(self) -> int:
        """As it is now."""
        return int(self._limit)

    def finished(self, seconds: float, in_flight: int, *, failed: bool) -> None:
        """A call ended that took so long, while so many were under way. `failed`: it brought no answer in time."""
        if failed:
            self._become(self._limit * BACKOFF)
            return
        self._long.add(seconds)
        self._short.add(seconds)
        if self._long.value > RECOVERED * self._short.value:
            self._long.value *= FORGET
        if in_flight >= self._limit / 2:  # else the limit is not what held calls back, and nothing is learnt of it
            aim = self._limit * self._gradient + math.sqrt(self._limit)
            self._become(self._limit + SMOOTHING * (aim - self._limit))

    @property
    def _gradient(self) -> float:
        if not self._short.value:
            return 1.0
        return max(MOST_CUT, min(1.0, TOLERANCE * self._long.value / self._short.value))

    def _become(self, limit: float) -> None:
        self._limit = max(float(self._least), min(float(self._most), limit))


class _Average:
    """Exponential, and while it is young the mean of all."""

    def __init__(self, window: int) -> None:
        self.value = 0.0
        self._weight = 2 / (window + 1)
        self._count = 0

    def add(self, value: float) -> None:
        self._count += 1
        self.value += (value - self.value) * max(self._weight, 1 / self._count)
