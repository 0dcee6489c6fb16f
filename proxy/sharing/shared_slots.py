"""Shared slots: the limits of one upstream hold over all processes of the machine, exactly.

Within a process the most urgent is served first, and of those the first to come. Between processes a slot goes to
whoever looks first after it was given back. While others wait, a process looks only when it is its turn, also if it
gave one back itself, and lets every other turn pass: or one that is busy would keep all slots to itself.

An adaptive limit is each process's own, learnt from its own calls against what all have in the air.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Set
from functools import lru_cache

from policies import ConcurrencyPolicy
from proxy.sharing.digests import digest_of
from proxy.sharing.holding import Sleep
from proxy.sharing.page import Page
from proxy.upstream.slots import Name, Slots

TICK = 0.005  # seconds between two looks at slots that another process may have given back
_ANY = 1 << 16  # processes that may wait
_digest_of = lru_cache(8_192)(digest_of)  # of the names in use


class SharedSlots(Slots):
    """The places for calls to one upstream; as `Slots`, but over processes."""

    def __init__(
        self,
        policy: ConcurrencyPolicy,
        upstream: str,
        page: Page,
        sleep: Sleep = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`upstream` names the places: who says the same name shares them."""
        super().__init__(policy, clock, SharedPlaces(upstream, page, sleep))


class SharedPlaces:
    """Places that are counted on the page."""

    def __init__(self, upstream: str, page: Page, sleep: Sleep) -> None:
        self._upstream = upstream
        self._counts = page.slots
        self._process = page.process
        self._sleep = sleep
        self._own: Counter[Name] = Counter()  # taken by this process
        self._awaited: Set[Name] = frozenset()  # names under which it counts among those who wait
        self._served: Set[Name] = frozenset()  # what it got at its last turn
        self._resting: Set[Name] | None = None  # at its turn: where it lets others go first all the same
        self._task: asyncio.Task[None] | None = None

    def try_take(self, name: Name, limit: int) -> bool:
        """Take a place if fewer than `limit` are taken, and no other process's turn is due; whether it was."""
        if self._lets_others(name) or self._own[name] >= limit:
            return False
        if not self._counts.try_take(self._digest("slots", name), limit, self._process):
            return False
        self._own[name] += 1
        return True

    def give_back(self, name: Name) -> None:
        """Give back one that was taken."""
        self._own[name] -= 1
        if not self._own[name]:
            del self._own[name]
        self._counts.give_back(self._digest("slots", name), self._process)

    def taken(self, name: Name) -> int:
        """How many are, by all processes."""
        return self._counts.in_flight(self._digest("slots", name))

    def await_for(self, names: Set[Name], serve: Callable[[], None]) -> None:
        """Say for what somebody waits here, and look at what others give back as long as somebody does. `serve` is
        called when it is this process's turn, and takes what it can.
        """
        for name in self._awaited - names:
            self._counts.give_back(self._digest("queue", name), self._process)
        for name in names - self._awaited:
            self._counts.try_take(self._digest("queue", name), _ANY, self._process)
        self._awaited = frozenset(names)
        if names and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._look(serve))

    def _lets_others(self, name: Name) -> bool:
        is_its_turn = self._resting is not None and name not in self._resting
        return not is_its_turn and self._others_wait(name)

    def _others_wait(self, name: Name) -> bool:
        return self._counts.in_flight(self._digest("queue", name)) > (name in self._awaited)

    async def _look(self, serve: Callable[[], None]) -> None:
        while self._awaited:
            await self._sleep(TICK)
            await asyncio.sleep(0)  # also where the sleep given takes no time
            self._take_turn(serve)

    def _take_turn(self, serve: Callable[[], None]) -> None:
        before = Counter(self._own)
        self._resting = frozenset(self._served)
        try:
            serve()
        finally:
            self._resting = None
        self._served = frozenset(self._own - before)

    def _digest(self, what: str, name: Name) -> bytes:
        return _digest_of(what, self._upstream, name)
