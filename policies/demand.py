"""Demand: how urgent a call is and until when it is of use. Callers who join a call make it more so, never less.

Priorities in the order they are served: a caller who waits; a refresh that a notification asked for; a refresh behind
an answer that was given already; a watch, which nobody waits for.
"""

import math
from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """Who is served first: the lowest number."""

    INTERACTIVE = 0
    NOTIFIED = 1
    BEHIND = 2
    WATCH = 3

    @property
    def is_background(self) -> bool:
        """Whether nobody waits for it."""
        return self is not Priority.INTERACTIVE


@dataclass(slots=True, eq=False)
class Demand:
    """What all who wait for one call want together. `deadline`: monotonic seconds, after which it is of no use."""

    priority: Priority = Priority.INTERACTIVE
    deadline: float = math.inf
    has_fallback: bool = False  # all of them have a stored answer that may stand in

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it who has nothing to fall back on."""
        return not (self.priority.is_background or self.has_fallback)

    def joined(self, other: "Demand") -> None:
        """Another caller waits for the same call: the most urgent and the most patient of them count."""
        self.priority = min(self.priority, other.priority)
        self.deadline = max(self.deadline, other.deadline)
        self.has_fallback = self.has_fallback and other.has_fallback

    def left(self, now: float) -> float:
        """Seconds until it is of no use to anybody."""
        return self.deadline - now
