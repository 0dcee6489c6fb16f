"""Batch calls: many asks for one thing each as one call for all of them, and what its answer says to each."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from adapters import Batch, Kind, Received, Verdict
from policies.demand import together
from policies.http.fields import as_mapping, without
from proxy.asking import Ask
from proxy.batches.halving import halved
from proxy.calling import Calling
from proxy.errors import UpstreamUnreachable
from proxy.flights.landing import REFUSED_TOGETHER
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply
from proxy.upstream.reading import written

Said = Reply | UpstreamFailure


class BatchCalls:
    """The calls that those who go together need."""

    def __init__(self, ask: Ask, batch: Batch, calling: Calling) -> None:
        """Of `ask`, which is for many things, all is sent but its body."""
        self._ask = ask
        self._batch = batch
        self._calling = calling
        self.made = 0

    def fill(self, asks: list[Ask]) -> list[list[Ask]]:
        """As few calls as their number and size allow; what cannot stand in a body goes by itself."""
        calls, alone = list[list[Ask]](), list[list[Ask]]()
        size = self._batch.most_bytes
        for ask in asks:
            thing = self._batch.pack(ask.sent.query)
            if thing is None:
                alone.append([ask])
                continue
            more = len(written(thing)) + 1  # with a comma
            if not calls or len(calls[-1]) == self._batch.most or size + more > self._batch.most_bytes:
                calls.append([])
                size = 1  # a bracket; the other one takes the place of the last comma
            calls[-1].append(ask)
            size += more
        return calls + alone

    async def send(self, asks: list[Ask], read_up_to: ReadUpTo | None) -> AsyncIterator[tuple[Ask, Said]]:
        """One call for all of these; what is said to each. Where all were refused for what is wrong with some, it is
        found out which (`halved`): the others have their answers all the same.
        """
        spent = 0

        async def sent(group: Sequence[Ask]) -> list[Said]:
            nonlocal spent
            said = await self._sent(list(group), read_up_to)
            spent += sum(one.calls for one in said if isinstance(one, Reply))  # a failure tells its own
            return said

        async for told in halved(asks, await sent(asks), sent, self._is_refusal):
            first = told.what[0]
            if isinstance(first, Reply):
                first.calls, spent = spent, 0  # those in vain, too
            for ask, said in zip(told.group, told.what, strict=True):
                yield ask, (_given_up(said) if told.is_given_up else said)

    async def _sent(self, asks: list[Ask], read_up_to: ReadUpTo | None) -> list[Said]:
        """One call for all of these; what it says to each."""
        things = [self._batch.pack(ask.sent.query) for ask in asks]
        is_alone = None in things
        try:
            reply = await self._calling.call(
                replace(asks[0], party=None) if is_alone else self._whole(asks, written(things)),
                read_up_to=read_up_to,
            )
        except UpstreamFailure as failure:
            self.made += failure.calls
            return [failure for _ in asks]
        self.made += reply.calls
        if is_alone:
            return [reply]
        if reply.stream is not None:
            await reply.stream.close()
            problem = UpstreamUnreachable(self._ask.plan.upstream.name)
            return [UpstreamFailure("too-large", problem=problem, answered=True) for _ in asks]
        return [*self._shared(reply, len(asks))]

    def _is_refusal(self, said: list[Said]) -> bool:
        """Whether one call was refused for what it asked for; then it is so for all that went in it."""
        reply = said[0]
        if isinstance(reply, UpstreamFailure) or reply.verdict.kind is not Kind.CALLER_ERROR:
            return False
        return self._batch.refusal(Received(reply.status, reply.headers, reply.body, reply.json)) is not None

    def _whole(self, asks: list[Ask], body: bytes) -> Ask:
        demand = together(ask.demand for ask in asks)
        incoming, sent = self._ask.incoming._replace(body=body), replace(self._ask.sent, body=body)
        return replace(self._ask, incoming=incoming, sent=sent, demand=demand)

    def _shared(self, reply: Reply, count: int) -> list[Reply]:
        """What an answer to all says to each. One that is an error is everybody's."""
        shares = self._batch.share(reply.json, count) if reply.verdict.kind is Kind.ANSWER else None
        calls = [reply.calls, *[0] * (count - 1)]  # they were made once
        if shares is None:
            verdict = reply.verdict
            if verdict.kind is Kind.ANSWER:
                verdict = Verdict(Kind.UNUSABLE, detail="payload-refused")
            return [replace(reply, verdict=verdict, calls=made) for made in calls]
        fields = without(reply.fields, {"content-length"})
        headers = as_mapping(fields)
        return [
            replace(reply, fields=fields, headers=headers, body=written(share), json=share, calls=made)
            for share, made in zip(shares, calls, strict=True)
        ]


def _given_up(said: Said) -> Said:
    if isinstance(said, UpstreamFailure):
        return said
    return replace(said, verdict=REFUSED_TOGETHER)
