"""Demand: how urgent a call is and until when it is of use. Callers who join a call make it more so, never less.

Priorities in the order they are served: a caller who waits; a refresh that a notification asked for; a refresh behind
an answer that was given already; a watch, which nobody waits for.
"""

import math
from collections.abc import Iterable
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
    callers: int = 1  # that wait for it

    @property
    def is_awaited(self) -> bool:
        """Whether somebody waits for it who has nothing to fall back on."""
        return not (self.priority.is_background or self.has_fallback)

    def joined(self, other: "Demand") -> None:
        """Another caller waits for the same call: the most urgent and the most patient of them count."""
        self.priority = min(self.priority, other.priority)
        self.deadline = max(self.deadline, other.deadline)
        self.has_fallback = self.has_fallback and other.has_fallback
        self.callers += other.callers

    def given_up(self) -> None:
        """A caller wants it no more, late or not: what nobody else waits for is not to be begun."""
        self.callers -= 1
        if self.callers <= 0:
            self.deadline = -math.inf

    def left(self, now: float) -> float:
        """Seconds until it is of no use to anybody."""
        return self.deadline - now


@dataclass(slots=True, eq=False)
class Together(Demand):
    """What those want together who wait for different things that come by one call. It is of use as long as any of them
    is: who joins one of them later counts, and who gives up does not.
    """

    each: tuple[Demand, ...] = ()

    def left(self, now: float) -> float:
        """Seconds until it is of no use to anybody."""
        return max((one.left(now) for one in self.each), default=-math.inf)


def together(demands: Iterable[Demand]) -> Together:
    """Of at least one."""
    first, *others = each = tuple(demands)
    whole = Together(first.priority, first.deadline, first.has_fallback, first.callers, each)
    for other in others:
        whole.joined(other)
    return whole
