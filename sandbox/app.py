"""The sandbox as an aiohttp application: the upstreams under their prefixes, and the control paths."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import ClientSession, ClientTimeout, web

import sandbox.canvas.routes
import sandbox.google.routes
import sandbox.smarty.routes
from sandbox import control, failing
from sandbox.canvas.delivery import finish_deliveries
from sandbox.faults import Asked
from sandbox.settings import SandboxSettings
from sandbox.state import SANDBOX, Sandbox

Upstream = Callable[[web.Request, Sandbox, str], Awaitable[web.StreamResponse]]
MOUNTS: dict[str, Upstream] = {
    "courseworks": sandbox.canvas.routes.handle,
    "smartystreets": sandbox.smarty.routes.handle,
    "google": sandbox.google.routes.handle,
}
BODY_LIMIT = 32 * 1024 * 1024  # bytes; the upstreams' own limits are theirs to enforce
COMPRESSED_FROM = 1024  # bytes
DELIVERY_TIMEOUT = ClientTimeout(total=15)  # seconds; Canvas waits as long (UPSTREAMS.md §3.1)


def make_sandbox(settings: SandboxSettings | None = None, sandbox_state: Sandbox | None = None) -> web.Application:
    """The application; pass a `Sandbox` of your own to hold its clock, sleep or state in a test."""
    app = web.Application(client_max_size=BODY_LIMIT)
    app[SANDBOX] = sandbox_state or Sandbox(settings)
    app.cleanup_ctx.append(_notifications)
    app.add_routes(control.ROUTES)
    app.router.add_route("*", "/{anything:.*}", _dispatch)
    return app


async def _notifications(app: web.Application) -> AsyncIterator[None]:
    running = app[SANDBOX]
    async with ClientSession(timeout=DELIVERY_TIMEOUT) as running.http:
        yield
        await finish_deliveries(running)


async def _dispatch(request: web.Request) -> web.StreamResponse:
    # raw_path is the target as it came: %2F and %3A in a segment survive.
    target, _, query = request.raw_path.partition("?")
    name, slash, rest = target.removeprefix("/").partition("/")
    upstream = MOUNTS.get(name)
    if upstream is None:
        known = ", ".join(f"/{mount}/" for mount in MOUNTS)
        return web.json_response({"error": f"no upstream here; there are {known} and /_sandbox/"}, status=404)
    return await _journalled(request, name, slash + rest, query)


async def _journalled(request: web.Request, name: str, path: str, query: str) -> web.StreamResponse:
    """Writes the request down on arrival, meets it with the faults in force, notes how it ended."""
    running = request.app[SANDBOX]
    entry = running.journal.arrived(name, request.method, f"/{name}{path}", query, request.headers.items())
    body = await request.read()
    entry.body_size = len(body)
    faults = running.faults.strike(Asked(name, request.method, path, query, body))
    entry.fault = "+".join(fault.plan.kind for fault in faults) or None

    async def real() -> web.StreamResponse:
        return await MOUNTS[name](request, running, path)

    answer = await failing.answer_with(faults, request, running, real, path)
    if request.transport is None or request.transport.is_closing():
        return answer
    entry.status = answer.status
    if _is_worth_packing(answer) and "gzip" in request.headers.get("accept-encoding", ""):
        answer.enable_compression(web.ContentCoding.gzip)
    return answer


def _is_worth_packing(answer: web.StreamResponse) -> bool:
    return isinstance(answer, web.Response) and isinstance(answer.body, bytes) and len(answer.body) > COMPRESSED_FROM
