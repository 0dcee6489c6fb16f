"""Orders to a crew: what operators told of each upstream, kept by the supervisor, for the workers that come later."""

from collections.abc import Callable, Collection

from proxy.upstream.orders import Order, Orders
from proxy.workers.control import Guard


class CrewOrders:
    """The orders on every upstream that there was one on. `clock` tells monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.changes = 0  # how many orders were taken
        self._clock = clock
        self._by_name: dict[str, Orders] = {}

    def of(self, upstream: str) -> Orders:
        """Those on one upstream."""
        return self._by_name.get(upstream) or Orders(self._clock)

    def take(self, upstream: str, order: Order) -> None:
        """Let an order hold."""
        self.changes += 1
        self._by_name.setdefault(upstream, Orders(self._clock)).take(order)

    def follow(self, upstreams: Collection[str]) -> None:
        """Forget those on upstreams that there are no more: one of that name that comes later is another one."""
        self._by_name = {name: orders for name, orders in self._by_name.items() if name in upstreams}

    @property
    def told(self) -> tuple[Guard, ...]:
        """What a worker has to be told; also of orders that are over, of which it may have heard when they were not."""
        return tuple(
            Guard.of(name, order)
            for name, orders in self._by_name.items()
            for order in (orders.of_circuit, orders.of_background)
        )
