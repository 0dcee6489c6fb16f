"""Slots: at most so many calls in the air, to the upstream and for one credential; few wait, the rest are refused.

All who wait for an upstream stand in one line, and take both places at once, the credential's and the upstream's: who
waits holds none. Who lacks its credential's place lets others by; else nobody passes one who is more urgent.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from policies import ConcurrencyPolicy, Demand
from policies.adaptive_limit import AdaptiveLimit
from policies.waiting_line import WaitingLine

Name = str | None  # of places: a credential's; None: the whole upstream's
NOBODY: frozenset[Name] = frozenset()


class QueueFull(Exception):
    """Too many calls wait already."""


class TooLate(QueueFull):
    """The call's deadline passed before its turn came."""


class Places(Protocol):
    """Counts the calls in the air, under names."""

    def try_take(self, name: Name, limit: int) -> bool:
        """Take a place if fewer than `limit` are taken, and whoever else waits for one lets it; whether it was."""

    def give_back(self, name: Name) -> None:
        """Give back one that was taken."""

    def taken(self, name: Name) -> int:
        """How many are, by everybody."""

    def await_for(self, names: Set[Name], serve: Callable[[], None]) -> None:
        """Somebody waits for places of these names, and of no others; `serve` takes what there is for them."""


class OwnPlaces:
    """For calls of this process alone."""

    def __init__(self) -> None:
        self._counts: dict[Name, int] = {}  # names under which something is taken

    def try_take(self, name: Name, limit: int) -> bool:
        """Take a place if fewer than `limit` are taken; whether it was."""
        taken = self._counts.get(name, 0)
        if taken >= limit:
            return False
        self._counts[name] = taken + 1
        return True

    def give_back(self, name: Name) -> None:
        """Give back one that was taken."""
        self._counts[name] -= 1
        if not self._counts[name]:
            del self._counts[name]

    def taken(self, name: Name) -> int:
        """How many are."""
        return self._counts.get(name, 0)

    def await_for(self, names: Set[Name], serve: Callable[[], None]) -> None:
        """Nobody else gives back places: there is nothing to look at."""


@dataclass(slots=True, eq=False)
class _Waiter:
    demand: Demand
    credential: Name
    outcome: asyncio.Future[type[QueueFull] | None]  # None: it has its places


class Slots:
    """The places for calls to one upstream."""

    def __init__(
        self,
        policy: ConcurrencyPolicy,
        clock: Callable[[], float] = time.monotonic,
        places: Places | None = None,
    ) -> None:
        """`clock` is that of deadlines; `places`: None for a process that shares them with nobody."""
        self.policy = policy
        self.in_flight = 0  # calls of this process, as are those that wait
        self._clock = clock
        self._places = OwnPlaces() if places is None else places
        self._line: WaitingLine[_Waiter] = WaitingLine(policy.queue)
        self._adaptive = AdaptiveLimit(policy.least, policy.upstream) if policy.adaptive else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.in_flight} in flight, {self.waiting} waiting>"

    @property
    def limit(self) -> int:
        """Calls that the whole upstream may get at a time, as of now."""
        return self.policy.upstream if self._adaptive is None else self._adaptive.limit

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._line)

    @property
    def waiting_by(self) -> dict[str, int]:
        """How many wait, by priority."""
        return self._line.by_priority

    async def take(self, credential: str, *, shared: bool, demand: Demand | None = None) -> Name:
        """Take a slot; whoever has it must `give_back` what this returns. `shared` credentials, which Larder holds,
        only count against the whole.

        Raises QueueFull when there are too many of those who are as urgent, at once or while it waits; TooLate when
        the demand's deadline passed before its turn came.
        """
        name = None if shared else credential
        await self._take(name, Demand() if demand is None else demand)
        self.in_flight += 1
        return name

    def give_back(self, name: Name) -> None:
        """A slot is free again."""
        self.in_flight -= 1
        self._give_back(name)

    @asynccontextmanager
    async def taken(self, credential: str, *, shared: bool, demand: Demand | None = None) -> AsyncIterator[None]:
        """Hold a slot, as `take`."""
        name = await self.take(credential, shared=shared, demand=demand)
        try:
            yield
        finally:
            self.give_back(name)

    def finished(self, seconds: float, *, failed: bool) -> None:
        """A call that held a slot took so long; `failed`: it brought no answer in time. An adaptive limit learns."""
        if self._adaptive is not None:
            self._adaptive.finished(seconds, self._places.taken(None), failed=failed)
            self._settle()

    async def _take(self, name: Name, demand: Demand) -> None:
        now = self._clock()
        if demand.left(now) <= 0:
            raise TooLate
        has_room = self._line.has_room_for(demand, now)
        if not (self._line and has_room) and not self._lacking(name):
            return
        if not has_room:
            raise QueueFull
        waiter = _Waiter(demand, name, asyncio.get_running_loop().create_future())
        self._line.join(waiter)
        self._settle()
        try:
            refusal = await waiter.outcome
        except asyncio.CancelledError:
            self._has_left(waiter)
            raise
        if refusal is not None:
            raise refusal

    def _has_left(self, waiter: _Waiter) -> None:
        """It waits no longer; if its turn had come, others have it."""
        self._line.leave(waiter)
        if not waiter.outcome.cancelled() and waiter.outcome.result() is None:
            self._give_back(waiter.credential)
        else:
            self._settle()

    def _give_back(self, name: Name) -> None:
        self._places.give_back(None)
        if name is not None:
            self._places.give_back(name)
        self._settle()

    def _lacking(self, name: Name) -> frozenset[Name]:
        """Take the places for a call; if there is none under a name, none is taken, and that name is what it lacks."""
        if not self._places.try_take(None, self.limit):
            return frozenset({None})
        if name is not None and not self._places.try_take(name, self.policy.credential):
            self._places.give_back(None)
            return frozenset({name})
        return NOBODY

    def _settle(self) -> None:
        """Serve whom there are places for, and refuse those who are too many."""
        if self._line:
            now = self._clock()
            lacking = self._serve(now)
            for waiter in self._line.shed(now):
                self._refuse(waiter, now)
        self._places.await_for(lacking if self._line else NOBODY, self._settle)

    def _serve(self, now: float) -> Set[Name]:
        """What those lack who still wait."""
        lacking: set[Name] = set()
        for waiter in self._line.in_order():
            if waiter.outcome.done():
                self._line.leave(waiter)
            elif waiter.demand.left(now) <= 0:
                self._refuse(waiter, now)
            elif waiter.credential not in lacking:
                lacks = self._lacking(waiter.credential)
                if not lacks:
                    self._line.leave(waiter)
                    waiter.outcome.set_result(None)
                lacking |= lacks
            if None in lacking:
                break
        return lacking

    def _refuse(self, waiter: _Waiter, now: float) -> None:
        self._line.leave(waiter)
        if not waiter.outcome.done():
            waiter.outcome.set_result(TooLate if waiter.demand.left(now) <= 0 else QueueFull)


AnySlots = Slots  # for this process alone, or over several
