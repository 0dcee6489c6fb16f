"""Guards: how all workers' guards of an upstream are, as one: the worst circuit, all calls, the last error."""

from collections.abc import Iterable, Sequence

from policies import Circuit
from proxy.upstream.view import CircuitState, UpstreamState, added, of_worst
from proxy.workers.control import State

_WORSE = (Circuit.CLOSED, Circuit.HALF_OPEN, Circuit.OPEN)


def merged(states: Iterable[State], names: Iterable[str]) -> list[UpstreamState]:
    """Each upstream of these names, as the workers told it; one that none told of is at rest."""
    told: dict[str, list[UpstreamState]] = {name: [] for name in names}
    for state in states:
        for one in state.upstreams:
            if one.name in told:  # else a worker has not taken a new config yet
                told[one.name].append(one)
    return [_as_one(name, ones) for name, ones in told.items()]


def _as_one(name: str, told: Sequence[UpstreamState]) -> UpstreamState:
    last = max(told, key=lambda one: one.last_error_at or 0.0, default=UpstreamState(name=name))
    forced = max(told, key=lambda one: one.forced_left, default=last)
    return UpstreamState(
        name=name,
        **of_worst(_worst(name, told)),
        circuits=_circuits(told),
        forced=forced.forced,
        forced_left=forced.forced_left,
        draining=max((one.draining for one in told if one.draining is not None), default=None),
        in_flight=sum(one.in_flight for one in told),
        waiting=sum(one.waiting for one in told),
        queue=added(one.queue for one in told),
        limit=max((one.limit for one in told if one.limit is not None), default=None),
        quota_left=min((one.quota_left for one in told if one.quota_left is not None), default=None),
        retries_left=sum(one.retries_left for one in told),
        # A credential may rest in several processes at once: at least so many do.
        credentials_resting=max((one.credentials_resting for one in told), default=0),
        credentials_paused=max((one.credentials_paused for one in told), default=0),
        payloads_refused=sum(one.payloads_refused for one in told),
        failures_by_kind=_failures(told),
        last_error=last.last_error,
        last_error_at=last.last_error_at,
    )


def _worst(name: str, told: Sequence[UpstreamState]) -> CircuitState:
    seen = [CircuitState(name, None, one.circuit, one.rest, one.calls, one.failures, one.slow) for one in told]
    return _circuit(seen or [CircuitState(name)])


def _circuit(told: Sequence[CircuitState]) -> CircuitState:
    """Every process counts the calls of all in its breaker's window, so the fullest window is that of all."""
    calls, failures, slow = max((one.calls, one.failures, one.slow) for one in told)
    return CircuitState(
        told[0].host,
        told[0].endpoint,
        max((Circuit(one.state) for one in told), key=_WORSE.index).value,
        max(one.rest for one in told),
        calls,
        failures,
        slow,
    )


def _circuits(told: Sequence[UpstreamState]) -> tuple[CircuitState, ...]:
    of_each: dict[tuple[str, str | None], list[CircuitState]] = {}
    for one in told:
        for circuit in one.circuits:
            of_each.setdefault((circuit.host, circuit.endpoint), []).append(circuit)
    return tuple(_circuit(ones) for ones in of_each.values())


def _failures(told: Sequence[UpstreamState]) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = {}
    for one in told:
        for kind, (count, at) in one.failures_by_kind.items():
            before, last = found.get(kind, (0, 0.0))
            found[kind] = (before + count, max(last, at))
    return found
