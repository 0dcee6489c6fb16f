"""Routes of Larder's own interface: what each takes and answers. All that is told of them comes from here."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from proxy.answers import Answer
from proxy.typed.visitors import Visitor
from proxy.typed.work import Work


@dataclass(frozen=True, eq=False)
class Route:
    """One route, as it is documented and as it is checked."""

    method: str
    path: str  # below the root: "/v1/addresses/verify"; {name} is one segment
    summary: str
    description: str
    response: type[BaseModel]  # of a 200
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    example: Any = None  # a body that may be tried against the sandbox, or a query
    params: Mapping[str, str] = field(default_factory=dict)  # likewise, what the {names} of the path stand for
    fields: tuple[str, ...] = ("Age",)  # header fields of a good answer, beside those of each (`response_fields`)
    is_tagged: bool = False  # its answer has an ETag, and is not sent again to whoever has it
    may_be_deferred: bool = False  # `Prefer: respond-async` makes a job of it
    statuses: Mapping[int, str] = field(default_factory=lambda: {200: "The answer."})  # where there is no problem
    things: Callable[[Any], int] = lambda _body: 1  # how many a body asks for
    needs_token: bool = False  # it is read with the caller's own credential at the provider, where Larder holds none
    problems: Mapping[int, str] = field(default_factory=dict)  # status → when; beside those that any route may have
    asks_upstream: bool = True  # or shows the answer of one that did

    @property
    def name(self) -> str:
        """As logs and metrics call it."""
        return f"{self.method} {self.path}"

    @property
    def tried(self) -> str:
        """A path of it that may be tried against the sandbox."""
        return "/".join(self.params.get(part[1:-1], part) for part in self.path.split("/"))


@dataclass(frozen=True, repr=False)
class Wish:
    """A request to a route, checked."""

    visitor: Visitor
    query: Any  # of the route's model, or None
    body: Any  # likewise
    params: Mapping[str, str]  # what the {names} of the path stand for
    work: Work = field(default_factory=Work)  # how far it has got


Handler = Callable[[Wish], Awaitable[Answer]]
"""Raises LarderError. The answer's body is JSON of the route's response model."""

ANY_ROUTE: Mapping[int, str] = {
    400: "The request is malformed.",
    401: "Nobody knows who calls.",
    403: "The caller may not use the upstream.",
    421: "Without callers configured, only this machine may call.",
    422: "A field is unknown, missing, or not what it has to be; `errors` names each.",
    431: "The header fields are too large.",
    503: "No upstream could be asked; `Retry-After` says when to come again.",
    504: "No answer in time, or, with `only-if-cached`, none that is stored.",
}
_UPSTREAM = frozenset({403, 504})  # that only those have who ask one
WITH_BODY: Mapping[int, str] = {
    400: "The request is malformed, or its body is no JSON.",
    413: "The body is over 2 MiB, or over `server.max_body`.",
    415: "The body is not sent as application/json, or with a Content-Encoding.",
}
OF_CATALOGUE: Mapping[int, str] = {
    401: "Nobody knows who calls; or no token came, or one that the upstream does not take.",
    403: "The caller may not use the upstream, or its credential may not read this.",
    404: "The upstream has no such thing for this credential.",
    422: "A field is unknown, contradicts another or is not what it has to be (`errors` names each), or the list is "
    "too long to be answered whole.",
    429: "The upstream takes no more from this credential for now; `Retry-After` says for how long.",
    501: "No upstream that is configured can tell of courses.",
    502: "The upstream gave no usable answer.",
}

OF_JOB: Mapping[int, str] = {
    404: "There is no such job for this caller with this credential, or none any more.",
    503: "What is known of jobs, or the result, cannot be read here just now; `Retry-After` says when to come again.",
}
OF_DEFERRED: Mapping[int, str] = {
    429: "With `Prefer: respond-async`: this caller has as many jobs under way as it may. Or the upstream takes no "
    "more from this credential for now.",
    503: "No upstream could be asked, or, with `Prefer: respond-async`, there is no room for another job; "
    "`Retry-After` says when to come again.",
}


def problems_of(route: Route) -> Mapping[int, str]:
    """Every status but 200 that a route may answer with, and when."""
    deferred = OF_DEFERRED if route.may_be_deferred else {}
    any_route = {status: when for status, when in ANY_ROUTE.items() if route.asks_upstream or status not in _UPSTREAM}
    return {**any_route, **(WITH_BODY if route.body is not None else {}), **route.problems, **deferred}
