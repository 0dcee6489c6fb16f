"""The asker: who asks, by the credential that came, and what for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from urllib.parse import urlencode

from multidict import CIMultiDict

from adapters import Echo, Query, Sent
from policies import Demand, Partition
from policies.directives import caller_directives
from policies.http.conditions import CONDITIONAL
from proxy.asking import OVERRIDES, SHARED, Ask, Identity, Incoming
from proxy.keys import Digester, credential_of, joined, split_query, without_parameters
from proxy.plan import Plan


class Asker:
    """Makes asks: knows the secret that keys and partitions are made under."""

    def __init__(self, secret: bytes) -> None:
        self.digester = Digester(secret)

    def ask(self, plan: Plan, params: Mapping[str, str], incoming: Incoming) -> Ask:
        """The ask for a request that matched `plan`."""
        headers = incoming.headers
        sent = Sent(incoming.method, incoming.path, split_query(incoming.query), headers, incoming.body, params)
        ask = Ask(
            plan=plan,
            incoming=incoming,
            sent=sent,
            identity=self._identity(plan, sent, incoming.caller),
            directives=caller_directives(joined(headers, "cache-control"), joined(headers, "pragma")),
            digester=self.digester,
        )
        echo = plan.endpoint.echo
        return ask if echo is None or not ask.may_be_cached else _without_echo(ask, echo)

    def parts(self, ask: Ask, single: Plan, queries: Iterable[Query]) -> Iterator[Ask]:
        """What an ask for many things asks for, each as the ask that it would be alone: the same caller with the same
        fields and the same credential, at the endpoint for one.
        """
        echo = single.endpoint.echo
        identity = self._identity(single, ask.sent, ask.incoming.caller)
        headers = _of_no_whole(ask.incoming.headers)
        incoming = ask.incoming._replace(method="GET", headers=headers, body=b"", informational=None)
        for query in queries:
            raw = urlencode([(name, value or "") for name, value in query], errors="surrogateescape")
            sent = Sent("GET", ask.sent.path, tuple(query), headers, b"", ask.sent.params)
            part = replace(
                ask, plan=single, incoming=incoming._replace(query=raw), sent=sent, identity=identity, demand=Demand()
            )
            yield part if echo is None else _without_echo(part, echo)

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


def _of_no_whole(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The header fields of a request for many things, less those that are about that request or about all of its
    answer: a range, conditions, another method.
    """
    own = CONDITIONAL.union(OVERRIDES)
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in own)


def _without_echo(ask: Ask, echo: Echo) -> Ask:
    """What its answer is to repeat is kept from the upstream and from the key: others may have the same answer. That is
    asked for as a whole, since it is written into; so HEAD has the length of GET, and a part is none of another text.
    """
    values = ask.sent.all(echo.name)
    query = tuple(pair for pair in ask.sent.query if pair[0] != echo.name)
    if len(values) != 1 or len(query) != len(ask.sent.query) - 1:
        return ask
    raw = without_parameters(ask.incoming.query, frozenset({echo.name}))
    incoming, sent = ask.incoming._replace(query=raw), replace(ask.sent, query=query)
    return replace(ask, incoming=incoming, sent=sent, echo=values[0] or None).unconditional()
