"""Paging: any page of a list is a cut through all of it.

page ─▶ of a list that its caller began to go through? ─▶ cut
    └─▶ the whole list, by the engine: here ─▶ cut
                                       └─▶ fetched ─▶ cut; a first page as soon as it is here
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from adapters import Collection, Wanted
from policies.http.fields import Fields, without
from proxy.answers import Answer, CacheStatus, Cut, from_entry
from proxy.asking import Ask
from proxy.batches.batching import Batching
from proxy.engine import Engine
from proxy.errors import by_itself
from proxy.flights.covering import out_of_time
from proxy.flights.flights import seen
from proxy.kept.shelf import Shelf
from proxy.lists.bookmarks import Bookmark, read
from proxy.lists.generations import Generations
from proxy.lists.leaves import Leaf, Named, leaf_of
from proxy.lists.page_by_page import PageByPage, no_such_page
from proxy.lists.pages import NotWhole, asked_for
from proxy.lists.progress import Progress
from proxy.lists.snapshots import Snapshot, is_snapshot
from proxy.lists.walking import Walker
from proxy.messages import Entry
from proxy.outgoing import target_of
from proxy.patience import TimeIsUp, within
from proxy.presenting import presented


class _Paged(NamedTuple):
    """A page that somebody wants, and the list that it is of."""

    ask: Ask
    whole: Ask
    collection: Collection
    wanted: Wanted
    bookmark: Bookmark | None

    @property
    def named(self) -> Named:
        """How links name its list."""
        return Named(list_name(self.whole), target_of(self.whole).origin)

    @property
    def is_foreign(self) -> bool:
        """Whether its bookmark is one of Larder's own, but of another list."""
        return self.bookmark is not None and self.bookmark.of != list_name(self.whole)

    @property
    def is_for_upstream(self) -> bool:
        """Whether only the upstream can tell what its bookmark says."""
        return self.bookmark is None and isinstance(self.wanted.page, str)


def list_name(whole: Ask) -> str:
    """By what bookmarks say which list they are of."""
    return whole.key.hex()[:16] if whole.key is not None else ""


class Paging:
    """Answers every ask: for a page of a list from all of it, any other as who stands behind does."""

    def __init__(
        self,
        engine: Engine,
        behind: Batching,
        walker: Walker,
        shelf: Shelf,
        *,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        is_alone: bool = True,
    ) -> None:
        """`clock` tells seconds since the epoch; `is_alone`: no other process answers for the same lists."""
        self._engine = engine
        self._behind = behind
        self._walker = walker
        self._shelf = shelf
        self._clock = clock
        self._generations = Generations(shelf, clock, monotonic, is_alone=is_alone)
        self._apart = PageByPage(behind, shelf, clock)
        self._going_on: set[asyncio.Future[Answer]] = set()

    def at_once(self, ask: Ask) -> Answer | None:
        """The answer, if memory has one that is fresh enough. Does not wait for anything."""
        paged = self._paged(ask) if ask.plan.endpoint.collection is not None else None
        if paged is None:
            return self._behind.at_once(ask)
        if paged.is_foreign:
            return no_such_page(ask)
        begun = self._begun(paged)
        if begun is not None:
            return self._from(paged, begun)
        if self._is_apart(paged):
            return self._apart.at_once(ask, paged.collection, paged.wanted) if paged.bookmark is None else None
        answer = self._engine.at_once(paged.whole)
        return None if answer is None else self._cut(paged, answer, self._shelf.look(paged.whole.key or b""))

    async def answer(self, ask: Ask) -> Answer:
        """The answer, waited for. `at_once` must have been asked first. Raises LarderError."""
        if ask.is_unsafe:
            return await self._written(ask)
        paged = self._paged(ask) if ask.plan.endpoint.collection is not None else None
        if paged is None:
            return await self._behind.answer(ask)
        begun = await self._going_on_from_early(paged) if not paged.is_for_upstream else None
        if begun is not None:
            return self._from(paged, begun) or await self._by_itself(ask)
        if self._is_apart(paged):
            return await self._page_by_page(paged)
        self._engine.at_once(paged.whole)  # it notes when the caller came
        try:
            answer = await self._soonest(paged)
        except NotWhole as apart:
            by_itself(apart)
            return await self._page_by_page(paged)
        return answer or await self._by_itself(ask)

    async def _written(self, ask: Ask) -> Answer:
        """The answer to a write. Nobody with its credential goes on in a list of before it, nor of while it was under
        way.
        """
        self._generations.wrote(ask)
        try:
            return await self._behind.answer(ask)
        finally:
            self._generations.wrote(ask)

    def _from(self, paged: _Paged, begun: Entry) -> Answer | None:
        as_it_was = from_entry(begun, begun.life, self._clock(), CacheStatus(hit=True, detail="walk"), "memory")
        return self._cut(paged, as_it_was, begun)

    async def _going_on_from_early(self, paged: _Paged) -> Entry | None:
        """The list of which this caller got the first page early: it goes on in that, once all is here."""
        progress, (size, page) = self._walker.board.of(paged.whole), paged.wanted
        is_here = isinstance(page, int) and not progress.is_over and len(progress.rows) >= page * size
        if progress.all_here is None or paged.ask.incoming.caller not in progress.followers or is_here:
            return None
        try:
            await within(paged.ask.budget, asyncio.wait([progress.all_here]))
        except TimeIsUp as error:
            raise out_of_time(paged.ask) from error
        return self._begun(paged)

    def tidy(self) -> None:
        """Let go of what may not be shown any more."""
        self._generations.tidy()

    def _is_apart(self, paged: _Paged) -> bool:
        """Whether it is to be had page by page for now: since it is configured so, or its list cannot be had as one."""
        return paged.is_for_upstream or paged.ask.plan.collection is None or self._walker.is_apart(paged.whole)

    async def _by_itself(self, ask: Ask) -> Answer:
        return self._behind.at_once(ask) or await self._behind.answer(ask)

    async def _page_by_page(self, paged: _Paged) -> Answer:
        ask, collection, wanted, bookmark = paged.ask, paged.collection, paged.wanted, paged.bookmark
        if bookmark is None:
            return await self._apart.answer(ask, collection, wanted)
        return no_such_page(ask) if paged.is_foreign else await self._apart.led(ask, collection, wanted, bookmark)

    async def _soonest(self, paged: _Paged) -> Answer | None:
        """The page, as soon as its rows are here, though others be still on their way."""
        whole, progress = paged.whole, self._walker.board.of(paged.whole)
        answering = asyncio.ensure_future(self._engine.answer(whole))
        answering.add_done_callback(seen)  # though its caller leave just as it fails
        size, page = paged.wanted
        is_early = isinstance(page, int) and self._walker.kept(whole) is None  # else all pages are to be of one time
        is_early = is_early and not paged.ask.is_read  # by its tag, say, which it has once all is here
        first = (int(page) - 1) * size if is_early else 0
        here = asyncio.ensure_future(progress.has(first, size) if is_early else _never())
        try:
            await asyncio.wait({answering, here}, return_when=asyncio.FIRST_COMPLETED)
            is_here = not answering.done() and here.result() and progress.serves(whole, self._clock())
            if is_here and (first == 0 or progress.is_numbered):
                self._let_go_on(paged, answering, progress)
                return self._early(paged, progress)
            answer = await answering
        except BaseException:
            answering.cancel()
            raise
        finally:
            here.cancel()
        return self._cut(paged, answer, self._shelf.look(whole.key or b""))

    def _early(self, paged: _Paged, progress: Progress) -> Answer:
        """A page of which all rows are here."""
        walk = self._generations.name_for(paged.whole, progress.generation, "", size=paged.wanted.size)
        leaf = leaf_of(progress, paged.wanted, paged.collection, paged.named, None, walk=walk)
        status = CacheStatus(fwd="request" if paged.ask.directives.is_live else "miss", fwd_status=200)
        age, fields = int(self._clock() - progress.began_at), (*progress.fields, *leaf.fields)
        answer = Answer(200, fields, leaf.body, status, age=max(0, age), calls=1)
        return presented(paged.ask, answer, made_at=progress.began_at, now=self._clock())

    def _cut(self, paged: _Paged, answer: Answer, entry: Entry | None) -> Answer | None:
        """The page out of the whole list; None where the upstream itself has to say what that page is."""
        if answer.status != 200 or not is_snapshot(answer.body):
            return answer
        snapshot, page = Snapshot(answer.body), paged.wanted.page
        if isinstance(page, int) and page > 1 and not snapshot.head.is_numbered:
            return None
        tag, fields = _tag_in(answer.fields), without(answer.fields, {"etag"})
        is_here = entry is not None and entry.body is answer.body
        walk = self._generations.name_for(paged.whole, snapshot.generation, snapshot.content, size=paged.wanted.size)
        leaf = leaf_of(snapshot, paged.wanted, paged.collection, paged.named, paged.bookmark, tag, walk)
        if entry is not None and is_here:
            self._note(paged, leaf, entry, snapshot, walk)
        now, cut = self._clock(), None
        if page == 1 and not leaf.is_followed and paged.whole.key is not None:
            cut = Cut(paged.whole.key, partial(_all_rows, paged.wanted, paged.collection, paged.named))
        cut_out = replace(answer, body=leaf.body, fields=(*fields, *leaf.fields), cut=cut)
        return presented(paged.ask, cut_out, made_at=now - (answer.age or 0), now=now)

    def _note(self, paged: _Paged, leaf: Leaf, entry: Entry, snapshot: Snapshot, walk: str) -> None:
        """Whoever is at this page may want the next one."""
        (size, page), generation = paged.wanted, snapshot.generation
        if leaf.first == 0 and leaf.is_followed:
            self._generations.began(paged.whole, entry, generation, snapshot.content)
        if isinstance(page, int) and leaf.is_followed:
            self._generations.went_on(paged.whole, generation, size=size, page=page, is_named=bool(walk))
        elif isinstance(page, int):
            self._generations.came_to_the_end(paged.whole, generation, size=size, page=page)

    def _begun(self, paged: _Paged) -> Entry | None:
        """The list as it was when this caller began to go through it."""
        page, walk = paged.wanted.page, paged.ask.walk
        if paged.bookmark is not None:
            return self._generations.named(paged.whole, paged.bookmark.generation)
        if not isinstance(page, int) or page == 1:
            return None
        if walk is not None:
            return self._generations.named(paged.whole, walk)
        return self._generations.of_number(paged.whole, size=paged.wanted.size, page=page)

    def _paged(self, ask: Ask) -> _Paged | None:
        """The list that a page is of; None where the page is to be asked for by itself."""
        collection = ask.plan.endpoint.collection
        wanted = collection.wanted(ask.sent.query) if collection is not None and ask.may_be_cached else None
        if collection is None or wanted is None or ask.sent.method not in ("GET", "HEAD"):
            return None
        bookmark = read(collection.bookmark, wanted.page) if isinstance(wanted.page, str) else None
        whole = replace(asked_for(ask, collection), is_whole=True, party=self._walker).unconditional()
        return _Paged(ask, whole, collection, wanted, bookmark)

    def _let_go_on(self, paged: _Paged, answering: asyncio.Future[Answer], progress: Progress) -> None:
        """Others may wait for the rest; and whoever has an early page goes on from there."""
        progress.shown(paged.ask.incoming.caller, paged)
        if progress.all_here is None:
            progress.all_here = answering
            self._going_on.add(answering)
            for act in (self._going_on.discard, lambda _: self._note_early(progress, progress.early)):
                answering.add_done_callback(act)
            return
        answering.cancel()  # one is enough to see it come
        if progress.all_here.done():
            self._note_early(progress, [paged])

    def _note_early(self, progress: Progress, early: Iterable[_Paged]) -> None:
        """All is here: who has an early page of it may go on in just this list."""
        for paged in early:
            entry, (size, page) = self._shelf.look(paged.whole.key or b""), paged.wanted
            if entry is None or not is_snapshot(entry.body):
                return
            snapshot = Snapshot(entry.body)
            if snapshot.generation != progress.generation:
                return
            self._generations.began(paged.whole, entry, progress.generation, snapshot.content)
            if isinstance(page, int):
                self._generations.went_on(paged.whole, progress.generation, size=size, page=page)


def _all_rows(
    wanted: Wanted, collection: Collection, named: Named, body: bytes, fields: Fields
) -> tuple[Fields, int] | None:
    """A first page that holds all rows of a list: its fields, of the list's, and where the rows begin in its body."""
    if not is_snapshot(body):
        return None
    snapshot = Snapshot(body)
    leaf = leaf_of(snapshot, wanted, collection, named, None, _tag_in(fields))
    return None if leaf.is_followed else ((*without(fields, {"etag"}), *leaf.fields), snapshot.rows_at)


def _tag_in(fields: Fields) -> str | None:
    return next((value for name, value in fields if name.lower() == "etag"), None)


async def _never() -> bool:
    return False
