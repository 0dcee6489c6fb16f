"""Generations: a list as it was when somebody began to go through its pages, for as long as they may take.

Who follows the links of a list gets all its rows once, though the list be fetched anew meanwhile: the pages behind the
first come from the same fetch as that. It ends with a hard purge, with a write by the same credential, with what the
list may be kept, and with time.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import NamedTuple

from cachetools import TTLCache

from policies import Freshness
from proxy.asking import Ask
from proxy.kept.shelf import Shelf
from proxy.kept.storing import life_under
from proxy.messages import Entry
from proxy.store.fences import Validity

LONGEST = 60.0  # seconds
MOST_BYTES = 64 * 1024 * 1024  # of lists that are remembered, whoever else keeps them
MOST_WALKS = 10_000
MOST_BESIDE = 16  # walks of one credential through one list with pages of one size
MOST_ALIKE = 4  # of these, at the same place


class _Begun(NamedTuple):
    entry: Entry
    content: str  # the same for the same rows
    at: float


class _Walk(NamedTuple):
    generation: str
    following: int  # the number of the page that comes next
    is_named: bool  # the link to that names the generation


class Generations:
    """The generations that somebody goes through."""

    def __init__(
        self, shelf: Shelf, clock: Callable[[], float], monotonic: Callable[[], float], *, is_alone: bool
    ) -> None:
        """`clock` tells seconds since the epoch. `is_alone`: no other process shows pages of the same lists."""
        self._shelf = shelf
        self._is_alone = is_alone
        self._clock = clock
        self._monotonic = monotonic
        self._begun: TTLCache[Hashable, _Begun] = TTLCache(
            MOST_BYTES, LONGEST, timer=monotonic, getsizeof=lambda begun: len(begun.entry.body)
        )
        self._walks: TTLCache[Hashable, tuple[_Walk, ...]] = TTLCache(MOST_WALKS, LONGEST, timer=monotonic)
        self._wrote: TTLCache[str, float] = TTLCache(MOST_WALKS, LONGEST, timer=monotonic)

    def began(self, ask: Ask, entry: Entry, generation: str, content: str) -> None:
        """Somebody was shown the first page of this list, and others follow."""
        if len(entry.body) <= MOST_BYTES:
            self._begun[_whose(ask), generation] = _Begun(entry, content, self._monotonic())

    def name_for(self, ask: Ask, generation: str, content: str, *, size: int) -> str:
        """What the link to the next page has to say: this generation, where somebody goes through another state of the
        list just so, and the number of a page would not tell which of both it is of; else "". Who else goes through it
        in other processes is not known: then it is said in any case.
        """
        if not self._is_alone:
            return generation
        others = {walk.generation for walk in self._walks.get(_place(ask, size), ())} - {generation}
        begun = [self._begun.get((_whose(ask), other)) for other in others if self.named(ask, other) is not None]
        return generation if any(one is not None and one.content != content for one in begun) else ""

    def went_on(self, ask: Ask, generation: str, *, size: int, page: int, is_named: bool = False) -> None:
        """Somebody was shown the page of this number, and others follow."""
        at, now = _place(ask, size), _Walk(generation, page + 1, is_named)
        walks = _less_one(self._walks.get(at, ()), generation, page)
        if walks.count(now) >= MOST_ALIKE:
            walks.remove(now)
        self._walks[at] = (*walks, now)[-MOST_BESIDE:]

    def came_to_the_end(self, ask: Ask, generation: str, *, size: int, page: int) -> None:
        """Somebody was shown the last page; where it is the first too, nobody goes through an older list any more."""
        at = _place(ask, size)
        self._walks[at] = tuple(_less_one(self._walks.get(at, ()), generation, page)) if page > 1 else ()

    def wrote(self, ask: Ask) -> None:
        """Somebody may have changed something with this credential, and wants to see it."""
        self._wrote[ask.identity.credential] = self._monotonic()

    def of_number(self, ask: Ask, *, size: int, page: int) -> Entry | None:
        """The list of which who goes from page to page wants this one: the first who came to it, if there are more.
        Who was given a link that names the generation would have followed it.
        """
        here = [walk for walk in self._walks.get(_place(ask, size), ()) if page > 1 and walk.following == page]
        walk = min(here, key=lambda one: one.is_named, default=None)
        entry = self.named(ask, walk.generation) if walk is not None else None
        # Whoever begins now may have seen page 1 in another process: then nothing that was purged goes with it.
        is_theirs = entry is None or self._is_alone or self._shelf.validity(entry) is Validity.CURRENT
        return entry if is_theirs else None

    def named(self, ask: Ask, generation: str) -> Entry | None:
        """The list of this generation, if somebody with this credential began to go through it just so."""
        begun = self._begun.get((_whose(ask), generation))
        if begun is None:
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


def _less_one(walks: Sequence[_Walk], generation: str, page: int) -> list[_Walk]:
    """The walks without the one that came to this page."""
    left = list(walks)
    here = next((walk for walk in left if (walk.generation, walk.following) == (generation, page)), None)
    if here is not None:
        left.remove(here)
    return left


def _place(ask: Ask, size: int) -> Hashable:
    return _whose(ask), size


def _whose(ask: Ask) -> Hashable:
    """Who wants the truth, say, goes through no list that was good enough for somebody else."""
    return ask.key, ask.identity.credential, ask.incoming.caller, ask.directives
