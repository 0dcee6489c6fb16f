"""Answering of wards: what a worker does when its supervisor asks of its quarantine, or has a person erased."""

from proxy.doubts.sightings import Decided
from proxy.erasing import Erasure
from proxy.larder import Larder
from proxy.store.codec import as_text
from proxy.workers.ward_words import (
    AcceptHeld,
    DecidedHeld,
    DiscardHeld,
    Erase,
    Erased,
    FindPrincipals,
    Held,
    ListHeld,
    OfWards,
    Principals,
    WardReply,
)


async def warded(larder: Larder, question: OfWards) -> WardReply:
    """The reply to a question of the quarantine, or of a person."""
    match question:
        case ListHeld():
            return Held(tuple(larder.quarantine.listed()))
        case AcceptHeld(change):
            return _told(await larder.quarantine.accept(change, elsewhere=True))
        case DiscardHeld(change):
            return _told(await larder.quarantine.discard(change))
        case FindPrincipals(users):
            known, _ = await larder.erasing.principals({as_text(one) for one in users})
            return Principals(tuple(known))
        case Erase(upstream, users, tags, fence):
            erasure = Erasure(upstream, tuple(map(as_text, users)), tuple(map(as_text, tags)), fence)
            [here], _ = await larder.erasing.erase(erasure)
            return Erased(here)


def _told(decided: Decided) -> DecidedHeld:
    return DecidedHeld(decided.fate.value, decided.recorded, decided.order)
