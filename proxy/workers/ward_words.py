"""Words of wards: what a supervisor and its workers say to each other of quarantines, and of persons to be erased.

Ids and tags go as bytes: one may hold what is no UTF-8.
"""

from msgspec import Struct

from proxy.doubts.sightings import Quarantined
from proxy.erasing import ErasedHere

# from the supervisor: questions


class ListHeld(Struct, frozen=True, tag=True):
    """What is in quarantine."""


class AcceptHeld(Struct, frozen=True, tag=True):
    """What is in quarantine under this ID is right; where it is not here, the next that is the same is."""

    id: str


class DiscardHeld(Struct, frozen=True, tag=True):
    """What is in quarantine under this ID goes."""

    id: str


class FindPrincipals(Struct, frozen=True, tag=True):
    """Which partitions are known to be these users'."""

    users: tuple[bytes, ...]


class Erase(Struct, frozen=True, tag=True):
    """Let go of all that is held under these tags, and of what was learned of these users."""

    upstream: str
    users: tuple[bytes, ...]
    tags: tuple[bytes, ...]
    fence: int


OfWards = ListHeld | AcceptHeld | DiscardHeld | FindPrincipals | Erase

# from a worker


class Held(Struct, frozen=True, tag=True):
    """What is in one worker's quarantine."""

    answers: tuple[Quarantined, ...]


class DecidedHeld(Struct, frozen=True, tag=True):
    """What became of a word on the quarantine: the value of a Fate, whether the store took it, and up to which order it
    was decided on.
    """

    fate: str
    recorded: bool = True
    order: tuple[int, int] = (0, 0)


class Principals(Struct, frozen=True, tag=True):
    """Partitions that a worker knows to be somebody's."""

    partitions: tuple[str, ...]


class Erased(Struct, frozen=True, tag=True):
    """What a worker let go of."""

    here: ErasedHere


WardReply = Held | DecidedHeld | Principals | Erased
