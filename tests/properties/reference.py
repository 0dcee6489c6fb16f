"""The reference: what happened, in the order in which it happened, and what a read may therefore have.

It knows no numbers. An answer is *covered* by a purge when it was asked for before the purge began and carries one of
its tags. Of an acknowledged purge that covers what is read,

- the machine that carried it out knows at once, durable or not, for as long as its page is there. Parted machines
  number by themselves, so while it is parted it may take what another one fetched meanwhile for later: as a fallback;
- every machine knows by the time a purge was acknowledged as durable, or is not coherent. The window is over by then:
  the acknowledgement has waited for it. A machine that is not coherent gives fallbacks, of hard purges too: it cannot
  know of them;
- when Redis lost the record (a replica without the last writes, a restart without data), or never had it (not durable),
  it is *adrift*: those who know of it go on knowing, and the others do again once one who knows was in touch with Redis
  for `IN_TOUCH` seconds. If all who know die before that, it is lost, with the scenario's data;
- when Redis lost everything, what was fetched before is a fallback at best, wherever somebody was in touch with it for
  so long again. A machine that did not hear of that yet goes on by numbers of before. It tells when it does; until
  then, and for good if it dies before, what it fetched meanwhile may pass for later than purges of that time
  (docs/stores.md, A Redis that forgets).

A reader who knows gets nothing that was purged for good, and nothing as current that was purged at all.
"""

from dataclasses import dataclass, field

from proxy.messages import Entry
from proxy.store.fences import Mode, Validity

UNDER_WAY = 4.0  # seconds for which what a machine keeps may be on its way to Redis
IN_TOUCH = 6.0  # seconds of undisturbed talk with Redis after which a machine has heard, and told, everything


@dataclass(eq=False)
class Fetched:
    """A fetch that went out."""

    number: int
    key: bytes
    partition: str
    page: int  # the page of the machine that sent it
    worker: str  # the life of the worker that sent it
    fence: int
    sequence: int
    began: int
    landed_at: float = 0.0
    own_tags: frozenset[str] = frozenset()  # once it has landed
    tags: frozenset[str] = frozenset()  # those, and what its place implies

    @property
    def body(self) -> bytes:
        return b"%d of %s" % (self.number, self.partition.encode())


@dataclass(eq=False)
class Purged:
    """A purge that was begun."""

    tags: frozenset[str]
    mode: Mode
    page: int
    began: int
    began_at: float
    acknowledged: int | None = None
    acknowledged_at: float = 0.0
    is_adrift: bool = False
    recorded_at: float = 0.0  # since when it is surely in Redis
    known_to: set[int] = field(default_factory=set)  # pages


@dataclass
class Got:
    """What a read came to."""

    began: int
    key: bytes
    partition: str
    page: int
    worker: str
    is_coherent: bool  # its process
    has_joined: bool  # its worker has learned, from Redis, what was purged before it began
    entry: Entry | None = None
    validity: Validity = Validity.CURRENT


class Reference:
    """The model."""

    def __init__(self) -> None:
        self.now = 0  # the latest moment
        self._epoch, self._epoch_at = 0, 0.0  # when Redis lost everything last
        self._losses: list[tuple[int, float]] = []  # whenever it did
        self._epochs: dict[int, int] = {}  # pages, dead ones too, and the last of those that they heard of
        self.fetched: dict[bytes, Fetched] = {}  # by body
        self.purges: list[Purged] = []
        self.in_touch: dict[int, float] = {}  # living pages, and since when nothing disturbs their talk with Redis
        self._misled: set[int] = set()  # pages that met such an answer: they count on from its number
        self._held: dict[tuple[str, bytes], Fetched] = {}  # what a worker put into memory last
        self.history: list[tuple[object, ...]] = []

    def happens(self, *what: object) -> int:
        """A moment."""
        self.notes(*what)
        self.now += 1
        return self.now

    def notes(self, *what: object) -> None:
        """What tells one history from another."""
        self.history.append(what)

    # -- fetches

    def sent(self, fetched: Fetched) -> None:
        self.fetched[fetched.body] = fetched

    def kept(self, fetched: Fetched) -> None:
        """Its worker has it in memory, unless what is there was asked for later."""
        held = self._held.get((fetched.worker, fetched.key))
        if held is None or held.began <= fetched.began:
            self._held[fetched.worker, fetched.key] = fetched

    def evicted(self, worker: str) -> None:
        for place in [place for place in self._held if place[0] == worker]:
            del self._held[place]

    # -- purges

    def purge_begins(self, tags: frozenset[str], mode: Mode, page: int, now: float) -> Purged:
        purged = Purged(tags, mode, page, self.happens("purge", sorted(tags), mode), now)
        self.purges.append(purged)
        return purged

    def purge_is_acknowledged(self, purged: Purged, now: float, *, durable: bool) -> None:
        purged.acknowledged = self.happens("acknowledged", purged.began, durable)
        purged.acknowledged_at = purged.recorded_at = now
        purged.is_adrift |= not durable

    def redis_lost(self, since: float) -> None:
        """Redis has no purge any more that was acknowledged after `since`."""
        for purged in self.purges:
            if purged.acknowledged is None or purged.acknowledged_at >= since:
                purged.is_adrift = True

    def redis_is_empty(self, now: float) -> None:
        """What was fetched so far may have been purged, for all that anybody knows."""
        self._epoch, self._epoch_at = self.happens("empty"), now
        self._losses.append((self._epoch, now))

    def time_passed(self, now: float) -> None:
        """Who is in touch with Redis for long enough has told it what it lacked, and knows what is recorded."""
        self._epochs |= {page: self._epoch for page in self.in_touch if self._hears_of_epoch(page, now)}
        for purged in self.purges:
            if purged.acknowledged is None:
                continue
            if purged.is_adrift and self._tells(purged, now):
                purged.is_adrift, purged.recorded_at = False, now
            if not purged.is_adrift:
                purged.known_to |= {page for page in self.in_touch if self._since(page, purged) + IN_TOUCH <= now}

    def _tells(self, purged: Purged, now: float) -> bool:
        knowing = purged.known_to | {purged.page}
        return any(page in self.in_touch and self._since(page, purged) + IN_TOUCH <= now for page in knowing)

    def _since(self, page: int, purged: Purged) -> float:
        return max(self.in_touch[page], purged.recorded_at)

    def _hears_of_epoch(self, page: int, now: float) -> bool:
        return max(self.in_touch[page], self._epoch_at) + IN_TOUCH <= now

    # -- what must hold

    def check(self, got: Got, now: float) -> None:
        """Raises AssertionError for a read that got what it may not have."""
        if got.entry is None:
            return
        fetched = self.fetched[got.entry.body]
        assert got.entry.key == got.key == fetched.key, "an answer to another question"
        assert got.entry.partition == got.partition == fetched.partition, "an answer crossed a partition"
        held = self._held.get((got.worker, got.key))
        if held is not None and held.page == fetched.page:
            assert fetched.began >= held.began, "a late fill won over a later fetch"
        is_read = bool(got.worker)  # who joined a flight came while it was under way
        if self._came_by_old_numbers(fetched) and (got.page != fetched.page or got.page in self._misled):
            self._misled.add(got.page)
            return
        if is_read and fetched.began < self._epoch and self._hears_of_epoch(got.page, now):
            assert got.validity is not Validity.CURRENT, "fetched in an epoch of which Redis knows nothing"
        for purged in self.purges:
            if purged.acknowledged and purged.acknowledged <= got.began and self.covers(purged, fetched):
                self._check_purged(purged, fetched, got)

    def _came_by_old_numbers(self, fetched: Fetched) -> bool:
        """Whether it may have come to Redis after that lost everything, by a machine that has not told yet by which
        numbers it went on, or died before it did; or by one that met such an answer.
        """
        if fetched.page in self._misled:
            return True
        told, arrived = self._epochs.get(fetched.page, 0), fetched.landed_at + UNDER_WAY
        return any(told < epoch and at <= arrived for epoch, at in self._losses)

    def covers(self, purged: Purged, fetched: Fetched) -> bool:
        return fetched.began < purged.began and bool(purged.tags & fetched.tags)

    def _check_purged(self, purged: Purged, fetched: Fetched, got: Got) -> None:
        knows = got.page == purged.page or (got.has_joined and got.page in purged.known_to)
        if not knows and purged.is_adrift:
            return
        is_ordered = got.page == fetched.page or not purged.is_adrift
        if got.validity is not Validity.CURRENT and not got.is_coherent and not (knows and is_ordered):
            return
        assert got.validity is not Validity.CURRENT, f"purged before the read, and served as current: {purged}"
        assert purged.mode is Mode.SOFT, f"purged for good before the read, and served: {purged}"
