"""The desk: a request below /v1 from its path to its answer.

which route ─▶ who calls ─▶ query and body as their models ─▶ the route's handler
"""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

from proxy.answers import Answer
from proxy.callers.registry import Caller
from proxy.http.door import Admitted
from proxy.http.wire import WholeResponse
from proxy.keys import split_query
from proxy.plan import UpstreamPlan
from proxy.routing import Match, Router, decoded_segments
from proxy.typed.errands import CALLBACK, Deferring, Errands
from proxy.typed.errors import MethodNotAllowed, UnknownRoute
from proxy.typed.openapi import openapi_json
from proxy.typed.page import page_of
from proxy.typed.routes import Handler, Route
from proxy.typed.visitors import Visitor
from proxy.visits import Address, Runtime, known, origin_of
from proxy.visits import read_body as bytes_of

ROOT = "v1"
OPENAPI = "openapi.json"
MOST_BYTES = 2 * 1024 * 1024  # of a body, which is read at a stretch: a thousand addresses have a tenth of that

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Called(NamedTuple):
    """Who calls which route."""

    route: Route
    caller: Caller
    params: Mapping[str, str]
    visitor: Visitor


class Desk:
    """Answers what stands in the table of routes, and tells of it."""

    def __init__(self, handlers: Mapping[Route, Handler], deferring: Deferring) -> None:
        self.errands = Errands(handlers)
        self._handlers = handlers
        self._deferring = deferring
        self._router = Router([(route.name, route) for route in handlers])

    @cached_property
    def _openapi(self) -> bytes:
        """Made when it is asked for: it takes longer than all else of a start."""
        return openapi_json(self._handlers)

    @cached_property
    def _page(self) -> bytes:
        return page_of(self._handlers).encode()

    def document(self, method: str, path: str) -> WholeResponse | None:
        """What is told of the routes: the page at /v1 and /v1/docs, the OpenAPI document; None: it is neither.

        For everybody who gets this far: nothing of it is anybody's. Raises MethodNotAllowed.
        """
        if path == f"/{OPENAPI}":
            found = ("application/json", self._openapi)
        elif path in (f"/{ROOT}", f"/{ROOT}/", f"/{ROOT}/docs"):
            found = ("text/html; charset=utf-8", self._page)
        else:
            return None
        if method not in ("GET", "HEAD"):
            raise MethodNotAllowed([f"GET {path}"])
        fields = (("Content-Type", found[0]), ("Cache-Control", "no-cache"), ("Content-Security-Policy", _POLICY))
        return WholeResponse(200, fields, found[1])

    def called(self, admitted: Admitted, path: str, address: Address, runtime: Runtime) -> Called:
        """Who calls which route. Raises UnknownRoute, MethodNotAllowed, UnknownCaller, MisdirectedHost."""
        match = self._match(admitted.request.method, path)
        origin = origin_of(admitted, runtime)
        identified = known(admitted, address, origin, _all(runtime), runtime)
        query = split_query(address.query)
        base = f"{origin.base.url}{address.prefix}"
        visitor = Visitor(identified.caller, identified.way, admitted.headers, query, runtime, base)
        return Called(match.target, identified.caller, match.params, visitor)

    async def answer(self, called: Called, admitted: Admitted) -> Answer:
        """The answer to a route. Raises LarderError."""
        route, visitor = called.route, called.visitor
        raw = b""
        if route.body is not None:
            most = min(visitor.plans.settings.server.max_body, MOST_BYTES)
            raw = await bytes_of(admitted.request, most)
        errand = self.errands.errand(route, visitor, called.params, raw)
        if route.may_be_deferred and ("Prefer" in visitor.headers or CALLBACK in visitor.headers):
            return await self._deferring.answer(errand)
        return await errand.handler(errand.wish)

    def _match(self, method: str, path: str) -> Match[Route]:
        segments = decoded_segments(path)
        match = self._router.find("GET" if method == "HEAD" else method, segments)
        if match is not None:
            return match
        others = [found.target.name for other in _METHODS if (found := self._router.find(other, segments))]
        if others:
            raise MethodNotAllowed(others)
        raise UnknownRoute(f"{method} {path}", [route.name for route in self._handlers])


_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


def _all(runtime: Runtime) -> list[UpstreamPlan]:
    return list(runtime.plans.upstreams.values())
