"""Room: how many jobs there may be at once in one process, of one caller, and how large their requests may be."""

from dataclasses import dataclass

from proxy.jobs.errors import JobsFull, TooManyJobs
from proxy.settings import JobsBlock

COME_AGAIN = 5.0  # seconds


@dataclass(eq=False, frozen=True)
class Place:
    """What one job takes up."""

    caller: str
    weight: int  # bytes of its request


class Room:
    """The places that are taken, from before a job is begun until it is let go of."""

    def __init__(self) -> None:
        self._taken: set[Place] = set()

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, caller: str, weight: int, limits: JobsBlock) -> Place:
        """A place. Raises TooManyJobs, JobsFull."""
        if sum(place.caller == caller for place in self._taken) >= limits.per_caller:
            raise TooManyJobs(limits.per_caller, COME_AGAIN)
        if not self.has_room(weight, limits):
            raise JobsFull(COME_AGAIN)
        return self.given(caller, weight)

    def has_room(self, weight: int, limits: JobsBlock) -> bool:
        """Whether there is a place for another one, whosever."""
        return len(self) < limits.most and sum(place.weight for place in self._taken) + weight <= limits.max_bytes

    def given(self, caller: str, weight: int) -> Place:
        """A place, without asking whose it is."""
        place = Place(caller, weight)
        self._taken.add(place)
        return place

    def leave(self, place: Place) -> None:
        """It is free again."""
        self._taken.discard(place)
