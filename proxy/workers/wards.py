"""The quarantines of all workers as the one that operators see. An answer may wait in several of them."""

from proxy.doubts.sightings import Decided, Fate
from proxy.doubts.wards import Listing, best, merged
from proxy.workers.tiers import NotAllAnswered, WorkersMemory
from proxy.workers.ward_words import AcceptHeld, DecidedHeld, DiscardHeld, Held, ListHeld

LIST_WITHIN = 2.0  # seconds
DECIDE_WITHIN = 10.0  # seconds: each may wait for the store


class CrewWard:
    """Asks all. A word holds in each, also where the answer has not come yet."""

    def __init__(self, memory: WorkersMemory, *, has_store: bool = False) -> None:
        """`memory` knows the workers that live now. `has_store`: what they hold lies in a store, too."""
        self._memory = memory
        self._has_store = has_store

    async def listed(self) -> Listing:
        """All that they hold. Raises NotAllAnswered, where nobody else can tell what is missing."""
        gathered = await self._memory.ask("quarantine", ListHeld(), LIST_WITHIN)
        if gathered.silent and not self._has_store:
            raise NotAllAnswered
        told = merged(one for reply in gathered.replies if isinstance(reply, Held) for one in reply.answers)
        return Listing(told, is_complete=not gathered.silent)

    async def accept(self, change: str) -> Decided:
        """It is right: each stores what it has of it, where that may still be."""
        return await self._decide(AcceptHeld(change), "accept")

    async def discard(self, change: str) -> Decided:
        """It is wrong: all let go of it."""
        return await self._decide(DiscardHeld(change), "discard")

    async def _decide(self, question: AcceptHeld | DiscardHeld, operation: str) -> Decided:
        """Raises NotAllAnswered, where nobody who answered knows of it."""
        gathered = await self._memory.ask(operation, question, DECIDE_WITHIN)
        told = [
            Decided(Fate(one.fate), recorded=one.recorded, order=one.order)
            for one in gathered.replies
            if isinstance(one, DecidedHeld)
        ]
        fate = best(one.fate for one in told)
        if fate is Fate.UNKNOWN and gathered.silent:
            raise NotAllAnswered
        everywhere = not gathered.silent and all(one.fate is not Fate.UNREADABLE for one in told)
        order = max((one.order for one in told), default=(0, 0))
        return Decided(fate, everywhere, recorded=all(one.recorded for one in told), order=order)
