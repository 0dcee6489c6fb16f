"""Flights: callers who want the same thing at the same time share one fetch.

The fetch is a task of its own, so that a caller who leaves does not bring it down. A caller takes what a flight brought
only if nothing of it was purged between the flight's start and the caller's arrival (DESIGN.md §5, edge 1); else it
waits for the next flight, which begins after it came. So there is never more than one flight under way for a key, and
at most one more for all who wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Flight(Generic[T]):
    """One fetch under way."""

    def __init__(self, fence: int, sequence: int) -> None:
        self.fence = fence  # noted before the fetch went out
        self.sequence = sequence
        self.headers_in: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.task: asyncio.Task[T]

    def __repr__(self) -> str:
        return f"<Flight {self.sequence} under fence {self.fence}, {'landed' if self.task.done() else 'under way'}>"

    def may_be_shared(self, *, yes: bool) -> None:
        """Say, at the answer's headers, whether others may have it: who may not need not wait for the body (edge 2)."""
        if not self.headers_in.done():
            self.headers_in.set_result(yes)

    async def landed(self) -> T:
        """What it brought. Leaving this wait leaves the flight alone."""
        return await asyncio.shield(self.task)

    async def shared(self) -> bool:
        """Whether others may have what it brings, as soon as that is known."""
        return await asyncio.shield(self.headers_in)


class Flights(Generic[T]):
    """The flights under way, by what they fetch and for which credential."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Flight[T]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def under_way(self, what: Hashable) -> Flight[T] | None:
        """The flight to join, if there is one."""
        return self._under_way.get(what)

    def take_off(
        self, what: Hashable, fence: int, sequence: int, fetch: Callable[[Flight[T]], Awaitable[T]]
    ) -> Flight[T]:
        """Start a flight. There must be none under way for `what`."""
        flight: Flight[T] = Flight(fence, sequence)
        self._under_way[what] = flight
        flight.task = asyncio.create_task(self._fly(what, flight, fetch))
        flight.task.add_done_callback(seen)
        return flight

    async def _fly(self, what: Hashable, flight: Flight[T], fetch: Callable[[Flight[T]], Awaitable[T]]) -> T:
        try:
            return await fetch(flight)
        finally:
            # Gone before anyone who waits wakes up: whoever is not content with it takes off anew.
            if self._under_way.get(what) is flight:
                del self._under_way[what]
            flight.may_be_shared(yes=True)

    async def all_landed(self) -> None:
        """Wait until no flight is under way."""
        while self._under_way:
            await asyncio.wait([flight.task for flight in self._under_way.values()])


def seen(task: asyncio.Task[object]) -> None:
    """A refresh behind has no caller to raise to; its failure is reported by the fetch itself."""
    if not task.cancelled():
        task.exception()
