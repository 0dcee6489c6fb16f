"""What goes to an upstream and comes back, as the functions of an adapter read it, and what an answer means."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any, NamedTuple

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
    # The credential is no good: its partition ends (if it was the caller's). With the detail "quota-used-up" it is
    # good, but has nothing left: what it has paid for stays, and covers.
    CREDENTIAL_REFUSED = "credential refused"
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
