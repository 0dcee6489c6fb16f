"""Walking: all pages of a list, fetched side by side or one after the other, and put together as one answer.

first page ─▶ the upstream names the last one by number: the others side by side
           └▶ else: each by the link of the one before
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

from cachetools import TTLCache

from adapters import Kind, Verdict
from policies import Doubt
from policies.http.fields import as_mapping, without
from proxy.asking import Ask
from proxy.calling import Calling
from proxy.doubting import REFUSED
from proxy.errors import UpstreamTimeout
from proxy.messages import Entry
from proxy.pages import PageReader, TooLong, base_of
from proxy.progress import Page, Progress, ProgressBoard
from proxy.shelf import Shelf
from proxy.snapshots import is_snapshot, written
from proxy.store.fences import Validity
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply

REMEMBERED = 3600.0  # seconds for which it is known that a list is too long
MOST_REMEMBERED = 10_000

_OF_ONE_PAGE = frozenset({"content-length", "etag", "last-modified", "link"})


class Walker:
    """Fetches whole lists, in place of the one call that an ask for one would make: its party is nobody but itself."""

    def __init__(
        self, calling: Calling, shelf: Shelf, max_entry: Callable[[], int], clock: Callable[[], float]
    ) -> None:
        """`max_entry` is in bytes, `clock` tells monotonic seconds."""
        self.board = ProgressBoard()
        self._calling = calling
        self._shelf = shelf
        self._max_entry = max_entry
        self._too_long: TTLCache[bytes | None, bool] = TTLCache(MOST_REMEMBERED, REMEMBERED, timer=clock)

    def expect(self, ask: Ask) -> None:
        """Nobody goes with it."""

    def release(self, ask: Ask) -> None:
        """Nobody waits for it."""

    def is_too_long(self, ask: Ask) -> bool:
        """Whether it was found to be, not long ago."""
        return ask.key in self._too_long

    async def reply(self, ask: Ask, _read_up_to: ReadUpTo | None = None, /) -> Reply:
        """The whole list as one answer; where its first page is none, what the upstream said instead. Raises
        UpstreamFailure, TooLong.
        """
        progress, kept = self.board.begun(ask, self._shelf.fences), self.kept(ask)
        reader = PageReader(ask, self._calling, kept, self._max_entry())
        until = asyncio.get_running_loop().time() + ask.plan.timeout.total
        try:
            first, reply = await reader.page(1)  # it has its own end, as any call
            async with asyncio.timeout_at(until):
                whole = await self._whole(reader, progress, first, reply)
                if whole is None:  # rows came and went while it was under way, or since it was stored
                    progress.end()
                    reader.forget()
                    whole = await self._whole(reader, Progress(), *await reader.page(1), is_last_try=True)
        except TimeoutError as error:
            if asyncio.get_running_loop().time() < until:
                raise
            late = UpstreamFailure("timeout", problem=UpstreamTimeout(ask.plan.upstream.name))
            raise reader.counted(late) from error
        except TooLong:
            self._too_long[ask.key] = True
            raise
        finally:
            progress.end()
        assert whole is not None  # noqa: S101 - the last try takes what comes
        return replace(whole, calls=reader.calls)

    async def _whole(
        self, reader: PageReader, progress: Progress, first: Page | None, reply: Reply, *, is_last_try: bool = False
    ) -> Reply | None:
        """All pages as one answer; None where they do not fit together."""
        if first is None:
            return reply
        base, is_numbered = base_of(reader, reply), first.last is not None or isinstance(first.following, int)
        fields = _fields(reply, reader.kept)
        progress.first(first, fields=fields, base=base, is_numbered=is_numbered)
        pages = [first]
        async for page in reader.others(first):
            pages.append(page)
            if page.following is not None:  # with the last one all are here, and may be looked at together
                progress.add(page)
        is_drifted = have_drifted(pages)
        if is_drifted and not is_last_try:
            return None
        body = written(
            [row for page in pages for row in page.rows],
            [page.piece for page in pages],
            generation=uuid4().hex[:12],
            base=base,
            is_numbered=is_numbered,
            is_counted=first.last is not None,
        )
        if len(body) > self._max_entry():
            raise TooLong
        return replace(
            reply,
            status=200,
            fields=fields,
            headers=as_mapping(fields),
            body=body,
            json=[row for page in pages for row in page.json],
            verdict=REFUSED[Doubt.INCOMPLETE] if is_drifted else Verdict(Kind.ANSWER),
            validated_by=304 if reader.is_unchanged else None,
        )

    def kept(self, ask: Ask) -> Entry | None:
        """What is stored of it, whose pages may still hold."""
        entry = self._shelf.look(ask.key) if ask.key is not None else None
        if entry is None or self._shelf.validity(entry) is Validity.HARD or not is_snapshot(entry.body):
            return None
        return entry


def _fields(reply: Reply, kept: Entry | None) -> tuple[tuple[str, str], ...]:
    """The header fields of the whole: those of its first page, but for what is about that page alone."""
    fields = kept.fields if reply.status == 304 and kept is not None else reply.fields
    return without(fields, _OF_ONE_PAGE)


def have_drifted(pages: list[Page]) -> bool:
    """Whether the list changed while it was fetched: a row that moved stands in two pages or in none (UPSTREAMS.md
    §2.4). Where one is in none, the number of pages tells, or nothing does.
    """
    ids = [row["id"] for page in pages for row in page.json if isinstance(row, dict) and "id" in row]
    lasts = {page.last for page in pages if page.last is not None}
    return len(set(map(repr, ids))) < len(ids) or len(lasts) > 1 or pages[-1].following is not None
