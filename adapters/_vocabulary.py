"""The words an adapter is written in. An adapter is facts, and small pure functions where facts cannot say it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Collection as Collected
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from pydantic import TypeAdapter

from adapters._addresses import Address, Beginning, Finding, Suggestion
from adapters._batches import Batch, Fault
from adapters._courses import Course, Member, Membership, Profile, Record, Section
from adapters._exchanges import NOTHING, Exchange, Query, Received, Sent, Verdict, http_verdict
from adapters._terms import Term
from policies import (
    BreakerPolicy,
    CachePolicy,
    ConcurrencyPolicy,
    EgressPolicy,
    HedgePolicy,
    Holding,
    PacingPolicy,
    Partition,
    PayloadPolicy,
    RetryPolicy,
    TimeoutPolicy,
    WritesPolicy,
)

R_co = TypeVar("R_co", bound=Record, covariant=True)


class Echo(NamedTuple):
    """A parameter that an answer merely repeats: it is neither sent nor keyed, but written into each one's answer."""

    name: str
    write: Callable[[Any, str], Any]  # (answer, the caller's value) → that answer for this caller


class Wanted(NamedTuple):
    """The page that a request asks for."""

    size: int  # rows
    page: int | str  # its number, from 1; or the text of a bookmark


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A list that comes in pages."""

    size: int  # rows of the largest page
    parameters: frozenset[str]  # that say which page; all others say of what
    wanted: Callable[[Query], Wanted | None]  # which page a query asks for; None: the upstream is to judge
    named: Callable[[int, int | str], Query]  # (size, page) → how it is asked for
    first: str  # what stands for the first page, where pages are bookmarks
    bookmark: str  # how the text of a bookmark begins


class BadBody(ValueError):
    """A body is not what its media type says. The text is for its sender, and quotes nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takes:
    """What an endpoint takes: checked before a write is sent, so that what is wrong is said without asking anybody."""

    read: Callable[[Sent], Any]  # all that is given, or NOT_JSON where the upstream is to judge. Raises BadBody
    model: TypeAdapter[Any]  # what that has to parse as: strict on what is relied on, tolerant of all else
    spelled: Callable[[Sequence[str | int]], str]  # a place in it as its sender wrote it: "course[name]"


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


def _nothing_more(_states: Collected[str]) -> Query:
    return ()


@dataclass(frozen=True, kw_only=True)
class Reading(Generic[R_co]):
    """How something is read: at which endpoint, and what an object of its answer, or a row of it, says."""

    route: str  # a GET of this adapter; what stands for its one {name} is the id that is asked for
    read: Callable[[Any], R_co]  # never raises
    states: Callable[[Collected[str]], Query] = _nothing_more  # by which query things in these states are listed


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """How courses and those who are in them are read: each as the provider's own SDK reads it, so that both share."""

    headers: Mapping[str, str]  # that the SDK sends, as far as they are keyed
    is_id: Callable[[str], bool]  # whether a text may stand in a path as an id
    id_is: str  # what it has to be, in words
    forms: Callable[[str], tuple[str, ...]]  # in which an answer may name what an id of digits names; (): none is known
    me: str  # the id by which whoever asks is named
    courses: Reading[Course]  # of whoever asks
    course: Reading[Course]
    roster: Reading[Member]
    sections: Reading[Section]
    profile: Reading[Profile]
    courses_of: Reading[Course]  # of a person
    sections_of: Reading[Membership]  # likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One route of an upstream."""

    route: str  # "GET /api/v1/courses/{course}"; {name} is one segment, {name...} the rest of the path
    cache: CachePolicy | None = None  # None: never stored
    outcomes: Mapping[str, CachePolicy] = field(default_factory=dict)  # other rules for some answers, by name
    outcome: Callable[[Exchange], str | None] | None = None  # which of `outcomes` an answer is; None: `cache`
    model: TypeAdapter[Any] | None = None  # payload check: what a good body parses as
    holds: Callable[[Exchange], Holding] | None = None  # payload check: what is compared with the stored answer
    tags: Callable[[Exchange], Iterable[str]] | None = None  # names under which the entry is purged
    reads: bool = False  # a POST that changes nothing: cached and retried by its body
    knows_me: bool = False  # its tags want Exchange.me: the user is learned through Adapter.whoami
    canonical_query: Callable[[Query], Query] | None = None  # in place of its adapter's
    canonical_body: Callable[[bytes], bytes] | None = None  # the same
    echo: Echo | None = None
    batch: Batch | None = None
    collection: Collection | None = None  # a list of objects, each with an `id`
    takes: Takes | None = None  # a write's body; None: it is sent as it came
    volatile: frozenset[str] | None = None  # members, at any depth, that change by themselves; None: no strong ETag


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
    faults: tuple[Fault, ...] = ()  # the fields it is about; `detail` names them too
    more: Mapping[str, Any] = field(default_factory=lambda: NOTHING)  # extension members (RFC 9457 §3.2)


@dataclass(frozen=True, slots=True)
class Whoami:
    """How the user behind a credential is learned."""

    path: str  # below the upstream's prefix
    user: Callable[[Any], str | None]  # from the parsed answer


class Person(NamedTuple):
    """Somebody whose data is to be erased."""

    ids: frozenset[str]  # the forms of the upstream's id of them, as links and `whoami` tell them
    tags: frozenset[str]  # under which everything lies that is theirs, or holds them


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
    content: Callable[[Exchange], Collected[str]] | None = None  # kinds of content in a good answer; never raises
    content_terms: Mapping[str, Term] = field(default_factory=dict)  # what the terms say of each; of another: not kept
    keeps: Callable[[Sent], bool] | None = None  # False: what is asked for may not be kept at all, whatever comes
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
    person: Callable[[str], Person | None] | None = None  # a person by a tag, such as "user:7"; None: it names none
    whoami: Whoami | None = None
    shape_error: Callable[[Problem, str], bytes | None] | None = None  # (problem, path) → JSON its SDK can read
    verification: Verification | None = None  # what /v1/addresses/verify may ask it
    completion: Completion | None = None  # what /v1/addresses/autocomplete may ask it
    catalogue: Catalogue | None = None  # what /v1/courses, /v1/me and /v1/students read

    # how it is called
    writes: WritesPolicy | None = None  # None: the built-in one
    keep_at_most: float | None = None  # seconds; over every endpoint of it
    timeout: TimeoutPolicy | None = None  # None: the operator's defaults, else the built-in
    retry: RetryPolicy | None = None
    breaker: BreakerPolicy | None = None
    concurrency: ConcurrencyPolicy | None = None
    pacing: PacingPolicy | None = None
    hedge: HedgePolicy | None = None
    egress: EgressPolicy | None = None
    payload: PayloadPolicy | None = None
