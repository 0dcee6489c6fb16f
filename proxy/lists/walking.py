"""Walking: all pages of a list, fetched side by side or one after the other, and put together as one answer.

first page ─▶ the upstream names the last one by number: the others side by side
           └▶ else: each by the link of the one before
all fit together? ─▶ one answer; else once more without a look at what is stored; else none that is kept
"""

import asyncio
from collections.abc import Callable, Hashable
from contextlib import aclosing
from dataclasses import replace

from cachetools import TLRUCache

from adapters import Kind, Verdict
from policies import Doubt, Recheck
from policies.http.fields import as_mapping, without
from proxy.asking import Ask
from proxy.calling import Calling
from proxy.doubts.doubting import REFUSED
from proxy.kept.shelf import Shelf
from proxy.lists.pages import INCOMPLETE, TOO_LONG, TOO_SLOW, NotWhole, PageReader, Refused, base_of, has_numbers
from proxy.lists.progress import Page, Progress, ProgressBoard
from proxy.lists.snapshots import Snapshot, is_snapshot, written
from proxy.messages import Entry
from proxy.store.fences import Validity
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply

MOST_REMEMBERED = 10_000

_OF_ONE_PAGE = frozenset({"content-length", "etag", "last-modified", "link"})


class Walker:
    """Fetches whole lists, in place of the one call that an ask for one would make: its party is nobody but itself."""

    def __init__(
        self,
        calling: Calling,
        shelf: Shelf,
        max_entry: Callable[[], int],
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """`max_entry` is in bytes, `clock` tells seconds since the epoch."""
        self.board = ProgressBoard()
        self._calling = calling
        self._shelf = shelf
        self._max_entry = max_entry
        self._clock = clock
        self._apart: TLRUCache[Hashable, float] = TLRUCache(
            MOST_REMEMBERED, lambda _, seconds, now: now + seconds, timer=monotonic
        )

    def expect(self, ask: Ask) -> None:
        """Nobody goes with it."""

    def release(self, ask: Ask) -> None:
        """Nobody waits for it."""

    def is_apart(self, ask: Ask) -> bool:
        """Whether the list is to be had page by page for now."""
        return (ask.key, ask.plan.collection) in self._apart

    def is_too_long(self, ask: Ask) -> bool:
        """Whether that is so since it has too many rows or bytes."""
        return self._apart.get((ask.key, ask.plan.collection)) == TOO_LONG

    def kept(self, ask: Ask) -> Entry | None:
        """What is stored of it, whose pages may still hold."""
        entry = self._shelf.look(ask.key) if ask.key is not None else None
        if entry is None or self._shelf.validity(entry) is Validity.HARD or not is_snapshot(entry.body):
            return None
        return entry

    async def reply(self, ask: Ask, _read_up_to: ReadUpTo | None = None, /) -> Reply:
        """The whole list as one answer; where a page is refused, or the first one is none, what the upstream said
        instead. Raises UpstreamFailure, NotWhole.
        """
        progress, kept = self.board.begun(ask, self._shelf.fences, self._clock()), self.kept(ask)
        reader = PageReader(ask, self._calling, kept, self._max_entry())
        until = asyncio.get_running_loop().time() + ask.plan.timeout.total
        try:
            first, reply = await reader.page(1)  # it has its own end, as any call; and its failure is the list's
            if first is not None:
                reply = await self._whole(reader, progress, (first, reply), until)
        except NotWhole as apart:
            self._apart[ask.key, ask.plan.collection] = apart.seconds
            raise
        finally:
            progress.end()
        return replace(reply, calls=reader.calls)

    async def _whole(self, reader: PageReader, progress: Progress, first: tuple[Page, Reply], until: float) -> Reply:
        """All pages; where one cannot be had, that is the list's failure only if something is stored to cover it."""
        try:
            async with asyncio.timeout_at(until):
                return await self._fitting(reader, progress, *first)
        except TimeoutError as error:
            if asyncio.get_running_loop().time() < until:
                raise
            raise NotWhole(TOO_SLOW) from error
        except UpstreamFailure as failure:
            if reader.kept is None and failure.detail != "page-loop":  # who follows that by itself comes to no end
                raise NotWhole(INCOMPLETE) from None
            raise
        except Refused as refused:
            return refused.reply

    async def _fitting(self, reader: PageReader, progress: Progress, first: Page, reply: Reply) -> Reply:
        once = await self._once(reader, progress, first, reply)
        if once is not None and once.verdict.kind is Kind.ANSWER:
            return once
        progress.end()  # rows came and went while it was under way, or since it was stored
        reader.forget()
        page, answer = await reader.page(1)
        if page is None:
            return answer
        again = await self._once(reader, Progress(), page, answer)
        if again is not None and again.verdict.kind is Kind.UNUSABLE and _is_alike(once, again):
            return replace(again, verdict=Verdict(Kind.ANSWER))  # that is how it is, and it is otherwise in order
        if (again is None or again.verdict.kind is not Kind.ANSWER) and reader.kept is None:
            raise NotWhole(INCOMPLETE)
        return again or replace(answer, verdict=REFUSED[Doubt.INCOMPLETE])

    async def _once(self, reader: PageReader, progress: Progress, first: Page, reply: Reply) -> Reply | None:
        """All pages as one answer, which is refused where a row stands in it twice or a page is empty; None where it
        has no end, or was not of one time.
        """
        base, is_numbered = base_of(reader, reply), has_numbers(reader, first, reply)
        fields = _fields(reply, reader.kept) + ((("Cache-Control", "no-store"),) if reader.is_barred else ())
        progress.first(first, fields=fields, base=base, is_numbered=is_numbered)
        pages = await _all_pages(reader, progress, first)
        if not await self._is_of_one_time(reader, pages):
            return None
        body = written(
            [row for page in pages for row in page.rows],
            [page.piece for page in pages],
            generation=progress.generation,
            base=base,
            is_numbered=is_numbered,
            is_counted=first.last is not None,
        )
        if len(body) > self._max_entry():
            raise NotWhole(TOO_LONG)
        return replace(
            reply,
            status=200,
            fields=fields,
            headers=as_mapping(fields),
            body=body,
            json=[row for page in pages for row in page.json],
            verdict=REFUSED[Doubt.INCOMPLETE] if has_twice(pages) or has_hole(pages) else Verdict(Kind.ANSWER),
            validated_by=304 if reader.is_unchanged else None,
        )

    async def _is_of_one_time(self, reader: PageReader, pages: list[Page]) -> bool:
        """Whether nothing moved while they were fetched, as far as can be told (UPSTREAMS.md §2.4)."""
        used = reader.kept if reader.snapshot is not None else None
        if used is not None and self._shelf.validity(used) is Validity.HARD:  # nothing of it may go into another list
            return False
        lasts = {page.last for page in pages if page.last is not None}
        if len(lasts) > 1 or pages[-1].following is not None:
            return False
        may_have_moved = len(pages) > 1 and not reader.is_unchanged
        return not may_have_moved or await reader.still_hold(_telling(pages, reader.recheck))


async def _all_pages(reader: PageReader, progress: Progress, first: Page) -> list[Page]:
    """The first page, and all others as they come."""
    pages = [first]
    async with aclosing(reader.others(first)) as others:
        async for page in others:
            pages.append(page)
            if page.following is not None:  # with the last one all are here, and may be looked at together
                progress.add(page)
    return pages


def _telling(pages: list[Page], recheck: Recheck) -> list[Page]:
    """The pages that tell whether something moved. None, where each begins behind a row and not at a number."""
    first, last = pages[0], pages[-1]
    if recheck is Recheck.ALL:
        return pages
    if first.last is not None:
        return [first, last]
    return [first] if isinstance(first.following, int) else []


def _fields(reply: Reply, kept: Entry | None) -> tuple[tuple[str, str], ...]:
    """The header fields of the whole: those of its first page, but for what is about that page alone."""
    fields = kept.fields if reply.status == 304 and kept is not None else reply.fields
    return without(fields, _OF_ONE_PAGE)


def has_twice(pages: list[Page]) -> bool:
    """Whether a row stands in a list twice: it moved while that was fetched, or it always does."""
    ids = [row["id"] for page in pages for row in page.json if isinstance(row, dict) and "id" in row]
    return len(set(map(repr, ids))) < len(ids)


def has_hole(pages: list[Page]) -> bool:
    """Whether a page is empty though others follow: its rows are missing, or it always is."""
    return any(not page.rows for page in pages[:-1])


def _is_alike(one: Reply | None, other: Reply) -> bool:
    """Whether two fetches of a list brought the same rows."""
    return one is not None and Snapshot(one.body).content == Snapshot(other.body).content
