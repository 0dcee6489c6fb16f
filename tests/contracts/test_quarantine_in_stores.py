"""What was refused is in common to all who share a store, and ends as the answer would have that it was to become."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from proxy.doubts import stored as stored_doubts
from proxy.doubts.quarantine import Quarantine
from proxy.doubts.sightings import LONGEST, Decided, Fate, Sighting
from proxy.doubts.stored import QUARANTINED, record_key
from proxy.doubts.wards import OwnWard, Ward
from proxy.kept.shelf import Shelf
from proxy.messages import Entry, key_tag, partition_tag
from proxy.store.contract import Filter, StoreError
from proxy.store.fences import Fences, Mode
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.store.redis import RedisStore
from proxy.store.sealing import MasterKeys, Sealing, new_master_key
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import Clock, an_entry, key

COURSE = "courseworks/course:565"
CANARY = b"canary-4c11"
ODD = "courseworks/odd:\udcff"  # a tag that is no UTF-8


class Process:
    """One of several that share a store: its memory, its quarantine, and what an operator sees through it."""

    def __init__(self, durable, clock, fences, **bounds):
        self.durable, self.clock, self.fences, self.failed = durable, clock, fences, []
        self.memory = MemoryStore(10**8)
        self.shelf = Shelf(self.memory, durable, fences, self.note, monotonic=clock)
        self.quarantine = Quarantine(self.shelf, clock, **bounds)
        self.ward = Ward(OwnWard(self.quarantine), self.quarantine.stored, lambda: ["courseworks"], self.note)

    def note(self, operation, _):
        self.failed.append(operation)

    async def refuse(self, number=1, **told):
        one = sighting(number, self.clock(), self.fences.number, **told)
        times = await self.quarantine.count(one)
        await self.durable.flush()
        return times

    async def listed(self):
        return (await self.ward.listed()).answers

    async def accept(self):
        [one] = await self.listed()
        return await self.ward.accept(one)

    async def discard(self):
        [one] = await self.listed()
        return await self.ward.discard(one)

    def served(self, number=1):
        entry = self.memory.get(key(number))
        return None if entry is None else entry.body


def sighting(number, now, fence=0, *, sequence=5, body=CANARY, change="a", keep=1e9, kept=True, **fields):
    """A refused answer to one of many questions; `kept`: it could be stored."""
    entry = an_entry(number, body=body, order=(fence, sequence), **{"lives": 1e9, **fields}) if kept else None
    tags = tuple(entry.tags) if entry is not None else (key_tag(key(number)), partition_tag("principal:00ff"))
    place = ("courseworks", "GET /api/v1/courses/{course}", "principal:00ff", "other-id")
    return Sighting(
        f"{number:016x}{change}",
        key(number),
        *place,
        now,
        keep,
        rows=(14, 0),
        sizes=(900, 2),
        entry=entry,
        tags=tags,
        fetch=(fence, sequence),
    )


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def fences(clock):
    return Fences(clock)


@asynccontextmanager
async def opened(kind, clock, path, redis, **options):
    stores = {"none": NoStore, "sqlite": SQLiteStore, "redis": RedisStore}
    places = {"none": (), "sqlite": (path,), "redis": (redis.url,)}
    store = stores[kind](*places[kind], clock=clock, **options)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["sqlite", "redis"])
async def durable(request, clock, tmp_path, redis):
    async with opened(request.param, clock, tmp_path / "larder.db", redis) as store:
        yield store


@pytest.fixture(params=["sqlite", "redis", "none"])
async def any_store(request, clock, tmp_path, redis):
    async with opened(request.param, clock, tmp_path / "larder.db", redis) as store:
        yield store


@pytest.fixture
def one(durable, clock, fences):
    return Process(durable, clock, fences)


@pytest.fixture
def other(durable, clock, fences):
    return Process(durable, clock, fences)


def entries(durable):
    return durable.summaries(Filter())


# -- all who share a store


async def test_what_one_process_refused_another_lists_and_accepts(one, other):
    one.memory.put(an_entry(1, body=b"good", order=(0, 1)))
    await one.refuse()
    [here], [there] = await one.listed(), await other.listed()

    decided = await other.accept()

    assert here == there
    assert (there.reason, there.rows_before, there.bytes_after, there.acceptable) == ("other-id", 14, 2, True)
    assert decided == Decided(Fate.STORED, everywhere=True, recorded=True, order=there.order)
    assert other.served() == (await one.durable.get(key(1))).body == CANARY
    assert await one.listed() == await other.listed() == []


async def test_it_is_accepted_to_the_last_field(one, other):
    await one.refuse(head="X: \udcff", tags=(COURSE, ODD), outcome="ok", jitter=0.5)
    await other.accept()

    expected = sighting(1, 0, head="X: \udcff", tags=(COURSE, ODD), outcome="ok", jitter=0.5).entry
    accepted = other.memory.get(key(1))
    assert {name: getattr(accepted, name) for name in Entry.__struct_fields__ if name not in ("checked", "hit_at")} == {
        name: getattr(expected, name) for name in Entry.__struct_fields__ if name not in ("checked", "hit_at")
    }


@pytest.mark.parametrize("word", ["accept", "discard"])
async def test_what_another_process_met_since_it_was_listed_is_decided_on_too(one, other, word):
    await one.refuse(sequence=5)
    [held] = await other.listed()
    await one.refuse(sequence=6)

    assert (await getattr(other.ward, word)(held)).recorded
    assert await one.listed() == await other.listed() == []
    assert (await one.ward.discard(held)).fate is Fate.UNKNOWN


async def test_what_cannot_be_stored_is_listed_everywhere_and_accepted_nowhere(one, other):
    await one.refuse(kept=False)

    assert [told.acceptable for told in await other.listed()] == [False]
    assert (await other.accept()).fate is Fate.UNACCEPTABLE
    assert len(await other.listed()) == 1


async def test_how_often_it_was_seen_is_counted_by_all(one, other, clock):
    for sequence, process in enumerate((one, other, one, other, other)):
        await process.refuse(sequence=sequence + 5)
        clock.advance(60)

    [told] = await one.listed()
    assert (told.seen, told.last_seen - told.first_seen) == (5, 240)


async def test_the_last_of_several_answers_is_the_one_that_is_accepted(one, other):
    await one.refuse(sequence=5, body=b"first")
    await other.refuse(sequence=6, body=b"second")
    await one.accept()

    assert one.served() == b"second"


async def test_what_is_discarded_in_one_is_gone_in_all_and_held_anew_when_it_comes_again(one, other):
    await one.refuse()
    await other.refuse(sequence=6)

    assert (await other.discard()).fate is Fate.DISCARDED
    assert await one.listed() == []
    assert await one.refuse(sequence=7) == 1
    assert [told.seen for told in await other.listed()] == [1]


async def test_a_sighting_that_was_under_way_when_it_was_discarded_does_not_come_back(one, other):
    await one.refuse(sequence=9)
    await other.discard()
    late = sighting(1, one.clock(), sequence=8)
    other.quarantine.stored.put(late, late.at, 1)
    await other.durable.flush()

    assert await one.listed() == []


async def test_what_was_believed_waits_nowhere_any_more(one, other):
    await one.refuse()
    await other.refuse(sequence=6)
    await other.quarantine.let_in(sighting(1, other.clock(), sequence=7))
    await other.durable.flush()

    assert await one.listed() == await other.listed() == []


async def test_nothing_newer_is_overwritten_wherever_it_lies(one, other):
    await one.refuse(sequence=5)
    one.durable.put(an_entry(1, body=b"newer", order=(0, 6)))
    await one.durable.flush()

    assert (await other.accept()).fate is Fate.NEWER
    assert (await one.durable.get(key(1))).body == b"newer"


async def test_what_was_purged_softly_since_is_not_stored(one, other, fences):
    await one.refuse()
    fences.purge([COURSE], Mode.SOFT)

    assert (await other.accept()).fate is Fate.PURGED
    assert await other.listed() == []
    assert await one.durable.get(key(1)) is None


# -- one word


@pytest.mark.parametrize("words", [("accept", "accept"), ("accept", "discard"), ("discard", "accept")])
async def test_of_two_operators_at_the_same_time_one_decides(any_store, clock, fences, words):
    process = Process(any_store, clock, fences)
    others = process.ward if isinstance(any_store, NoStore) else Process(any_store, clock, fences).ward
    await process.refuse()
    [held] = await process.listed()

    first, second = words
    fates = [
        decided.fate
        for decided in await asyncio.gather(getattr(process.ward, first)(held), getattr(others, second)(held))
    ]

    happened = {"accept": Fate.STORED, "discard": Fate.DISCARDED}
    assert sorted(fate in happened.values() for fate in fates) == [False, True]
    assert set(fates) - set(happened.values()) <= {Fate.TAKEN, Fate.UNKNOWN}
    assert await process.listed() == []


async def test_who_comes_after_hears_that_there_is_none(any_store, clock, fences):
    process = Process(any_store, clock, fences)
    await process.refuse()
    [held] = await process.listed()

    assert (await process.ward.accept(held)).fate is Fate.STORED
    assert (await process.ward.accept(held)).fate is Fate.UNKNOWN
    assert (await process.ward.discard(held)).fate is Fate.UNKNOWN


async def test_a_word_whose_process_died_holds_others_off_for_half_a_minute_only(one, other, clock):
    await one.refuse()
    [held] = await one.listed()
    assert await one.quarantine.stored.claim(held.id)

    assert (await other.ward.accept(held)).fate is Fate.TAKEN
    clock.advance(31)
    await other.durable.sweep(clock(), 0)
    if not isinstance(other.durable, RedisStore):  # which goes by its own clock
        assert (await other.ward.accept(held)).fate is Fate.STORED


# -- how it ends


@pytest.mark.parametrize("tag", [COURSE, key_tag(key(1)), partition_tag("principal:00ff"), "@upstream:courseworks"])
async def test_a_purge_for_good_ends_it_also_for_who_heard_of_it_later(one, other, fences, tag):
    await one.refuse()
    await one.refuse(2, tags=("courseworks/course:1",), partition="principal:1")
    fences.purge([tag], Mode.HARD)

    left = [told.id for told in await other.listed()]
    assert f"{1:016x}a" not in left
    one.quarantine.sweep()
    await one.durable.delete(tag)
    await one.quarantine.tidy(["courseworks"])
    assert await one.durable.get(record_key(f"{1:016x}a")) is None
    assert len(one.quarantine) == len(left)


async def test_what_is_deleted_under_its_tags_is_deleted(one):
    await one.refuse()

    assert await one.durable.delete(COURSE) == 1
    assert await entries(one.durable) == []


async def test_nothing_is_written_down_that_was_purged_for_good_on_its_way(one, fences):
    late = sighting(1, one.clock(), fences.number)
    fences.purge([COURSE], Mode.HARD)
    await one.quarantine.count(late)
    await one.durable.flush()

    assert await entries(one.durable) == []


@pytest.mark.parametrize("keep", [60.0, 1e9])
async def test_it_is_held_for_a_day_and_never_longer_than_it_may_be_kept(one, other, clock, keep):
    await one.refuse(keep=keep)
    clock.advance(min(keep, LONGEST))

    assert await other.listed() == []
    one.quarantine.sweep()
    assert await one.listed() == []


async def test_what_was_made_long_before_it_came_may_be_kept_the_less(one, other, clock):
    await one.refuse(keep=60.0, age=50.0)
    clock.advance(10)

    assert await other.listed() == []


async def test_what_may_not_be_kept_stays_in_memory(one, other):
    await one.quarantine.count(sighting(1, one.clock(), kept=False)._replace(may_be_kept=False))
    await one.durable.flush()

    assert len(await one.listed()) == 1
    assert await other.listed() == []
    assert await entries(one.durable) == []


async def test_number_is_bounded_and_the_oldest_go_first_but_what_can_be_accepted_last(one, other, clock, monkeypatch):
    monkeypatch.setattr(stored_doubts, "MOST", 3)
    await one.refuse(1)
    for number in range(2, 5):
        clock.advance(1)
        await other.refuse(number, kept=False)
    clock.advance(1)
    await one.refuse(5)
    await other.quarantine.tidy(["courseworks"])

    alone = Process(one.durable, clock, one.fences)
    assert [int(told.id[:16], 16) for told in await alone.listed()] == [5, 4, 1]


async def test_bytes_are_bounded(one, clock, monkeypatch):
    monkeypatch.setattr(stored_doubts, "MOST_BYTES", 30_000)
    for number in range(1, 6):
        clock.advance(1)
        await one.refuse(number, body=bytes(range(250)) * 40)
    await one.quarantine.tidy(["courseworks"])

    alone = Process(one.durable, clock, one.fences)
    assert [int(told.id[:16], 16) for told in await alone.listed()] == [5, 4]


async def test_what_a_process_has_no_room_for_leaves_the_store_at_once(durable, clock, fences):
    crowded = Process(durable, clock, fences, most=2)
    for number in range(1, 5):
        clock.advance(1)
        await crowded.refuse(number)

    alone = Process(durable, clock, fences)
    assert [int(told.id[:16], 16) for told in await alone.listed()] == [4, 3]
    assert sum(QUARANTINED in str(each.tags) for each in await entries(durable)) == 2


@pytest.mark.parametrize("kind", ["sqlite", "redis"])
async def test_it_is_sealed_where_answers_are(kind, clock, fences, tmp_path, redis):
    sealing = Sealing(MasterKeys.parse(new_master_key()), every=True)
    async with opened(kind, clock, tmp_path / "larder.db", redis, sealing=sealing) as durable:
        process = Process(durable, clock, fences)
        await process.refuse()
        assert len(await Process(durable, clock, fences).listed()) == 1
        raw = b"".join(path.read_bytes() for path in tmp_path.glob("larder.db*"))
        assert CANARY not in raw
        await durable.delete(partition_tag("principal:00ff"))
        assert await Process(durable, clock, fences).listed() == []


# -- a store that fails


class Broken:
    """A store that can do nothing from now on."""

    def __init__(self, durable, *names):
        self._durable, self._names = durable, names

    def __getattr__(self, name):
        return self.fail if name in self._names else getattr(self._durable, name)

    async def fail(self, *_):
        raise StoreError("the disk is full")


READS = ("get", "summaries")
ALL_CALLS = (*READS, "claim", "note", "unclaim", "flush", "delete")


async def test_a_list_without_the_store_says_that_it_may_not_be_all(one, durable, clock, fences):
    broken = Process(Broken(durable, *ALL_CALLS), clock, fences)
    await broken.quarantine.count(sighting(1, clock()))

    listing = await broken.ward.listed()

    assert (len(listing.answers), listing.is_complete) == (1, False)
    assert "quarantine" in broken.failed


@pytest.mark.parametrize("fails", [("claim",), ("get",)])
@pytest.mark.parametrize("word", ["accept", "discard"])
async def test_where_the_store_cannot_say_what_is_there_nothing_is_decided(one, durable, clock, fences, fails, word):
    await one.refuse()
    [held] = await one.listed()
    broken = Process(Broken(durable, *fails), clock, fences)
    broken.quarantine.see(sighting(1, clock()))

    assert (await getattr(broken.ward, word)(held)).fate is Fate.UNREADABLE
    assert (broken.served(), len(broken.quarantine), broken.failed[0]) == (None, 1, "quarantine")
    assert not broken.quarantine.is_believed(held.id)
    assert len(await one.listed()) == 1


@pytest.mark.parametrize("fails", [("flush",), ("note",)])
async def test_a_word_that_could_not_be_written_down_says_so(one, durable, clock, fences, fails):
    await one.refuse()
    [held] = await one.listed()
    broken = Process(Broken(durable, *fails), clock, fences)

    assert await broken.ward.accept(held) == Decided(Fate.STORED, everywhere=True, recorded=False, order=held.order)
    assert broken.failed


async def test_a_refused_answer_is_refused_and_held_without_the_store(durable, clock, fences):
    broken = Process(Broken(durable, *ALL_CALLS), clock, fences)

    assert await broken.quarantine.count(sighting(1, clock())) == 1
    assert len(broken.quarantine) == 1
    assert "get" in broken.failed


async def test_nothing_is_accepted_while_purges_of_others_may_go_unheard(durable, clock):
    parted = Process(durable, clock, Fences(clock, is_coherent=lambda: False))
    parted.quarantine.see(sighting(1, clock()))

    assert (await parted.quarantine.accept(f"{1:016x}a")).fate is Fate.UNREADABLE
    assert parted.served() is None


async def test_what_another_larder_wrote_is_no_answer(one, other):
    await one.refuse()
    record = await one.durable.get(record_key(f"{1:016x}a"))
    record.body = b"\x00"
    record.sequence += 1
    one.durable.put(record)
    await one.durable.flush()

    assert await other.listed() == []


async def test_a_tidy_that_failed_is_done_again(one, durable, clock, fences, monkeypatch):
    monkeypatch.setattr(stored_doubts, "MOST", 0)
    broken = Broken(durable, "delete")
    process = Process(broken, clock, fences)
    await process.refuse()
    with pytest.raises(StoreError):
        await process.quarantine.tidy(["courseworks"])
    broken._names = ()
    await process.quarantine.tidy(["courseworks"])

    assert await entries(durable) == []
