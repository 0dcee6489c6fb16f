"""Given orders: what operators tell of an upstream holds at once, is put on record, and can be taken back."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from proxy.operating.audit import Audit, By
from proxy.operating.undoing import CannotUndo, Step, Steps
from proxy.upstream.orders import Order, Orders
from proxy.upstream.registry import Upstreams


class OrderBook(Protocol):
    """The orders on all upstreams, and who has to hear of them."""

    def __contains__(self, upstream: object) -> bool:
        """Whether there is such an upstream."""

    def place(self, upstream: str) -> tuple[str, ...]:
        """Where this upstream is: its base URLs."""

    def of(self, upstream: str) -> Orders:
        """Those that hold on one upstream."""

    def take(self, upstream: str, order: Order) -> None:
        """Let an order hold."""

    async def tell(self, upstream: str, order: Order, /) -> bool:
        """Let it hold in all processes; whether all said that it does. Who said nothing may yet take it."""


class OwnOrders:
    """The orders of a single process."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams

    def __contains__(self, upstream: object) -> bool:
        """Whether there is such an upstream."""
        return upstream in [one.name for one in self._upstreams]

    def place(self, upstream: str) -> tuple[str, ...]:
        """Where this upstream is: its base URLs."""
        return self._upstreams[upstream].base_urls

    def of(self, upstream: str) -> Orders:
        """Those that hold on one upstream."""
        return self._upstreams[upstream].orders

    def take(self, upstream: str, order: Order) -> None:
        """Let an order hold."""
        self.of(upstream).take(order)

    async def tell(self, _upstream: str, _order: Order) -> bool:
        """There is no other process."""
        return True


class Given(NamedTuple):
    """What became of an order."""

    before: Order
    after: Order
    change: str
    audited: bool
    everywhere: bool  # False: a worker did not say that it took it; it will, as soon as it can


class Remembered(NamedTuple):
    """The order that held before another one, when that was given, in monotonic seconds, and on whom."""

    order: Order
    at: float
    place: tuple[str, ...]


class GivenOrders:
    """Gives orders. `clock` tells monotonic seconds."""

    def __init__(self, book: OrderBook, audit: Audit, steps: Steps[Any], clock: Callable[[], float]) -> None:
        self._book = book
        self._audit = audit
        self._steps = steps
        self._clock = clock

    async def give(self, upstream: str, order: Order, by: By) -> Given:
        """Let an order hold, until its time is over or another one comes."""
        return await self._give(upstream, order, by, undoes=None)

    async def undo(self, step: Step[Remembered], by: By) -> dict[str, Any]:
        """Let the order before hold again, for what was left of its time. Raises CannotUndo."""
        what, _, upstream = step.thing.partition(" ")
        if upstream not in self._book:
            raise CannotUndo("The config has no such upstream any more.")
        if self._book.place(upstream) != step.before.place:
            raise CannotUndo("The upstream of this name is at another place now.")
        self._steps.undone(step.change)
        order = step.before.order.after(self._clock() - step.before.at)
        given = await self._give(upstream, order, by, undoes=step.change)
        return {"what": what, "of": upstream, **told(given)}

    async def _give(self, upstream: str, order: Order, by: By, undoes: str | None) -> Given:
        orders = self._book.of(upstream)
        before = orders.of_circuit if order.is_of_circuit else orders.of_background
        self._book.take(upstream, order)
        what = "breaker" if order.is_of_circuit else "drain"
        facts = {"before": words(before), "after": words(order)}
        noted = self._audit.note(what if undoes is None else "undo", by, of=upstream, **facts, undoes=undoes)
        if undoes is None and before != order:
            remembered = Remembered(before, self._clock(), self._book.place(upstream))
            self._steps.made(noted.change, f"{what} {upstream}", remembered)
        everywhere = await self._book.tell(upstream, order)
        return Given(before, order, noted.change, noted.audited, everywhere)


def words(order: Order) -> dict[str, Any]:
    """An order as operators write it."""
    seconds = round(order.seconds, 3)
    match order.word:
        case "drain":
            return {"for": seconds}
        case "resume":
            return {"resume": True}
        case "auto":
            return {"state": "auto"}
        case state:
            return {"state": state, "for": seconds}


def told(given: Given) -> dict[str, Any]:
    """What became of an order, as it is answered."""
    return {
        "before": words(given.before),
        "after": words(given.after),
        "everywhere": given.everywhere,
        "change": given.change,
        "audited": given.audited,
    }
