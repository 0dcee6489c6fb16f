"""Hosts: the places that answer for one upstream, each with a circuit of its own. DESIGN.md §4: the breaker.

An upstream whose base URL has {api} in it has a place for each API; one with several base URLs has several for each.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from cachetools import LRUCache
from policies.balancing import Balancer, Host

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen

MOST = 256  # places whose circuits are kept: {api} is the caller's word
_WORSE = (Circuit.CLOSED, Circuit.HALF_OPEN, Circuit.OPEN)


class Chosen(NamedTuple):
    """Where a call goes, and since when by its breaker's clock."""

    base: str
    breaker: CircuitBreaker
    began: float


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
        self._circuits: LRUCache[str, CircuitBreaker] = LRUCache(MOST)
        self._in_flight: Counter[str] = Counter()
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
        found: CircuitBreaker | None = self._circuits.get(base)
        if found is None:
            found = self._circuits[base] = self._make(base)
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

    def choose(self, bases: Sequence[str], tried: Collection[str] = (), *, forced: bool = False) -> Chosen:
        """The place for one call; another one than was tried, where there is one. Raises CircuitOpen.

        `forced`: an operator says that circuits are closed.
        """
        left = [base for base in bases if base not in tried] or list(bases)
        rests = []
        while left:
            base = left[0] if len(left) == 1 else self._balancer.pick([self._host(one) for one in left])
            breaker = self.circuit(base)
            try:
                return Chosen(base, breaker, self._clock() if forced else breaker.check())
            except CircuitOpen as resting:
                rests.append(resting.retry_after)
                left.remove(base)
        raise CircuitOpen(min(rests))

    def began(self, base: str) -> None:
        """A call to this place is under way."""
        self._in_flight[base] += 1

    def ended(self, base: str) -> None:
        """It is not any more."""
        self._in_flight[base] -= 1
        if not self._in_flight[base]:
            del self._in_flight[base]

    def _host(self, base: str) -> Host:
        breaker = self.circuit(base)
        return Host(base, self._in_flight[base], breaker.state, breaker.rest)
