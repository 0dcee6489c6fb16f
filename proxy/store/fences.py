"""Fences: the numbers that order fetches and purges, so that a late fill can never undo a purge (DESIGN.md §5).

fetch notes 7 ─────────────────────────▶ fills with 7: purged by 8, so never current
             purge takes 8 ──▶ recorded ──▶ acknowledged
                                            fetch notes 8 ──▶ fills with 8: current
"""

from collections.abc import Callable, Iterable
from enum import Enum, StrEnum
from typing import NamedTuple

from policies import DAY


class Mode(StrEnum):
    """How much of an entry a purge leaves."""

    SOFT = "soft"  # a fallback at best, while the upstream fails
    HARD = "hard"  # nothing: never served, no validators, its bytes go


class Validity(Enum):
    """What the purges since an entry's fetch leave of it."""

    CURRENT = 0
    SOFT = 1
    HARD = 2


class Purge(NamedTuple):
    """One tag purged: recorded in memory at once, and durably before it is acknowledged."""

    tag: str
    mode: Mode
    number: int
    at: float  # seconds since the epoch
    settle_until: float  # until then, fills of the tag are short-lived, since replicas lag


class _Marks:
    """The latest purge of one tag, soft and hard each in its own column."""

    __slots__ = ("at", "hard", "settle_until", "soft")

    def __init__(self) -> None:
        self.soft = self.hard = 0
        self.at = self.settle_until = 0.0

    @property
    def latest(self) -> int:
        return max(self.soft, self.hard)


class Fences:
    """All purges that still matter. Does no I/O: the store makes records durable and gives them back at start."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        opening: int = 0,
        records: Iterable[Purge] = (),
        most_records: int = 1_000_000,
    ) -> None:
        """`opening` counts how often the durable store was opened: numbers of a later opening are always higher."""
        self._clock = clock
        self._marks: dict[str, _Marks] = {}
        self._most_records = most_records
        self._floor = _Marks()
        self.number = self._sequence = opening << 40
        for record in records:
            self._record(record)
            self.number = max(self.number, record.number)
        self._compact()

    def __repr__(self) -> str:
        return f"<Fences at {self.number}, {len(self._marks)} tags purged>"

    def __len__(self) -> int:
        return len(self._marks)

    def next_sequence(self) -> int:
        """The number of a fetch that goes out now."""
        self._sequence += 1
        return self._sequence

    def purge(self, tags: Iterable[str], mode: Mode, settle: float = 0) -> list[Purge]:
        """Everything under `tags` fetched before now loses its rights, in this process, from this moment.

        `settle` is in seconds. The records are the caller's to make durable before it acknowledges.
        """
        self.number += 1
        now = self._clock()
        records = [Purge(tag, mode, self.number, now, now + settle if settle else 0.0) for tag in sorted(set(tags))]
        for record in records:
            self._record(record)
        self._compact()
        return records

    @property
    def sequence(self) -> int:
        """The number of the latest fetch."""
        return self._sequence

    def purged_between(self, tags: Iterable[str], after: int, upto: int) -> bool:
        """Whether one of these tags may have been purged above `after` and not above `upto`.

        Only the latest purge of a tag is known, so a tag purged later still counts: at worst one more fetch.
        """
        if upto <= after:
            return False
        if self._floor.latest > after:  # compacted: which tags were purged is forgotten
            return True
        return any(marks.latest > after for tag in tags if (marks := self._marks.get(tag)) is not None)

    def validity(self, tags: Iterable[str], fence: int) -> Validity:
        """What is left of an entry with these tags, fetched under `fence`."""
        if fence >= self.number:
            return Validity.CURRENT
        if fence < self._floor.hard:
            return Validity.HARD
        left = Validity.SOFT if fence < self._floor.soft else Validity.CURRENT
        for tag in tags:
            marks = self._marks.get(tag)
            if marks is None:
                continue
            if marks.hard > fence:
                return Validity.HARD
            if marks.soft > fence:
                left = Validity.SOFT
        return left

    def settles(self, tags: Iterable[str]) -> bool:
        """Whether a fill of these tags may still come from a replica that lags behind a change."""
        now = self._clock()
        if self._floor.settle_until > now:
            return True
        return any(marks.settle_until > now for tag in tags if (marks := self._marks.get(tag)) is not None)

    def forget_before(self, instant: float) -> int:
        """Drop records of purges older than anything that can still be stored; how many were dropped."""
        old = [tag for tag, marks in self._marks.items() if marks.at < instant]
        for tag in old:
            del self._marks[tag]
        return len(old)

    def _record(self, purge: Purge) -> None:
        marks = self._marks.setdefault(purge.tag, _Marks())
        if purge.mode is Mode.HARD:
            marks.hard = max(marks.hard, purge.number)
        else:
            marks.soft = max(marks.soft, purge.number)
        marks.at = max(marks.at, purge.at)
        marks.settle_until = max(marks.settle_until, purge.settle_until)

    def _compact(self) -> None:
        """Too many records: the older half (of what is allowed) becomes a floor, below which numbers are invalid."""
        if len(self._marks) <= self._most_records:
            return
        by_age = sorted(self._marks.items(), key=lambda item: item[1].latest)
        for tag, marks in by_age[: len(by_age) - self._most_records // 2]:
            self._floor.soft = max(self._floor.soft, marks.soft)
            self._floor.hard = max(self._floor.hard, marks.hard)
            self._floor.settle_until = max(self._floor.settle_until, marks.settle_until)
            del self._marks[tag]


def keep_records_for(keep_at_most: float) -> float:
    """Seconds a purge record has to live: as long as the longest-lived entry, and a day (DESIGN.md §5.5)."""
    return keep_at_most + DAY
