"""An entry with many tags: what the purges leave of it is the same, however few of its tags are looked at again."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from proxy.kept.shelf import Shelf
from proxy.messages import ALL
from proxy.store.fences import Fences, Heard, Mode, Validity, tag_digest
from proxy.store.many_tags import MANY, RecentPurges, marks_of, may_hold
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from tests.unit.store.samples import Clock, an_entry

OWN = tuple(f"courseworks/user:{number}" for number in range(MANY + 1))
OTHERS = tuple(f"courseworks/user:{number}" for number in range(1000, 1003))
PURGEABLE = st.sampled_from((OWN[0], OWN[30], OWN[-1], *OTHERS, ALL))


class ShortMemory(Fences):
    """Tells few purges one by one, so that there are soon more."""

    most_recent = 3


class ManyTagsMachine(RuleBasedStateMachine):
    """With room for every record."""

    most_records = 1_000_000

    def __init__(self):
        super().__init__()
        self.fences = ShortMemory(Clock(), most_records=self.most_records)
        self.shelf = Shelf(MemoryStore(1 << 20), NoStore(Clock()), self.fences, lambda *_: None, monotonic=Clock())
        self.entries, self.purged, self.number = [self._fetched()], [], 0

    @rule()
    def an_answer_comes(self):
        self.entries = [*self.entries, self._fetched()][-3:]

    @rule(tags=st.frozensets(PURGEABLE, min_size=1, max_size=2), mode=st.sampled_from(Mode))
    def a_purge(self, tags, mode):
        records = self.fences.purge(tags, mode)
        self.purged += [(record.number, record.tag, mode) for record in records]

    @rule(tag=PURGEABLE, mode=st.sampled_from(Mode), back=st.integers(0, 3))
    def a_purge_is_heard_late(self, tag, mode, back):
        number = max(1, self.fences.number - back)
        self.fences.hear([Heard(number, mode, tag_digest(tag), 0.0, 0.0)])
        self.purged.append((number, tag, mode))

    @rule(mode=st.sampled_from(Mode))
    def what_was_purged_is_not_known(self, mode):
        self.fences.raise_floor(self.fences.number, mode)
        self.purged.append((self.fences.number, ALL, mode))

    @rule(which=st.integers(0, 2))
    def a_read(self, which):
        entry = self.entries[which % len(self.entries)]
        self.agrees(self.shelf.validity(entry), self._left_of(entry))

    @invariant()
    def all_reads_agree_in_the_end(self):
        if len(self.purged) % 4 == 3:
            for which in range(3):
                self.a_read(which)

    def agrees(self, got, expected):
        assert got is expected

    def _fetched(self):
        return an_entry(1, order=(self.fences.number, self.fences.next_sequence()), tags=OWN)

    def _left_of(self, entry):
        """By all purges one after the other, those that took their number from another purge's floor included."""
        tags = set(entry.tags)
        modes = {mode for number, tag, mode in self.purged if number > entry.fence and tag in tags}
        if Mode.HARD in modes:
            return Validity.HARD
        return Validity.SOFT if modes else Validity.CURRENT


class CompactingMachine(ManyTagsMachine):
    """With room for two records: what is forgotten may take rights that no purge took, and never gives one back."""

    most_records = 2

    def agrees(self, got, expected):
        assert got.value >= expected.value


_enough = settings(stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow])
TestManyTags = ManyTagsMachine.TestCase
TestManyTags.settings = _enough
TestManyTagsCompacted = CompactingMachine.TestCase
TestManyTagsCompacted.settings = _enough


def test_every_tag_is_found_by_its_marks_and_hardly_any_other():
    marks = marks_of(map(tag_digest, OWN))

    assert all(may_hold(marks, tag_digest(tag)) for tag in OWN)
    assert not any(may_hold(marks, tag_digest(tag)) for tag in OTHERS)
    assert not may_hold(b"", tag_digest(OWN[0]))


def test_of_recent_purges_only_what_is_known_is_told():
    recent = RecentPurges(2)
    for tag in (b"a", b"b", b"c"):
        recent.note(tag)

    assert (recent.latest(0), recent.latest(2), recent.latest(3)) == ([], [b"c", b"b"], None)
    recent.note(None)
    assert recent.latest(1) is None


def test_of_an_entry_with_many_tags_those_are_looked_at_once_only():
    looked = []

    class Looked(Fences):
        def validity_by(self, digests, fence):
            digests = list(digests)
            looked.append(len(digests))
            return super().validity_by(digests, fence)

    fences = Looked(Clock())
    shelf = Shelf(MemoryStore(1 << 20), NoStore(Clock()), fences, lambda *_: None, monotonic=Clock())
    entry = an_entry(tags=OWN, order=(0, 1))
    for number in range(9):
        fences.purge([f"courseworks/user:{5000 + number}"], Mode.SOFT)
        assert shelf.validity(entry) is Validity.CURRENT
    fences.purge([OWN[7]], Mode.SOFT)
    for number in range(9):
        assert shelf.validity(entry) is Validity.SOFT
        fences.purge([f"courseworks/user:{6000 + number}"], Mode.HARD)
    fences.purge([OWN[8]], Mode.HARD)

    assert shelf.validity(entry) is shelf.validity(entry) is Validity.HARD
    assert len(looked) == 1 + 1 + 2
