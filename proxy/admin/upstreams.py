"""How the upstreams are, for operators: circuits, load, quota, orders, and what went wrong last."""

from typing import Any

from aiohttp import web

from proxy.admin.desk import Desk
from proxy.admin.reading import read_parameters
from proxy.admin.writing import answer, number
from proxy.upstream.view import CircuitState, UpstreamState

MOST_KINDS = 50  # of failures, the latest


class UpstreamStates:
    """Answers `GET /admin/upstreams`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def upstreams(self, request: web.Request) -> web.Response:
        """Every upstream, by name. Raises BadRequest."""
        read_parameters(request, ())
        rows = [self._row(state) for state in self._desk.states()]
        return answer({"upstreams": sorted(rows, key=lambda row: str(row["name"]))})

    def _row(self, state: UpstreamState) -> dict[str, Any]:
        return {
            "name": state.name,
            "circuit": state.forced or state.circuit,
            "rest": number(state.rest),
            "calls": state.calls,
            "failures": state.failures,
            "slow": state.slow,
            "circuits": [_circuit(circuit) for circuit in state.circuits],
            "forced": state.forced,
            "forced_left": number(state.forced_left),
            "draining": number(state.draining),
            "in_flight": state.in_flight,
            "waiting": state.waiting,
            "queue": state.queue,
            "limit": state.limit,
            "quota_left": number(state.quota_left),
            "retries_left": number(state.retries_left),
            "credentials_resting": state.credentials_resting,
            "credentials_paused": state.credentials_paused,
            "payloads_refused": state.payloads_refused,
            "failures_by_kind": self._failures(state),
            "last_error": self._last_error(state),
        }

    def _failures(self, state: UpstreamState) -> dict[str, dict[str, Any]]:
        """The latest first."""
        latest = sorted(state.failures_by_kind.items(), key=lambda one: one[1][1], reverse=True)
        return {kind: {"count": count, "age": self._age(at)} for kind, (count, at) in latest[:MOST_KINDS]}

    def _last_error(self, state: UpstreamState) -> dict[str, Any] | None:
        if state.last_error is None or state.last_error_at is None:
            return None
        return {"kind": state.last_error, "age": self._age(state.last_error_at)}

    def _age(self, at: float) -> float | None:
        return number(max(0.0, self._desk.clock() - at))


def _circuit(circuit: CircuitState) -> dict[str, Any]:
    members = {name: getattr(circuit, name) for name in circuit.__struct_fields__}
    return {**members, "rest": number(circuit.rest)}
