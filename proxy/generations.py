"""Generations: a list as it was when somebody began to go through its pages, for as long as they may take.

Who follows the links of a list gets all its rows once, though the list be fetched anew meanwhile: the pages behind the
first come from the same fetch as that. It ends with a hard purge, with a write by the same credential, with what the
list may be kept, and with time.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from cachetools import TTLCache

from policies import Freshness
from policies.directives import CallerDirectives
from proxy.asking import Ask
from proxy.messages import Entry
from proxy.shelf import Shelf
from proxy.store.fences import Validity
from proxy.storing import life_under

LONGEST = 60.0  # seconds
MOST_BYTES = 64 * 1024 * 1024  # of lists that are remembered, whoever else keeps them
MOST_WALKS = 10_000
MOST_BESIDE = 8  # walks of one credential through one list with pages of one size


class _Begun(NamedTuple):
    entry: Entry
    directives: CallerDirectives  # of who began: who wants the truth gets no older one than that
    at: float


class _Walk(NamedTuple):
    generation: str
    following: int  # the number of the page that comes next


class Generations:
    """The generations that somebody goes through."""

    def __init__(self, shelf: Shelf, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._shelf = shelf
        self._clock = clock
        self._monotonic = monotonic
        self._begun: TTLCache[Hashable, _Begun] = TTLCache(
            MOST_BYTES, LONGEST, timer=monotonic, getsizeof=lambda begun: len(begun.entry.body)
        )
        self._walks: TTLCache[Hashable, tuple[_Walk, ...]] = TTLCache(MOST_WALKS, LONGEST, timer=monotonic)
        self._wrote: TTLCache[str, float] = TTLCache(MOST_WALKS, LONGEST, timer=monotonic)

    def began(self, ask: Ask, entry: Entry, generation: str) -> None:
        """Somebody was shown the first page of this list, and others follow."""
        if len(entry.body) <= MOST_BYTES:
            self._begun[_whose(ask), generation] = _Begun(entry, ask.directives, self._monotonic())

    def went_on(self, ask: Ask, generation: str, *, size: int, page: int) -> None:
        """Somebody was shown the page of this number, and others follow."""
        at, shown, now = (_whose(ask), size, ask.directives), _Walk(generation, page), _Walk(generation, page + 1)
        walks = self._walks.get(at, ())
        others = [walk for walk in walks if walk not in (shown, now)]
        self._walks[at] = (*others, now)[-MOST_BESIDE:]

    def came_to_the_end(self, ask: Ask, generation: str, *, size: int, page: int) -> None:
        """Somebody was shown the last page; where it is the first too, nobody goes through an older list any more."""
        at = (_whose(ask), size, ask.directives)
        walks = self._walks.get(at, ()) if page > 1 else ()
        self._walks[at] = tuple(walk for walk in walks if walk != _Walk(generation, page))

    def wrote(self, ask: Ask) -> None:
        """Somebody may have changed something with this credential, and wants to see it."""
        self._wrote[ask.identity.credential] = self._monotonic()

    def of_number(self, ask: Ask, *, size: int, page: int) -> Entry | None:
        """The list of which who goes from page to page wants this one; the first who came to it, if there are more."""
        walks = self._walks.get((_whose(ask), size, ask.directives), ())
        walk = next((walk for walk in walks if page > 1 and walk.following == page), None)
        return self.named(ask, walk.generation) if walk is not None else None

    def named(self, ask: Ask, generation: str) -> Entry | None:
        """The list of this generation, if somebody with this credential began to go through it just so."""
        begun = self._begun.get((_whose(ask), generation))
        if begun is None or begun.directives != ask.directives:
            return None
        wrote, entry = self._wrote.get(ask.identity.credential), begun.entry
        is_seen = self._shelf.validity(entry) in (Validity.CURRENT, Validity.SOFT)
        is_gone = life_under(ask.plan, entry).at(self._clock()) is Freshness.GONE
        return None if not is_seen or is_gone or (wrote is not None and wrote >= begun.at) else entry

    def tidy(self) -> None:
        """Let go of what may not be shown any more."""
        for cache in (self._begun, self._walks, self._wrote):
            cache.expire()
        for at, begun in list(self._begun.items()):
            if self._shelf.validity(begun.entry) is Validity.HARD:
                self._begun.pop(at, None)


def _whose(ask: Ask) -> Hashable:
    return ask.key, ask.identity.credential, ask.incoming.caller
