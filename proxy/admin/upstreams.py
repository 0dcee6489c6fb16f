"""How the upstreams are, for operators: circuits, load, quota, and what went wrong last."""

from typing import Any

from aiohttp import web

from proxy.admin.desk import Desk
from proxy.admin.reading import read_parameters
from proxy.admin.writing import answer, number
from proxy.upstream.call import Upstream


class UpstreamStates:
    """Answers `GET /admin/upstreams`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def upstreams(self, request: web.Request) -> web.Response:
        """Every upstream, by name. Raises BadRequest."""
        read_parameters(request, ())
        rows = [self._state(upstream) for upstream in self._desk.upstreams]
        return answer({"upstreams": sorted(rows, key=lambda row: str(row["name"]))})

    def _state(self, upstream: Upstream) -> dict[str, Any]:
        calls, failures = upstream.breaker.counts
        refused = self._desk.payloads_refused
        return {
            "name": upstream.name,
            "circuit": upstream.breaker.state.value,
            "rest": number(upstream.breaker.rest),  # seconds until a probe may go out
            "calls": calls,  # of the breaker's window, as are the failures
            "failures": failures,
            "in_flight": upstream.slots.in_flight,
            "waiting": upstream.slots.waiting,
            "quota_left": number(upstream.quota_left),  # in the upstream's own unit; null: it did not say
            "retries_left": number(upstream.budget.left),
            "payloads_refused": refused(upstream.name) if refused is not None else None,
            "last_error": self._last_error(upstream),
        }

    def _last_error(self, upstream: Upstream) -> dict[str, Any] | None:
        if upstream.last_error is None or upstream.last_error_at is None:
            return None
        return {"kind": upstream.last_error, "age": number(max(0.0, self._desk.clock() - upstream.last_error_at))}
