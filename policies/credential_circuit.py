"""Credential circuit: a credential that the upstream refused rests for long, and no other does (UPSTREAMS.md §12)."""

from collections.abc import Callable, Hashable
from typing import Generic, NamedTuple, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class _Rest(NamedTuple, Generic[T]):
    until: float
    what: T
    is_probed: bool = False  # somebody was let through since, and has not said what came of it


class CredentialCircuit(Generic[T]):
    """What each credential was refused with. Bounded: one that falls out is merely asked about once more."""

    def __init__(self, cooldown: float, clock: Callable[[], float], most: int = 10_000) -> None:
        """`cooldown` in seconds, as `clock` tells them; 0: none rests."""
        self._cooldown = cooldown
        self._clock = clock
        self._rests: LRUCache[Hashable, _Rest[T]] = LRUCache(most)

    def __repr__(self) -> str:
        return f"<CredentialCircuit {self.resting} at rest>"

    @property
    def resting(self) -> int:
        """How many may not be sent now."""
        now = self._clock()
        return sum(rest.until > now for rest in self._rests.values())

    def refusal(self, key: Hashable) -> T | None:
        """What it was refused with, while it rests. None: it may be sent; after a rest by one caller, as a probe, while
        others hear the refusal for another cooldown, unless the probe is accepted.
        """
        rest = self._rests.get(key)
        if rest is None:
            return None
        now = self._clock()
        if now < rest.until:
            return rest.what
        self._rests[key] = rest._replace(until=now + self._cooldown, is_probed=True)
        return None

    def knows(self, key: Hashable) -> bool:
        """Whether it was refused lately: who may send it all the same is its probe."""
        return key in self._rests

    def refused(self, key: Hashable, what: T) -> None:
        """The upstream refused it, with this."""
        if self._cooldown > 0:
            self._rests[key] = _Rest(self._clock() + self._cooldown, what)

    def accepted(self, key: Hashable) -> None:
        """The upstream took it."""
        self._rests.pop(key, None)

    def abandoned(self, key: Hashable) -> None:
        """Its probe ended and said nothing of it: the next caller is one."""
        rest = self._rests.get(key)
        if rest is not None and rest.is_probed:
            self._rests[key] = rest._replace(until=self._clock(), is_probed=False)

    def forget(self) -> None:
        """All may be sent again: an operator says so."""
        self._rests.clear()
