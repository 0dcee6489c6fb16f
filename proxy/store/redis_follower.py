"""The follower: hears of other machines' purges from Redis for one machine, and says how long they can be relied on.

join ──▶ read what was missed ──▶ tell what Redis lost or never got ──▶ poll ──▶ wait for the next record
 ▲                                                                     ▲ │               │
 │                                                                     └─┼── a third of the window, or a record
 └────────── back off ◀── Redis is away, another server, a lost counter ─┘

A poll confirms what was heard, and that lets the machine serve from memory for one window from when it was sent. No
one has to revoke it: a machine that is stopped, parted or asleep goes by a clock that runs on (DESIGN.md §5, edges 7
to 9).

While two servers both believe to be the master, a machine may follow the one and a purge go to the other, for as long
as the former takes to notice. With `wait_replicas` a poll counts only when so many replicas have it, which ends that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import random
from time import time
from typing import NamedTuple, NoReturn, Protocol

from proxy.store._redis_client import Client
from proxy.store._redis_fence_server import BROKEN, FenceServer, FenceTerms, Record
from proxy.store._redis_troubles import trouble
from proxy.store.coherence import (
    BEGINNING,
    GAP,
    Bound,
    Change,
    Coherence,
    Known,
    Position,
    Skew,
    State,
    back_off,
    boottime,
    change,
    is_local,
    risen,
    to_resend,
    unsent,
)
from proxy.store.fences import Fences
from proxy.store.purges import Heard, Mode

__all__ = ["FenceTerms", "FollowerClocks", "FollowerObserver", "RedisFollower"]

_MOST_UNSENT = 10_000  # tags purged while Redis was away; beyond it everything counts as purged
_MOST_RECENT = 2 * _MOST_UNSENT  # tags whose latest purge is looked at, to find what Redis lacks
_SLICE = 500  # purges sent again in one step
_HAS_UNSENT = "a purge could not be recorded in Redis"
_UNSENT = "Redis could not be had when they were carried out"


class FollowerObserver(Protocol):
    """Who is told what becomes of coherence."""

    def coherence_lost(self, reason: str) -> None:
        """Purges of other machines may go unheard; nothing is served from memory as current."""

    def coherence_regained(self) -> None:
        """All was heard again."""

    def purges_resent(self, count: int, reason: str) -> None:
        """Redis lacked purges that this machine knows of, and was told again."""

    def clocks_differ(self, seconds: float) -> None:
        """This machine's clock is more than a second ahead of Redis's (or behind it, when negative)."""


class FollowerClocks(NamedTuple):
    """Where time, waiting and chance come from."""

    boottime: Callable[[], float] = boottime  # seconds, also while the machine sleeps
    wall: Callable[[], float] = time  # seconds since the epoch
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random


class RedisFollower:
    """One for each machine, whatever its processes; with a Redis client of its own, since its reads block."""

    def __init__(
        self,
        redis: Client,
        terms: FenceTerms,
        fences: Fences,
        bound: Bound,
        observer: FollowerObserver,
        *,
        clocks: FollowerClocks | None = None,
    ) -> None:
        """Until `run` has heard all there is, `bound` lets nothing be served from memory as current.

        `redis` must not decode answers, and its `socket_timeout` has to be above a third of the window.
        """
        self._clocks = clocks or FollowerClocks()
        self._server = FenceServer(redis, terms)
        self._terms = terms
        self._fences = fences
        fences.keep_own(is_local)
        self._observer = observer
        self._coherence = Coherence(bound, terms.window, self._clocks.boottime())
        self._skew = Skew()
        self._known: State | None = None  # what Redis said last
        self._heard = BEGINNING
        self._sent = self._quiet = fences.number  # numbers up to which all is sent; and at the last grant
        self._failures = 0
        self.last_error: str | None = None  # why Redis cannot be followed now
        self.resent_total = 0  # purges that Redis was told again, or for the first time after it was away

    def __repr__(self) -> str:
        return f"<RedisFollower of {self._terms.instance} at {self._heard}, {self.last_error or 'following'}>"

    @property
    def lost_for(self) -> float | None:
        """Seconds since coherence was lost, or since the start; None: it is there."""
        self._look()
        since = self._coherence.lost_since
        return None if since is None else self._clocks.boottime() - since

    @property
    def lost_total(self) -> int:
        """How often coherence was lost."""
        return self._coherence.lost_total

    @property
    def pending(self) -> int:
        """How many purges of this machine Redis has not got."""
        number = self._fences.number
        return number % GAP if number > self._sent else 0

    @property
    def skew(self) -> float:
        """Seconds by which this machine's clock is ahead of Redis's, at least; negative: behind."""
        return self._skew.seconds

    async def run(self, after: Position = BEGINNING) -> NoReturn:
        """Follow until cancelled. Purges up to `after`, as `RedisLedger.open` gives it, are known already."""
        self._heard = max(self._heard, after)
        while True:
            try:
                await self._join()
                while await self._poll():
                    self._failures, self.last_error = 0, None
            except BROKEN as error:
                self._failures += 1
                self.last_error = str(trouble(error))
                self._look()
                await self._clocks.sleep(back_off(self._failures, self._terms.window, self._clocks.random()))

    async def close(self) -> None:
        """After `run` was cancelled: nothing is served as current any more, so nobody needs to wait for this machine.

        Without Redis, its lease lapses.
        """
        self._coherence.give_up()
        try:
            await self._server.leave()
        except BROKEN as error:
            self.last_error = str(trouble(error))

    async def _join(self) -> None:
        """Hear what was missed; and tell Redis what it lacks, before anything is current again."""
        await self._server.inspect()
        said, epoch = (self._known.number, self._known.epoch) if self._known else (0, 0)
        state = await self._server.join(max(said, self._heard.number), self._fences.number, epoch)
        reason = change(self._known, self._heard, state, self._terms.keep) if self._known else None
        if self._known and state.epoch != self._known.epoch:  # it may have begun below a number met in an entry
            self._fences.raise_floor((self._fences.number // GAP + 1) * GAP, Mode.SOFT)
        if reason:
            await self._compare(reason)
        else:
            async for records in self._server.read_on(self._heard):
                self._hear(records)
        self._fences.raise_to(state.number)
        await self._tell_unsent()
        self._take_over(state)

    async def _compare(self, reason: Change) -> None:
        """Another history, maybe: hear what is new in it, and tell what is not in it."""
        known, number = self._known_purges(), self._fences.number
        there: dict[tuple[bytes, Mode], int] = {}
        self._heard = BEGINNING
        async for records in self._server.read_on(BEGINNING):
            self._hear([record for record in records if not known.has(record.heard)])
            self._heard = records[-1].position
            there.update({(heard.tag, heard.mode): heard.number for _, heard in records})
        await self._tell(to_resend(known, there, number), reason)

    async def _poll(self) -> bool:
        """Confirm, hear, and wait for more. False: Redis is not what it was, or lacks something: join anew."""
        sent, before = self._clocks.boottime(), self._clocks.wall()
        state, lag, records = await self._server.follow(self._heard, self._fences.number)
        if self._known is None or change(self._known, self._heard, state, self._terms.keep):
            return False
        if self._skew.measure(state.at, before, self._clocks.wall()):
            self._observer.clocks_differ(self._skew.seconds)
        self._hear(records)
        self._take_over(state)
        if self._has_unsent():
            return False
        if self._grant(sent, lag) and not records:
            await self._server.wait(self._heard, self._terms.window / 3)
        return True

    def _hear(self, records: Sequence[Record]) -> None:
        self._fences.hear(heard for _, heard in records)
        if records:
            self._heard = records[-1].position
        _ = self._fences.number  # takes over what was heard, before more comes than the ring holds

    def _take_over(self, state: State) -> None:
        for mode, floor in risen(self._known, state):
            self._fences.raise_floor(floor, mode)
        self._known = state

    def _grant(self, sent: float, lag: float) -> bool:
        """Whether the machine is coherent, by a poll sent at `sent`."""
        now = self._clocks.boottime()
        self._look()
        if self._coherence.grant(sent, lag, now):
            self._observer.coherence_regained()
        # What was purged before the last grant would have been found unsent by now.
        self._sent, self._quiet = self._quiet, self._fences.number
        return self._coherence.lost_since is None

    def _look(self) -> None:
        if self._coherence.look(self._clocks.boottime()):
            held_up = _HAS_UNSENT if self._coherence.has_unsent else "this machine was held up"
            self._observer.coherence_lost(self.last_error or held_up)

    def _has_unsent(self) -> bool:
        number = self._fences.number
        return self._coherence.has_unsent or (is_local(number) and number > self._sent) or bool(self._fences.own)

    def _known_purges(self) -> Known:
        return Known(self._fences.recent(_MOST_RECENT), is_all=len(self._fences) <= _MOST_RECENT)

    async def _tell_unsent(self) -> None:
        """Purge in Redis what was purged on this machine while Redis could not be had."""
        number = self._fences.number
        own = self._fences.own
        waiting = unsent(self._known_purges(), self._sent, _MOST_UNSENT, is_told=self._has_unsent(), own=own)
        self._coherence.start_sending()
        if waiting.floor:
            self._take_over(await self._server.raise_floor(waiting.floor, self._fences.number))
            self._count_resent(len(waiting.records), _UNSENT)
        else:
            await self._tell(waiting.records, _UNSENT)
        self._fences.sent_own(own)
        self._sent = max(self._sent, number)

    async def _tell(self, records: Sequence[Heard], reason: str) -> None:
        """Purge again in Redis, under a new number."""
        for first in range(0, len(records), _SLICE):
            slice_, now = records[first : first + _SLICE], self._clocks.wall()
            purges = [(heard.tag, heard.mode, max(0.0, heard.settle_until - now)) for heard in slice_]
            state, _ = await self._server.purge(purges, self._fences.number)
            self._fences.hear(
                Heard(state.number, mode, tag, state.at, state.at + settle if settle else 0.0)
                for tag, mode, settle in purges
            )
        self._count_resent(len(records), reason)

    def _count_resent(self, count: int, reason: str) -> None:
        if count:
            self.resent_total += count
            self._observer.purges_resent(count, reason)
