"""Asks: a caller's request made ready: which endpoint, whose data, and which key."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import NamedTuple, Protocol

from propcache.api import cached_property

from adapters import Place, Sent
from policies import Demand
from policies.deadline import caller_budget
from policies.directives import NO_DIRECTIVES, CallerDirectives
from policies.http.conditions import CONDITIONAL, is_for_origin
from policies.http.fields import Fields
from policies.http.invalidation import SAFE_METHODS
from policies.http.vary import canonical
from proxy.keys import Digester, Part, joined, normalised, without_parameters
from proxy.plan import Plan, UpstreamPlan
from proxy.routing import decoded_segments
from proxy.upstream.messages import ReadUpTo, Reply

SHARED = "shared"

_CACHED_METHODS = frozenset({"GET", "HEAD", "QUERY"})
# What servers read in more than one way: to some `;` ends a parameter, and what is reserved in a path means another
# thing than its encoding (RFC 3986 §2.2; but for the colon, UPSTREAMS.md §10).
_ODD_QUERY = re.compile(r";|%(?![0-9A-Fa-f]{2})")
_ODD_PATH = re.compile(r"[!$&'()*+,;=@]|%(?:2[146-9A-Ca-c]|3[BDbd]|40|(?![0-9A-Fa-f]{2}))")
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")


class Incoming(NamedTuple):
    """A request as it came in, below its upstream's prefix."""

    method: str
    path: str  # raw
    query: str  # raw
    headers: Mapping[str, str]  # case-insensitive; a multidict, where fields repeat
    body: bytes
    caller: str
    informational: Callable[[int, Fields], None] | None = None  # told of 1xx answers before the final one

    @property
    def fields(self) -> Fields:
        """The header fields, with repeats, in order."""
        return tuple(self.headers.items())


@dataclass(slots=True, frozen=True)
class Identity:
    """Whose answer it is."""

    partition: str
    credential: str  # what a flight may be joined under, and what pacing counts by; a digest
    travels: bool  # the caller's own credential goes to the upstream


class Party(Protocol):
    """Asks that go upstream together."""

    def expect(self, ask: "Ask") -> None:
        """This one may yet come."""

    def release(self, ask: "Ask") -> None:
        """It will not: nobody waits for it."""

    async def reply(self, ask: "Ask", read_up_to: ReadUpTo | None = None, /) -> Reply:
        """It has come: what the upstream says to it. `read_up_to` is asked at the headers of the call that its answer
        comes by. Raises UpstreamFailure.
        """


@dataclass(eq=False)
class Ask:
    """One caller's wish, with everything the engine decides by. Built without I/O, before anything is looked up."""

    upstream: UpstreamPlan  # with all its endpoints, in case that another one has to be asked too
    plan: Plan
    incoming: Incoming
    sent: Sent
    identity: Identity
    directives: CallerDirectives
    digester: Digester
    arrived: int = 0  # the fence on arrival
    order: int = 0  # the latest fetch on arrival
    is_sure: bool = True  # on arrival all purges of other machines were heard of
    demand: Demand = field(default_factory=Demand)  # shared with those who join its call
    echo: str | None = None  # what the answer is to repeat for this caller alone
    party: Party | None = None  # those it goes upstream with, if it has to
    walk: str | None = None  # the generation of a list that it goes on in, as a link of Larder's own says
    is_whole: bool = False  # it is for all pages of a list at once
    is_read: bool = False  # Larder itself wants to know what the answer says, though it may not be kept

    @cached_property
    def key(self) -> bytes | None:
        """Under which an answer is kept; None where nothing is looked up or stored."""
        return self.key_in(self.identity.partition) if self.may_be_cached else None

    @cached_property
    def conditions(self) -> Mapping[str, str]:
        """Its preconditions and range, by lower-case name (RFC 9110 §13.1, §14.2)."""
        headers = self.sent.headers
        found = ((name, joined(headers, name)) for name in CONDITIONAL if name in headers)
        return {name: value for name, value in found if value is not None}

    @cached_property
    def budget(self) -> float | None:
        """Seconds that the caller gives its answer; None: as long as the endpoint's timeout says."""
        return caller_budget(self.incoming.headers)

    @property
    def patience(self) -> float | None:
        """Seconds that its caller waits for a flight; None: as long as that may take."""
        after = self.plan.timeout.fallback_after
        if not after or not self.demand.has_fallback:
            return self.budget
        return after if self.budget is None else min(after, self.budget)

    @property
    def wants_news(self) -> bool:
        """Whether only what is fetched from now on will do: the caller says so, or nobody knows what was purged."""
        return self.directives.is_live or not self.is_sure

    @cached_property
    def may_be_cached(self) -> bool:
        """Whether this request may look up and store at all."""
        plan = self.plan
        if self.directives.no_store or (plan.cache is None and not plan.by_headers):
            return False
        method = self.sent.method
        if method in ("GET", "HEAD") and self.sent.body:  # Rails reads parameters from it: as_user_id, say
            return False
        if self.is_unsafe or (method not in _CACHED_METHODS and not plan.endpoint.reads):
            return False
        keeps = plan.upstream.adapter.keeps
        if keeps is not None and not keeps(self.sent):
            return False
        return not (self.bypasses or is_for_origin(self.conditions))

    @cached_property
    def bypasses(self) -> bool:
        """Whether the adapter keeps this request from the cache: a session that is billed, say. Never repeated."""
        bypass = self.plan.upstream.adapter.bypass
        return bypass is not None and bypass(self.sent)

    @property
    def goes_by_headers(self) -> bool:
        """Whether the upstream's own headers decide (RFC 9111): no cache was declared, and the adapter says so."""
        return self.plan.by_headers

    @cached_property
    def is_unsafe(self) -> bool:
        """Whether it may change something at the upstream (RFC 9110 §9.2.1): a method not known to be safe, or a safe
        one that asks the upstream to take it for another.
        """
        method, headers = self.sent.method, self.sent.headers
        asked = ",".join([joined(headers, name) or "" for name in OVERRIDES if name in headers])
        if asked and any(other.strip().upper() != method for other in asked.split(",")):
            return True
        return method not in SAFE_METHODS and not self.plan.endpoint.reads

    @cached_property
    def shared_key(self) -> bytes | None:
        """Where an answer lies that RFC 9111 §3.5 lets others see, though this request carries a credential."""
        if self.key is None or not self.goes_by_headers or self.identity.partition == SHARED:
            return None
        if not self.plan.headers.share_authorized:
            return None
        return self.key_in(SHARED)

    def key_in(self, partition: str, vary: tuple[str, ...] | None = None) -> bytes:
        """The key in a partition; with the request's values of the headers that the answer varies by."""
        where = (self.plan.upstream.name, partition)
        if vary is None:
            return self.digester.digest("key", (*where, *self._keyed))
        return self.digester.digest("variant", (*where, *self._keyed_by(vary)))

    @cached_property
    def _keyed(self) -> list[Part]:
        """What its key is made of, in whatever partition."""
        return self._keyed_by(None)

    def _keyed_by(self, vary: tuple[str, ...] | None) -> list[Part]:
        method = "GET" if self.sent.method == "HEAD" else self.sent.method  # it is answered from GET's (§4.3.5)
        parts: list[Part] = [method, *self._target_parts]
        if self.is_whole:
            parts.append("whole")
        adapter = self.plan.upstream.adapter
        names = adapter.keyed_headers if vary is None else vary
        for name in names:
            if name == "content-type" and vary is None and not self.sent.body:
                continue  # it is about nothing, and is not sent
            value = joined(self.sent.headers, name)
            if value is not None and adapter.canonical_header is not None:
                value = adapter.canonical_header(name, value)
            elif vary is not None:
                value = canonical(name, value)
            parts += (name, value)
        if self.sent.body:
            canonical_body = self.plan.endpoint.canonical_body or adapter.canonical_body
            body = self.sent.body if canonical_body is None else canonical_body(self.sent.body)
            if "content-type" not in names:
                parts.append(joined(self.sent.headers, "content-type"))
            parts.append(joined(self.sent.headers, "content-encoding"))
            parts.append(body.decode("utf-8", "surrogateescape"))
        return parts

    def unconditional(self) -> "Ask":
        """The same wish for the whole answer, whatever the caller has of it already: what a refresh behind asks for."""
        method = "GET" if self.sent.method == "HEAD" else self.sent.method
        return self._plain(method, self.sent.body, self.directives)

    def as_get(self) -> "Ask":
        """What a plain GET of the same target would ask for."""
        return self._plain("GET", b"", NO_DIRECTIVES)

    def _plain(self, method: str, body: bytes, directives: CallerDirectives) -> "Ask":
        incoming = self.incoming._replace(method=method, body=body, informational=None)
        sent = replace(self.sent, method=method, body=body)
        plain = replace(self, incoming=incoming, sent=sent, directives=directives)
        vars(plain)["conditions"] = {}  # instead of those that would be read from the header fields
        return plain

    def part_key(self, key: bytes) -> bytes:
        """Where a part of the answer under `key` is kept, apart from whole ones (RFC 9111 §3.3)."""
        found = self._part_keys.get(key)
        if found is None:
            found = self._part_keys[key] = self.digester.digest("part", [key.hex()])
        return found

    @cached_property
    def _part_keys(self) -> dict[bytes, bytes]:
        return {}

    def uri_tag(self, path: str | None = None, query: str = "") -> str:
        """The tag of every answer of this target, or of another one of this upstream, in every partition: what an
        unsafe method invalidates (RFC 9111 §4.4).
        """
        if path is None:
            path, query = self.incoming.path, self.incoming.query
        target = (self._resource(path), normalised(query))
        return f"{self.plan.upstream.name}/uri:{self.digester.digest('uri', target).hex()}"

    def _resource(self, path: str) -> str:
        """A path as its resource is known by: empty is "/", where the base URL has no path (RFC 9110 §4.2.3)."""
        return normalised(path) or ("/" if self.plan.upstream.has_no_path else "")

    @cached_property
    def _target_parts(self) -> list[Part]:
        if self.plan.upstream.adapter.by_headers:
            return [self._resource(self.incoming.path), normalised(self.incoming.query)]
        segments = decoded_segments(self.incoming.path)
        adapter = self.plan.upstream.adapter
        secret = names_of(adapter.credential_places, "query")
        query = tuple(pair for pair in self.sent.query if pair[0] not in secret)
        canonical_query = self.plan.endpoint.canonical_query or adapter.canonical_query
        if canonical_query is not None:
            query = canonical_query(query)
        parts: list[Part] = [str(len(segments)), *segments, str(len(query))]
        if _ODD_QUERY.search(self.incoming.query):
            parts.append(f"?{without_parameters(self.incoming.query, secret)}")
        if _ODD_PATH.search(self.incoming.path):
            parts.append(normalised(self.incoming.path))
        for name, value in query:
            parts += (name, value)
        return parts


@lru_cache(maxsize=64)
def names_of(places: tuple[Place, ...], where: str) -> frozenset[str]:
    return frozenset(place.name for place in places if place.where == where)
