"""Config watch: the config file is looked at every second, and read again when it changed and was still for a look.

It is looked at rather than listened to: editors, and those who mount a config, put another file in its place.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

EVERY = 1.0  # seconds


class Seen(NamedTuple):
    """What tells one state of a file from another; all zero: it is not there."""

    changed: int = 0  # nanoseconds since the epoch
    size: int = 0
    inode: int = 0


class ConfigWatch:
    """Watches a config file."""

    def __init__(
        self,
        path: Path,
        on_change: Callable[[], Awaitable[object]],
        *,
        is_on: Callable[[], bool],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        on_failure: Callable[[Exception], None],
    ) -> None:
        """`on_change` reads the file, and does nothing if it says what was read before."""
        self._path = path
        self._on_change = on_change
        self._is_on = is_on
        self._sleep = sleep
        self._on_failure = on_failure
        # None: not looked at yet. What changed between its first reading and the first look is found by reading it.
        self._taken: Seen | None = None
        self._last: Seen | None = None
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Look from now on."""
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Look no more."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])

    async def look(self) -> None:
        """Look once."""
        if not self._is_on():
            return
        seen = await asyncio.to_thread(_seen, self._path)  # a disk may be slow, and callers are served meanwhile
        is_still, self._last = seen == self._last, seen
        if is_still and seen != self._taken:
            self._taken = seen
            await self._on_change()

    async def _watch(self) -> None:
        while True:
            await self._sleep(EVERY)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - said in the log; the next look may go better
                self._on_failure(error)


def _seen(path: Path) -> Seen:
    try:
        found = path.stat()
    except OSError:
        return Seen()
    return Seen(max(found.st_mtime_ns, found.st_ctime_ns), found.st_size, found.st_ino)  # ctime: made readable, say
