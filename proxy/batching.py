"""Batching: a read of many things is as many reads of one, and what has to go upstream of them goes together.

split ─▶ each: fresh? ─▶ the others: shelf, flight, or upstream ─▶ one call for all that has to ─▶ one answer
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import msgspec

from adapters import Batch, Kind, Query, Verdict
from policies.directives import NO_DIRECTIVES
from policies.http.fields import as_mapping, without
from proxy.answers import Answer
from proxy.asker import Asker
from proxy.asking import Ask
from proxy.breathing import breathing
from proxy.calling import Calling
from proxy.composing import composed, echoed
from proxy.engine import Engine
from proxy.errors import LarderError, UpstreamUnreachable
from proxy.gathering import Gathering
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Reply


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
            answer = await self._engine.answer(ask)
            return answer if ask.echo is None else echoed(ask, answer)
        queries = batch.split(ask.sent) if ask.may_be_cached and single.cache is not None else None
        if queries is None:
            return self._engine.at_once(ask) or await self._engine.answer(ask)
        each = await self.each(ask, queries)
        parts: list[tuple[Ask, Answer]] = []
        for part, outcome in each.found:
            if isinstance(outcome, LarderError):
                raise outcome
            parts.append((part, outcome))
        return composed(batch, parts, each.calls)

    async def each(self, ask: Ask, queries: Sequence[Query]) -> Each:
        """What each of many things is answered that would be read by these queries, at an endpoint that has a batch;
        those that have to go upstream go together. Of `ask` all is taken but its body.
        """
        batch, single = ask.plan.endpoint.batch, ask.plan.single
        if batch is None or single is None:
            raise ValueError(f"{ask.plan.name} is no read of many things")
        call = _Call(replace(ask, directives=NO_DIRECTIVES), batch, self._calling)  # its answer is always read
        gathering = Gathering(call.fill, call.send)
        parts = []
        async for query in breathing(queries):
            [part] = self._asker.parts(ask, single, [query])
            part.party = gathering
            parts.append(part)
        answers = await self._answers(parts, gathering)
        return Each(list(zip(parts, answers, strict=True)), call.made)

    async def apart(self, asks: Sequence[Ask], at_a_time: int, left: Callable[[], float | None]) -> Each:
        """What each of these is answered. No more than so many wait for the upstream at a time: a queue is for others,
        too. `left` tells how many seconds their caller gives them yet; None: as many as it takes.
        """
        answers = await self._answers(asks, None, _Turns(asyncio.Semaphore(at_a_time), left))
        unlike = {id(answer): answer for answer in answers}
        return Each(list(zip(asks, answers, strict=True)), sum(answer.calls for answer in unlike.values()))

    async def _answers(
        self, asks: Sequence[Ask], gathering: Gathering | None, turns: "_Turns | None" = None
    ) -> list[Answer | LarderError]:
        """One for each; those that are alike share theirs."""
        marks = [ask.key or at async for at, ask in breathing(enumerate(asks))]
        unlike = dict(zip(marks, asks, strict=True))
        found: dict[bytes | int, Answer | LarderError] = {}
        async for mark, ask in breathing(unlike.items()):
            answer = self._engine.at_once(ask)
            if answer is not None:
                found[mark] = answer
        waiting = {mark: ask for mark, ask in unlike.items() if mark not in found}
        for ask in waiting.values():
            if gathering is not None:
                gathering.expect(ask)
        came = await self._all_waited_for(waiting.values(), gathering, turns)
        for mark, outcome in zip(waiting, came, strict=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, LarderError):
                raise outcome
            found[mark] = outcome
        return [found[mark] for mark in marks]

    async def _all_waited_for(
        self, asks: Iterable[Ask], gathering: Gathering | None, turns: "_Turns | None"
    ) -> list[Answer | BaseException]:
        tasks: list[asyncio.Task[Answer]] = []
        try:
            async for ask in breathing(asks):
                tasks.append(asyncio.create_task(self._waited_for(ask, gathering, turns)))  # noqa: PERF401
            return await asyncio.gather(*tasks, return_exceptions=True)
        except asyncio.CancelledError:
            for task in tasks:
                task.cancel()
            raise

    async def _waited_for(self, ask: Ask, gathering: Gathering | None, turns: "_Turns | None") -> Answer:
        if turns is not None:
            async with turns.room:
                vars(ask)["budget"] = turns.left()  # who had to wait for its turn has less
                return await self._engine.answer(ask)
        try:
            return await self._engine.answer(ask)
        finally:
            if gathering is not None:
                gathering.release(ask)


class _Turns(NamedTuple):
    """Who waits for the upstream when."""

    room: asyncio.Semaphore
    left: Callable[[], float | None]


class _Call:
    """The calls that one batch needs."""

    def __init__(self, ask: Ask, batch: Batch, calling: Calling) -> None:
        self._ask = ask
        self._batch = batch
        self._calling = calling
        self.made = 0

    def fill(self, asks: list[Ask]) -> list[list[Ask]]:
        """As few calls as their number and size allow."""
        calls: list[list[Ask]] = []
        size = self._batch.most_bytes
        for ask in asks:
            more = len(self._packed([ask])) - 1  # between brackets, with a comma
            if not calls or len(calls[-1]) == self._batch.most or size + more > self._batch.most_bytes:
                calls.append([])
                size = 1
            calls[-1].append(ask)
            size += more
        return calls

    async def send(self, asks: list[Ask]) -> list[Reply]:
        """One call for all of these; what it says to each. Raises UpstreamFailure."""
        body, demand = self._packed(asks), replace(asks[0].demand)
        for ask in asks[1:]:
            demand.joined(ask.demand)
        whole = replace(
            self._ask,
            incoming=self._ask.incoming._replace(body=body),
            sent=replace(self._ask.sent, body=body),
            demand=demand,
        )
        try:
            reply = await self._calling.call(whole)
        except UpstreamFailure as failure:
            self.made += failure.calls
            raise
        self.made += reply.calls
        if reply.stream is not None:
            await reply.stream.close()
            raise UpstreamFailure("too-large", problem=UpstreamUnreachable(whole.plan.upstream.name), answered=True)
        return self._shared(reply, len(asks))

    def _packed(self, asks: list[Ask]) -> bytes:
        return msgspec.json.encode([self._batch.pack(ask.sent.query) for ask in asks])

    def _shared(self, reply: Reply, count: int) -> list[Reply]:
        """What an answer to all says to each. One that is an error is everybody's."""
        shares = self._batch.share(reply.json, count) if reply.verdict.kind is Kind.ANSWER else None
        if shares is None:
            verdict = reply.verdict
            if verdict.kind is Kind.ANSWER:
                verdict = Verdict(Kind.UNUSABLE, detail="payload-refused")
            return [replace(reply, verdict=verdict, calls=reply.calls if index == 0 else 0) for index in range(count)]
        fields = without(reply.fields, {"content-length"})
        headers = as_mapping(fields)
        return [
            replace(
                reply,
                fields=fields,
                headers=headers,
                body=msgspec.json.encode(share),
                json=share,
                calls=reply.calls if index == 0 else 0,
            )
            for index, share in enumerate(shares)
        ]
