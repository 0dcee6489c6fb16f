"""The table of purges: for each tag the latest, soft and hard; beyond a bound, a floor below which all is invalid."""

from collections.abc import Iterable, Iterator
from heapq import nlargest

from proxy.store.purges import Heard, Mode, Validity


class _Marks:
    """The latest purge of one tag, soft and hard each in its own column."""

    __slots__ = ("at", "hard", "settle_until", "soft")

    def __init__(self) -> None:
        self.soft = self.hard = 0
        self.at = self.settle_until = 0.0

    @property
    def latest(self) -> int:
        return max(self.soft, self.hard)

    def note(self, number: int, mode: Mode, at: float, settle_until: float) -> None:
        if mode is Mode.HARD:
            self.hard = max(self.hard, number)
        else:
            self.soft = max(self.soft, number)
        self.at = max(self.at, at)
        self.settle_until = max(self.settle_until, settle_until)


class PurgeTable:
    """By the digests of tags. Knows numbers and instants, but no clock."""

    def __init__(self, most_records: int) -> None:
        self._marks: dict[bytes, _Marks] = {}
        self._most_records = most_records
        self._floor = _Marks()
        self._settled_at = 0.0  # when the last purge so far has settled: mostly long ago
        self.hard = 0  # how many of the purges so far left nothing

    def __len__(self) -> int:
        return len(self._marks)

    def record(self, heard: Heard) -> None:
        """Note a purge; in any order."""
        self.hard += heard.mode is Mode.HARD
        marks = self._marks.get(heard.tag)
        if marks is None:
            marks = self._marks[heard.tag] = _Marks()
        marks.note(heard.number, heard.mode, heard.at, heard.settle_until)
        self._settled_at = max(self._settled_at, heard.settle_until)

    def raise_floor(self, number: int, mode: Mode, settle_until: float = 0.0) -> None:
        """Numbers below `number` are invalid, whatever the tag; and what was purged there settles until an instant."""
        self.hard += mode is Mode.HARD
        self._floor.note(number, mode, 0.0, settle_until)
        self._settled_at = max(self._settled_at, settle_until)

    def validity(self, tags: Iterable[bytes], fence: int) -> Validity:
        """What is left of an entry with these tags, fetched under `fence`."""
        if fence < self._floor.hard:
            return Validity.HARD
        left = Validity.SOFT if fence < self._floor.soft else Validity.CURRENT
        for marks in self._of(tags):
            if marks.hard > fence:
                return Validity.HARD
            if marks.soft > fence:
                left = Validity.SOFT
        return left

    def purged_since(self, tags: Iterable[bytes], after: int) -> bool:
        """Whether one of these tags may have been purged above `after`."""
        if self._floor.latest > after:  # compacted: which tags were purged is forgotten
            return True
        return any(marks.latest > after for marks in self._of(tags))

    def settles(self, tags: Iterable[bytes], now: float) -> bool:
        """Whether a purge of one of these tags has not settled at `now`."""
        if now >= self._settled_at:
            return False
        return self._floor.settle_until > now or any(marks.settle_until > now for marks in self._of(tags))

    def recent(self, most: int) -> list[Heard]:
        """The latest purges, oldest first, of at most so many tags."""
        latest = nlargest(most, self._marks.items(), key=lambda item: item[1].latest)
        return sorted(
            Heard(number, mode, tag, marks.at, marks.settle_until)
            for tag, marks in latest
            for mode, number in ((Mode.SOFT, marks.soft), (Mode.HARD, marks.hard))
            if number
        )

    def forget_before(self, instant: float) -> int:
        """Drop records of purges before `instant` (seconds since the epoch); how many were dropped."""
        old = [tag for tag, marks in self._marks.items() if marks.at < instant]
        for tag in old:
            del self._marks[tag]
        return len(old)

    def compact(self) -> None:
        """Too many records: the older half (of what is allowed) becomes a floor, below which numbers are invalid."""
        if len(self._marks) <= self._most_records:
            return
        by_age = sorted(self._marks.items(), key=lambda item: item[1].latest)
        for tag, marks in by_age[: len(by_age) - self._most_records // 2]:
            self._floor.soft = max(self._floor.soft, marks.soft)
            self._floor.hard = max(self._floor.hard, marks.hard)
            self._floor.settle_until = max(self._floor.settle_until, marks.settle_until)
            del self._marks[tag]

    def _of(self, tags: Iterable[bytes]) -> Iterator[_Marks]:
        for tag in tags:
            marks = self._marks.get(tag)
            if marks is not None:
                yield marks
