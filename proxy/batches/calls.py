"""Batch calls: many asks for one thing each as one call for all of them, and what its answer says to each."""

from dataclasses import replace

from adapters import Batch, Kind, Verdict
from policies.demand import together
from policies.http.fields import as_mapping, without
from proxy.asking import Ask
from proxy.calling import Calling
from proxy.errors import UpstreamUnreachable
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply
from proxy.upstream.reading import written


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

    async def send(self, asks: list[Ask], read_up_to: ReadUpTo | None) -> list[Reply]:
        """One call for all of these; what it says to each. Raises UpstreamFailure."""
        things = [self._batch.pack(ask.sent.query) for ask in asks]
        is_alone = None in things
        try:
            reply = await self._calling.call(
                replace(asks[0], party=None) if is_alone else self._whole(asks, written(things)),
                read_up_to=read_up_to,
            )
        except UpstreamFailure as failure:
            self.made += failure.calls
            raise
        self.made += reply.calls
        if is_alone:
            return [reply]
        if reply.stream is not None:
            await reply.stream.close()
            problem = UpstreamUnreachable(self._ask.plan.upstream.name)
            raise UpstreamFailure("too-large", problem=problem, answered=True)
        return self._shared(reply, len(asks))

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
