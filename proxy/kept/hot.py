"""What is hot: read of late in this process, so that it is fetched anew once a write has purged it.

Who reads it next finds it there, rather than wait. It is asked for by the reader's own ask, with the reader's own
credential; so the asks that brought what is kept are remembered for a while, a few hundred at most, in memory only.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from cachetools import TTLCache

from policies import HOUR, RefreshBehind
from policies.directives import NO_DIRECTIVES
from proxy.asking import Ask
from proxy.kept.shelf import Shelf
from proxy.store.fences import Validity

MOST_KNOWN = 500  # asks
KNOWN_FOR = HOUR / 2  # seconds after an ask brought an answer
MOST_REFRESHED = 20  # entries after one write
AGAIN = 30.0  # seconds after which it is done again though nobody read it in between: many a write comes in a row


class _Read(NamedTuple):
    ask: Ask
    at: float  # seconds since the epoch
    refreshed: float = 0.0  # when it was last fetched anew for a write


class Hot:
    """Knows what was read of late, and by which ask to have it again."""

    def __init__(self, shelf: Shelf, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._shelf = shelf
        self._clock = clock
        self._reads: TTLCache[bytes, _Read] = TTLCache(MOST_KNOWN, KNOWN_FOR, timer=clock)

    def brought(self, ask: Ask) -> None:
        """This ask's answer has come, and is kept."""
        cache = ask.plan.cache
        if cache is None or cache.refresh_behind is not RefreshBehind.ALLOWED or not ask.plan.writes.refresh_hot:
            return
        may_go_again = ask.party is None or ask.is_whole
        if ask.key is not None and may_go_again and ask.directives == NO_DIRECTIVES:
            self._reads[ask.key] = _Read(ask.unconditional(), self._clock())

    def purged(self, tags: AbstractSet[str], within: float) -> list[Ask]:
        """The asks for what a purge of these tags has made old, and what was read within so many seconds; the latest
        first, and no more than MOST_REFRESHED: each once for as many writes as come before somebody reads it, or AGAIN
        is over.
        """
        if not within:
            return []
        now, found = self._clock(), list[_Read]()
        for key in list(self._reads):
            read, entry = self._reads.get(key), self._shelf.memory.peek(key)
            if read is None or entry is None:
                continue
            at = max(read.at, entry.hit_at)
            if at < now - within or (at <= read.refreshed and now < read.refreshed + AGAIN):
                continue
            if not tags.isdisjoint(entry.tags) and self._shelf.validity(entry) is Validity.SOFT:
                found.append(_Read(read.ask, at, now))
        found.sort(key=lambda read: read.at, reverse=True)
        chosen = found[:MOST_REFRESHED]
        for read in chosen:
            if read.ask.key is not None:
                self._reads[read.ask.key] = read  # what takes its place was hit by nobody yet, and is as hot
        return [read.ask for read in chosen]

    def tidy(self) -> None:
        """Forget the asks, credentials and all, for what is stored no more."""
        self._reads.expire()
        for key in list(self._reads):
            entry = self._shelf.memory.peek(key)
            if entry is None or self._shelf.validity(entry) is Validity.HARD:
                self._reads.pop(key, None)

    def clear(self) -> None:
        """Forget all asks: their plans hold no more."""
        self._reads.clear()
