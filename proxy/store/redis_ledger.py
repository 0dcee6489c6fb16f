"""The ledger of several machines: one counter and one stream of purges in Redis (DESIGN.md §5, edges 6 to 8).

purge ──▶ one Lua step: number, records ──▶ here at once ──▶ all live instances confirmed, or a window is over ──▶ told
                  └──▶ followers of other machines wake, hear it, confirm

What cannot be recorded holds on this machine at once, which is then not coherent until its follower has told Redis.
What `durable` means is in `_redis_durability`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from time import monotonic

from proxy.store._redis_client import Client
from proxy.store._redis_durability import is_durable, questions
from proxy.store._redis_fence_server import BROKEN, FenceServer, FenceTerms
from proxy.store._redis_troubles import trouble
from proxy.store.coherence import BEGINNING, GAP, UNSENT, Bound, Position, State, pauses, risen
from proxy.store.contract import StoreError
from proxy.store.fences import Fences
from proxy.store.ledger import Purged
from proxy.store.purges import Heard, Mode

__all__ = ["FenceTerms", "RedisLedger"]


class RedisLedger:
    """A Ledger over Redis, one for each process. Its machine needs a RedisFollower, in this process or in another."""

    def __init__(
        self,
        redis: Client,
        terms: FenceTerms,
        fences: Fences,
        bound: Bound,
        on_error: Callable[[str, StoreError], None],
        *,
        clock: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`bound` is what the processes of the machine share; what is purged through `fences` all of them know.

        `clock` tells seconds. `terms.instance` is the machine's: nobody here waits for it.
        """
        self._server = FenceServer(redis, terms)
        self._terms = terms
        self._fences = fences
        self._bound = bound
        self._on_error = on_error
        self._clock = clock
        self._sleep = sleep
        self._run = ""  # which life of which server was looked at

    def __repr__(self) -> str:
        return f"<RedisLedger of {self._terms.instance} at {self._fences.number}>"

    async def open(self, learn: Callable[[Iterable[Heard]], None] | None = None) -> Position:
        """Join: make the counter where there is none, and learn all purges that are recorded; up to where.

        `learn` takes them, a slice at a time; without it they are heard as new ones are. Raises StoreError when Redis
        cannot be had, or may forget purges.
        """
        try:
            await self._server.inspect()
            state = await self._server.join(0, self._fences.number)
            self._run, position = state.run, BEGINNING
            async for records in self._server.read_on(BEGINNING):
                (learn or self._fences.hear)(record.heard for record in records)
                position = records[-1].position
                _ = self._fences.number  # takes over what was heard, before more comes than the ring holds
        except BROKEN as error:
            raise trouble(error) from error
        self._fences.raise_to(state.number)
        for mode, floor in risen(None, state):
            self._fences.raise_floor(floor, mode)
        return position

    async def purge(self, tags: Sequence[str], mode: Mode, settle: float) -> Purged:
        """Recorded in Redis, and heard by every instance that may serve, when this returns; at most a window later."""
        digests = sorted({self._fences.digest(tag) for tag in tags})
        if not digests:
            return Purged(self._fences.number, mode, durable=True)
        try:
            state, waiting = await self._server.purge(
                [(digest, mode, settle) for digest in digests], self._fences.number
            )
        except BROKEN as error:
            return self._purge_here(tags, mode, settle, error)
        until = state.at + settle if settle else 0.0
        self._fences.hear(Heard(state.number, mode, digest, state.at, until) for digest in digests)
        durable, _ = await asyncio.gather(self._is_durable(state), self._confirmed(state.number, waiting))
        return Purged(state.number, mode, durable)

    def _purge_here(self, tags: Sequence[str], mode: Mode, settle: float, error: Exception) -> Purged:
        self._on_error("purge", trouble(error))
        if (self._fences.number + 1) % GAP == 0:  # that one would be Redis's own
            self._fences.raise_to(self._fences.number + 1)
        records = self._fences.purge(tags, mode, settle)
        self._bound.coherent_until = UNSENT
        return Purged(records[0].number, mode, durable=False, recorded=False)

    async def _confirmed(self, number: int, waiting: int) -> None:
        """Wait for the other instances. Who has not confirmed after a window is not served from as current."""
        deadline = self._clock() + self._terms.window
        for pause in pauses():
            left = deadline - self._clock()
            if not waiting or left <= 0:
                return
            await self._sleep(min(pause, left))
            try:
                waiting = await self._server.unconfirmed(number)
            except BROKEN as error:  # who has confirmed cannot be told: all that is left is to wait
                self._on_error("confirm", trouble(error))
                await self._sleep(max(0.0, deadline - self._clock()))

    async def _is_durable(self, purged: State) -> bool:
        try:
            if self._run != purged.run:
                await self._server.inspect()
                self._run = purged.run
            asked = questions(self._server.version, self._terms.wait_replicas)
            answers = await self._server.stamp(purged, *asked)
        except BROKEN as error:
            self._on_error("purge", trouble(error))
            return False
        return answers is not None and is_durable(self._server.version, self._terms.wait_replicas, answers)
