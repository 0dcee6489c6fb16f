"""Orders: what an operator told of one upstream, for a time: its circuit is held, its background work stopped.

An order ends by itself when its time is over; until then a later one of the same kind takes its place.
"""

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

from policies import Circuit

Word = Literal["open", "closed", "auto", "drain", "resume"]

MOST = 24 * 3600.0  # seconds: an order that was forgotten about ends within a day


class Order(NamedTuple):
    """One order, in words: of the circuit (open, closed, auto) or of background work (drain, resume)."""

    word: Word
    seconds: float = 0.0  # for how long; auto and resume hold until another order comes

    @property
    def is_of_circuit(self) -> bool:
        """Whether it is about the circuit; else it is about background work."""
        return self.word in ("open", "closed", "auto")

    def after(self, seconds: float) -> "Order":
        """What is left of it so much later."""
        if self.word in ("auto", "resume"):
            return self
        left = self.seconds - seconds
        if left > 0:
            return self._replace(seconds=left)
        return Order("auto") if self.is_of_circuit else Order("resume")


class Orders:
    """The orders that hold for one upstream. `clock` tells monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._forced: Circuit | None = None
        self._forced_until = -math.inf
        self._drained_until = -math.inf

    def __repr__(self) -> str:
        return f"<Orders {self.forced or 'auto'} {self.forced_left:.1f}s, draining {self.drain_left:.1f}s>"

    def force(self, state: Literal["open", "closed"], seconds: float) -> None:
        """Hold the circuit in this state for so long."""
        self._forced, self._forced_until = Circuit(state), self._clock() + seconds

    def release(self) -> None:
        """Let the circuit be what its calls make it."""
        self._forced, self._forced_until = None, -math.inf

    def drain(self, seconds: float) -> None:
        """Stop background work for so long."""
        self._drained_until = self._clock() + seconds

    def resume(self) -> None:
        """Let background work go on."""
        self._drained_until = -math.inf

    @property
    def forced(self) -> Circuit | None:
        """The state that the circuit is held in; None: in none."""
        return self._forced if self._forced is not None and self.forced_left > 0 else None

    @property
    def forced_left(self) -> float:
        """Seconds for which the circuit is held yet; 0: it is not."""
        return max(0.0, self._forced_until - self._clock())

    @property
    def is_draining(self) -> bool:
        """Whether background work is stopped."""
        return self.drain_left > 0

    @property
    def drain_left(self) -> float:
        """Seconds for which background work is stopped yet; 0: it is not."""
        return max(0.0, self._drained_until - self._clock())

    def take(self, order: Order) -> None:
        """Let an order hold."""
        match order.word:
            case "open" | "closed" as state:
                self.force(state, order.seconds)
            case "auto":
                self.release()
            case "drain":
                self.drain(order.seconds)
            case "resume":
                self.resume()

    @property
    def of_circuit(self) -> Order:
        """The order on the circuit that holds, with what is left of it."""
        forced = self.forced
        if forced is None:
            return Order("auto")
        return Order("open" if forced is Circuit.OPEN else "closed", self.forced_left)

    @property
    def of_background(self) -> Order:
        """The order on background work that holds, with what is left of it."""
        return Order("drain", self.drain_left) if self.is_draining else Order("resume")
