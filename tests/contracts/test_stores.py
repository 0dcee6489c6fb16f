"""What every store promises, held against each of them: memory, SQLite, Redis, and none at all."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adapters import Link
from proxy.messages import ALL, endpoint_tag, key_tag, partition_tag, upstream_tag
from proxy.store._redis_writer import Queue
from proxy.store.contract import DurableStore, Filter, StoreError
from proxy.store.fences import Fences, Mode, Purge, Validity
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.store.redis import RedisStore
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE, ROSTER = "courseworks/course:565", "courseworks/course:565:roster"


class MemoryTier:
    """The memory store, spoken to as the other tiers are."""

    def __init__(self):
        self._memory = MemoryStore(1 << 20)
        self.put, self.delete = self._memory.put, self._memory.remove
        self.count, self.summaries = self._memory.count, self._memory.summaries

    async def get(self, key_):
        return self._memory.get(key_)

    async def flush(self):
        pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


@asynccontextmanager
async def opened(path, clock=None, **bounds):
    store = SQLiteStore(path, clock=clock or Clock(), **bounds)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def opened_in_redis(server, clock, **bounds):
    unhurried = Queue(write_after=30)  # what waits is written when it has to be
    store = RedisStore(server.url, clock=clock, queue=unhurried, **bounds)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["sqlite", "redis", "none"])
async def durable(request, path, clock, redis):
    """Each durable store, opened."""
    if request.param == "redis":
        async with opened_in_redis(redis, clock) as store:
            yield store
        return
    store = SQLiteStore(path, clock=clock) if request.param == "sqlite" else NoStore(clock)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(params=["sqlite, written", "sqlite, pending", "redis, written", "redis, pending", "memory"])
async def tier(request, path, clock, redis):
    """Each store that keeps entries, and `landed`: what to await after a put, so that the entry is where it is meant.

    A pending entry must look like a kept one to everybody.
    """
    name, _, where = request.param.partition(", ")
    if name == "memory":
        tier = MemoryTier()
        tier.landed = tier.flush
        yield tier
        return
    is_redis = name == "redis"
    opening = opened_in_redis(redis, clock) if is_redis else opened(path, clock)
    async with opening as store:
        store.landed = store.flush if where == "written" else MemoryTier().flush
        yield store


# -- entries, in every tier that keeps them


async def test_what_was_put_is_got(tier):
    tier.put(an_entry(1, body=b"one"))
    tier.put(an_entry(2, body=b"two"))
    await tier.landed()

    assert await tier.get(key(1)) == an_entry(1, body=b"one")
    assert await tier.get(key(2)) == an_entry(2, body=b"two")
    assert await tier.get(key(3)) is None


@pytest.mark.parametrize("older", [(6, 9), (7, 2)], ids=["under an older fence", "fetched earlier"])
async def test_an_older_fill_does_not_replace_a_newer_one(tier, older):
    tier.put(an_entry(order=(7, 3), body=b"new"))
    await tier.landed()

    tier.put(an_entry(order=older, body=b"old"))
    await tier.landed()

    assert (await tier.get(key(1))).body == b"new"


@pytest.mark.parametrize("newer", [(7, 4), (8, 0)], ids=["fetched later", "under a newer fence"])
async def test_a_newer_fill_replaces_an_older_one_and_its_tags(tier, newer):
    tier.put(an_entry(order=(7, 3), body=b"old", tags=(COURSE, ROSTER)))
    await tier.landed()

    tier.put(an_entry(order=newer, body=b"new", tags=(COURSE, "courseworks/user:7")))
    await tier.landed()

    assert (await tier.get(key(1))).body == b"new"
    assert await tier.count(Filter(tag=ROSTER)) == 0
    assert await tier.count(Filter(tag="courseworks/user:7")) == 1
    assert await tier.delete(ROSTER) == 0
    assert await tier.get(key(1)) is not None


async def test_a_fill_of_the_same_fetch_replaces_what_it_put_before(tier):
    tier.put(an_entry(order=(7, 3), body=b"validated before"))
    await tier.landed()

    tier.put(an_entry(order=(7, 3), body=b"validated again"))
    await tier.landed()

    assert (await tier.get(key(1))).body == b"validated again"


EVERY_TAG = {
    "its own": (COURSE, {1, 2}),
    "another of its own": (ROSTER, {2}),
    "all": (ALL, {1, 2, 3, 4}),
    "key": (key_tag(key(3)), {3}),
    "upstream": (upstream_tag("google"), {4}),
    "endpoint": (endpoint_tag("courseworks", "GET /api/v1/users/{user}"), {3}),
    "partition": (partition_tag("principal:a"), {1, 3}),
    "the like of one": ("courseworks/course:56", set()),
    "an unknown one": ("@key:not-hex", set()),
}


def four_entries():
    return [
        an_entry(1, tags=(COURSE,), partition="principal:a"),
        an_entry(2, tags=(COURSE, ROSTER), partition="principal:b", age=30),
        an_entry(3, tags=(), endpoint="GET /api/v1/users/{user}", partition="principal:a", age=20),
        an_entry(4, tags=(), upstream="google", endpoint="GET /geocode", partition="shared", age=10),
    ]


@pytest.mark.parametrize(("tag", "met"), EVERY_TAG.values(), ids=EVERY_TAG)
async def test_what_is_under_a_tag_is_counted_and_goes_and_the_rest_stays(tier, tag, met):
    for entry in four_entries():
        tier.put(entry)
    await tier.landed()

    assert await tier.count(Filter(tag=tag, limit=1)) == len(met)
    assert await tier.delete(tag) == len(met)

    assert {number for number in range(1, 5) if await tier.get(key(number))} == {1, 2, 3, 4} - met
    assert await tier.count(Filter()) == 4 - len(met)


async def test_an_entry_both_kept_and_pending_is_counted_once_when_it_goes(tier):
    tier.put(an_entry(1, order=(1, 1)))
    await tier.flush()
    tier.put(an_entry(1, order=(1, 2)))

    assert await tier.delete(COURSE) == 1
    assert await tier.get(key(1)) is None


async def test_a_summary_tells_what_an_operator_may_see_newest_first(tier):
    for entry in four_entries():
        tier.put(entry)
    await tier.landed()

    summaries = await tier.summaries(Filter(upstream="courseworks"))

    assert [summary.key for summary in summaries] == [key(number).hex() for number in (1, 3, 2)]
    assert summaries[2]._asdict() == {
        "key": key(2).hex(),
        "upstream": "courseworks",
        "endpoint": "GET /api/v1/courses/{course}",
        "partition": "principal:b",
        "tags": (COURSE, ROSTER),
        "stored_at": NOW - 30,
        "fence": 1,
        "size": four_entries()[1].size,
        "status": 200,
        "fresh_until": NOW - 30 + 300,
        "fallback_until": NOW - 30 + 3600,
    }
    assert summaries[1].tags == ()


@pytest.mark.parametrize(
    ("wanted", "met"),
    [
        (Filter(upstream="courseworks"), {1, 2, 3}),
        (Filter(endpoint="GET /geocode"), {4}),
        (Filter(upstream="courseworks", endpoint="GET /api/v1/courses/{course}"), {1, 2}),
        (Filter(upstream="google", endpoint="GET /api/v1/courses/{course}"), set()),
        (Filter(tag=partition_tag("principal:a"), upstream="courseworks", endpoint="GET /api/v1/users/{user}"), {3}),
        (Filter(tag=upstream_tag("google"), upstream="courseworks"), set()),
        (Filter(tag=key_tag(key(2)), endpoint="GET /api/v1/courses/{course}"), {2}),
    ],
    ids=str,
)
async def test_a_filter_means_what_meets_all_of_it(tier, wanted, met):
    for entry in four_entries():
        tier.put(entry)
    await tier.landed()

    assert await tier.count(wanted) == len(met)
    assert {summary.key for summary in await tier.summaries(wanted)} == {key(number).hex() for number in met}


async def test_no_more_summaries_are_given_than_asked_for(tier):
    for entry in four_entries():
        tier.put(entry)
    await tier.landed()

    assert [summary.key for summary in await tier.summaries(Filter(limit=1))] == [key(1).hex()]


# -- what is remembered beside entries, in every durable store


async def test_a_notification_is_remembered_once_until_its_time_is_over(durable, clock):
    assert not await durable.marked("canvas", "event-1")

    assert await durable.mark("canvas", "event-1", NOW + 60)
    assert not await durable.mark("canvas", "event-1", NOW + 90)
    assert await durable.marked("canvas", "event-1")
    assert not await durable.marked("campus", "event-1")
    assert await durable.mark("campus", "event-1", NOW + 60)

    clock.advance(60)
    assert not await durable.marked("canvas", "event-1")
    assert await durable.mark("canvas", "event-1", NOW + 200)


NOTE = bytes(range(16))


async def test_a_note_is_claimed_by_one_and_told_to_all_others_until_its_time_is_over(durable, clock):
    assert await durable.claim(NOTE, b"begun", NOW + 60) is None
    assert await durable.claim(NOTE, b"begun again", NOW + 90) == b"begun"
    assert await durable.claim(bytes(16), b"another", NOW + 60) is None

    await durable.note(NOTE, b"done\x00\xff", NOW + 60)
    assert await durable.claim(NOTE, b"begun again", NOW + 90) == b"done\x00\xff"


async def test_a_note_that_was_given_back_is_claimed_anew(durable):
    await durable.claim(NOTE, b"begun", NOW + 60)

    await durable.unclaim(NOTE)
    await durable.unclaim(NOTE)

    assert await durable.claim(NOTE, b"second", NOW + 60) is None
    assert await durable.claim(NOTE, b"third", NOW + 60) == b"second"


async def test_a_note_is_read_without_claiming_it_until_its_time_is_over(durable):
    assert await durable.noted(NOTE) is None
    await durable.note(NOTE, b"begun", NOW + 60)

    assert await durable.noted(NOTE) == b"begun"
    assert await durable.noted(bytes(16)) is None
    assert await durable.claim(bytes(16), b"free still", NOW + 60) is None


async def test_a_note_is_exchanged_only_for_the_one_that_is_there(durable):
    await durable.note(NOTE, b"queued", NOW + 60)

    assert await durable.exchange(NOTE, b"queued", b"running\x00\xff", NOW + 60)
    assert not await durable.exchange(NOTE, b"queued", b"cancelled", NOW + 60)
    assert not await durable.exchange(bytes(16), b"queued", b"cancelled", NOW + 60)
    assert await durable.noted(NOTE) == b"running\x00\xff"
    assert await durable.noted(bytes(16)) is None


async def test_of_many_who_exchange_a_note_at_once_one_does(durable):
    await durable.note(NOTE, b"queued", NOW + 60)

    told = await asyncio.gather(*(durable.exchange(NOTE, b"queued", bytes([one]), NOW + 60) for one in range(20)))

    assert told.count(True) == 1
    assert await durable.noted(NOTE) == bytes([told.index(True)])


async def test_of_many_who_claim_at_once_one_gets_it(durable):
    told = await asyncio.gather(*(durable.claim(NOTE, bytes([one]), NOW + 60) for one in range(20)))

    assert told.count(None) == 1
    assert set(told) - {None} == {bytes([told.index(None)])}


async def test_a_sweep_and_a_purge_of_everything_leave_notes_that_still_count(durable):
    await durable.claim(NOTE, b"begun", NOW + 61)

    await durable.sweep(NOW + 60, forget_purges_before=NOW)
    await durable.delete(ALL)

    assert await durable.claim(NOTE, b"again", NOW + 90) == b"begun"


async def test_a_note_survives_the_process_and_counts_no_longer_than_it_should(path, clock):
    async with opened(path, clock) as store:
        await store.claim(NOTE, b"begun", NOW + 60)

    async with opened(path, clock) as store:
        assert await store.claim(NOTE, b"again", NOW + 90) == b"begun"
        clock.advance(60)
        assert await store.claim(NOTE, b"later", NOW + 200) is None
        await store.sweep(NOW + 200, forget_purges_before=0)
        assert [note async for note in store.notes()] == []


async def test_a_note_in_redis_is_told_to_another_instance(redis, clock):
    async with opened_in_redis(redis, clock) as one, opened_in_redis(redis, clock) as other:
        await one.claim(NOTE, b"begun", NOW + 60)

        assert await other.claim(NOTE, b"again", NOW + 90) == b"begun"


async def test_a_sweep_leaves_marks_that_still_count(durable):
    await durable.mark("canvas", "old", NOW + 60)
    await durable.mark("canvas", "young", NOW + 61)

    await durable.sweep(NOW + 60, forget_purges_before=0)

    assert await durable.marked("canvas", "young")


async def test_an_enrollment_leads_to_its_user_and_course_as_last_learned(durable):
    assert await durable.find_link("courseworks", "1") is None

    await durable.learn("courseworks", [Link("1", "20064", "565"), Link("2", "20065", "565")])
    await durable.learn("courseworks", [Link("1", "20064", "566")])
    await durable.learn("courseworks", [])

    assert await durable.find_link("courseworks", "1") == Link("1", "20064", "566")
    assert await durable.find_link("courseworks", "2") == Link("2", "20065", "565")
    assert await durable.find_link("mirror", "1") is None


async def test_a_principal_is_bound_to_a_user(durable):
    await durable.bind("principal:a", "20064")
    await durable.bind("principal:b", "20065")
    await durable.bind("principal:a", "20066")

    assert await durable.bindings() == {"principal:a": "20066", "principal:b": "20065"}


async def test_a_person_is_forgotten_and_nobody_else(durable):
    links = [Link("1", "20064", "565"), Link("2", "20065", "565"), Link("3", "10000000020064", "566")]
    await durable.learn("courseworks", links)
    await durable.bind("principal:a", "20064")
    await durable.bind("principal:b", "20065")

    gone = await durable.forget_person("courseworks", ("20064", "10000000020064"))

    assert gone == (2, 1)
    assert [await durable.find_link("courseworks", one.enrollment) for one in links] == [None, links[1], None]
    assert await durable.bindings() == {"principal:b": "20065"}
    assert await durable.forget_person("courseworks", ("20064",)) == (0, 0)


async def test_ids_that_no_encoding_can_say_are_ids_like_any_other(durable):
    odd = "\ud800'; DROP TABLE links; --\x00\n"

    await durable.learn("courseworks", [Link(odd, odd, odd)])
    await durable.bind(odd, odd)
    await durable.purge([Purge(odd, Mode.SOFT, 7, NOW, 0)])

    assert await durable.mark(odd, odd, NOW + 60)
    assert await durable.find_link("courseworks", odd) == Link(odd, odd, odd)
    assert await durable.bindings() == {odd: odd}


async def test_every_verb_of_the_contract_is_there(durable):
    for name in vars(DurableStore):
        if not name.startswith("_"):
            assert hasattr(durable, name), name


async def test_a_store_says_whether_what_it_acknowledges_survives(path, clock):
    assert SQLiteStore(path, clock=clock).is_durable
    assert not NoStore(clock).is_durable


async def test_without_a_durable_store_nothing_is_kept_and_nothing_fails(clock):
    store = NoStore(clock)
    await store.open()

    store.put(an_entry(1))
    await store.flush()
    await store.purge([Purge(COURSE, Mode.HARD, 1, NOW, 0)])

    assert await store.get(key(1)) is None
    assert await store.delete(ALL) == await store.count(Filter()) == 0
    assert await store.summaries(Filter()) == []
    assert (await store.open()).purges == ()


# -- what survives


async def test_everything_survives_a_restart(path, clock):
    purges = (Purge(COURSE, Mode.HARD, 3, NOW, 0.0), Purge(COURSE, Mode.SOFT, 4, NOW, NOW + 30))
    async with opened(path, clock) as store:
        store.put(an_entry(1, head="X-Odd: \udcff", body=bytes(range(256))))
        await store.purge(purges)
        await store.mark("canvas", "event", NOW + 60)
        await store.learn("courseworks", [Link("1", "2", "3")])
        await store.bind("principal:a", "20064")

    store = SQLiteStore(path, clock=clock)
    found = await store.open()

    assert set(found.purges) == set(purges)
    assert found.moved_aside is None
    assert await store.get(key(1)) == an_entry(1, head="X-Odd: \udcff", body=bytes(range(256)))
    assert await store.marked("canvas", "event")
    assert await store.find_link("courseworks", "1") == Link("1", "2", "3")
    assert await store.bindings() == {"principal:a": "20064"}
    await store.close()


async def test_what_is_pending_is_written_when_the_store_closes(path):
    async with opened(path) as store:
        for number in range(1_000):
            store.put(an_entry(number))

    async with opened(path) as store:
        assert await store.count(Filter()) == 1_000
        assert store.dropped == 0


async def test_each_opening_is_numbered_higher_than_the_last(path, clock):
    openings = []
    for _ in range(3):
        store = SQLiteStore(path, clock=clock)
        openings.append((await store.open()).opening)
        await store.close()

    assert openings == [1, 2, 3]


async def test_of_the_purges_of_one_tag_the_latest_of_each_mode_is_kept(path, clock):
    async with opened(path, clock) as store:
        await store.purge([Purge(COURSE, Mode.SOFT, 5, NOW, NOW + 30)])
        await store.purge([Purge(COURSE, Mode.SOFT, 4, NOW - 1, NOW + 60), Purge(COURSE, Mode.HARD, 2, NOW, 0.0)])

    store = SQLiteStore(path, clock=clock)
    found = await store.open()
    await store.close()

    assert set(found.purges) == {
        Purge(COURSE, Mode.SOFT, 5, NOW, NOW + 60),
        Purge(COURSE, Mode.HARD, 2, NOW, 0.0),
    }


PURGES_UNTIL_KILLED = """
import asyncio, sys
from itertools import count
from proxy.store.fences import Fences, Mode
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.samples import NOW, an_entry

async def main():
    store = SQLiteStore(sys.argv[1], clock=lambda: NOW)
    fences = Fences(lambda: NOW, opening=(await store.open()).opening)
    for number in count():
        for one in range(20):
            tags = (f"courseworks/course:{number}", f"courseworks/page:{one}")
            store.put(an_entry(number * 20 + one, order=(fences.number, fences.next_sequence()), tags=tags))
        if number == 0:
            await store.flush()
        await store.purge(fences.purge([f"courseworks/course:{number}"], Mode.SOFT))
        print(number, flush=True)

asyncio.run(main())
"""


def killed_while_purging(path, acknowledged_at_least):
    """What a process acknowledged until SIGKILL took it."""
    process = subprocess.Popen(
        [sys.executable, "-c", PURGES_UNTIL_KILLED, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
    )
    with process:
        acknowledged = [int(process.stdout.readline()) for _ in range(acknowledged_at_least)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().splitlines()]
    assert process.returncode == -signal.SIGKILL
    return acknowledged


async def test_an_acknowledged_purge_survives_kill_9_in_the_midst_of_writing(path, clock):
    acknowledged = killed_while_purging(path, acknowledged_at_least=25)

    store = SQLiteStore(path, clock=clock)
    found = await store.open()
    fences = Fences(clock, opening=found.opening, records=found.purges)
    survivors = [entry for number in range(20 * len(acknowledged)) if (entry := await store.get(key(number)))]
    await store.close()

    assert found.moved_aside is None
    assert {f"courseworks/course:{number}" for number in acknowledged} <= {purge.tag for purge in found.purges}
    assert survivors, "entries were being written: some of them are on disk"
    assert {fences.validity(entry.tags, entry.fence) for entry in survivors} == {Validity.SOFT}


async def test_a_fetch_after_the_restart_is_not_affected_by_purges_before_it(path, clock):
    async with opened(path, clock) as store:
        await store.purge([Purge(COURSE, Mode.SOFT, (1 << 40) + 9, NOW, 0)])

    store = SQLiteStore(path, clock=clock)
    found = await store.open()
    await store.close()
    fences = Fences(clock, opening=found.opening, records=found.purges)

    assert fences.validity([COURSE], fences.number) is Validity.CURRENT
    assert fences.validity([COURSE], (1 << 40) + 8) is Validity.SOFT


async def test_a_closed_store_refuses_and_closes_again_without_complaint(path, clock):
    async with opened(path, clock) as store:
        pass

    await store.close()
    store.put(an_entry(1))
    with pytest.raises(StoreError, match="not open"):
        await store.get(key(1))
    with pytest.raises(StoreError, match="not open"):
        await store.purge([Purge(COURSE, Mode.SOFT, 1, NOW, 0)])
    assert store.dropped == 1
