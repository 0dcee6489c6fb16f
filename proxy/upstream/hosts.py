"""Hosts: the places that answer for one upstream, each with a circuit of its own. DESIGN.md §4: the breaker.

An upstream whose base URL has {api} in it has a place for each API; one with several base URLs has several for each.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen
from policies.balancing import Balancer, Host

MOST = 32  # places with a circuit of their own: {api} is the caller's word
OTHERS = "*"  # the one that all further places share
_WORSE = (Circuit.CLOSED, Circuit.HALF_OPEN, Circuit.OPEN)


class Chosen(NamedTuple):
    """Where a call goes, and since when by its breaker's clock."""

    base: str
    breaker: CircuitBreaker
    began: float
    is_forced: bool  # the circuit was not asked


class Hosts:
    """The places of an upstream, by base URL."""

    def __init__(
        self,
        bases: Sequence[str],
        policy: BreakerPolicy,
        make: Callable[[str], CircuitBreaker],
        clock: Callable[[], float],
    ) -> None:
        """`make` makes the circuit of a place; `clock` tells the seconds it goes by."""
        self.bases = tuple(bases)
        self.policy = policy
        self._make = make
        self._clock = clock
        self._circuits: dict[str, CircuitBreaker] = {}
        self._in_flight: dict[str, int] = {}  # places that calls are under way to
        self._balancer = Balancer()
        for base in bases:
            if "{api}" not in base:
                self.circuit(base)

    def __iter__(self) -> Iterator[CircuitBreaker]:
        return iter(self._circuits.values())

    @property
    def circuits(self) -> Mapping[str, CircuitBreaker]:
        """Those that calls went to, by base URL."""
        return dict(self._circuits)

    @property
    def worst(self) -> CircuitBreaker:
        """The circuit that is worst off; of an upstream that nobody called yet, one that is closed."""
        return max(self, key=lambda one: (_WORSE.index(one.state), one.rest), default=None) or self.circuit(
            self.bases[0]
        )

    def circuit(self, base: str) -> CircuitBreaker:
        """The circuit of a place."""
        found = self._circuits.get(base)
        if found is None:
            known = base if len(self._circuits) < MOST else OTHERS
            found = self._circuits.get(known)
            if found is None:
                found = self._circuits[known] = self._make(known)
        return found

    def rest(self, bases: Sequence[str]) -> float | None:
        """Seconds until one of these places may be called again; None where one may be now."""
        rests = []
        for base in bases:
            circuit = self.circuit(base)
            if circuit.state is not Circuit.OPEN:
                return None
            rests.append(circuit.rest)
        return min(rests)

    def choose(
        self, bases: Sequence[str], tried: Collection[str] = (), *, forced: bool = False, is_safe: bool = True
    ) -> Chosen:
        """The place for one call; another one than was tried, where one may be called. Raises CircuitOpen.

        `forced`: an operator says that circuits are closed. What is not safe to repeat probes nothing, if it need not.
        """
        left, rests = list(bases), []
        if not is_safe and len(left) > 1:
            left = [base for base in left if self.circuit(base).state is Circuit.CLOSED] or left
        while left:
            base = self._pick([base for base in left if base not in tried] or left)
            breaker = self.circuit(base)
            try:
                return Chosen(base, breaker, self._clock() if forced else breaker.check(), forced)
            except CircuitOpen as resting:
                rests.append(resting.retry_after)
                left.remove(base)
        raise CircuitOpen(min(rests))

    def began(self, base: str) -> None:
        """A call to this place is under way."""
        self._in_flight[base] = self._in_flight.get(base, 0) + 1

    def ended(self, base: str) -> None:
        """It is not any more."""
        self._in_flight[base] -= 1
        if not self._in_flight[base]:
            del self._in_flight[base]

    def _pick(self, bases: Sequence[str]) -> str:
        return bases[0] if len(bases) == 1 else self._balancer.pick([self._host(base) for base in bases])

    def _host(self, base: str) -> Host:
        breaker = self.circuit(base)
        return Host(base, self._in_flight.get(base, 0), breaker.state, breaker.rest)
