"""Holding: results that may not be written down, or that there is nothing to write to: in memory, bounded, and gone
with the process. What is purged for good goes from here, too.
"""

from collections.abc import Callable
from math import inf
from typing import NamedTuple

from cachetools import LRUCache

from proxy.jobs.sources import Source, Sources
from proxy.messages import implied_tags
from proxy.store.fences import Fences, Validity


class _One(NamedTuple):
    plain: bytes
    sources: Sources
    ends: float

    def __repr__(self) -> str:
        return f"<{len(self.plain)} bytes>"


class Holding:
    """What one process holds; of too much, the oldest goes."""

    def __init__(self, max_bytes: Callable[[], int], fences: Callable[[], Fences], clock: Callable[[], float]) -> None:
        """`max_bytes`: as the config says now. `clock` tells seconds since the epoch."""
        self._max_bytes = max_bytes
        self._held: LRUCache[bytes, _One] = LRUCache(inf, lambda one: len(one.plain))
        self._fences = fences
        self._clock = clock

    def keep(self, result: bytes, plain: bytes, sources: Sources, ends: float) -> None:
        """Hold a result until `ends` (seconds since the epoch), if there is any room for it."""
        self._held[result] = _One(plain, sources, ends)
        while self._held.currsize > self._max_bytes():
            self._held.popitem()

    def get(self, result: bytes, now: float) -> bytes | None:
        """A result that may still be given."""
        one = self._held.get(result)
        return one.plain if one is not None and not self._is_gone(one, now) else None

    def drop(self, result: bytes) -> None:
        """Let go of one."""
        self._held.pop(result, None)

    def tidy(self) -> None:
        """Let go of what nobody may have any more."""
        now = self._clock()
        for result in [result for result, one in self._held.items() if self._is_gone(one, now)]:
            self.drop(result)

    def _is_gone(self, one: _One, now: float) -> bool:
        return one.ends <= now or any(self._is_purged(source, one.sources.fence) for source in one.sources.each)

    def _is_purged(self, source: Source, fence: int) -> bool:
        own = [f"{source.upstream}/{tag}" for tag in source.tags]
        implied = implied_tags(source.upstream, source.endpoint, source.partition)
        return self._fences().validity([*own, *implied], fence) is Validity.HARD
