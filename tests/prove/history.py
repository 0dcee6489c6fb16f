"""What was observed: who asked for what and got what, who purged what and was told so, what the upstream said when.

All instants are seconds of one clock of this process, in which the upstream runs and from which everything is asked.
A fact is noted so that its uncertainty never accuses anyone: a read begins before it is sent, a purge is over when
its acknowledgement is here, and an upstream's answer is as old as the moment it was made up, before any delay.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from math import inf
from time import monotonic
from typing import NamedTuple


@dataclass(slots=True)
class Call:
    """One answer of the upstream: what it said, to whom, and under which names that can be purged."""

    number: int
    key: str  # the path, as readers ask for it
    token: str  # whose Authorization it saw; empty: none
    version: int
    tags: frozenset[str]
    at: float  # when it was made up
    sent: float = inf  # when it left; much later, where it was slow
    peer: int = 0  # the port of whoever asked


class Read(NamedTuple):
    """One answer that a reader got."""

    start: float
    end: float
    key: str
    token: str
    instance: str
    life: int | None  # of the instance; None: it began or ended meanwhile
    said: str  # Cache-Status
    call: int  # which of the upstream's answers it is
    version: int  # in the body
    seen_key: str  # the key that the body is about
    seen_token: str  # the token that the body was made for


class Scope(Enum):
    """Where a purge holds, by what its sender was told."""

    EVERYWHERE = "acknowledged"
    HERE = "not recorded"  # on the instance that was asked, as long as it lives
    UNKNOWN = "not answered"


class Purge(NamedTuple):
    """One purge, by whatever means."""

    number: int
    start: float  # nothing made up before it may outlive it
    end: float  # when its sender was told
    tags: frozenset[str]
    hard: bool
    how: str  # flush, write or webhook
    instance: str
    life: int | None
    scope: Scope


class Sighting(NamedTuple):
    """A purge that one watched for on another instance, where what it reaches had just been read."""

    purge: int
    at: float  # when the first read began there that gave something new


class Change(NamedTuple):
    """The truth changed at the upstream."""

    key: str
    version: int
    at: float


@dataclass(slots=True)
class Trouble:
    """Something was made to go wrong."""

    what: str
    who: str  # an instance, a server or an upstream; empty: all
    start: float
    end: float = inf  # when it was over, and all was well again
    kills: int = 0  # processes that got SIGKILL

    def touches(self, start: float, end: float) -> bool:
        """Whether some of it was between two instants."""
        return self.start <= end and start <= self.end


class Herd(NamedTuple):
    """Many callers who asked at once for one thing that nobody had."""

    key: str
    start: float
    end: float
    callers: int
    answered: int
    most_broken: int  # callers whose process was killed: they may have got nothing
    most_calls: int  # of the upstream


@dataclass
class History:
    """Everything, in the order in which it was noted."""

    clock: Callable[[], float] = monotonic
    calls: dict[int, Call] = field(default_factory=dict)
    reads: list[Read] = field(default_factory=list)
    purges: list[Purge] = field(default_factory=list)
    sightings: list[Sighting] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    herds: list[Herd] = field(default_factory=list)
    unanswered: int = 0  # reads that got no good answer: nothing is promised while processes die

    def trouble(self, what: str, who: str = "") -> Trouble:
        """Note that something begins to go wrong; its `end` is the caller's to set."""
        made = Trouble(what, who, self.clock())
        self.troubles.append(made)
        return made

    @property
    def kills(self) -> int:
        """How many processes were killed."""
        return sum(trouble.kills for trouble in self.troubles)
