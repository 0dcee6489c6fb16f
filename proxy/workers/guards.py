"""Guards: how all workers' guards of an upstream are, as one: the worst circuit, all calls, the last error."""

from collections.abc import Iterable
from dataclasses import dataclass

from policies import Circuit
from proxy.workers.control import State, UpstreamState

_WORSE = (Circuit.CLOSED, Circuit.HALF_OPEN, Circuit.OPEN)


@dataclass(frozen=True)
class SeenBreaker:
    """As much of a CircuitBreaker as is shown."""

    state: Circuit
    rest: float
    counts: tuple[int, int]


@dataclass(frozen=True)
class SeenSlots:
    """As much of Slots as is shown."""

    in_flight: int
    waiting: int


@dataclass(frozen=True)
class SeenBudget:
    """As much of a RetryBudget as is shown."""

    left: float


@dataclass(frozen=True)
class SeenUpstream:
    """As much of an Upstream as is shown."""

    name: str
    breaker: SeenBreaker
    slots: SeenSlots
    budget: SeenBudget
    quota_left: float | None
    last_error: str | None
    last_error_at: float | None
    payloads_refused: int


def merged(states: Iterable[State], names: Iterable[str]) -> list[SeenUpstream]:
    """Each upstream of these names, as the workers told it; one that none told of is at rest."""
    told: dict[str, list[UpstreamState]] = {name: [] for name in names}
    for state in states:
        for one in state.upstreams:
            if one.name in told:  # else a worker has not taken a new config yet
                told[one.name].append(one)
    return [_as_one(name, ones) for name, ones in told.items()]


def _as_one(name: str, told: list[UpstreamState]) -> SeenUpstream:
    """Every process counts the calls of all in its breaker's window, so the fullest window is that of all."""
    circuit = max((Circuit(one.circuit) for one in told), key=_WORSE.index, default=Circuit.CLOSED)
    calls, failures = max(((one.calls, one.failures) for one in told), default=(0, 0))
    failed = [one for one in told if one.last_error_at is not None]
    last = max(failed, key=lambda one: one.last_error_at or 0.0, default=None)
    return SeenUpstream(
        name,
        SeenBreaker(circuit, max((one.rest for one in told), default=0.0), (calls, failures)),
        SeenSlots(sum(one.in_flight for one in told), sum(one.waiting for one in told)),
        SeenBudget(sum(one.retries_left for one in told)),
        min((one.quota_left for one in told if one.quota_left is not None), default=None),
        None if last is None else last.last_error,
        None if last is None else last.last_error_at,
        sum(one.payloads_refused for one in told),
    )
