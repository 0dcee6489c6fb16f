"""Batching: a read of many things is as many reads of one, and what has to go upstream of them goes together.

split ─▶ each: fresh? ─▶ the others: shelf, flight, or upstream ─▶ one call for all that has to ─▶ one answer
"""

import asyncio
from dataclasses import replace

import msgspec

from adapters import Batch, Kind, Verdict
from policies.http.fields import as_mapping, without
from proxy.answers import Answer
from proxy.asker import Asker
from proxy.asking import Ask
from proxy.calling import Calling
from proxy.composing import composed, echoed
from proxy.engine import Engine
from proxy.errors import UpstreamUnreachable
from proxy.gathering import Gathering
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Reply


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
        return await self._together(ask, batch, self._asker.parts(ask, single, queries))

    async def _together(self, ask: Ask, batch: Batch, parts: list[Ask]) -> Answer:
        call = _Call(ask, batch, self._calling)
        gathering = Gathering(call.fill, call.send)
        for part in parts:
            part.party = gathering
        unlike = {part.key: part for part in parts}
        found = {key: self._engine.at_once(one) for key, one in unlike.items()}
        answers = {key: answer for key, answer in found.items() if answer is not None}
        if len(answers) < len(unlike):
            waiting = [one for key, one in unlike.items() if key not in answers]
            answers |= await self._waited_for(waiting, gathering)
        return composed(batch, [(part, answers[part.key]) for part in parts], call.made)

    async def _waited_for(self, asks: list[Ask], gathering: Gathering) -> dict[bytes | None, Answer]:
        """The answers to these. Raises LarderError where one of them has none, when all are known."""

        async def one(ask: Ask) -> Answer:
            try:
                return await self._engine.answer(ask)
            finally:
                gathering.release(ask)

        for ask in asks:
            gathering.expect(ask)
        found = await asyncio.gather(*(one(ask) for ask in asks), return_exceptions=True)
        answers = {}
        for ask, answer in zip(asks, found, strict=True):
            if isinstance(answer, BaseException):
                raise answer
            answers[ask.key] = answer
        return answers


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
