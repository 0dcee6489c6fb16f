"""Failure memory: a refresh that failed is remembered, so that readers of the stale entry do not each ask again."""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from cachetools import LRUCache

from policies.declaring import SECOND

FIRST_WAIT = 1 * SECOND
LONGEST_WAIT = 30 * SECOND
LONGEST_ASKED = 300 * SECOND  # a Retry-After is believed no longer: upstreams heal before their hour is over


class _Failure(NamedTuple):
    due: float
    wait: float  # seconds
    disconnected: bool


class FailureMemory:
    """When the next try for a key is due. Bounded: what falls out is merely asked for once more."""

    def __init__(self, clock: Callable[[], float], most: int = 100_000) -> None:
        self._clock = clock
        self._waits: LRUCache[Hashable, _Failure] = LRUCache(most)

    def __len__(self) -> int:
        return len(self._waits)

    def is_due(self, key: Hashable) -> bool:
        """Whether the upstream may be asked for `key` again."""
        remembered = self._waits.get(key)
        return remembered is None or self._clock() >= remembered.due

    def is_disconnected(self, key: Hashable) -> bool:
        """Whether the last try for `key` brought no answer at all, not even an error."""
        remembered = self._waits.get(key)
        return remembered is not None and remembered.disconnected

    def failed(self, key: Hashable, asked: float | None = None, *, disconnected: bool = False) -> None:
        """A try failed: wait twice as long as the last time, and no less than the upstream asked (seconds)."""
        self.remember(key, asked, disconnected=disconnected, at=self._clock())

    def remember(self, key: Hashable, asked: float | None, *, disconnected: bool, at: float) -> None:
        """A try failed at that instant, here or elsewhere."""
        remembered = self._waits.get(key)
        wait = FIRST_WAIT if remembered is None else min(remembered.wait * 2, LONGEST_WAIT)
        due = at + max(wait, min(asked or 0.0, LONGEST_ASKED))
        self._waits[key] = _Failure(due, wait, disconnected)

    def declined(self, key: Hashable) -> None:
        """Nobody was asked, since the upstream is left alone: the next try is due soon, for that may end any time."""
        self.put_off(key, at=self._clock())

    def put_off(self, key: Hashable, *, at: float) -> None:
        """The same, at that instant, here or elsewhere. It makes no later wait longer."""
        remembered = self._waits.get(key)
        wait = FIRST_WAIT / 2 if remembered is None else remembered.wait
        self._waits[key] = _Failure(at + FIRST_WAIT, wait, disconnected=True)

    def succeeded(self, key: Hashable) -> None:
        """A try succeeded: nothing is remembered any more."""
        self._waits.pop(key, None)
