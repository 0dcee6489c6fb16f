"""Waiting line: those who wait for a turn, the most urgent first, and of those the first to come. It is bounded.

Who is shed when it is full: of the least urgent, the one whose deadline ends first, as it is the least likely to be
served in time; the newcomer may be that one. A demand may become more urgent while it waits: it is read each time.
"""

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from policies.demand import Demand, Priority


class Waiting(Protocol):
    """One who waits."""

    @property
    def demand(self) -> Demand:
        """How urgent it is, and until when it is of use."""


W = TypeVar("W", bound=Waiting)


class WaitingLine(Generic[W]):
    """Knows who is next, and who is too many. Does no I/O, and serves nobody itself."""

    def __init__(self, most: int) -> None:
        """`most` may wait."""
        self._most = most
        self._waiters: dict[W, None] = {}  # in the order they came

    def __len__(self) -> int:
        return len(self._waiters)

    def __repr__(self) -> str:
        return f"<WaitingLine {len(self)} of {self._most}>"

    @property
    def by_priority(self) -> dict[str, int]:
        """How many wait, by the name of their priority; 0 for those of which none does."""
        counts = dict.fromkeys((priority.name.lower() for priority in Priority), 0)
        for waiter in self._waiters:
            counts[waiter.demand.priority.name.lower()] += 1
        return counts

    def has_room_for(self, demand: Demand, now: float) -> bool:
        """Whether who joins with this demand stays: false where it would be the one shed. One look at each is cheaper
        than to join and be shed, and while an upstream is slow most are.
        """
        if len(self) < self._most:
            return True
        priority, deadline = demand.priority, demand.deadline
        return any(
            one.deadline <= now or one.priority > priority or (one.priority == priority and one.deadline < deadline)
            for one in [waiter.demand for waiter in self._waiters]
        )

    def join(self, waiter: W) -> None:
        """Stand at its end. `shed` is to be asked before anybody else is let in."""
        self._waiters[waiter] = None

    def leave(self, waiter: W) -> None:
        """Stand in it no longer; who does not stand in it may leave too."""
        self._waiters.pop(waiter, None)

    def in_order(self) -> Iterator[W]:
        """All of them, the next one first. Anybody may leave meanwhile."""
        waiters = tuple(self._waiters)
        return (waiter for priority in Priority for waiter in waiters if waiter.demand.priority == priority)

    def shed(self, now: float) -> list[W]:
        """Who has to leave as there are too many: all that are too late, then as many as need be. They have left."""
        if len(self) <= self._most:
            return []
        shed = [waiter for waiter in self._waiters if waiter.demand.left(now) <= 0]
        for waiter in shed:
            self.leave(waiter)
        while len(self) > self._most:
            least = max(reversed(self._waiters), key=_least_urgent)  # of equals, the last to come
            self.leave(least)
            shed.append(least)
        return shed


def _least_urgent(waiter: Waiting) -> tuple[int, float]:
    return waiter.demand.priority, -waiter.demand.deadline
