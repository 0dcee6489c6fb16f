"""Generations: a list as it was when somebody began to go through its pages, for as long as they may take.

Who follows the links of a list gets all its rows once, though the list be fetched anew meanwhile: the pages behind the
first come from the same fetch as that. A hard purge ends it, and so does time.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from cachetools import TTLCache

from policies.directives import CallerDirectives
from proxy.asking import Ask
from proxy.messages import Entry
from proxy.shelf import Shelf
from proxy.store.fences import Validity

LONGEST = 60.0  # seconds
MOST_BYTES = 64 * 1024 * 1024  # of lists that are remembered, whoever else keeps them
MOST_WALKS = 10_000


class _Begun(NamedTuple):
    entry: Entry
    directives: CallerDirectives  # of who began: who wants the truth gets no older one than that


class _Walk(NamedTuple):
    generation: str
    following: int  # the number of the page that comes next


class Generations:
    """The generations that somebody goes through."""

    def __init__(self, shelf: Shelf, clock: Callable[[], float]) -> None:
        """`clock` tells monotonic seconds."""
        self._shelf = shelf
        self._begun: TTLCache[Hashable, _Begun] = TTLCache(
            MOST_BYTES, LONGEST, timer=clock, getsizeof=lambda begun: len(begun.entry.body)
        )
        self._walks: TTLCache[Hashable, _Walk] = TTLCache(MOST_WALKS, LONGEST, timer=clock)

    def began(self, ask: Ask, entry: Entry, generation: str) -> None:
        """Somebody was shown the first page of this list, and may want the others."""
        if len(entry.body) <= MOST_BYTES:
            self._begun[_whose(ask), generation] = _Begun(entry, ask.directives)

    def went_on(self, ask: Ask, generation: str, *, size: int, page: int) -> None:
        """Somebody was shown the page of this number, and others follow."""
        self._walks[_whose(ask), size, ask.directives] = _Walk(generation, page + 1)

    def of_number(self, ask: Ask, *, size: int, page: int) -> Entry | None:
        """The list of which who goes from page to page wants this one."""
        walk = self._walks.get((_whose(ask), size, ask.directives))
        return self.named(ask, walk.generation) if walk is not None and 1 < page <= walk.following else None

    def named(self, ask: Ask, generation: str) -> Entry | None:
        """The list of this generation, if somebody with this credential began to go through it just so."""
        begun = self._begun.get((_whose(ask), generation))
        if begun is None or begun.directives != ask.directives:
            return None
        return begun.entry if self._shelf.validity(begun.entry) in (Validity.CURRENT, Validity.SOFT) else None


def _whose(ask: Ask) -> Hashable:
    return ask.key, ask.identity.credential
