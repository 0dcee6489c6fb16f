"""The front door: one request from the socket to its answer.

address ─▶ who calls ─▶ which endpoint ─▶ body ─▶ ask ─▶ engine ─▶ response ─▶ one log line

Nothing is awaited, logged or counted before a memory hit is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from adapters import Problem
from proxy.answers import Answer
from proxy.asking import SAFE_METHODS, Incoming, target_of
from proxy.engine import Engine
from proxy.errors import LarderError, UnknownUpstream
from proxy.express import Express, ExpressLane, RawResponse
from proxy.health import Health
from proxy.links import Bases
from proxy.observing import Observing
from proxy.responding import headers_of, problem_response, response_of, stream_out
from proxy.telemetry.traces import Trace, current_trace
from proxy.visits import Runtime, Visit, address_of, check_head, origin_of, read_body, visit

_OUR_FAULT = Problem(500, "Internal error", "Larder failed on this request; its log says where.")


@dataclass(slots=True)
class _Told:
    """What the log line says of a request; filled in as it becomes known. Fixed words and templates only."""

    trace: Trace
    started: float
    caller: str = "-"
    upstream: str = "-"
    endpoint: str = "-"
    answer: Answer | None = None
    word: str = "refused"
    calls: int = 0
    ticket: bytes | None = None


class App:
    """Answers every request of the proxy's listener."""

    def __init__(
        self,
        runtime: Callable[[], Runtime],
        engine: Engine,
        express: ExpressLane,
        health: Health,
        observing: Observing,
        clock: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._engine = engine
        self._express = express
        self._health = health
        self._observing = observing
        self._clock = clock

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """The response to a request. It is sent before it is counted and logged."""
        told = _Told(self._observing.traces.trace(request.headers.get("traceparent")), self._clock())
        ticket = None if self._health.draining else self._express.ticket(request)
        if ticket is not None:
            hit = self._express.answer(ticket, self._runtime(), told.trace.traceparent)
            if hit is not None:
                return await self._by_express(request, hit, told)
        self._observing.arrived(request.method, told.trace)
        current_trace.set(told.trace)
        told.ticket = ticket
        try:
            response = await self._respond(request, told)
        except LarderError as error:
            response = problem_response(error, None, "", told.trace.traceparent)
        except Exception as error:  # noqa: BLE001 - the last door: said in the log without its text, told to the caller
            self._observing.failed(told.trace, error)
            response = problem_response(LarderError(_OUR_FAULT), None, "", told.trace.traceparent)
        if self._health.draining:
            response.force_close()
        try:
            await response.prepare(request)
            await response.write_eof()
        finally:
            self._observing.answered(told, response.status, self._clock() - told.started)
        return response

    async def _by_express(self, request: web.BaseRequest, hit: Express, told: _Told) -> web.StreamResponse:
        """A plain hit: written, then counted and logged."""
        response = RawResponse(hit.data)
        await response.prepare(request)
        lane, told.answer = hit.lane, hit.answer
        told.caller, told.upstream, told.endpoint = lane.caller, lane.upstream, lane.endpoint
        self._observing.answered(told, 200, self._clock() - told.started)
        return response

    async def _respond(self, request: web.BaseRequest, told: _Told) -> web.StreamResponse:
        runtime = self._runtime()
        check_head(request, runtime.plans.settings.server.max_head)
        address = address_of(request.raw_path)
        if address.first == "-":
            return self._health.respond(address.path)
        if address.first == "webhooks":
            return await self._webhook(request, address.path, runtime, told)
        there = visit(request, address, runtime)
        told.caller, told.upstream, told.endpoint = there.caller, there.upstream.name, there.plan.name
        try:
            return await self._answered(request, there, runtime, told)
        except LarderError as error:
            told.word, told.calls = error.word, error.calls
            return problem_response(error, there.upstream.adapter, address.path, told.trace.traceparent)

    async def _answered(
        self, request: web.BaseRequest, there: Visit, runtime: Runtime, told: _Told
    ) -> web.StreamResponse:
        body = b""
        if request.method not in SAFE_METHODS or request.body_exists:
            body = await read_body(request, runtime.plans.settings.server.max_body)
        address = there.address
        incoming = Incoming(request.method, address.path, address.query, request.headers, body, there.caller)
        ask = runtime.asker.ask(there.plan, there.params, incoming)
        answer = self._engine.at_once(ask)
        if answer is None:
            answer = await self._engine.answer(ask)
        told.answer = answer
        target = target_of(ask)
        caller_base = f"{there.base.url}{address.prefix}/{there.upstream.name}{target.dropped}"
        bases = Bases(target.origin, caller_base)
        if told.ticket is not None:
            self._express.remember(told.ticket, runtime, ask, answer, bases)
        headers = headers_of(answer, bases, told.trace.traceparent)
        if answer.stream is not None:
            return await stream_out(request, answer, headers)
        return response_of(answer, headers)

    async def _webhook(self, request: web.BaseRequest, path: str, runtime: Runtime, told: _Told) -> web.StreamResponse:
        """A notification. Not a caller's request: its signature says who sends it (and only loopback, without one)."""
        told.caller, told.endpoint = "webhook", "POST /webhooks/{source}"
        if request.method != "POST":
            raise UnknownUpstream("webhooks", runtime.plans.upstreams)
        origin_of(request, runtime)
        body = await read_body(request, runtime.plans.settings.server.max_body)
        source = path.removeprefix("/")
        reply = await runtime.webhooks.receive(source, request.headers, body)
        known = source if source in runtime.plans.settings.webhooks else "-"
        self._observing.webhook(known, reply.counted_as)
        if reply.status >= 400:
            problem = Problem(reply.status, reply.title, reply.detail, retry_after=reply.retry_after)
            raise LarderError(problem)
        return web.json_response({"title": reply.title, "detail": reply.detail}, status=reply.status)
