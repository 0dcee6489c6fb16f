"""The words an adapter is written in. An adapter is facts, and small pure functions where facts cannot say it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import TypeAdapter

from adapters._addresses import Address, Beginning, Finding, Suggestion
from policies import (
    BreakerPolicy,
    CachePolicy,
    ConcurrencyPolicy,
    EgressPolicy,
    HedgePolicy,
    PacingPolicy,
    Partition,
    RetryPolicy,
    TimeoutPolicy,
)

NOTHING: Mapping[str, str] = MappingProxyType({})

Query = tuple[tuple[str, str | None], ...]
"""Form-decoded pairs in the order they came; None where a name stands without `=`."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What the upstream will see of a request, as an adapter's functions read it."""

    method: str
    path: str  # raw (percent-encoded), below the upstream's prefix, without the query
    query: Query = ()
    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)  # names in lower case
    body: bytes = b""
    params: Mapping[str, str] = field(
        default_factory=lambda: NOTHING
    )  # what the route's {names} stand for, percent-decoded

    def last(self, name: str) -> str | None:
        """The last value of a query parameter: Rack keeps the last of repeated scalars (UPSTREAMS.md §2.4)."""
        return next((value for key, value in reversed(self.query) if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a repeated query parameter, in order."""
        return tuple(value for key, value in self.query if key == name and value is not None)


@dataclass(frozen=True, slots=True)
class Received:
    """An upstream's answer. `json` is the parsed body, or NOT_JSON; big bodies of uncached endpoints are not read."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes = b""
    json: Any = None


class NotJson:
    """The body was not JSON (or was not read)."""

    def __repr__(self) -> str:
        return "NOT_JSON"


NOT_JSON = NotJson()


class Kind(Enum):
    """What an answer means for the entry it would replace, for its caller and for the guards."""

    ANSWER = "answer"  # a success: store it if the endpoint has a cache
    MISSING = "missing"  # 404 and 410: an answer, which replaces the entry, with the negative ttl
    CALLER_ERROR = "caller error"  # other 4xx: passed on, never stored, the entry stays
    FORBIDDEN = "forbidden"  # this credential may not: passed on, never covered by a stale answer, that entry goes
    CREDENTIAL_REFUSED = "credential refused"  # the credential is no good: its partition ends (if it was the caller's)
    THROTTLED = "throttled"  # too many: stale may cover it
    FAILED = "failed"  # the upstream's fault: retried where safe, stale may cover it
    UNUSABLE = "unusable"  # a success that must not replace a good entry: the payload check refused it


class Verdict(NamedTuple):
    """What an adapter makes of an answer."""

    kind: Kind
    retry_after: float | None = None  # seconds the upstream asked to be left alone
    detail: str = ""  # a fixed word for logs, metrics and Cache-Status; never data


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request with its good answer, as tags and outcomes are read from it."""

    sent: Sent
    status: int
    json: Any  # parsed body or NOT_JSON
    me: str | None = None  # the upstream's id of the user the credential belongs to, where it is known


class Echo(NamedTuple):
    """A parameter that an answer merely repeats: it is neither sent nor keyed, but written into each one's answer."""

    name: str
    write: Callable[[Any, str], Any]  # (answer, the caller's value) → that answer for this caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A read by POST of many things, each of which could be read alone: each is looked up, kept and sent by itself."""

    single: str  # the route, of the same path, by which one is read
    most: int  # things in one call
    most_bytes: int  # of its body
    split: Callable[[Sent], Sequence[Query] | None]  # the query by which each is read; None: the upstream is to judge
    pack: Callable[[Query], Mapping[str, Any]]  # such a query as it stands in a body
    share: Callable[[Any, int], Sequence[Any] | None]  # (answer, how many) → each one's; None: it does not fit
    place: Callable[[Any, int], Sequence[Any]]  # (one's answer, its place) → what the answer of all has of it


class Lookup(NamedTuple):
    """A read as an SDK would send it."""

    query: Query = ()
    body: bytes = b""  # of JSON


class Objection(NamedTuple):
    """Why a provider is not asked for an address."""

    field: str
    right: str  # what it would have to be


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """How an address is verified: what is asked at an endpoint, and what the answer says (UPSTREAMS.md §11)."""

    route: str  # of the endpoint that is asked for one address
    many: str | None = None  # of the endpoint whose batches are of that one
    ask: Callable[[Address], Lookup]
    read: Callable[[Any, Address], Finding]  # (a good answer, what was asked); never raises
    objection: Callable[[Address], Objection | None] = lambda _address: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """How an address that is being typed is completed."""

    route: str
    ask: Callable[[Beginning], Lookup]
    read: Callable[[Any], Sequence[Suggestion]]  # from a good answer; never raises
    only_if_named: bool = False  # True: an operator has to name it; its calls are billed by session, say


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route of an upstream."""

    route: str  # "GET /api/v1/courses/{course}"; {name} is one segment, {name...} the rest of the path
    cache: CachePolicy | None = None  # None: never stored
    outcomes: Mapping[str, CachePolicy] = field(default_factory=dict)  # other rules for some answers, by name
    outcome: Callable[[Exchange], str | None] | None = None  # which of `outcomes` an answer is; None: `cache`
    model: TypeAdapter[Any] | None = None  # payload check: what a good body parses as
    tags: Callable[[Exchange], Iterable[str]] | None = None  # names under which the entry is purged
    reads: bool = False  # a POST that changes nothing: cached and retried by its body
    knows_me: bool = False  # its tags want Exchange.me: the user is learned through Adapter.whoami
    canonical_query: Callable[[Query], Query] | None = None  # in place of its adapter's
    echo: Echo | None = None
    batch: Batch | None = None


class Place(NamedTuple):
    """Where in a request a credential, or a part of one, stands."""

    where: str  # "header" or "query"
    name: str  # lower case for headers


@dataclass(frozen=True, slots=True)
class Signature:
    """What a credential held by Larder adds to a request."""

    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    query: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """An error of Larder's own, before it is written in the shape its reader knows."""

    status: int
    title: str
    detail: str
    type: str = "about:blank"
    retry_after: int | None = None  # whole seconds
    more: Mapping[str, Any] = field(default_factory=lambda: NOTHING)  # extension members (RFC 9457 §3.2)


@dataclass(frozen=True, slots=True)
class Whoami:
    """How the user behind a credential is learned."""

    path: str  # below the upstream's prefix
    user: Callable[[Any], str | None]  # from the parsed answer


class Link(NamedTuple):
    """One row of the learned index: an enrollment and whom it puts where (local ids)."""

    enrollment: str
    user: str
    course: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a notification or a write means for the cache."""

    tags: frozenset[str] = frozenset()
    links: tuple[Link, ...] = ()  # rows for the index
    known: bool = True  # False: an event the adapter has no rule for; nothing is purged


def http_verdict(received: Received) -> Verdict:
    """What a status code alone says (RFC 9110 §15); adapters correct it where their provider differs."""
    status = received.status
    if status in (404, 410):
        return Verdict(Kind.MISSING)
    if status == 429:
        return Verdict(Kind.THROTTLED, detail="throttled")
    if status == 401:
        return Verdict(Kind.CREDENTIAL_REFUSED, detail="credential-refused")
    if status in (402, 403, 407):
        return Verdict(Kind.FORBIDDEN, detail="forbidden")
    if status == 408 or status >= 500:
        return Verdict(Kind.FAILED, detail="upstream-failed")
    return Verdict(Kind.CALLER_ERROR if status >= 400 else Kind.ANSWER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """Everything Larder knows about one external API."""

    base_url: str | None = None  # None: the operator has to name it
    endpoints: tuple[Endpoint, ...] = ()

    # whose answer it is
    credential_places: tuple[Place, ...] = ()  # everything in a request that says who asks
    credential_fields: tuple[str, ...] = ()  # what the operator writes under `credential:`
    sign: Callable[[Mapping[str, str]], Signature] | None = None  # credential fields → what to add
    credential_scope: Callable[[Sent], str] = lambda _sent: (
        ""
    )  # what of it may refuse a credential, apart from the rest
    held_partition: Partition = Partition.SHARED  # the partition when Larder holds the credential
    terms: tuple[str, ...] = ()  # versions of terms, one of which an operator has to accept before anything is cached
    education_records: bool = False  # what it answers are education records (FERPA): sealed at rest when a key is set

    # what the upstream sees
    api_of: Callable[[str], tuple[str, str] | None] | None = None  # path → ({api} of the base URL, path to send)
    keyed_headers: tuple[
        str, ...
    ] = ()  # lower case; sent on and part of the key. Others are dropped on cached endpoints
    fixed_headers: Mapping[str, str] = field(
        default_factory=lambda: NOTHING
    )  # sent with every request of a cached endpoint
    canonical_query: Callable[[Query], Query] | None = None  # equal for the upstream → equal; for the key only
    canonical_body: Callable[[bytes], bytes] | None = None  # the same for bodies of POST-reads
    canonical_header: Callable[[str, str], str] | None = None  # (name, value) → the value as it stands in the key
    bypass: Callable[[Sent], bool] | None = None  # True: this request must neither look up nor store
    by_headers: bool = False  # endpoints without a declared cache follow RFC 9111 by the upstream's headers alone

    # what its answers mean
    verdict: Callable[[Received], Verdict] = http_verdict
    quota_left: Callable[[Mapping[str, str]], float | None] | None = None  # response headers → what is left
    quota_cost: Callable[[Mapping[str, str]], float | None] | None = None  # the same → what the call cost
    write_effect: Callable[[Sent, Received | None], Effect] | None = None  # answer None: outcome unknown
    event_effect: Callable[[Mapping[str, Any], Callable[[str], Link | None]], Effect] | None = None
    links: Callable[[Any], Iterable[Link]] | None = None  # index rows in a parsed answer
    whoami: Whoami | None = None
    shape_error: Callable[[Problem, str], bytes | None] | None = None  # (problem, path) → JSON its SDK can read
    verification: Verification | None = None  # what /v1/addresses/verify may ask it
    completion: Completion | None = None  # what /v1/addresses/autocomplete may ask it

    # how it is called
    keep_at_most: float | None = None  # seconds; over every endpoint of it
    timeout: TimeoutPolicy | None = None  # None: the operator's defaults, else the built-in
    retry: RetryPolicy | None = None
    breaker: BreakerPolicy | None = None
    concurrency: ConcurrencyPolicy | None = None
    pacing: PacingPolicy | None = None
    hedge: HedgePolicy | None = None
    egress: EgressPolicy | None = None
