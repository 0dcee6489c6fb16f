"""Pages of a list, as they are asked of its upstream and read."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from adapters import Collection, Kind
from policies.http.fields import Fields
from proxy.asking import SHARED, Ask, names_of
from proxy.calling import Calling
from proxy.errors import UpstreamUnreachable
from proxy.flights.flights import seen
from proxy.http.links import below, page_links
from proxy.kept.deciding import bar_to_storing, is_private
from proxy.keys import split_query, without_parameters
from proxy.lists.progress import Page
from proxy.lists.snapshots import Piece, Snapshot, rows_of
from proxy.messages import Entry
from proxy.outgoing import target_of
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Reply
from proxy.upstream.reading import parsed

TOO_LONG, TOO_SLOW, NOT_KEPT, INCOMPLETE = 3600.0, 600.0, 600.0, 60.0  # seconds for which that is remembered of a list
MOST_EMPTY = 10  # pages in a row with nothing on them: behind those no end is to be hoped for


class NotWhole(Exception):
    """The list is to be had page by page for now, `seconds` long: as one it is too long, or too slow, or may not be
    kept, or one of its pages cannot be had while nothing of it is stored.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"page by page for {seconds:g}s")
        self.seconds = seconds


class Refused(Exception):
    """A page is refused to this caller: what the upstream said is the answer to all of it."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("refused")
        self.reply = reply


class PageReader:
    """Asks for the pages of one list, each by what is stored of it, if something is."""

    def __init__(self, ask: Ask, calling: Calling, kept: Entry | None, most_bytes: int) -> None:
        """`ask` is for the whole list; its pages may have so many bytes together."""
        collection, policy = ask.plan.endpoint.collection, ask.plan.collection
        assert collection is not None and policy is not None  # noqa: S101, PT018 - whole asks are made for those
        self.ask = ask
        self.kept = kept
        self.collection = collection
        self.recheck = policy.recheck
        self.snapshot = Snapshot(kept.body) if kept is not None else None
        self.calls = 0
        self.is_barred = False  # a page says that it is not for the store
        self.is_unchanged = True  # no page was anything but what is stored
        self._calling = calling
        self._most_rows = policy.max_rows
        self._most_bytes = most_bytes
        self._known = [*self.snapshot.pieces()] if self.snapshot is not None else []
        self._beside = asyncio.Semaphore(ask.plan.guards.concurrency.credential)

    def forget(self) -> None:
        """Ask for all of it anew, whatever is stored."""
        self.snapshot, self._known = None, []

    async def page(self, which: int | str) -> tuple[Page | None, Reply]:
        """One page; None, with what was said, where there is none. Raises UpstreamFailure, NotWhole, Refused."""
        at = next((at for at, (piece, _) in enumerate(self._known) if piece.page == which and piece.etag), None)
        if at is not None:
            piece, rows = self._known[at]
            reply = await self._called(which, (("If-None-Match", piece.etag),))
            is_last = at == len(self._known) - 1
            if reply.status != 304:
                return self._read(which, reply), reply
            if "link" in reply.headers or not is_last:
                return self._held(at, piece, rows, reply), reply
            # It holds, but whether another one follows now, only the whole answer tells.
        reply = await self._called(which, ())
        return self._read(which, reply), reply

    async def others(self, first: Page) -> AsyncGenerator[Page, None]:
        """The pages behind the first, in order. Raises UpstreamFailure, NotWhole, Refused."""
        if first.last is None:
            pages = self._one_by_one(first)
        else:
            self._check((first.last - 1) * max(1, len(first.rows)), 0)
            pages = self._side_by_side(first.last)
        rows, size = len(first.rows), sum(map(len, first.rows))
        async with aclosing(pages):
            async for page in pages:
                rows, size = rows + len(page.rows), size + sum(map(len, page.rows))
                self._check(rows, size)
                yield page

    async def still_hold(self, pages: list[Page]) -> bool:
        """Whether these pages are still what they were, now that the others are here: where a row went from one or came
        to it meanwhile, all that follow have moved.
        """
        looks = [asyncio.ensure_future(self._holds(page)) for page in pages if page.piece.etag]
        try:
            return all(await asyncio.gather(*looks))
        finally:
            await _ended(looks)

    async def _holds(self, page: Page) -> bool:
        async with self._beside:
            reply = await self._called(page.piece.page, (("If-None-Match", page.piece.etag),))
        if reply.status == 304:
            return "link" not in reply.headers or self._last(reply) == page.last
        again = self._read(page.piece.page, reply)  # it may have members that change by themselves: its rows tell
        return again is not None and (again.last, _ids_of(again)) == (page.last, _ids_of(page))

    async def _one_by_one(self, first: Page) -> AsyncGenerator[Page, None]:
        page, seen, empty = first, {first.piece.page}, 0
        while page.following is not None:
            empty = 0 if page.rows else empty + 1
            if page.following in seen or empty > MOST_EMPTY:
                raise self.counted(UpstreamFailure("page-loop", problem=self._problem(), answered=True))
            seen.add(page.following)
            page = await self._next(page.following)
            yield page

    async def _side_by_side(self, last: int) -> AsyncGenerator[Page, None]:
        """In order, though the last page is asked for before the others: so that it tells, when it is looked at again,
        of all that came or went before it (docs/decisions/0014).
        """
        turns = {number: asyncio.ensure_future(self._in_turn(number)) for number in (last, *range(2, last)) if last > 1}
        try:
            for number in range(2, last + 1):
                yield await turns[number]
        finally:
            await _ended([*turns.values()])

    async def _in_turn(self, number: int) -> Page:
        async with self._beside:  # no more at a time than this credential may: the queue is for others too
            return await self._next(number)

    async def _next(self, which: int | str) -> Page:
        page, reply = await self.page(which)
        if page is None and reply.verdict.kind in (Kind.FORBIDDEN, Kind.CREDENTIAL_REFUSED):
            raise Refused(reply)
        if page is None:
            wait, problem = reply.verdict.retry_after, self._problem()
            raise self.counted(UpstreamFailure("pages-incomplete", problem=problem, answered=True, wait=wait))
        return page

    async def _called(self, which: int | str, conditions: Fields) -> Reply:
        try:
            reply = await self._calling.call(self._asked(which), conditions, self._calling.read_all)
        except UpstreamFailure as failure:
            self.calls += failure.calls
            raise self.counted(failure) from failure.__cause__
        self.calls += reply.calls
        self.is_unchanged = self.is_unchanged and reply.status == 304
        if reply.stream is not None:
            await reply.stream.close()
            raise NotWhole(TOO_LONG)
        if reply.verdict.kind is Kind.ANSWER and self._may_not_be_kept(reply):
            if self.kept is None:
                raise NotWhole(NOT_KEPT)
            self.is_barred = True  # it is looked at beside what is stored, and is not kept
        return reply

    def _may_not_be_kept(self, reply: Reply) -> bool:
        """Whether a page says of itself that it is not for the store, or not for all who would share it."""
        if reply.status != 304 and bar_to_storing(reply.status, reply.headers) is not None:
            return True
        return is_private(reply.headers) and self.ask.identity.partition == SHARED

    def _asked(self, which: int | str) -> Ask:
        """The ask for one page of the largest size."""
        return replace(asked_for(self.ask, self.collection, self.collection.size, which), party=None, is_whole=False)

    def _read(self, which: int | str, reply: Reply) -> Page | None:
        if reply.status != 200 or reply.verdict.kind is not Kind.ANSWER or not isinstance(reply.json, list):
            return None
        try:
            rows = rows_of(reply.body)
        except ValueError:  # it is JSON to others (UTF-16, half of a surrogate pair), and nothing to cut pages from
            raise NotWhole(NOT_KEPT) from None
        piece = Piece(len(rows), reply.headers.get("etag", ""), which)
        return Page(piece, rows, reply.json, self._page_at(reply, "next"), self._last(reply))

    def _held(self, at: int, piece: Piece, rows: list[bytes], reply: Reply) -> Page:
        """A page that the upstream says still holds; where its links are not said again, they hold too."""
        json = parsed(b"[" + b",".join(rows) + b"]")  # as when it came
        assert isinstance(json, list)  # noqa: S101 - it was a page
        if "link" in reply.headers:
            return Page(piece, rows, json, self._page_at(reply, "next"), self._last(reply))
        counted = self.snapshot is not None and self.snapshot.head.is_counted
        return Page(piece, rows, json, self._known[at + 1][0].page, len(self._known) if counted else None)

    def _last(self, reply: Reply) -> int | None:
        last = self._page_at(reply, "last")
        return last if isinstance(last, int) else None

    def _page_at(self, reply: Reply, relation: str) -> int | str | None:
        return page_at(self.collection, reply.headers, relation)

    def _check(self, rows: int, size: int) -> None:
        if rows > self._most_rows or size > self._most_bytes:
            raise NotWhole(TOO_LONG)

    def _problem(self) -> UpstreamUnreachable:
        return UpstreamUnreachable(self.ask.plan.upstream.name)

    def counted(self, failure: UpstreamFailure) -> UpstreamFailure:
        """A failure, with all calls that were made for the list."""
        failure.calls = failure.problem.calls = self.calls
        failure.problem.word = failure.detail
        return failure


async def _ended(tasks: Sequence[asyncio.Future[Any]]) -> None:
    """Whatever of it goes on is of no use any more."""
    for task in tasks:
        task.add_done_callback(seen)
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


def _ids_of(page: Page) -> list[object]:
    return [row.get("id") for row in page.json if isinstance(row, dict)]


def asked_for(ask: Ask, collection: Collection, size: int | None = None, page: int | str = 1) -> Ask:
    """The ask for one page of a list; `size` None: for the list, without a word on pages."""
    names, more = collection.parameters, collection.named(size, page) if size is not None else ()
    kept = without_parameters(ask.incoming.query, names)
    query = tuple(pair for pair in ask.sent.query if pair[0] not in names)
    raw = "&".join(part for part in (kept, urlencode(more)) if part)
    return replace(ask, incoming=ask.incoming._replace(query=raw), sent=replace(ask.sent, query=(*query, *more)))


def page_at(collection: Collection, headers: Mapping[str, str], relation: str) -> int | str | None:
    """Which page `Link` names as the next, say; None where it names none."""
    address = page_links(headers).get(relation)
    wanted = collection.wanted(split_query(address.partition("?")[2])) if address is not None else None
    return wanted.page if wanted is not None else None


def has_numbers(reader: PageReader, first: Page, reply: Reply) -> bool:
    """Whether a list's pages have numbers: its first one names another by one, or itself where it is the only one and
    nobody counts them.
    """
    if first.last is not None or isinstance(first.following, int):
        return True
    current = page_links(reply.headers).get("current", "")
    named = [value for name, value in split_query(current.partition("?")[2]) if name in reader.collection.parameters]
    return first.following is None and "1" in named


def base_of(reader: PageReader, reply: Reply) -> str:
    """What the addresses of a list's pages begin with, as the upstream names them: all but which page, and but for the
    upstream's own address, which may be another one when somebody reads them. No credential is in them.
    """
    links = page_links(reply.headers)
    said = links.get("current") or links.get("first") or links.get("next")
    if said is None and reader.snapshot is not None:
        return reader.snapshot.head.base
    target = target_of(reader.ask)
    address, _, query = below(said or target.url, target.bases).partition("?")
    secret = names_of(reader.ask.plan.upstream.adapter.credential_places, "query")
    kept = without_parameters(query, reader.collection.parameters | secret)
    return f"{address}?{kept}&" if kept else f"{address}?"
