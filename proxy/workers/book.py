"""The book of a crew: operators' orders on upstreams, told to all workers there are."""

from proxy.upstream.orders import Order, Orders
from proxy.workers.crew import Crew
from proxy.workers.reloading import CrewReloader


class CrewBook:
    """Orders of all workers at once."""

    def __init__(self, crew: Crew, reloader: CrewReloader) -> None:
        self._crew = crew
        self._reloader = reloader

    def __contains__(self, upstream: object) -> bool:
        """Whether there is such an upstream."""
        return upstream in self._reloader.plans.upstreams

    def place(self, upstream: str) -> tuple[str, ...]:
        """Where this upstream is: its base URLs."""
        return self._reloader.plans.upstreams[upstream].base_urls

    def of(self, upstream: str) -> Orders:
        """Those that hold on one upstream."""
        return self._crew.orders.of(upstream)

    def take(self, upstream: str, order: Order) -> None:
        """Let an order hold, also in workers that are yet to come."""
        self._crew.orders.take(upstream, order)

    async def tell(self, upstream: str, order: Order) -> bool:
        """Let all workers hear of it; whether all said that it holds."""
        return await self._crew.tell(upstream, order)
