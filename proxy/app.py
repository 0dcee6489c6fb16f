"""The front door: one request from the socket to its answer.

admitted ─▶ address ─▶ who calls ─▶ which endpoint ─▶ body ─▶ ask ─▶ engine ─▶ response ─▶ one log line

Nothing is awaited, logged or counted before a memory hit is answered.
"""

from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from adapters import Problem
from proxy.answers import Answer
from proxy.asking import Ask, Incoming
from proxy.errors import LarderError, by_itself
from proxy.express import Express, ExpressLane
from proxy.health import Health
from proxy.http.door import Admitted, admit
from proxy.http.hops import answer_here, hops_left, one_hop_less, options_here
from proxy.http.links import Bases
from proxy.http.refusals import REFUSED
from proxy.http.wire import RawResponse, informational, json_response
from proxy.lists.paging import Paging
from proxy.observing import Observing
from proxy.outgoing import target_of
from proxy.responding import headers_of, interim_fields, own_headers_of, problem_response, response_of
from proxy.telemetry.traces import Trace, current_trace
from proxy.typed.desk import OPENAPI, ROOT, Desk
from proxy.typed.errors import MethodNotAllowed
from proxy.visits import Address, Runtime, Visit, address_of, check_head, origin_of, read_body, visit

_ITSELF = "none"  # what logs and metrics say of the cache where Larder answers of its own, and refuses nothing
_OUR_FAULT = Problem(500, "Internal error", "Larder failed on this request; its log says where.")
_UNWRITABLE = Problem(502, "Bad gateway", "The upstream's answer has a header field that no answer can have.")


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
        paging: Paging,
        desk: Desk,
        express: ExpressLane,
        health: Health,
        observing: Observing,
        clock: Callable[[], float],
    ) -> None:
        self._runtime = runtime
        self._paging = paging
        self._desk = desk
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
        response = await self._response(request, told)
        if self._health.draining or not request.content.is_eof():
            response.force_close()  # else a body that nobody read would be the next request (RFC 9112 §9.3)
        try:
            response = await self._sent(request, response, told)
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

    async def _response(self, request: web.BaseRequest, told: _Told) -> web.StreamResponse:
        try:
            return await self._admitted(request, told)
        except LarderError as error:
            return problem_response(by_itself(error), None, "", told.trace.traceparent)
        except Exception as error:  # noqa: BLE001 - the last door: said in the log without its text, told to the caller
            self._observing.failed(told.trace, error)
            return problem_response(LarderError(_OUR_FAULT), None, "", told.trace.traceparent)

    async def _sent(self, request: web.BaseRequest, response: web.StreamResponse, told: _Told) -> web.StreamResponse:
        """The response that was sent: another one, where this one cannot be written at all."""
        try:
            await response.prepare(request)
        except ValueError as error:
            self._observing.failed(told.trace, error)
            response = problem_response(LarderError(_UNWRITABLE), None, "", told.trace.traceparent)
            await response.prepare(request)
        try:
            await response.write_eof()
        except Exception as error:
            self._observing.failed(told.trace, error)
            raise
        return response

    async def _admitted(self, request: web.BaseRequest, told: _Told) -> web.StreamResponse:
        refused = request.get(REFUSED)
        if refused is not None:
            raise refused
        runtime = self._runtime()
        check_head(request, runtime.plans.settings.server.max_head)
        admitted = admit(request)
        if admitted.target == "*":
            told.word = _ITSELF
            return options_here()
        address = address_of(admitted.target)
        if address.first == "-":
            response, told.word = self._health.respond(address.path), _ITSELF
            return response
        if address.first in (ROOT, OPENAPI):
            return await self._typed(admitted, address, runtime, told)
        if address.first == "webhooks":
            return await self._webhook(admitted, address.path, runtime, told)
        there = visit(admitted, address, runtime)
        told.caller, told.upstream, told.endpoint = there.caller, there.upstream.name, there.plan.name
        try:
            return await self._visited(admitted, there, runtime, told)
        except LarderError as error:
            told.word, told.calls = error.word, error.calls
            return problem_response(by_itself(error), there.upstream.adapter, address.path, told.trace.traceparent)

    async def _visited(self, admitted: Admitted, there: Visit, runtime: Runtime, told: _Told) -> web.StreamResponse:
        request, headers = admitted.request, admitted.headers
        left = hops_left(request.method, headers)
        if left == 0:
            told.word = _ITSELF
            return answer_here(request, there.upstream.adapter.credential_places)
        body = await read_body(request, runtime.plans.settings.server.max_body)
        tell = informational(request)
        incoming = Incoming(
            request.method,
            there.address.path,
            there.address.query,
            headers if left is None else one_hop_less(headers, left),
            body,
            there.caller,
            lambda status, fields: tell(status, interim_fields(fields, bases)),  # none comes before the bases are known
        )
        ask = runtime.asker.ask(there.upstream, there.plan, there.params, incoming)
        bases = _bases(there, ask)
        answer = self._paging.at_once(ask)
        if answer is None:
            answer = await self._paging.answer(ask)
        told.answer = answer
        if told.ticket is not None:
            self._express.remember(told.ticket, request.headers, runtime, ask, answer, bases)
        makes_whole = not there.upstream.adapter.by_headers
        return response_of(answer, headers_of(answer, bases, told.trace.traceparent, whole_retry_after=makes_whole))

    async def _typed(self, admitted: Admitted, address: Address, runtime: Runtime, told: _Told) -> web.StreamResponse:
        """A request to Larder's own interface, or for what is told of it."""
        path, traceparent = f"/{address.first}{address.path}", told.trace.traceparent
        told.upstream, told.word = ROOT, _ITSELF
        try:
            document = self._desk.document(admitted.request.method, path)
            if document is not None:
                return document
            called = self._desk.called(admitted, path, address, runtime)
            told.caller, told.endpoint = called.caller.name, called.route.name
            told.answer = await self._desk.answer(called, admitted)
        except LarderError as error:
            told.word, told.calls = error.word, error.calls
            return problem_response(by_itself(error), None, "", traceparent)
        return response_of(told.answer, own_headers_of(told.answer, traceparent))

    async def _webhook(self, admitted: Admitted, path: str, runtime: Runtime, told: _Told) -> web.StreamResponse:
        """A notification. Not a caller's request: its signature says who sends it (and only loopback, without one)."""
        told.caller, told.endpoint = "webhook", "POST /webhooks/{source}"
        if admitted.request.method != "POST":
            raise MethodNotAllowed([told.endpoint])
        origin_of(admitted, runtime)
        body = await read_body(admitted.request, runtime.plans.settings.server.max_body)
        source = path.removeprefix("/")
        reply = await runtime.webhooks.receive(source, admitted.headers, body)
        known = source if source in runtime.plans.settings.webhooks else "-"
        self._observing.webhook(known, reply.counted_as)
        if reply.status >= 400:
            problem = Problem(reply.status, reply.title, reply.detail, retry_after=reply.retry_after)
            raise LarderError(problem)
        told.word = _ITSELF
        return json_response(reply.status, {"title": reply.title, "detail": reply.detail})


def _bases(there: Visit, ask: Ask) -> Bases:
    """The upstream's place, as it and as this caller names it. Raises UnknownApi."""
    target = target_of(ask)
    caller = f"{there.base.url}{there.address.prefix}/{there.upstream.name}{target.dropped}"
    return Bases(target.origin, caller, target.bases[1:])
