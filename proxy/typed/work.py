"""Work: how far a typed request has got, and what its answer is made of."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from proxy.asking import Ask


@dataclass(eq=False)
class Work:
    """What a route tells of its own while it is at it."""

    total: int = 1  # things it was asked for
    done: int = 0  # of them
    asks: list[Ask] = field(default_factory=list)  # whose answers went into its own

    def reached(self, done: int) -> None:
        """So many are done. Never fewer than before: what is asked of another provider is told once it is there."""
        self.done = max(self.done, min(done, self.total))

    def used(self, asks: Iterable[Ask]) -> None:
        """Their answers are part of the answer."""
        self.asks.extend(asks)


class Reached:
    """Counts what has come of many things, some of which may have to be asked for again elsewhere."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._over = 0  # in the rounds before
        self._came = 0  # in this one

    def came(self, count: int) -> None:
        """So many more have an answer."""
        self._came += count
        self._work.reached(self._over + self._came)

    def over(self, count: int) -> None:
        """A round is over: so many are, altogether."""
        self._over, self._came = count, 0
        self._work.reached(count)
