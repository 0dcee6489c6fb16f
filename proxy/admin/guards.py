"""Orders on an upstream: its circuit held open or closed for a time, its background work stopped for a time."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from aiohttp import web

from policies.declaring import seconds
from proxy.admin.desk import Desk
from proxy.admin.gate import by
from proxy.admin.problems import UnknownUpstreamName
from proxy.admin.reading import kind_of, nearest, read_object, read_parameters, refuse_unknown, said
from proxy.admin.writing import answer
from proxy.errors import BadRequest
from proxy.operating.given_orders import told
from proxy.upstream.orders import MOST, Order

EXAMPLE_BREAKER = '{"state": "open", "for": "10m"}'
EXAMPLE_DRAIN = '{"for": "30m"}'

_DURATION = f"a duration such as 10m, or seconds; more than none, and at most {MOST / 3600:.0f}h"


class GuardOrders:
    """Answers `POST /admin/upstreams/{name}/breaker` and `POST /admin/upstreams/{name}/drain`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def breaker(self, request: web.Request) -> web.Response:
        """Hold a circuit for a time, or let it go. Raises UnknownUpstreamName, BadRequest."""
        return await self._give(request, breaker_order(await self._document(request, EXAMPLE_BREAKER)))

    async def drain(self, request: web.Request) -> web.Response:
        """Stop background work for a time, or let it go on. Raises UnknownUpstreamName, BadRequest."""
        return await self._give(request, drain_order(await self._document(request, EXAMPLE_DRAIN)))

    async def _document(self, request: web.Request, example: str) -> dict[str, Any]:
        names = self._desk.routes()
        if request.match_info["name"] not in names:
            raise UnknownUpstreamName(nearest(request.match_info["name"], names))
        read_parameters(request, ())
        return await read_object(request, example)

    async def _give(self, request: web.Request, order: Order) -> web.Response:
        name = request.match_info["name"]
        given = await self._desk.order(name, order, by(request))
        return answer({"upstream": name, **told(given)})


def breaker_order(document: Mapping[str, Any]) -> Order:
    """The order in a body. Raises BadRequest."""
    refuse_unknown(document, ("state", "for"))
    state = document.get("state")
    if state not in ("open", "closed", "auto"):
        found = said(state) if "state" in document else "none"
        right = nearest(state if isinstance(state, str) else "", ("open", "closed", "auto"))
        raise BadRequest("state", found, f"{right}; such as {EXAMPLE_BREAKER}")
    if state == "auto":
        if "for" in document:
            raise BadRequest("for", "it beside auto", "left out: auto holds until the next order")
        return Order("auto")
    return Order(state, _for(document))


def drain_order(document: Mapping[str, Any]) -> Order:
    """The order in a body. Raises BadRequest."""
    refuse_unknown(document, ("for", "resume"))
    if "resume" not in document:
        return Order("drain", _for(document))
    if document["resume"] is not True:
        raise BadRequest("resume", kind_of(document["resume"]), "true")
    if "for" in document:
        raise BadRequest("for", "it beside resume", "left out: background work goes on until the next order")
    return Order("resume")


def _for(document: Mapping[str, Any]) -> float:
    """For how many seconds an order is to hold."""
    if "for" not in document:
        raise BadRequest("for", "none", _DURATION)
    value = document["for"]
    try:
        value = seconds(value)
    except ValueError:
        raise BadRequest("for", said(value), _DURATION) from None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadRequest("for", kind_of(value), _DURATION)
    if not isfinite(value) or not 0 < value <= MOST:
        raise BadRequest("for", "a time out of range", _DURATION)
    return float(value)
