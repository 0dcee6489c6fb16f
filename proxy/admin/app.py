"""The admin listener's application: a token before everything, then one path after the other, all errors as problems.

Routing may cost here: this is not the path of a hit.
"""

from collections.abc import Iterable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from adapters import Problem
from proxy.admin.configuration import Configuration
from proxy.admin.desk import Desk
from proxy.admin.entries import Entries
from proxy.admin.erasing import Erasing
from proxy.admin.flushing import Flushing
from proxy.admin.gate import OPERATOR, Gate
from proxy.admin.guards import GuardOrders
from proxy.admin.problems import UnknownPath, WrongMethod, problem_response
from proxy.admin.quarantine import QuarantineDesk
from proxy.admin.reading import MAX_BODY
from proxy.admin.records import Records
from proxy.admin.upstreams import UpstreamStates
from proxy.errors import LarderError


def make_admin(desk: Desk) -> web.Application:
    """The application. Serve it with `web.AppRunner(…, access_log=None)`: targets may name persons.

    Raises ValueError without a token.
    """
    entries, states, configuration = Entries(desk), UpstreamStates(desk), Configuration(desk)
    guards, records, quarantine = GuardOrders(desk), Records(desk), QuarantineDesk(desk)
    routes = [
        web.post("/admin/flush", Flushing(desk).flush),
        web.get("/admin/entries", entries.entries),
        web.get("/admin/explain", configuration.explain),
        web.get("/admin/upstreams", states.upstreams),
        web.post("/admin/upstreams/{name}/breaker", guards.breaker),
        web.post("/admin/upstreams/{name}/drain", guards.drain),
        web.get("/admin/config", configuration.config),
        web.post("/admin/config/reload", configuration.reload),
        web.get("/admin/audit", records.audit),
        web.post("/admin/undo", records.undo),
        web.get("/admin/quarantine", quarantine.listed),
        web.post("/admin/quarantine/{id}/accept", quarantine.accept),
        web.post("/admin/quarantine/{id}/discard", quarantine.discard),
        web.post("/admin/erase", Erasing(desk).erase),
        web.get("/metrics", _metrics(desk)),
    ]
    known = _on_known([route.path for route in routes])
    gate = _behind(Gate(desk.host, desk.token, lambda: desk.plans().settings.admin.operators))
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_as_problems(desk), gate, known])
    app.add_routes(routes)
    return app


def _metrics(desk: Desk) -> Handler:
    async def metrics(_: web.Request) -> web.Response:
        content_type, body = desk.exposition()
        return web.Response(body=body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})

    return metrics


def _as_problems(desk: Desk) -> Middleware:
    """Whatever goes wrong is told as a problem; what nobody foresaw is handed to the desk, and not shown."""

    @web.middleware
    async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except LarderError as error:
            return problem_response(error)
        except Exception as error:  # noqa: BLE001 - reported, and answered as what it is
            desk.on_failure(error)
            detail = "Larder failed; its log says where."
            return problem_response(LarderError(Problem(500, "Internal Server Error", detail)))

    return as_problems


def _behind(gate: Gate) -> Middleware:
    @web.middleware
    async def behind(request: web.Request, handler: Handler) -> web.StreamResponse:
        request[OPERATOR] = gate.check(request)
        return await handler(request)

    return behind


def _on_known(paths: Iterable[str]) -> Middleware:
    """What aiohttp's router says in text, said as a problem."""

    @web.middleware
    async def on_known(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPNotFound:
            raise UnknownPath(paths) from None
        except web.HTTPMethodNotAllowed as refused:
            raise WrongMethod(refused.allowed_methods) from None

    return on_known
