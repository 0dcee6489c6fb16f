"""The asker: who asks, by the credential that came, and what for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from multidict import CIMultiDict

from adapters import Echo, Query, Sent
from policies import Demand, Partition
from policies.directives import caller_directives
from policies.http.conditions import CONDITIONAL
from proxy.asking import OVERRIDES, SHARED, Ask, Identity, Incoming
from proxy.keys import Digester, credential_of, joined, split_query, without_parameters, written_query
from proxy.lists.bookmarks import WALK
from proxy.plan import Plan, UpstreamPlan


class Asker:
    """Makes asks: knows the secret that keys and partitions are made under."""

    def __init__(self, secret: bytes) -> None:
        self.digester = Digester(secret)

    def ask(self, upstream: UpstreamPlan, plan: Plan, params: Mapping[str, str], incoming: Incoming) -> Ask:
        """The ask for a request that matched `plan`, one of that upstream's."""
        incoming, walk = _without_walk(plan, incoming)
        headers = incoming.headers
        sent = Sent(incoming.method, incoming.path, split_query(incoming.query), headers, incoming.body, params)
        ask = Ask(
            upstream=upstream,
            plan=plan,
            incoming=incoming,
            sent=sent,
            identity=self._identity(plan, sent, incoming.caller),
            directives=caller_directives(joined(headers, "cache-control"), joined(headers, "pragma")),
            digester=self.digester,
            walk=walk,
        )
        echo = plan.endpoint.echo
        return ask if echo is None or not ask.may_be_cached else _of_one(ask, echo)

    def parts(self, ask: Ask, single: Plan, queries: Iterable[Query]) -> Iterator[Ask]:
        """What an ask for many things asks for, each as the ask that it would be alone: the same caller with the same
        fields and the same credential, at the endpoint for one.
        """
        identity = self._identity(single, ask.sent, ask.incoming.caller)
        headers = _of_no_whole(ask.incoming.headers)
        incoming = ask.incoming._replace(method="GET", headers=headers, body=b"", informational=None)
        for query in queries:
            kept, echo = _without_echo(tuple(query), single.endpoint.echo)
            yield replace(
                ask,
                plan=single,
                incoming=incoming._replace(query=written_query(kept)),
                sent=Sent("GET", ask.sent.path, kept, headers, b"", ask.sent.params),
                identity=identity,
                demand=Demand(),
                echo=echo,
            )

    def _identity(self, plan: Plan, sent: Sent, caller: str) -> Identity:
        """The table of DESIGN.md §4, row by row."""
        upstream = plan.upstream
        wanted = plan.cache.partition if plan.cache is not None else Partition.AUTO
        if upstream.credential:
            return Identity(self._held_partition(plan, wanted, caller), "held", travels=False)
        presented = credential_of(upstream.adapter.credential_places, sent.headers, sent.query)
        if not presented:
            partition = f"caller:{caller}" if wanted is Partition.CALLER else SHARED
            return Identity(partition, "none", travels=False)
        if wanted is Partition.CALLER:  # never wider than the principal: the caller's name only narrows it
            presented = ("caller", caller, *presented)
        partition = self.digester.principal(upstream.name, presented)
        if wanted is Partition.SHARED:
            return Identity(SHARED, partition, travels=True)
        return Identity(partition, partition, travels=True)

    def _held_partition(self, plan: Plan, wanted: Partition, caller: str) -> str:
        upstream = plan.upstream
        if wanted is Partition.AUTO:
            wanted = upstream.adapter.held_partition
        if wanted is Partition.CALLER:
            return f"caller:{caller}"
        if wanted is Partition.PRINCIPAL:
            held = upstream.credential or {}
            return self.digester.principal(upstream.name, [part for item in sorted(held.items()) for part in item])
        return SHARED


def _without_walk(plan: Plan, incoming: Incoming) -> tuple[Incoming, str | None]:
    """What a link of Larder's own says beyond the upstream's is kept from the upstream, and from the key."""
    if plan.endpoint.collection is None or WALK not in incoming.query:
        return incoming, None
    walk = dict(split_query(incoming.query)).get(WALK)
    return incoming._replace(query=without_parameters(incoming.query, frozenset({WALK}))), walk


def _of_no_whole(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The header fields of a request for many things, less those that are about that request or about all of its
    answer: a range, conditions, another method.
    """
    own = CONDITIONAL.union(OVERRIDES)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in own)


def _of_one(ask: Ask, echo: Echo) -> Ask:
    """An ask whose answer is to repeat something to its caller. It is asked for as a whole, since that is written into
    it: so HEAD has the length of GET, and a part is none of another text.
    """
    query, value = _without_echo(ask.sent.query, echo)
    if query == ask.sent.query:
        return ask
    raw = without_parameters(ask.incoming.query, frozenset({echo.name}))
    incoming, sent = ask.incoming._replace(query=raw), replace(ask.sent, query=query)
    return replace(ask, incoming=incoming, sent=sent, echo=value).unconditional()


def _without_echo(query: Query, echo: Echo | None) -> tuple[Query, str | None]:
    """What an answer is to repeat is kept from the upstream and from the key: others may have the same answer."""
    if echo is None:
        return query, None
    values = [value for name, value in query if name == echo.name]
    if len(values) != 1 or values[0] is None:  # which of several it repeats, the upstream is to say
        return query, None
    return tuple(pair for pair in query if pair[0] != echo.name), values[0] or None
