"""Visitors: who asks below /v1, and what of the request reaches which provider."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from multidict import CIMultiDict, MultiMapping

from adapters import Place, Query
from policies.directives import caller_directives
from proxy.callers.identify import Way
from proxy.callers.registry import Caller
from proxy.errors import CallerNotAllowed
from proxy.keys import joined
from proxy.plan import Plans, UpstreamPlan
from proxy.visits import Runtime

# What of a caller's header fields means something to Larder, whoever is asked. Nothing else but a credential travels:
# an Accept-Language would make another key than the same lookup has by its SDK.
_FOR_LARDER = ("Cache-Control", "Pragma", "Prefer", "X-Request-Timeout")


@dataclass(frozen=True, repr=False)  # credentials stay out of tracebacks and logs
class Visitor:
    """A caller below /v1."""

    caller: Caller
    way: Way  # how it was known
    headers: MultiMapping[str]
    query: Query  # all of it: a provider's credential may stand there
    runtime: Runtime
    base: str = ""  # what the URLs begin with that it uses

    @property
    def wants_nothing_stored(self) -> bool:
        """Whether nothing may be written down of this request and its answer (RFC 9111 §5.2.1.5)."""
        return caller_directives(joined(self.headers, "cache-control"), joined(self.headers, "pragma")).no_store

    @property
    def plans(self) -> Plans:
        """What holds for this request."""
        return self.runtime.plans

    def may_use(self, names: Iterable[str]) -> list[UpstreamPlan]:
        """Those of these upstreams that this caller may use, in this order. Raises CallerNotAllowed: it is none."""
        wanted = [self.plans.upstreams[name] for name in names]
        allowed = [upstream for upstream in wanted if self.caller.may_use(upstream.name)]
        if wanted and not allowed:
            raise CallerNotAllowed(wanted[0].name)
        return allowed


@dataclass(frozen=True, repr=False)
class Credential:
    """What of a request is the caller's own credential at one upstream."""

    fields: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()


def credentials(visitor: Visitor, upstreams: Sequence[UpstreamPlan]) -> Mapping[str, Credential]:
    """The caller's own credential for each of these upstreams for which Larder holds none.

    It stands where the provider's SDK puts it. A place that several of them read (`Authorization`, `key`) would tell
    one provider the other's secret: then nobody gets what stands there. What stands where a token for courses does is
    one, whatever is asked for: a client has it in all of its requests. Nor does anybody get a Larder key.
    """
    own = [upstream for upstream in upstreams if upstream.credential is None]
    held = [upstream for upstream in upstreams if upstream.credential is not None]
    keyed = _places(held) if visitor.way is Way.PLACE else set()
    found = {}
    for upstream in own:
        others = _places(one for one in own if one is not upstream)
        if upstream.adapter.catalogue is None:
            others |= _places(_with_tokens(visitor))
        places = set(upstream.adapter.credential_places) - others - keyed
        found[upstream.name] = _at(visitor, places)
    return found


def headers_for(visitor: Visitor, credential: Credential | None, budget: float | None) -> MultiMapping[str]:
    """The header fields of a lookup at a provider. `budget`: seconds that are left for it."""
    headers = CIMultiDict({"Content-Type": "application/json"})
    for name in _FOR_LARDER:
        for value in visitor.headers.getall(name, ()):
            headers.add(name, value)
    if budget is not None:
        headers["X-Request-Timeout"] = f"{max(budget, 0.001):.3f}"
    for name, value in credential.fields if credential is not None else ():
        headers.add(name, value)
    return headers


def query_for(credential: Credential | None, lookup: Query) -> str:
    """The raw query of a lookup at a provider."""
    own = credential.query if credential is not None else ()
    return urlencode([*own, *((name, value or "") for name, value in lookup)])


def _with_tokens(visitor: Visitor) -> Iterable[UpstreamPlan]:
    """The upstreams that this caller may ask for courses with a token of its own."""
    own = (one for one in visitor.plans.upstreams.values() if one.credential is None)
    return (one for one in own if one.adapter.catalogue is not None and visitor.caller.may_use(one.name))


def _places(upstreams: Iterable[UpstreamPlan]) -> set[Place]:
    return {place for upstream in upstreams for place in upstream.adapter.credential_places}


def _at(visitor: Visitor, places: set[Place]) -> Credential:
    names = {place.name for place in places if place.where == "header"}
    in_query = {place.name for place in places if place.where == "query"}
    return Credential(
        tuple((name, value) for name, value in visitor.headers.items() if name.lower() in names),
        tuple((name, value or "") for name, value in visitor.query if name in in_query),
    )
