"""Page by page: a list that is not kept whole, and which of its pages are of one time.

shown ─▶ page 1 is another one than before ───────────────────────▶ what is older is not of its list any more
      └▶ another one is, and was of the same time as the others ──▶ the same
asked for ─▶ older than that ─▶ validated first; else as any answer

So nobody gets a page of before behind one of after, as long as both were shown by this process; and where nothing comes
or goes, nothing is asked for that would not be anyway.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from cachetools import LRUCache

from adapters import Collection, Problem, Wanted
from policies.directives import NO_DIRECTIVES
from policies.http.fields import as_mapping
from proxy.answers import Answer, CacheStatus
from proxy.asking import Ask
from proxy.batches.batching import Batching
from proxy.errors import render
from proxy.kept.shelf import Shelf
from proxy.lists.bookmarks import Bookmark
from proxy.lists.pages import asked_for, page_at
from proxy.lists.snapshots import ids_in
from proxy.messages import Entry

MOST_LED = 50  # pages from the first one on
MOST_LISTS, MOST_PAGES = 2_000, 20_000  # that are remembered
LEAST = 0.001  # seconds: an age that is not a wish for what is fetched from now on

_NO_SUCH_PAGE = Problem(404, "Not found", "The specified resource does not exist.")
_Place = tuple[bytes, int | str]  # the key of a list's first page, of one size, and which page


class _Shown(NamedTuple):
    """A page as it was shown last."""

    order: tuple[int, int]  # of the entry
    rows: int  # a digest of which there are, in their order
    at: float  # when the upstream said so, in seconds since the epoch


class PageByPage:
    """Answers for pages of lists that are not kept whole."""

    def __init__(self, behind: Batching, shelf: Shelf, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._behind = behind
        self._shelf = shelf
        self._clock = clock
        self._since: LRUCache[bytes, float] = LRUCache(MOST_LISTS)  # when a list began to be as it is
        self._shown: LRUCache[_Place, _Shown] = LRUCache(MOST_PAGES)

    def at_once(self, ask: Ask, collection: Collection, wanted: Wanted) -> Answer | None:
        """The answer, if memory has one that is fresh enough and of the same time as the others."""
        place = _place(ask, collection, wanted)
        answer = self._behind.at_once(self._of_one_time(ask, place))
        if answer is not None:
            self._note(ask, place, answer)
        return answer

    async def answer(self, ask: Ask, collection: Collection, wanted: Wanted) -> Answer:
        """The answer, waited for. Raises LarderError."""
        place = _place(ask, collection, wanted)
        timely = self._of_one_time(ask, place)
        answer = self._behind.at_once(timely) or await self._behind.answer(timely)
        if answer.cache.fwd == "request" and ask.directives == NO_DIRECTIVES:
            answer.cache.fwd = "stale"  # its caller did not say so
        self._note(ask, place, answer)
        return answer

    async def led(self, ask: Ask, collection: Collection, wanted: Wanted, bookmark: Bookmark) -> Answer:
        """The page of a bookmark of Larder's own. The list may have begun as one that was not known to be too long: the
        upstream knows nothing of the bookmark, and leads there from its first page. Raises LarderError.
        """
        pages, odd = divmod(bookmark.first, wanted.size)
        if odd or pages > MOST_LED:
            return no_such_page(ask)
        following: int | str | None = 1
        for _ in range(pages + 1):
            if following is None:
                return no_such_page(ask)
            page = asked_for(ask, collection, wanted.size, following)
            answer = await self.answer(page, collection, wanted._replace(page=following))
            if answer.status != 200:
                return answer
            following = page_at(collection, as_mapping(answer.fields), "next")
        return answer

    def _of_one_time(self, ask: Ask, place: _Place) -> Ask:
        """The ask; where the page is older than the list is as it is, for one that is not."""
        since, entry = self._since.get(place[0]), self._lying(ask)
        if since is None or ask.directives.only_if_cached or (entry is not None and entry.stored_at >= since):
            return ask
        limit = max(LEAST, self._clock() - since)  # also of what only the durable store has
        oldest = ask.directives.max_age
        if oldest is not None:
            limit = min(limit, oldest)
        return replace(ask, directives=ask.directives._replace(max_age=limit))

    def _note(self, ask: Ask, place: _Place, answer: Answer) -> None:
        """A page was shown: whether it tells that the list is another one now."""
        entry = self._lying(ask)
        if entry is None or entry.status != 200 or answer.status not in (200, 304):
            return
        before, since = self._shown.get(place), self._since.get(place[0])
        if before is not None and before.order == entry.order:
            return
        shown = self._shown[place] = _Shown(entry.order, hash(ids_in(entry.body)), entry.stored_at)
        is_another = before is not None and before.rows != shown.rows
        was_of_it = before is not None and since is not None and before.at >= since  # else it was known to be older
        if (place[1] == 1 and (is_another or since is None)) or (is_another and was_of_it):
            self._since[place[0]] = entry.stored_at

    def _lying(self, ask: Ask) -> Entry | None:
        return self._shelf.look(ask.key) if ask.key is not None else None


def no_such_page(ask: Ask) -> Answer:
    """What the upstream says of a bookmark that leads nowhere."""
    status, fields, body = render(_NO_SUCH_PAGE, ask.plan.upstream.adapter, ask.incoming.path)
    return Answer(status, tuple(fields), body, CacheStatus(detail="bookmark-refused"))


def _place(ask: Ask, collection: Collection, wanted: Wanted) -> _Place:
    first = asked_for(ask, collection, wanted.size, 1)  # however this one spells it
    return first.key or b"", wanted.page
