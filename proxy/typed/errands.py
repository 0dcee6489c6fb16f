"""Errands: a checked request, and what carries it out, now or later."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from proxy.answers import Answer
from proxy.typed.reading import read_body, read_query
from proxy.typed.routes import Handler, Route, Wish
from proxy.typed.visitors import Visitor
from proxy.typed.work import Work

CALLBACK = "Larder-Callback"  # the header field that names a URL to be told when a job has ended


class Errand(NamedTuple):
    """One request to a route."""

    route: Route
    wish: Wish
    body: bytes  # as it came
    handler: Handler

    def __repr__(self) -> str:
        return f"<Errand {self.route.name}>"


class Deferring(Protocol):
    """Who may carry out an errand later."""

    async def answer(self, errand: Errand) -> Answer:
        """The errand's answer, or that it is under way. Raises LarderError."""


class Errands:
    """Makes errands."""

    def __init__(self, handlers: Mapping[Route, Handler]) -> None:
        self._handlers = handlers
        self._named = {route.name: route for route in handlers}

    def named(self, name: str) -> Route | None:
        """The route of that name."""
        return self._named.get(name)

    def errand(
        self, route: Route, visitor: Visitor, params: Mapping[str, str], body: bytes, work: Work | None = None
    ) -> Errand:
        """A request to a route, checked. Raises LarderError."""
        places = [place for one in visitor.plans.upstreams.values() for place in one.adapter.credential_places]
        query = read_query(route.query, visitor.query, {place.name for place in places if place.where == "query"})
        read = None if route.body is None else read_body(route.body, body, visitor.headers)
        wish = Wish(visitor, query, read, params, work or Work(route.things(read)))
        return Errand(route, wish, body, self._handlers[route])
