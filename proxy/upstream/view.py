"""View: how an upstream's guards are, in plain values: as operators see it, and as a worker tells its supervisor."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from policies import Circuit, CircuitBreaker

if TYPE_CHECKING:
    from proxy.upstream.call import Upstream  # it makes views of itself

T = TypeVar("T")


class CircuitState(Struct, frozen=True):
    """The circuit of one place that answers for an upstream. Calls, failures and slow ones are of its window."""

    host: str
    endpoint: str | None = None  # the one that has a circuit apart; None: it is that of all others
    state: str = Circuit.CLOSED.value
    rest: float = 0.0  # seconds until a probe may go out
    calls: int = 0
    failures: int = 0
    slow: int = 0


class UpstreamState(Struct, frozen=True, kw_only=True):
    """How the guards of an upstream are, as `GET /admin/upstreams` shows it. Durations in seconds."""

    name: str
    circuit: str = Circuit.CLOSED.value  # of several circuits, the worst; with its window
    rest: float = 0.0
    calls: int = 0
    failures: int = 0
    slow: int = 0
    circuits: tuple[CircuitState, ...] = ()
    forced: str | None = None  # what an operator holds the circuit in
    forced_left: float = 0.0
    draining: float | None = None  # for so long yet; None: background work goes on
    in_flight: int = 0
    waiting: int = 0
    queue: dict[str, int] = {}
    limit: int | None = None  # calls in flight that are let through now
    quota_left: float | None = None  # in the upstream's own unit; None: it did not say
    retries_left: float = 0.0
    credentials_resting: int = 0
    credentials_paused: int = 0
    payloads_refused: int = 0
    failures_by_kind: dict[str, tuple[int, float]] = {}
    last_error: str | None = None
    last_error_at: float | None = None


def view_of(upstream: "Upstream", payloads_refused: int = 0) -> UpstreamState:
    """How the guards of an upstream are now, those that endpoints have apart included."""
    orders = upstream.orders
    every = [upstream.guards, *upstream.apart.values()]
    slots = _distinct(guards.slots for guards in every)
    return UpstreamState(
        name=upstream.name,
        **of_worst(circuit_of(upstream.name, upstream.breaker)),
        circuits=tuple(_circuits(upstream)),
        forced=None if orders.forced is None else orders.forced.value,
        forced_left=orders.forced_left,
        draining=orders.drain_left if orders.is_draining else None,
        in_flight=sum(one.in_flight for one in slots),
        waiting=sum(one.waiting for one in slots) + sum(guards.held_back.count for guards in every),
        queue=added(one.waiting_by for one in slots),
        limit=upstream.slots.limit,
        quota_left=upstream.quota_left,
        retries_left=upstream.budget.left,
        credentials_resting=sum(one.resting for one in _distinct(guards.credentials for guards in every)),
        credentials_paused=sum(one.paused for one in _distinct(guards.pacer for guards in every)),
        payloads_refused=payloads_refused,
        failures_by_kind=dict(upstream.failures),
        last_error=upstream.last_error,
        last_error_at=upstream.last_error_at,
    )


def circuit_of(host: str, breaker: CircuitBreaker, endpoint: str | None = None) -> CircuitState:
    """How a circuit is now."""
    calls, failures, slow = breaker.counts
    return CircuitState(host, endpoint, breaker.state.value, breaker.rest, calls, failures, slow)


def of_worst(circuit: CircuitState) -> dict[str, Any]:
    """What an upstream shows of the circuit that is worst off."""
    shown = ("rest", "calls", "failures", "slow")
    return {"circuit": circuit.state, **{name: getattr(circuit, name) for name in shown}}


def added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Counts by name, of all together."""
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)  # unlike +, this keeps what is zero
    return dict(total)


def _circuits(upstream: "Upstream") -> Iterator[CircuitState]:
    of_all = upstream.guards.hosts
    for host, breaker in of_all.circuits.items():
        yield circuit_of(host, breaker)
    for endpoint, guards in upstream.apart.items():
        if guards.hosts is not of_all:
            for host, breaker in guards.hosts.circuits.items():
                yield circuit_of(host, breaker, endpoint)


def _distinct(guards: Iterable[T]) -> list[T]:
    """Each once: what an endpoint has not for itself, it has in common with its upstream."""
    return list({id(one): one for one in guards}.values())
