"""Coherence: when an instance may believe that it has heard of every purge that others acknowledged (DESIGN.md §5).

           sent ───────────── one window ─────────────▶ until then it may serve from memory as current
poll ───────┴──▶ Redis: "you have heard all" or "you have heard all but the last 40 ms", which shortens it by as much

Nothing here asks a clock or a server; `now` and `sent` are seconds of a clock that runs while the machine sleeps.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from time import monotonic
from typing import NamedTuple, Protocol

from proxy.store.purges import Heard, Mode

try:
    from time import CLOCK_BOOTTIME, clock_gettime
except ImportError:  # only Linux has it
    boottime = monotonic
else:

    def boottime() -> float:
        """Seconds on a clock that no one sets and that runs while the machine sleeps."""
        return clock_gettime(CLOCK_BOOTTIME)


TICKS = 1 << 20  # numbers to a second of Redis's clock, behind which the counter never runs
GAP = 1 << 14  # between two numbers that Redis gives out; those between are left to machines that cannot reach it
LEAP = 1 << 26  # over what a lost life of a server may have given out: a minute of ticks

SKEW = 1.0  # seconds between this machine's clock and Redis's that are worth a word (edge 9)
LOST = -1.0  # coherent until: not any more
UNSENT = 0.0  # the same, and some process of this machine has a purge that Redis has not got


class Bound(Protocol):
    """What all processes of a machine look at before they serve from memory: the shared page."""

    coherent_until: float


class Position(NamedTuple):
    """A place in the stream of purges: the id of a record."""

    number: int
    place: int  # among the tags of one purge

    @classmethod
    def parse(cls, text: bytes | str) -> "Position":
        """Raises ValueError for what is no id."""
        number, _, place = (text.decode() if isinstance(text, bytes) else text).partition("-")
        return cls(int(number), int(place))

    def __str__(self) -> str:
        return f"{self.number}-{self.place}"


BEGINNING = Position(0, 0)


class State(NamedTuple):
    """What Redis says of its fences."""

    run: str  # which life of which server answered
    epoch: int  # the number with which its counter began
    number: int
    soft: int  # entries of a lower fence are fallbacks at best
    hard: int  # entries of a lower fence are nothing
    at: float  # its clock, seconds since the epoch
    top: Position  # the last record it has


def risen(known: State | None, said: State) -> list[tuple[Mode, int]]:
    """The floors that Redis has raised since it said `known`."""
    before = (0, 0) if known is None else (known.soft, known.hard)
    floors = ((Mode.SOFT, before[0], said.soft), (Mode.HARD, before[1], said.hard))
    return [(mode, now) for mode, was, now in floors if now > was]


class Change(StrEnum):
    """Why Redis may lack what this instance has heard from it."""

    SERVER = "another server, or the same one restarted, answers"
    EPOCH = "the counter was lost and began anew"
    RECORDS = "records of purges were lost"


def change(known: State, heard: Position, said: State, keep: float) -> Change | None:
    """What became of Redis since it said `known`; `keep` is how long, in seconds, it keeps records."""
    if said.run != known.run:
        return Change.SERVER
    if said.epoch != known.epoch:
        return Change.EPOCH
    is_kept = heard.number > (said.at - keep) * TICKS
    return Change.RECORDS if said.top < heard and is_kept else None


def is_local(number: int) -> bool:
    """Whether a machine gave this number out by itself: Redis counts in steps of `GAP`."""
    return number % GAP != 0


class Known:
    """What an instance knows of purges: the latest of each tag and mode."""

    def __init__(self, recent: Sequence[Heard], *, is_all: bool) -> None:
        """`recent` are the latest, oldest first; `is_all`: there are no others."""
        self.recent = recent
        self._latest = {(heard.tag, heard.mode): heard.number for heard in recent}
        self._oldest = 0 if is_all or not recent else recent[0].number

    def has(self, heard: Heard) -> bool:
        """Whether a purge is known, or a later one that covers it."""
        return self._latest.get((heard.tag, heard.mode), 0) >= heard.number

    def reaches(self, number: int) -> bool:
        """Whether a purge of this number would be among the latest, if it were known."""
        return number >= self._oldest


def to_resend(known: Known, there: Mapping[tuple[bytes, Mode], int], number: int) -> list[Heard]:
    """What has to be purged again after Redis lost writes.

    `there` has, for each tag and mode, the latest number that Redis still knows; `number` is the highest this instance
    knew. Purged again is what Redis lost; and what it got to know in the meantime below numbers that were given out
    before: entries fetched here under those would outrun it.
    """
    lost = [
        heard
        for heard in known.recent
        if not is_local(heard.number) and _latest(there, heard.tag, heard.mode) < heard.number
    ]
    theirs = [Heard(at, mode, tag, 0.0, 0.0) for (tag, mode), at in there.items() if at <= number]
    return lost + [heard for heard in theirs if known.reaches(heard.number) and not known.has(heard)]


def _latest(there: Mapping[tuple[bytes, Mode], int], tag: bytes, mode: Mode) -> int:
    hard = there.get((tag, Mode.HARD), 0)  # covers a soft one
    return hard if mode is Mode.HARD else max(hard, there.get((tag, Mode.SOFT), 0))


class Unsent(NamedTuple):
    """Purges that Redis has not got yet."""

    records: list[Heard]
    floor: Mode | None  # they are too many, or not all known: everything has to be purged


def unsent(known: Known, sent: int, most: int, *, is_told: bool, own: Sequence[Heard] = ()) -> Unsent:
    """The purges numbered by this machine itself, above `sent`: those up to there have been sent; and its `own`, which
    surely have not.

    `is_told`: somebody said that there are unsent ones, so those that are no longer among the known ones count.
    """
    above = [heard for heard in known.recent if is_local(heard.number) and heard.number > sent]
    records = sorted({*above, *own})
    is_cut_off = is_told and not known.reaches(sent + 1)
    if not is_cut_off and len(records) <= most:
        return Unsent(records, None)
    is_hard = is_cut_off or any(heard.mode is Mode.HARD for heard in records)
    return Unsent(records, Mode.HARD if is_hard else Mode.SOFT)


class Coherence:
    """Whether a machine is coherent, since when not, and how often it was lost. Grants and looks are given the time."""

    def __init__(self, bound: Bound, window: float, now: float) -> None:
        """`window` is in seconds. Until the first grant nothing is current."""
        self._bound = bound
        self._window = window
        self.lost_since: float | None = now  # None: coherent, at the last look
        self.lost_total = 0  # how often it was lost after it was there
        bound.coherent_until = LOST

    @property
    def has_unsent(self) -> bool:
        """Whether some process of this machine said that Redis has not got a purge."""
        return self._bound.coherent_until == UNSENT

    def start_sending(self) -> None:
        """What is unsent from here on will be said again."""
        self._bound.coherent_until = LOST

    def give_up(self) -> None:
        """From here on nothing is current."""
        self._bound.coherent_until = LOST

    def look(self, now: float) -> bool:
        """Whether it was lost since the last look."""
        until = self._bound.coherent_until
        if self.lost_since is not None or now < until:
            return False
        self.lost_since = until if until > 0 else now
        self.lost_total += 1
        return True

    def grant(self, sent: float, lag: float, now: float) -> bool:
        """Redis confirmed at a poll sent at `sent` that all was heard that it had `lag` seconds before it answered.

        Whether coherence is there again, after it was lost. An answer that took a window, or that the machine slept
        through, grants nothing.
        """
        until = sent + self._window - lag
        if until <= now:
            return False
        self._bound.coherent_until = until
        was_lost, self.lost_since = self.lost_since is not None, None
        return was_lost


class Skew:
    """How far this machine's clock is from Redis's; a clock of the store is what all instances go by (edge 9)."""

    def __init__(self) -> None:
        self.seconds = 0.0  # positive: this machine is ahead; what the travel time may explain is taken off
        self._is_told = False

    def measure(self, store: float, before: float, after: float) -> bool:
        """Whether there is something new to say: it grew beyond a second.

        `store` is what Redis's clock said between `before` and `after` of this machine's, seconds since the epoch.
        """
        self.seconds = min(0.0, after - store) + max(0.0, before - store)
        is_off = abs(self.seconds) > SKEW
        was_told, self._is_told = self._is_told, is_off
        return is_off and not was_told


def pauses() -> Iterator[float]:
    """Seconds between two looks at who has confirmed: most do within a few milliseconds."""
    pause = 0.002
    while True:
        yield pause
        pause = min(2 * pause, 0.02)


def back_off(failures: int, window: float, random: float) -> float:
    """Seconds until the next try after so many failures; `random` from 0 to 1 spreads instances out."""
    longest = max(window, 1.0)
    return float(min(0.05 * 2 ** min(failures - 1, 10), longest)) * (0.5 + random / 2)
