"""Batching: a read of many things is as many reads of one, and what has to go upstream of them goes together.

split ─▶ each: fresh? ─▶ the others: shelf, flight, or upstream ─▶ one call for all that has to ─▶ one answer
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from adapters import Batch, Faults, Query
from policies.directives import NO_DIRECTIVES
from policies.preferences import LENIENT, wants_lenient
from proxy.answers import Answer
from proxy.asker import Asker
from proxy.asking import Ask
from proxy.batches.calls import BatchCalls
from proxy.batches.composing import composed, echoed
from proxy.batches.gathering import Gathering
from proxy.batches.joining import Joining
from proxy.batches.refusals import refused
from proxy.breathing import breathing
from proxy.calling import Calling
from proxy.engine import Engine
from proxy.errors import InvalidItems, LarderError, by_itself
from proxy.plan import Plan

Came = Callable[[int], None]
"""Hears that so many more have an answer."""


def unheard(_count: int) -> None:
    """Nobody wants to hear it."""


class Each(NamedTuple):
    """What many asks were answered, each by itself; or why one has no answer."""

    found: list[tuple[Ask, Answer | LarderError]]
    calls: int  # made upstream for all of them


class Batching:
    """Answers every ask: one for many things by its parts, any other as the engine does."""

    def __init__(self, engine: Engine, asker: Asker, calling: Calling) -> None:
        self._engine = engine
        self._asker = asker
        self._calling = calling
        self._joining = Joining(calling)

    def at_once(self, ask: Ask) -> Answer | None:
        """The answer, if memory has one that is fresh enough. Does not wait for anything."""
        if ask.plan.endpoint.batch is not None:
            return None  # `answer` does not wait either, where all parts are here
        answer = self._engine.at_once(ask)
        return answer if answer is None or ask.echo is None else echoed(ask, answer)

    async def answer(self, ask: Ask) -> Answer:
        """The answer, waited for. `at_once` must have been asked first. Raises LarderError."""
        batch, single = ask.plan.endpoint.batch, ask.plan.single
        if batch is None or single is None:
            ask.party = self._joining.party_for(ask)
            answer = await self._engine.answer(ask)
            return answer if ask.echo is None else echoed(ask, answer)
        is_split = ask.may_be_cached and single.cache is not None
        queries = batch.split(ask.sent) if is_split else None
        faults = batch.faults(ask.sent) if queries is None else {}  # what has some is never split
        is_lenient = wants_lenient(ask.sent.headers)
        if faults and is_split and is_lenient:
            queries = batch.split(batch.less(ask.sent, faults))
        parts = await self._parts(ask, single, queries or ())
        if not parts or not all(part.may_be_cached for part in parts):
            if faults:
                raise InvalidItems(faults, may_be_lenient=is_split and not is_lenient)
            return self._engine.at_once(ask) or await self._engine.answer(ask)
        return _whole(ask, batch, await self._each(ask, batch, parts), faults)

    async def each(self, ask: Ask, queries: Sequence[Query], came: Came = unheard) -> Each:
        """What each of many things is answered that would be read by these queries, at an endpoint that has a batch;
        those that have to go upstream go together. Of `ask` all is taken but its body. `came` hears of answers.
        """
        batch, single = ask.plan.endpoint.batch, ask.plan.single
        if batch is None or single is None:
            raise ValueError(f"{ask.plan.name} is no read of many things")
        return await self._each(ask, batch, await self._parts(ask, single, queries), came)

    async def _parts(self, ask: Ask, single: Plan, queries: Sequence[Query]) -> list[Ask]:
        return [part async for part in breathing(self._asker.parts(ask, single, queries))]

    async def _each(self, ask: Ask, batch: Batch, parts: list[Ask], came: Came = unheard) -> Each:
        calls = BatchCalls(replace(ask, directives=NO_DIRECTIVES), batch, self._calling)  # its answer is always read
        gathering = Gathering(calls.fill, calls.send)
        for part in parts:
            part.party = gathering
        answers = await self._answers(parts, gathering, came=came)
        return Each(list(zip(parts, answers, strict=True)), calls.made)

    async def apart(
        self, asks: Sequence[Ask], at_a_time: int, left: Callable[[], float | None], came: Came = unheard
    ) -> Each:
        """What each of these is answered. No more than so many wait for the upstream at a time: a queue is for others,
        too. `left` tells how many seconds their caller gives them yet; None: as many as it takes. `came` hears of
        answers.
        """
        answers = await self._answers(asks, None, _Turns(asyncio.Semaphore(at_a_time), left), came)
        unlike = {id(answer): answer for answer in answers}
        return Each(list(zip(asks, answers, strict=True)), sum(answer.calls for answer in unlike.values()))

    async def _answers(
        self,
        asks: Sequence[Ask],
        gathering: Gathering | None,
        turns: "_Turns | None" = None,
        came: Came = unheard,
    ) -> list[Answer | LarderError]:
        """One for each; those that are alike share theirs."""
        marks = [ask.key or at async for at, ask in breathing(enumerate(asks))]
        unlike = dict(zip(marks, asks, strict=True))
        many = Counter(marks)
        found: dict[bytes | int, Answer | LarderError] = {}
        async for mark, ask in breathing(unlike.items()):
            answer = self._engine.at_once(ask)
            if answer is not None:
                found[mark] = answer
                came(many[mark])
        waiting = {mark: ask for mark, ask in unlike.items() if mark not in found}
        for ask in waiting.values():
            if gathering is not None:
                gathering.expect(ask)
        waited = _Waited(gathering, turns, {id(ask): many[mark] for mark, ask in waiting.items()}, came)
        outcomes = await self._all_waited_for(waiting.values(), waited)
        for mark, outcome in zip(waiting, outcomes, strict=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, LarderError):
                raise outcome
            found[mark] = by_itself(outcome) if isinstance(outcome, LarderError) else outcome
        return [found[mark] for mark in marks]

    async def _all_waited_for(self, asks: Iterable[Ask], waited: "_Waited") -> list[Answer | BaseException]:
        tasks: dict[asyncio.Task[Answer], Ask] = {}
        try:
            async for ask in breathing(asks):
                tasks[asyncio.create_task(self._waited_for(ask, waited))] = ask
            return await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            for task, ask in tasks.items():
                if task.cancelled() or not task.done():
                    ask.demand.given_up()
                task.cancel()
            raise

    async def _waited_for(self, ask: Ask, waited: "_Waited") -> Answer:
        answer = await self._come(ask, waited.gathering, waited.turns)
        waited.came(waited.many[id(ask)])
        return answer

    async def _come(self, ask: Ask, gathering: Gathering | None, turns: "_Turns | None") -> Answer:
        if turns is not None:
            async with turns.room:
                vars(ask)["budget"] = turns.left()  # who had to wait for its turn has less
                return await self._engine.answer(ask)
        try:
            return await self._engine.answer(ask)
        finally:
            if gathering is not None:
                gathering.release(ask)


def _whole(ask: Ask, batch: Batch, each: Each, faults: Faults) -> Answer:
    """The answer to all, of those to each of what has no `faults`. Raises LarderError."""
    places = [at for at in range(len(each.found) + len(faults)) if at not in faults]
    found, is_lenient = refused(batch, places, each.found), wants_lenient(ask.sent.headers)
    wrong = found.faults
    if wrong and (len(wrong) == len(places) or not is_lenient):
        error = found.error(may_be_lenient=len(wrong) < len(places))
        error.calls = each.calls
        raise error
    good: list[tuple[Ask, Answer]] = []
    for at, (part, outcome) in zip(places, each.found, strict=True):
        if isinstance(outcome, LarderError):
            raise outcome
        if at not in wrong:
            good.append((part, outcome))
    marked = {**faults, **wrong}
    answer = composed(batch, good, each.calls, {at: batch.mark(ask.sent, at, marked[at]) for at in marked})
    answer.fields += (LENIENT,) if marked and answer.status == 200 else ()
    return answer


class _Waited(NamedTuple):
    """How asks wait, and for how many each of them stands, by its identity."""

    gathering: Gathering | None
    turns: "_Turns | None"
    many: Mapping[int, int]
    came: Came


class _Turns(NamedTuple):
    """Who waits for the upstream when."""

    room: asyncio.Semaphore
    left: Callable[[], float | None]
