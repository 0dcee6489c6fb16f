"""Work: how far a typed request has got, and what its answer is made of."""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from proxy.answers import Answer
from proxy.asking import Ask

T = TypeVar("T")


@dataclass(eq=False)
class Work:
    """What a route tells of its own while it is at it."""

    total: int = 1  # things it was asked for
    done: int = 0  # of them
    parts: list[tuple[Ask, Answer]] = field(default_factory=list)  # that went into its answer

    def reached(self, done: int) -> None:
        """So many are done. Never fewer than before: what is asked of another provider is told once it is there."""
        self.done = max(self.done, min(done, self.total))

    async def one_by_one(self, thing: Awaitable[T]) -> T:
        """One of the things; it is done then."""
        found = await thing
        self.reached(self.done + 1)
        return found

    def used(self, parts: Iterable[tuple[Ask, Answer]]) -> None:
        """These are part of the answer."""
        self.parts.extend(parts)


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
