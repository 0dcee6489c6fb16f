"""One file, several processes of a machine: the owner has it, the attached use it, and nobody else gets it."""

import asyncio
import os

import pytest

from proxy.store.contract import Filter, StoreError
from proxy.store.purges import Mode, Purge
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.attached import attached
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE = "courseworks/course:565"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


@pytest.fixture
async def owner(path):
    store = SQLiteStore(path, clock=Clock(), role="owner")
    await store.open()
    yield store
    await store.close()


def beside(path, **options):
    return SQLiteStore(path, clock=Clock(), role="attached", **options)


async def test_what_one_process_keeps_all_of_them_find(owner, path):
    owner.put(an_entry(1, body=b"the owner's"))
    await owner.flush()

    async with attached(path, owner.lock_fd) as worker:
        assert await worker.do("get", 1) == "the owner's"
        await worker.do("put", 2, "the worker's", [COURSE], 1)
        await worker.do("flush")

    assert (await owner.get(key(2))).body == b"the worker's"
    assert await owner.count(Filter(tag=COURSE)) == 2


async def test_the_opening_is_the_owners_and_counted_once(owner, path):
    await owner.purge([Purge(COURSE, Mode.SOFT, 7, NOW, 0)])

    async with attached(path, owner.lock_fd) as one, attached(path, owner.lock_fd) as two:
        assert await one.do("opened") == await two.do("opened") == [1, [COURSE]]
    await owner.close()

    assert (await owner.open()).opening == 2


async def test_nobody_else_gets_the_file_while_one_of_them_lives(path):
    owner, other = SQLiteStore(path, clock=Clock(), role="owner"), SQLiteStore(path, clock=Clock())
    await owner.open()
    async with attached(path, owner.lock_fd) as worker:
        await owner.close()
        with pytest.raises(StoreError, match="another process has the database file open"):
            await other.open()
        await worker.do("purge", COURSE, "soft", 7)

    assert (await other.open()).purges == (Purge(COURSE, Mode.SOFT, 7, NOW, 0),)
    await other.close()


async def test_what_is_handed_down_has_to_be_the_lock(owner, path, tmp_path):
    (tmp_path / "other").touch()
    other = os.open(tmp_path / "other", os.O_RDWR)
    store = beside(path, lock_fd=other)

    with pytest.raises(StoreError, match="not the lock"):
        await store.open()

    os.close(other)
    with pytest.raises(StoreError, match="OSError"):
        await beside(path, lock_fd=other).open()


async def test_the_attached_do_not_make_a_file(path):
    with pytest.raises(StoreError, match="no database file yet"):
        await beside(path).open()

    assert not path.exists()


async def test_writers_get_in_each_others_way_and_nothing_is_lost(owner, path):
    async with attached(path, owner.lock_fd) as one, attached(path, owner.lock_fd) as two:
        puts = [one.do("put many", 0, 800), two.do("put many", 800, 1_600)]
        purging = asyncio.create_task(purge_often(owner))
        await asyncio.gather(*puts)
        purging.cancel()
        assert await one.do("dropped") == await two.do("dropped") == [0, 0]

    assert await owner.count(Filter()) == 1_600
    assert owner.failures == 0


async def test_a_process_that_dies_while_it_writes_leaves_the_file_to_the_others(owner, path):
    async with attached(path, owner.lock_fd) as worker:
        doing = asyncio.create_task(worker.do("put many", 0, 9_000))
        while not await owner.count(Filter()):
            await asyncio.sleep(0.01)
        worker.process.kill()
        with pytest.raises(ValueError, match="Expecting value"):  # no answer
            await doing

        await owner.purge([Purge(COURSE, Mode.SOFT, 7, NOW, 0)])
        owner.put(an_entry(9_999))
        await owner.flush()

    assert await owner.get(key(9_999)) is not None
    assert (await owner.check()).findings == []


async def purge_often(store):
    number = 0
    while True:
        number += 1
        await store.purge([Purge(f"courseworks/course:{number}", Mode.SOFT, number, NOW, 0)])


async def test_only_the_owner_sweeps(owner, path):
    owner.put(an_entry(1, lives=10))
    await owner.flush()

    async with attached(path, owner.lock_fd) as worker:
        await worker.do("sweep", NOW + 20)
        assert await owner.count(Filter()) == 1

    await owner.sweep(NOW + 20, 0)
    assert await owner.count(Filter()) == 0


async def test_an_older_answer_of_another_process_does_not_win(owner, path):
    async with attached(path, owner.lock_fd) as worker:
        owner.put(an_entry(1, order=(2, 1), body=b"newer"))
        await owner.flush()
        await worker.do("put", 1, "older", [COURSE], 1)
        await worker.do("flush")

    assert (await owner.get(key(1))).body == b"newer"
