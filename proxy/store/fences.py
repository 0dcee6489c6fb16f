"""Fences: the numbers that order fetches and purges, so that a late fill can never undo a purge (DESIGN.md §5).

fetch notes 7 ─────────────────────────▶ fills with 7: purged by 8, so never current
             purge takes 8 ──▶ recorded ──▶ acknowledged
                                            fetch notes 8 ──▶ fills with 8: current
"""

from collections.abc import Callable, Iterable

from policies import DAY
from proxy.sharing.fence_ring import FenceRing, Kind, Overrun
from proxy.store.many_tags import MOST_RECENT, RecentPurges
from proxy.store.purge_table import PurgeTable
from proxy.store.purges import Heard, Mode, Purge, TagDigest, Validity, heard_of, tag_digest

__all__ = ["NEVER", "Fences", "Heard", "Mode", "Purge", "Validity", "keep_records_for", "tag_digest"]

NEVER = 1 << 62  # higher than any revision
_KIND_OF = {Mode.SOFT: Kind.SOFT, Mode.HARD: Kind.HARD}
_FLOOR_OF = {Mode.SOFT: Kind.FLOOR_SOFT, Mode.HARD: Kind.FLOOR_HARD}
_HARD = frozenset({Kind.HARD, Kind.FLOOR_HARD})
_FLOORS = frozenset(_FLOOR_OF.values())
_NO_TAG = bytes(16)
_MOST_NOTES = 4_096  # that one purge may make: a quarter of the ring; beyond it everything counts as purged
_MOST_OWN = 20_000  # that are kept: far fewer are sent one by one
_LONGEST_SETTLE = 60.0  # seconds that a purge nobody read here may settle


class Fences:
    """All purges that still matter. Does no I/O: the store makes records durable and gives them back at start.

    With a `ring`, several processes of one machine have one counter and hear of each other's purges at their next look,
    which reads memory and makes no system call (DESIGN.md §5, edge 8).
    """

    most_recent = MOST_RECENT  # purges that are told one by one

    def __init__(  # noqa: PLR0913 - what each kind of deployment has of its own
        self,
        clock: Callable[[], float],
        *,
        opening: int = 0,
        records: Iterable[Purge] = (),
        most_records: int = 1_000_000,
        ring: FenceRing | None = None,
        is_coherent: Callable[[], bool] | None = None,
        is_timed: bool = False,
        digest: TagDigest = tag_digest,
    ) -> None:
        """`opening` counts how often the durable store was opened: numbers of a later opening are always higher.

        `records` have to be read after the ring came to be, so that none is in neither. `is_coherent` tells whether
        this machine has heard of all purges that others acknowledged; None: there are no others. `is_timed`: fetches of
        other machines have to be ordered too, so their numbers are microseconds since the epoch, at least. `digest`
        is what tags are known by, the same to all who hear of each other's purges.
        """
        self._clock = clock
        self.digest = digest
        self._table = PurgeTable(most_records)
        self._recent = RecentPurges(self.most_recent)
        self._number = self._sequence = opening << 40
        self._ring = ring
        self._revision = 0  # how often something was learned; purges need not be heard in the order of their numbers
        self._read = 0 if ring is None else ring.oldest  # notes of the ring up to which the table knows them
        self._is_coherent = is_coherent
        self._is_timed = is_timed
        self._is_own: Callable[[int], bool] = lambda _: False
        self._own: dict[tuple[bytes, Mode], Heard] = {}
        self.learn(heard_of(one, digest) for one in records)
        if ring is not None:
            ring.raise_to(self._number, self._sequence)

    def __repr__(self) -> str:
        return f"<Fences at {self.number}, {len(self)} tags purged>"

    def __len__(self) -> int:
        return len(self._table)

    @property
    def number(self) -> int:
        """The number of the latest purge, whoever carried it out on this machine."""
        if self._ring is not None and self._ring.position != self._read:
            self._catch_up(self._ring)
        return self._number

    @property
    def revision(self) -> int:
        """What is known of purges, all of it: an entry found valid at this revision is, until there is another one."""
        if self._ring is not None and self._ring.position != self._read:
            self._catch_up(self._ring)
        return self._revision

    def purged_from(self, revision: int) -> list[bytes] | None:
        """The digests of the tags purged since this revision; None where they are not known, or it may be any tag."""
        return self._recent.latest(self.revision - revision)

    @property
    def horizon(self) -> int:
        """The revision at which an entry has to have been found valid to be current; when coherence is lost, none will
        do.
        """
        if self._is_coherent is not None and not self._is_coherent():
            return NEVER
        return self.revision

    @property
    def is_coherent(self) -> bool:
        """Whether this machine can know of every purge that was acknowledged."""
        return self._is_coherent is None or self._is_coherent()

    @property
    def hard_purges(self) -> int:
        """How many purges that leave nothing this process knows of; when it grows, bytes have to go."""
        _ = self.number
        return self._table.hard

    @property
    def sequence(self) -> int:
        """The number of the latest fetch."""
        return self._sequence if self._ring is None else self._ring.sequence

    def next_sequence(self) -> int:
        """The number of a fetch that goes out now."""
        if self._ring is not None:
            if self._is_timed:
                self._ring.raise_to(0, int(self._clock() * 1e6))
            return self._ring.next_sequence()
        self._sequence += 1
        return self._sequence

    def purge(self, tags: Iterable[str], mode: Mode, settle: float = 0) -> list[Purge]:
        """Everything under `tags` fetched before now loses its rights, on this machine, from this moment.

        `settle` is in seconds. The records are the caller's to make durable before it acknowledges.
        """
        now = self._clock()
        until = now + settle if settle else 0.0
        names = sorted(set(tags))
        number = self._publish([self.digest(tag) for tag in names], mode, now, until)
        return [Purge(tag, mode, number, now, until) for tag in names]

    def hear(self, purges: Iterable[Heard]) -> None:
        """Take over purges that have their numbers already."""
        for heard in purges:
            if self._ring is None:
                self._record(heard)
            else:
                kind = _KIND_OF[heard.mode]
                self._ring.publish([heard.tag], kind, heard.at, heard.settle_until, number=heard.number)
        self._table.compact()

    def meet(self, fence: int, sequence: int) -> None:
        """Count on from what another process or machine gave an entry: what is fetched here from now on is later."""
        if self._ring is not None:
            self._ring.raise_to(fence, sequence)

    def learn(self, purges: Iterable[Heard]) -> None:
        """Take over what a store has recorded, for this process alone: others on the machine read it by themselves."""
        for heard in purges:
            self._record(heard)
        self._table.compact()

    def raise_to(self, number: int) -> None:
        """Count on from `number`, if that is higher."""
        if self._ring is not None:
            self._ring.raise_to(number)
        self._number = max(self.number, number)

    def raise_floor(self, number: int, mode: Mode) -> None:
        """Everything fetched below `number` loses its rights, whatever its tags: what was purged is not known."""
        if self._ring is not None:
            self._ring.publish([_NO_TAG], _FLOOR_OF[mode], self._clock(), 0.0, number=number)
        else:
            self._raise_floor(number, mode)

    def recent(self, most: int) -> list[Heard]:
        """The latest purges, oldest first: what a store that lost them is told again."""
        _ = self.number  # what others did first
        return self._table.recent(most)

    def keep_own(self, is_own: Callable[[int], bool]) -> None:
        """Keep purges with such numbers until they were sent, also when a later one of the same tag is heard: that one
        may have been carried out earlier, under another machine's numbers.
        """
        self._is_own = is_own

    @property
    def own(self) -> list[Heard]:
        """Those that were kept, oldest first."""
        _ = self.number
        return sorted(self._own.values())

    def sent_own(self, sent: Iterable[Heard]) -> None:
        """Keep these no longer."""
        for heard in sent:
            if self._own.get((heard.tag, heard.mode)) == heard:
                del self._own[heard.tag, heard.mode]

    def purged_between(self, tags: Iterable[str], after: int, upto: int) -> bool:
        """Whether one of these tags may have been purged above `after` and not above `upto`.

        Only the latest purge of a tag is known, so a tag purged later still counts: at worst one more fetch.
        """
        if upto <= after:
            return False
        _ = self.number
        return self._table.purged_since(map(self.digest, tags), after)

    def validity(self, tags: Iterable[str], fence: int) -> Validity:
        """What is left of an entry with these tags, fetched under `fence`."""
        return self.validity_by(map(self.digest, tags), fence)

    def validity_by(self, digests: Iterable[bytes], fence: int) -> Validity:
        """The same, of tags that are known by their digests."""
        return Validity.CURRENT if fence >= self.number else self._table.validity(digests, fence)

    def settles(self, tags: Iterable[str]) -> bool:
        """Whether a fill of these tags may still come from a replica that lags behind a change."""
        _ = self.number
        return self._table.settles(map(self.digest, tags), self._clock())

    def forget_before(self, instant: float) -> int:
        """Drop records of purges older than anything that can still be stored; how many were dropped."""
        return self._table.forget_before(instant)

    def _publish(self, tags: list[bytes], mode: Mode, at: float, until: float) -> int:
        if self._ring is not None:
            is_wide = len(tags) > _MOST_NOTES
            kind = _FLOOR_OF[mode] if is_wide else _KIND_OF[mode]
            number = self._ring.publish([_NO_TAG] if is_wide else tags, kind, at, until)
            self._catch_up(self._ring)
            return number
        self._number += 1
        for tag in tags:
            self._record(Heard(self._number, mode, tag, at, until))
        self._table.compact()
        return self._number

    def _catch_up(self, ring: FenceRing) -> None:
        """Take over what was noted in the ring since the last look; what was overwritten there unread could be of any
        tag.
        """
        number = ring.number  # first: all notes up to it are in the ring by now
        try:
            notes, self._read = ring.since(self._read)
        except Overrun as overrun:
            for mode in Mode:
                self._raise_floor(overrun.upto, mode, self._clock() + _LONGEST_SETTLE)
            notes, self._read = ring.since(overrun.position)
        for note in notes:
            mode = Mode.HARD if note.kind in _HARD else Mode.SOFT
            if note.kind in _FLOORS:
                self._raise_floor(note.number, mode)
            else:
                self._record(Heard(note.number, mode, note.tag, note.at, note.settle_until))
        self._number = max(self._number, number)
        self._table.compact()

    def _raise_floor(self, number: int, mode: Mode, settle_until: float = 0.0) -> None:
        self._learned(None)
        self._table.raise_floor(number, mode, settle_until)
        self._number = max(self._number, number)

    def _record(self, heard: Heard) -> None:
        self._learned(heard.tag)
        if self._is_own(heard.number):
            self._keep(heard)
        self._table.record(heard)
        self._number = max(self._number, heard.number)

    def _learned(self, tag: bytes | None) -> None:
        self._revision += 1
        self._recent.note(tag)

    def _keep(self, own: Heard) -> None:
        """When there are too many to be sent one by one, all that still matters is whether a hard one is among them."""
        if len(self._own) >= _MOST_OWN:
            if own.mode is Mode.SOFT:
                return
            self._own.popitem()
        self._own[own.tag, own.mode] = own


def keep_records_for(keep_at_most: float) -> float:
    """Seconds a purge record has to live: as long as the longest-lived entry, and a day (DESIGN.md §5.5)."""
    return keep_at_most + DAY
