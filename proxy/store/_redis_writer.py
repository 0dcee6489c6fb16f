"""Write-behind to Redis: entries wait, a task writes them some at a time, and nobody waits for it but who asks to.

What waits for longer than it may is given up, and so is all that waits when Redis is away: entries are copies, and an
old one that came late would only have to be deleted again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from time import monotonic
from typing import NamedTuple

from policies import MIB
from proxy.messages import Entry
from proxy.store._write_behind import WriteBehind
from proxy.store.contract import StoreError, StoreUnavailable

_BATCH_BYTES = 4 * MIB

Kept = Callable[[], None]


class Queue(NamedTuple):
    """How long, and how many, entries wait for Redis."""

    max_waiting: int = 10_000  # entries
    max_waiting_bytes: int = 64 * MIB  # the sum of Entry.size
    batch: int = 64  # entries written at once
    write_after: float = 0.05  # seconds that an entry waits for others to be written with it
    longest_wait: float = 20.0  # seconds that it waits at most; then at most three calls are made to write it


class Written(NamedTuple):
    """What came of a batch."""

    lost: int  # entries that could not be written; one that is older than what is kept is not lost
    why: str | None = None


Write = Callable[[list[Entry]], Awaitable[Written]]
"""Writes entries. Raises StoreError when none of them was written, for all that is known."""


class Writer:
    """A queue and the task that empties it. For one event loop."""

    def __init__(self, write: Write, queue: Queue, clock: Callable[[], float] = monotonic) -> None:
        self._write, self._queue, self._clock = write, queue, clock
        self._waiting = WriteBehind(max_entries=queue.max_waiting, max_bytes=queue.max_waiting_bytes)
        self._since: dict[bytes, float] = {}  # when the key of what waits began to
        self._under_way: dict[bytes, Entry] = {}
        self._wanted, self._hurried, self._step = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.swamped = self.lost = 0  # not kept for want of room in the queue; given up
        self.last_error: str | None = None  # why entries are lost now

    def __len__(self) -> int:
        return len(self._waiting) + len(self._under_way)

    @property
    def is_running(self) -> bool:
        """Whether it takes entries."""
        return self._task is not None

    def start(self) -> None:
        """Begin, in the running loop."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Write what waits, and end."""
        task, self._task = self._task, None
        if task is not None:
            await self.settle()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def put(self, entry: Entry, kept: Kept | None) -> None:
        """Let an entry wait, or drop it."""
        if not self.is_running or not self._waiting.put(entry, kept):
            self.swamped += 1
            _tell([kept] if kept is not None else [])
            return
        self._since.setdefault(entry.key, self._clock())
        self._wanted.set()

    def get(self, key: bytes) -> Entry | None:
        """The entry that was put under `key` and is not written yet."""
        return self._waiting.get(key) or self._under_way.get(key)

    def hurry(self) -> None:
        """Write what waits at once."""
        if len(self._waiting):
            self._hurried.set()

    async def settle(self) -> None:
        """Wait until what has been put by now is written, or given up."""
        self.hurry()
        waiting = [self._waiting.get(key) for key in self._since]
        await self._until_over([entry for entry in [*waiting, *self._under_way.values()] if entry is not None])

    async def settle_under_way(self) -> None:
        """Wait until what is being written is."""
        await self._until_over(list(self._under_way.values()))

    def discard(self, doomed: Callable[[Entry], bool]) -> set[bytes]:
        """Let what is `doomed` wait no longer; the keys of what it was."""
        gone = self._waiting.discard(doomed)
        for key in gone:
            self._since.pop(key, None)
        self._finish(gone)
        return gone

    async def _until_over(self, entries: list[Entry]) -> None:
        """Until each of them is written or given up, or something newer waits in its place."""
        for entry in reversed(entries):  # the last one first: the others are mostly over by then
            while self._is_pending(entry):
                await self._step.wait()

    def _is_pending(self, entry: Entry) -> bool:
        return self._waiting.get(entry.key) is entry or self._under_way.get(entry.key) is entry

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._queue.write_after):
                    await self._hurried.wait()
            self._hurried.clear()
            while batch := self._waiting.take(self._queue.batch, _BATCH_BYTES):
                await self._write_batch(batch)

    async def _write_batch(self, batch: list[Entry]) -> None:
        self._under_way = {entry.key: entry for entry in batch}
        now = self._clock()
        waited = [now - self._since.pop(entry.key, now) for entry in batch]
        timely = [entry for entry, seconds in zip(batch, waited, strict=True) if seconds <= self._queue.longest_wait]
        self.lost += len(batch) - len(timely)
        try:
            if timely:
                lost, self.last_error = await self._write(timely)
                self.lost += lost
        except StoreError as error:
            self._give_up(timely, error, all_that_waits=isinstance(error, StoreUnavailable))
        except Exception as error:  # noqa: BLE001 - what one odd entry does must not end all writing
            self._give_up(timely, error)
        finally:
            self._under_way = {}
            self._finish(entry.key for entry in batch)

    def _give_up(self, batch: list[Entry], error: Exception, *, all_that_waits: bool = False) -> None:
        self.last_error = str(error) if isinstance(error, StoreError) else f"unexpected {type(error).__name__}"
        self.lost += len(batch)
        if all_that_waits:
            self.lost += len(self.discard(lambda _: True))

    def _finish(self, keys: Iterable[bytes]) -> None:
        _tell(self._waiting.finished(keys))
        step, self._step = self._step, asyncio.Event()
        step.set()


def _tell(kept: Iterable[Kept]) -> None:
    loop = asyncio.get_running_loop()
    for call in kept:
        loop.call_soon(call)
