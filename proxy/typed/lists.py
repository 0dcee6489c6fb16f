"""Lists: a thing, or all rows of a list, read through the same engine and entries as the transparent paths.

one ─▶ the engine ─▶ its JSON
all ─▶ kept whole? ─▶ the whole, as paging has it: one state, one age ─▶ its rows
    └▶ page by page
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

from adapters import Reading, Record
from policies import Demand
from policies.http.fields import as_mapping
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.engine import Engine
from proxy.errors import LarderError, UpstreamTimeout, by_itself
from proxy.lists.pages import NotWhole, asked_for, page_at
from proxy.lists.paging import Paging
from proxy.lists.snapshots import Snapshot, is_snapshot
from proxy.lists.walking import Walker
from proxy.typed.errors import ListTooLong
from proxy.typed.providers import good
from proxy.upstream.reading import parsed

R = TypeVar("R", bound=Record)

AT_ONCE = 100  # rows of which the JSON is read at once
MOST_PAGES = 100  # of a list that is not kept whole


class Found(NamedTuple):
    """What was read: `pages` of rows, or one thing as the one row of its only page."""

    ask: Ask
    answers: list[Answer]
    pages: AsyncIterator[list[Any]]
    asks: Sequence[Ask]  # of the answers, each as it is kept

    @property
    def parts(self) -> list[tuple[Ask, Answer]]:
        """What was asked for, with its answer."""
        return list(zip(self.asks, self.answers, strict=True))

    @property
    def oldest(self) -> Answer:
        """The answer by which all of it is as old as it is."""
        return max(self.answers, key=lambda answer: answer.age or 0)

    @property
    def calls(self) -> int:
        """Made upstream for it."""
        return sum(answer.calls for answer in self.answers)

    async def read(self, reading: Reading[R]) -> AsyncIterator[R]:
        """Each row in neutral words."""
        async for page in self.pages:
            for row in page:
                yield reading.read(row)
            await asyncio.sleep(0)


class Reader:
    """Reads for typed callers."""

    def __init__(self, engine: Engine, paging: Paging, walker: Walker, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._engine = engine
        self._paging = paging
        self._walker = walker
        self._clock = clock

    async def one(self, ask: Ask) -> Found:
        """One thing. Raises LarderError."""
        answer, json = await self._good(ask)
        return Found(ask, [answer], _pages([[json]]), [ask])

    async def all(self, ask: Ask) -> Found:
        """All rows of a list. Raises LarderError: ListTooLong, where it is."""
        if ask.plan.collection is None or not ask.may_be_cached:
            return await self._page_by_page(ask)
        whole = replace(self._pages_aside(ask), is_whole=True, party=self._walker).unconditional()
        try:
            answer = None if self._walker.is_apart(whole) else await self._whole(whole)
        except NotWhole as apart:
            by_itself(apart)
            answer = None
        if answer is None and self._walker.is_too_long(whole):
            raise _too_long(ask)
        if answer is None:
            return await self._page_by_page(ask)
        if answer.status == 200 and is_snapshot(answer.body):
            return Found(ask, [answer], _cuts(Snapshot(answer.body)), [whole])
        found = await good(ask, answer, self._clock())  # what the upstream said instead of a first page
        return Found(ask, [answer], _pages([found.json]), [whole])

    async def _whole(self, whole: Ask) -> Answer:
        return self._engine.at_once(whole) or await self._engine.answer(whole)

    async def _page_by_page(self, ask: Ask) -> Found:
        """Where an operator, or the caller, wants nothing of it kept whole, or it cannot be had so."""
        collection = ask.plan.endpoint.collection
        if collection is None:
            raise ValueError(f"{ask.plan.name} is no list")
        pages: list[Any] = []
        asks: list[Ask] = []
        answers: list[Answer] = []
        following: int | str | None = 1
        total = ask.plan.timeout.total
        try:
            async with asyncio.timeout(total if ask.budget is None else min(ask.budget, total)):
                while following is not None:
                    if len(answers) == MOST_PAGES:
                        raise _too_long(ask)
                    page = asked_for(ask, collection, collection.size, following)
                    answer, json = await self._good(replace(page, demand=Demand()))
                    asks.append(page)
                    answers.append(answer)
                    pages.append(json)
                    following = page_at(collection, as_mapping(answer.fields), "next")
        except TimeoutError:
            raise UpstreamTimeout(ask.plan.upstream.name) from None
        return Found(ask, answers, _pages(pages), asks)

    async def _good(self, ask: Ask) -> tuple[Answer, Any]:
        answer = self._paging.at_once(ask) or await self._paging.answer(ask)
        found = await good(ask, answer, self._clock())
        return answer, found.json

    def _pages_aside(self, ask: Ask) -> Ask:
        collection = ask.plan.endpoint.collection
        return ask if collection is None else asked_for(ask, collection)


def _too_long(ask: Ask) -> LarderError:
    return ListTooLong(ask.plan.upstream.name, ask.plan.name.partition(" ")[2])


async def _pages(pages: list[Any]) -> AsyncIterator[list[Any]]:
    for page in pages:
        yield page


async def _cuts(snapshot: Snapshot) -> AsyncIterator[list[Any]]:
    """Its rows, which were judged when they came; so many at a time."""
    for first in range(0, len(snapshot), AT_ONCE):
        rows = parsed(snapshot.cut(first, AT_ONCE))
        yield rows if isinstance(rows, list) else []
