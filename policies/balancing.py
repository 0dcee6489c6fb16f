"""Balancing: which of several places that answer alike gets a call (outlier ejection, least in flight)."""

from collections.abc import Sequence
from typing import NamedTuple

from policies.breaker import Circuit


class Host(NamedTuple):
    """How one place is."""

    name: str
    in_flight: int
    circuit: Circuit
    rest: float = 0.0  # seconds until its circuit lets a probe through


class Balancer:
    """Gives a call to the place with the least in flight, of equals in turn. One that is due for a probe goes first:
    its circuit lets that one call through and no other. One that rests comes last.
    """

    def __init__(self) -> None:
        self._turn = 0

    def pick(self, hosts: Sequence[Host]) -> str:
        """One of them; there must be one."""
        best = min(map(_rank, hosts))
        equals = [host for host in hosts if _rank(host) == best]
        if len(equals) > 1:  # else nobody's turn is used up
            self._turn += 1
        return equals[self._turn % len(equals)].name


def _rank(host: Host) -> tuple[int, float]:
    if host.circuit is Circuit.CLOSED:
        return (1, host.in_flight)
    is_due = host.circuit is Circuit.HALF_OPEN
    return (0, host.in_flight) if is_due else (2, host.rest)
