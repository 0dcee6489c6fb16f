"""Flights: callers who want the same thing at the same time share one fetch.

The fetch is a task of its own, so that a caller who leaves does not bring it down. It has landed as soon as its answer
can be given, which may be before the answer's body has come to its end; until then others may still join. A caller
takes what a flight brought only if nothing of it was purged between the flight's start and the caller's arrival
(DESIGN.md §5, edge 1); else it waits for the next flight, which begins after it came. So there is never more than one
flight under way for a key, and at most one more for all who wait.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, Generic, TypeVar

from policies import Demand

T = TypeVar("T")


class Flight(Generic[T]):
    """One fetch under way."""

    def __init__(self, fence: int, sequence: int) -> None:
        self.fence = fence  # noted before the fetch went out
        self.sequence = sequence
        self.demand = Demand()
        self._loop = asyncio.get_running_loop()
        self.headers_in: asyncio.Future[bool] = self._loop.create_future()
        self.landing: asyncio.Future[T] = self._loop.create_future()
        self._waiting: list[asyncio.Future[None]] = []  # for the landing
        self.task: asyncio.Task[None]

    def __repr__(self) -> str:
        return f"<Flight {self.sequence} under fence {self.fence}, {'landed' if self.landing.done() else 'under way'}>"

    def may_be_shared(self, *, yes: bool) -> None:
        """Say, at the answer's headers, whether others may have it: who may not need not wait for the body (edge 2)."""
        if not self.headers_in.done():
            self.headers_in.set_result(yes)

    def land(self, landing: T) -> None:
        """Say what it brought; a body may still be on its way."""
        self.landing.set_result(landing)
        self.over()

    def over(self) -> None:
        """Wake all who wait: it landed, or never will. They wait each for a future of their own: so one who leaves
        leaves the flight alone, and the rest wake a turn of the loop earlier than behind a shield.
        """
        self.may_be_shared(yes=True)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    async def landed(self) -> T:
        """What it brought. Leaving this wait leaves the flight alone."""
        if not self.landing.done():
            waiter: asyncio.Future[None] = self._loop.create_future()
            self._waiting.append(waiter)
            await waiter
        return self.landing.result()

    async def shared(self) -> bool:
        """Whether others may have what it brings, as soon as that is known."""
        return await asyncio.shield(self.headers_in)


class Flights(Generic[T]):
    """The flights under way, by what they fetch and for which credential."""

    def __init__(self) -> None:
        self._under_way: dict[Hashable, Flight[T]] = {}
        self._left: set[asyncio.Task[None]] = set()  # whose body still comes in, though nobody joins any more

    def __len__(self) -> int:
        return len(self._under_way)

    def under_way(self, what: Hashable) -> Flight[T] | None:
        """The flight to join, if there is one."""
        return self._under_way.get(what)

    def take_off(
        self, what: Hashable, fence: int, sequence: int, fetch: Callable[[Flight[T]], Awaitable[None]]
    ) -> Flight[T]:
        """Start a flight; `fetch` has to `land` it. There must be none under way for `what`."""
        flight: Flight[T] = Flight(fence, sequence)
        self._under_way[what] = flight
        flight.task = asyncio.create_task(self._fly(what, flight, fetch))
        return flight

    async def _fly(self, what: Hashable, flight: Flight[T], fetch: Callable[[Flight[T]], Awaitable[None]]) -> None:
        try:
            await fetch(flight)
        except Exception as error:
            if flight.landing.done():
                raise
            flight.landing.set_exception(error)
            seen(flight.landing)
        finally:
            self.leave(what, flight)
            if not flight.landing.done():
                flight.landing.cancel()
            flight.over()

    def leave(self, what: Hashable, flight: Flight[T]) -> None:
        """Nobody joins it any more. Must come before those who wait wake up and may want to take off anew."""
        if self._under_way.get(what) is flight:
            del self._under_way[what]
            if not flight.task.done():
                self._left.add(flight.task)
                flight.task.add_done_callback(self._left.discard)

    async def all_landed(self) -> None:
        """Wait until no flight is under way."""
        while self._under_way or self._left:
            await asyncio.wait([*self._left, *(flight.task for flight in self._under_way.values())])


def seen(task: asyncio.Future[Any]) -> None:
    """A refresh behind has no caller to raise to; its failure is reported by the fetch itself."""
    if not task.cancelled():
        task.exception()
