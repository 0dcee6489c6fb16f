"""Owed: callbacks that nobody has taken yet, written down so that another process can go on with them.

begun ──▶ its holder tries ──▶ over: taken, unwanted, or given up
             └ its process ends ──▶ the turn passes ──▶ whoever finds that goes on with the next try
"""

from collections.abc import Callable, Collection
from secrets import token_bytes
from typing import NamedTuple

import msgspec

from policies import DAY
from proxy.jobs.locking import Lock
from proxy.jobs.names import Names
from proxy.jobs.sealed import Place, Sealed
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences

CALLBACKS = "callbacks"  # their own partition: the key of that of requests goes with any person who is erased
OWED_FOR = 1 * DAY  # after that nobody is told any more
SLACK = 30.0  # seconds that a holder may be late before another one takes its turn


class Callback(msgspec.Struct, frozen=True, array_like=True):
    """Who is to be told what."""

    job: bytes  # the key of its record
    id: str
    url: str
    state: str
    at: float  # when the job ended, in seconds since the epoch

    def __repr__(self) -> str:
        return f"<Callback of a job that was {self.state}>"


class Turn(msgspec.Struct, frozen=True, array_like=True):
    """Somebody's turn to try. `until`: seconds since the epoch, by when it will have tried, or is gone."""

    tries: int  # that were made, at least
    mark: bytes  # no two turns are the same bytes
    until: float
    is_over: bool = False


class Held(NamedTuple):
    """A callback that this process is at."""

    callback: Callback
    turn: Turn
    note: bytes | None  # the turn as it was written down; None: it is in memory alone


_decoder = msgspec.msgpack.Decoder(Turn)


class Owed:
    """Writes callbacks down, where the operator's keys are there to seal them; else they end with their process."""

    def __init__(
        self,
        durable: DurableStore,
        fences: Callable[[], Fences],
        lock: Lock | None,
        names: Names,
        on_error: Callable[[str, StoreError], None],
        clock: Callable[[], float],
    ) -> None:
        """`clock` tells seconds since the epoch."""
        self._sealed = Sealed(Callback, "job-callback", durable, fences, lock, on_error)
        self._durable = durable
        self._names = names
        self._on_error = on_error
        self._clock = clock

    async def begin(self, callback: Callback, within: float) -> Held | None:
        """Take the first turn, which lasts so many seconds; None: it is somebody's already."""
        turn, key = self._turn(0, within), self._names.callback(callback.job)
        place = Place(key, "callback", CALLBACKS, callback.at, callback.at + OWED_FOR)
        if not self._sealed.can_keep:
            return Held(callback, turn, None)
        note = msgspec.msgpack.encode(turn)
        try:
            if await self._durable.noted(key) is not None:
                return None
            if not await self._sealed.keep(callback, place):
                return Held(callback, turn, None)
            held = await self._durable.claim(key, note, place.ends)
        except StoreError as error:
            self._on_error("job", error)
            return Held(callback, turn, None)
        return Held(callback, turn, note) if held is None else None

    async def go_on(self, held: Held, tries: int, within: float) -> Held | None:
        """Keep the turn for another try, which is over in so many seconds; None: it is somebody else's now."""
        return await self._written(held, self._turn(tries, within))

    async def over(self, held: Held) -> None:
        """Nobody is to be told any more."""
        if held.note is not None:
            await self._written(held, msgspec.structs.replace(held.turn, is_over=True))
            await self._sealed.drop(self._names.callback(held.callback.job))

    async def passed(self, but: Collection[bytes], within: float) -> list[Held]:
        """Take the turns that have passed, of jobs other than these; each lasts so many seconds. Raises StoreError."""
        known = {self._names.callback(job) for job in but}
        keys = [one.key for one in await self._sealed.listed() if one.key not in known]
        taken = [await self._taken(key, within) for key in keys]
        return [one for one in taken if one is not None]

    async def _taken(self, key: bytes, within: float) -> Held | None:
        note = await self._durable.noted(key)
        turn = None if note is None else _turn_of(note)
        if note is None or turn is None or (turn.until > self._clock() and not turn.is_over):
            return None  # it is being begun, or somebody is at it
        if turn.is_over:
            await self._sealed.drop(key)
            return None
        callback = await self._sealed.read(key)
        if callback is None:
            return None
        # What was tried when its process ended may have been heard, or not: it is one try, whoever makes it.
        taken = await self._written(Held(callback, turn, note), self._turn(turn.tries + 1, within))
        return None if taken is None else taken._replace(turn=turn)

    async def _written(self, held: Held, turn: Turn) -> Held | None:
        """Write a turn in place of the one that is `held`; None: somebody else did. One that cannot be written is kept
        in memory.
        """
        if held.note is None:
            return held._replace(turn=turn)
        key, note = self._names.callback(held.callback.job), msgspec.msgpack.encode(turn)
        try:
            done = await self._durable.exchange(key, held.note, note, held.callback.at + OWED_FOR)
            done = done or await self._durable.noted(key) == note  # its answer was lost
        except StoreError as error:
            self._on_error("job", error)
            return held._replace(turn=turn)
        return held._replace(turn=turn, note=note) if done else None

    def _turn(self, tries: int, within: float) -> Turn:
        return Turn(tries, token_bytes(8), self._clock() + within + SLACK)


def _turn_of(note: bytes) -> Turn | None:
    try:
        return _decoder.decode(note)
    except msgspec.DecodeError:
        return None
