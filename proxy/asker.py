"""The asker: who asks, by the credential that came, and what for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import urlencode

from adapters import Echo, Query, Sent
from policies import Demand, Partition
from policies.directives import caller_directives
from proxy.asking import SHARED, Ask, Identity, Incoming
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

    def parts(self, ask: Ask, single: Plan, queries: Sequence[Query]) -> list[Ask]:
        """What an ask for many things asks for, each as the ask that it would be alone: the same caller with the same
        fields and the same credential, at the endpoint for one.
        """
        echo, parts = single.endpoint.echo, []
        identity = self._identity(single, ask.sent, ask.incoming.caller)
        for query in queries:
            raw = urlencode([(name, value or "") for name, value in query])
            incoming = ask.incoming._replace(method="GET", query=raw, body=b"", informational=None)
            sent = replace(ask.sent, method="GET", query=tuple(query), body=b"")
            part = replace(ask, plan=single, incoming=incoming, sent=sent, identity=identity, demand=Demand())
            parts.append(part if echo is None else _without_echo(part, echo))
        return parts

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


def _without_echo(ask: Ask, echo: Echo) -> Ask:
    """What its answer is to repeat is kept from the upstream and from the key: others may have the same answer."""
    values = ask.sent.all(echo.name)
    query = tuple(pair for pair in ask.sent.query if pair[0] != echo.name)
    if len(values) != 1 or len(query) != len(ask.sent.query) - 1:
        return ask
    raw = without_parameters(ask.incoming.query, frozenset({echo.name}))
    incoming, sent = ask.incoming._replace(query=raw), replace(ask.sent, query=query)
    return replace(ask, incoming=incoming, sent=sent, echo=values[0] or None)
