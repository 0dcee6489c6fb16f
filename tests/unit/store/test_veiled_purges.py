"""The record of a purge names its tag for some minutes only; then it has a digest that nobody can guess it from."""

from contextlib import asynccontextmanager
from shutil import copy

import pytest

from proxy.store.fences import Fences, Mode, Validity
from proxy.store.purges import Heard, Purge, heard_of, is_veiled, keyed_tag_digest, tag_digest, veiled
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.attached import attached
from tests.unit.store.samples import NOW, Clock, an_entry

SECRET = b"a secret of this test, long enough"
ADA, OTHER = "courseworks/user:77canary77", "courseworks/user:88canary88"
COURSES, ALL = "courseworks/user:77canary77:courses", "@all"
MINUTE = 60.0
digest = keyed_tag_digest(SECRET)


@pytest.fixture
def time():
    return Clock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


@asynccontextmanager
async def opened(path, time, **options):
    made = SQLiteStore(path, clock=time, tag_digest=digest, **options)
    found = await made.open()
    try:
        yield made, found
    finally:
        await made.close()


def on_disk(path):
    return b"".join(one.read_bytes() for one in path.parent.glob("larder.db*") if one.suffix != ".lock")


async def swept(store, time, after=11 * MINUTE):
    time.advance(after)
    await store.sweep(time.now, time.now - 1e6)


async def test_after_some_minutes_nothing_on_disk_names_the_tag(path, time):
    async with opened(path, time) as (store, _):
        await store.purge([Purge(ADA, Mode.HARD, 3, NOW, 0), Purge(COURSES, Mode.SOFT, 4, NOW, NOW + 30)])
        assert b"77canary77" in on_disk(path)

        await swept(store, time)

        assert b"77canary77" not in on_disk(path)


async def test_it_names_nobody_however_many_records_there_are(path, time):
    """Rearranging a tree leaves copies of rows in gaps that deleting them does not reach."""
    async with opened(path, time) as (store, _):
        for number in range(60):
            many = [Purge(f"courseworks/user:99canary{one * 61 % 3000:05d}", Mode.SOFT, number + 1, NOW, 0) for one in
                    range(number * 50, number * 50 + 50)]  # fmt: skip
            await store.purge(many)
        await store.purge([Purge(ADA, Mode.HARD, 100, NOW, 0)])

        await swept(store, time)

        assert b"canary" not in on_disk(path)


async def test_it_holds_all_the_same_after_a_restart(path, time):
    async with opened(path, time) as (store, _):
        await store.purge([Purge(ADA, Mode.HARD, 3, NOW, 0), Purge(ALL, Mode.SOFT, 2, NOW, 0)])
        await swept(store, time)
    async with opened(path, time) as (_, found):
        fences = Fences(time, opening=0, records=found.purges, digest=digest)

    assert fences.validity([ADA], 2) is Validity.HARD
    assert fences.validity([ADA], 3) is Validity.CURRENT
    assert fences.validity([OTHER], 2) is Validity.CURRENT
    assert ALL in {purge.tag for purge in found.purges}


async def test_a_later_purge_of_the_same_tag_is_one_record_with_it_in_the_end(path, time):
    async with opened(path, time) as (store, _):
        await store.purge([Purge(ADA, Mode.HARD, 3, NOW, 0)])
        await swept(store, time)
        await store.purge([Purge(ADA, Mode.HARD, 9, time.now, 0)])
        await swept(store, time)
    async with opened(path, time) as (_, found):
        [purge] = found.purges

    assert (purge.number, purge.mode) == (9, Mode.HARD)
    assert heard_of(purge, digest).tag == digest(ADA)


async def test_what_a_process_that_died_left_undeleted_goes_by_then(path, time):
    """It was killed between the purge and the deletion, and nobody orders the erasure again."""
    async with opened(path, time) as (store, _):
        store.put(an_entry(1, tags=(ADA,), body=b"what 77canary77 had", fence=2))
        await store.flush()
        await store.purge([Purge(ADA, Mode.HARD, 3, NOW, 0)])
        left = path.parent / "left" / path.name
        left.parent.mkdir()
        for one in path.parent.glob("larder.db*"):
            copy(one, left.parent)
    assert b"77canary77" in on_disk(left)
    async with opened(left, time) as (store, _):
        await swept(store, time)

        assert await store.get(an_entry(1).key) is None
        assert b"77canary77" not in on_disk(left)


async def test_a_file_that_nobody_has_open_any_more_names_nobody(path, time):
    async with opened(path, time) as (store, _):
        await store.purge([Purge(ADA, Mode.HARD, 3, NOW, 0), Purge(COURSES, Mode.SOFT, 4, NOW, NOW + 30)])

    assert b"77canary77" not in on_disk(path)


async def test_young_records_name_their_tag_so_that_other_processes_may_look_by_it(path, time):
    async with opened(path, time, role="owner") as (store, _), attached(path, store.lock_fd) as worker:
        await store.purge([Purge(ADA, Mode.HARD, 5, NOW, 0)])
        await swept(store, time, after=MINUTE)
        await worker.do("put", 1, "late", [ADA], 4)

        assert await worker.do("scrub") is None
        assert await worker.do("get", 1) is None


async def test_a_damaged_name_is_no_record(path, time):
    async with opened(path, time) as (store, _):
        await store.purge([Purge("@tag:zz", Mode.HARD, 5, NOW, 0)])

    async with opened(path, time) as (_, found):
        assert found.moved_aside is not None


def test_another_secret_makes_another_digest():
    assert digest(ADA) != keyed_tag_digest(SECRET + b"!")(ADA)
    assert digest(ADA) != tag_digest(ADA)
    assert len(digest(ADA)) == 16


def test_a_veiled_name_tells_the_digest_and_is_known_by_it():
    name = veiled(ADA, digest)

    assert is_veiled(name)
    assert not is_veiled(ADA)
    assert "canary" not in name
    assert heard_of(Purge(name, Mode.SOFT, 1, 0.0, 0.0), digest) == Heard(1, Mode.SOFT, digest(ADA), 0.0, 0.0)
