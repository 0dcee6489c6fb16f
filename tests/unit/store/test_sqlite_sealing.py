"""Sealed entries in SQLite: their keys lie in a file of their own, and without these nobody reads them."""

import asyncio
import sqlite3
import stat

import pytest

from proxy.messages import partition_tag
from proxy.store.contract import Filter, StoreError
from proxy.store.sealing import MasterKeys, Sealing
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.raw import on_disk
from tests.unit.store.samples import NOW, Clock, an_entry, key

OLD, NEW = ("m1", bytes(32)), ("m2", bytes(31) + b"\1")
UPSTREAMS = frozenset({"courseworks"})
SEALING = Sealing(MasterKeys(dict([OLD])), UPSTREAMS)
SECRET = b"a student's grades"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


@pytest.fixture
def keys(path):
    return path.with_name("larder.db.keys")


async def opened(path, sealing=SEALING, **options):
    store = SQLiteStore(path, clock=Clock(), sealing=sealing, **options)
    store.found = await store.open()
    return store


@pytest.fixture
async def store(path):
    store = await opened(path)
    yield store
    await store.close()


async def put(store, *numbers, partition="principal:a", body=SECRET, **fields):
    for number in numbers:
        store.put(an_entry(number, body=body, partition=partition, **fields))
    await store.flush()


async def test_what_is_sealed_is_got_back_and_not_to_be_read_on_disk(store, path):
    await put(store, 1)
    await put(store, 2, upstream="google", body=b"a public place", tags=())

    assert await store.get(key(1)) == an_entry(1, body=SECRET, partition="principal:a")
    assert (await store.get(key(2))).body == b"a public place"
    assert SECRET not in on_disk(path)
    assert b"course:565" not in on_disk(path)
    assert b"a public place" in on_disk(path)


async def test_an_operator_still_sees_its_tags(store):
    await put(store, 1)

    (summary,) = await store.summaries(Filter(tag="courseworks/course:565"))

    assert summary.tags == ("courseworks/course:565",)


async def test_only_the_owner_can_read_the_keys(store, keys):
    await put(store, 1)

    assert stat.S_IMODE(keys.stat().st_mode) == 0o600


async def test_without_sealing_there_is_no_file_of_keys(path, keys):
    store = await opened(path, Sealing())
    await put(store, 1)
    await store.delete(partition_tag("principal:a"))
    await store.close()

    assert not keys.exists()


async def test_keys_that_are_lost_make_misses_that_are_counted(store, path, keys):
    await put(store, 1, 2)
    await store.close()
    keys.unlink()

    again = await opened(path)
    await put(again, 3)

    assert [await again.get(key(number)) for number in (1, 2)] == [None, None]
    assert (await again.get(key(3))).body == SECRET
    assert again.unreadable == 2
    assert (again.failures, again.last_error) == (0, None)
    await again.close()


@pytest.mark.parametrize("damage", [b"no keys at all" * 100, b"SQLite format 3\0" + bytes(8_000)])
async def test_keys_that_are_damaged_are_moved_aside(store, path, keys, damage):
    await put(store, 1)
    await store.close()
    keys.write_bytes(damage)

    again = await opened(path)

    assert again.found.moved_aside.startswith(f"{keys}.broken-")
    assert again.found.opening == 2
    assert await again.get(key(1)) is None
    assert again.unreadable == 1
    await again.close()


async def test_a_worker_does_not_move_keys_aside(store, path, keys):
    keys.write_bytes(b"no keys at all" * 100)

    with pytest.raises(StoreError, match="the file of the partition keys is damaged"):
        await opened(path, role="attached")


async def test_keys_that_are_damaged_meanwhile_are_told_and_nothing_is_written_in_the_clear(store, path, keys):
    await put(store, 1)
    keys.unlink()
    keys.write_bytes(b"no keys at all" * 100)
    store.put(an_entry(2, body=SECRET, partition="principal:b"))

    with pytest.raises(StoreError, match="partition keys"):
        await store.flush()

    assert "partition keys" in store.last_error
    assert await store.get(key(2)) is None
    assert SECRET not in on_disk(path)
    keys.unlink()
    await put(store, 3, partition="principal:b")
    assert store.last_error is None


async def test_what_somebody_wrote_unsealed_where_all_is_sealed_is_not_believed(path):
    forger = await opened(path, Sealing())
    await put(forger, 1, body=b"forged")
    await forger.close()

    store = await opened(path)

    assert await store.get(key(1)) is None
    assert store.unreadable == 1
    await store.close()


async def test_an_entry_in_the_place_of_another_is_not_believed(store, path):
    await put(store, 1, 2)
    with sqlite3.connect(path) as other:
        other.execute(
            "UPDATE entries SET blob = (SELECT blob FROM entries WHERE key = ?) WHERE key = ?", (key(2), key(1))
        )
    other.close()

    assert await store.get(key(1)) is None
    assert (await store.get(key(2))) is not None


async def test_a_master_key_is_rotated_and_then_dropped(store, path):
    await put(store, 1)
    await put(store, 2, partition="principal:idle")
    await store.close()
    both = Sealing(MasterKeys(dict([NEW, OLD])), UPSTREAMS)

    rotated = await opened(path, both)
    assert (await rotated.get(key(1))).body == SECRET
    await put(rotated, 3)  # the partition's key is wrapped anew
    await rotated.close()

    new_only = await opened(path, Sealing(MasterKeys(dict([NEW])), UPSTREAMS))
    assert [await new_only.get(key(number)) is not None for number in (1, 2, 3)] == [True, False, True]
    await new_only.close()


async def test_a_master_key_that_was_left_out_by_mistake_does_no_harm(store, path):
    await put(store, 1)
    await store.close()
    mistaken = await opened(path, Sealing(MasterKeys(dict([NEW])), UPSTREAMS))
    assert await mistaken.get(key(1)) is None
    await put(mistaken, 2)
    await mistaken.close()

    mended = await opened(path, Sealing(MasterKeys(dict([OLD, NEW])), UPSTREAMS))

    assert [(await mended.get(key(number))).body for number in (1, 2)] == [SECRET, SECRET]
    await mended.close()


async def test_without_master_keys_a_partition_can_still_be_deleted_from_backups(store, path):
    await put(store, 1)
    await store.close()
    backup = path.read_bytes()
    bare = await opened(path, Sealing())
    await bare.delete(partition_tag("principal:a"))
    await bare.close()

    path.write_bytes(backup)
    again = await opened(path)

    assert await again.get(key(1)) is None
    assert again.unreadable == 1
    await again.close()


async def test_processes_agree_on_the_key_of_a_partition(store, path):
    worker = await opened(path, role="attached")

    await asyncio.gather(
        *(put(each, *range(first, first + 40)) for each, first in ((store, 0), (worker, 100))),
    )

    assert [await store.get(key(number)) is not None for number in range(100, 140)] == [True] * 40
    with sqlite3.connect(f"{path}.keys") as other:
        assert other.execute("SELECT count(*) FROM keys").fetchone() == (1,)
    other.close()
    await worker.close()


async def test_a_key_deleted_by_one_process_seals_nothing_in_another(store, path):
    worker = await opened(path, role="attached")
    await put(worker, 1)
    await store.delete(partition_tag("principal:a"))

    await put(worker, 2)

    assert (await store.get(key(2))).body == SECRET
    await worker.close()


async def test_the_sweep_and_the_bounds_hold_for_sealed_entries_too(store):
    await put(store, 1, lives=10)

    await store.sweep(NOW + 20, 0)

    assert await store.count(Filter()) == 0
