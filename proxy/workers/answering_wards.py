"""Answering of wards: what a worker does when its supervisor asks of its quarantine."""

from proxy.larder import Larder
from proxy.workers.control import AcceptHeld, DecidedHeld, DiscardHeld, Held, ListHeld, Reply

OfWards = ListHeld | AcceptHeld | DiscardHeld


async def warded(larder: Larder, question: OfWards) -> Reply:
    """The reply to a question of the quarantine."""
    match question:
        case ListHeld():
            return Held(tuple(larder.quarantine.listed()))
        case AcceptHeld(change):
            return DecidedHeld((await larder.quarantine.accept(change, elsewhere=True)).value)
        case DiscardHeld(change):
            return DecidedHeld(larder.quarantine.discard(change).value)
