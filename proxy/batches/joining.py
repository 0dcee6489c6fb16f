"""Joining: reads of one thing that have to go upstream at about the same time go there as one read of many."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple
from weakref import WeakValueDictionary

from multidict import CIMultiDict

from adapters import Batch, Query, Sent
from policies.http.fields import without
from proxy.asking import Ask, Identity
from proxy.batches.calls import BatchCalls, Said
from proxy.batches.gathering import Gathering
from proxy.calling import Calling
from proxy.flights.landing import REFUSED_TOGETHER
from proxy.keys import joined, written_query
from proxy.plan import Plan
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import ReadUpTo, Reply


class _Alike(NamedTuple):
    """What asks have to have in common to go in one call: all that is said there once for all of them."""

    many: Plan
    path: str
    identity: Identity
    common: Query
    headers: tuple[str | None, ...]


class Joining:
    """Knows who may go with whom."""

    def __init__(self, calling: Calling) -> None:
        self._calling = calling
        self._gatherings: WeakValueDictionary[_Alike, Gathering] = WeakValueDictionary()  # they live as their asks do

    def party_for(self, ask: Ask) -> Gathering | None:
        """Those whom it goes upstream with, if it has to; None where it goes by itself."""
        many, linger = ask.upstream.many_for(ask.plan), ask.plan.batch.gather
        batch = many.endpoint.batch if many is not None else None
        if not linger or many is None or batch is None or ask.sent.method != "GET" or ask.key is None:
            return None
        if batch.pack(ask.sent.query) is None:
            return None
        alike = _alike(ask, many, batch)
        gathering = self._gatherings.get(alike)
        if gathering is None:
            calls = _JoinedCalls(_of_many(ask, alike), batch, self._calling)
            gathering = self._gatherings[alike] = Gathering(calls.fill, calls.send, linger)
        return gathering


class _JoinedCalls(BatchCalls):
    """Calls for asks that know nothing of each other: what is wrong with one, or said to one, is nobody else's."""

    async def send(self, asks: list[Ask], read_up_to: ReadUpTo | None) -> AsyncIterator[tuple[Ask, Said]]:
        """As for those of one caller; but where it was given up to look whose fault it is, each is asked for by itself,
        as it would have been if it had met nobody.
        """
        given_up: list[Ask] = []
        spent = 0
        async for ask, said in super().send(asks, read_up_to):
            if isinstance(said, Reply) and said.verdict == REFUSED_TOGETHER:
                given_up.append(ask)
                spent += said.calls
            else:
                yield ask, said
        apart = await asyncio.gather(*(self._alone(ask, read_up_to) for ask in given_up))
        for ask, said in zip(given_up, apart, strict=True):
            said.calls, spent = said.calls + spent, 0  # those in vain, too
            yield ask, said

    async def _sent(self, asks: list[Ask], read_up_to: ReadUpTo | None) -> list[Said]:
        """One alone goes as it came."""
        if len(asks) == 1:
            return [await self._alone(asks[0], read_up_to)]
        return [_without_cookies(said) for said in await super()._sent(asks, read_up_to)]

    async def _alone(self, ask: Ask, read_up_to: ReadUpTo | None) -> Said:
        try:
            return await self._calling.call(replace(ask, party=None), read_up_to=read_up_to)
        except UpstreamFailure as failure:
            return failure


def _without_cookies(said: Said) -> Said:
    """What many are told sets nobody's cookies. `headers` still has them: such an answer is not kept."""
    if isinstance(said, UpstreamFailure):
        said.reply = None if said.reply is None else _bare(said.reply)
        return said
    return _bare(said)


def _bare(reply: Reply) -> Reply:
    return replace(reply, fields=without(reply.fields, {"set-cookie"}))


def _alike(ask: Ask, many: Plan, batch: Batch) -> _Alike:
    names = [name for name in ask.plan.upstream.adapter.keyed_headers if name != "content-type"]  # of no body
    return _Alike(
        many,
        ask.incoming.path,
        ask.identity,
        tuple(pair for pair in ask.sent.query if pair[0] in batch.common),
        tuple(joined(ask.sent.headers, name) for name in names),
    )


def _of_many(ask: Ask, alike: _Alike) -> Ask:
    """The same caller's ask for many things, as yet without any."""
    headers = CIMultiDict(ask.incoming.headers)
    headers.popall("Content-Encoding", None)
    headers["Content-Type"] = "application/json"
    query = written_query(alike.common)
    incoming = ask.incoming._replace(method="POST", query=query, headers=headers, informational=None)
    sent = Sent("POST", alike.path, alike.common, headers, b"", ask.sent.params)
    return replace(ask, plan=alike.many, incoming=incoming, sent=sent, echo=None, party=None)
