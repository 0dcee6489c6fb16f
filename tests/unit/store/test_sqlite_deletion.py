"""What is deleted is gone: from the file, its free pages, its log, and whatever a backup can be read with."""

import shutil
import sqlite3
from random import Random

import pytest

from adapters import Link
from proxy.messages import partition_tag
from proxy.store.codec import Codec
from proxy.store.contract import StoreError
from proxy.store.purges import Mode, Purge
from proxy.store.sealing import MasterKeys, Sealing
from proxy.store.sqlite import SQLiteStore
from tests.unit.store.attached import attached, no_sleep
from tests.unit.store.raw import on_disk
from tests.unit.store.samples import NOW, Clock, an_entry, key

SIZES = [1, 200, 700, 950, 1_030, 3_000, 9_000]
SHORT = {"head": "", "upstream": "u", "endpoint": "GET /", "partition": "p", "tagged": "canary-0001"}
SEALING = Sealing(MasterKeys({"m1": bytes(32)}), frozenset({"courseworks"}))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "larder.db"


def make(path, **options):
    options = {"clock": Clock(), "codec": Codec(compress_above=1 << 30), "sleep": no_sleep, **options}
    return SQLiteStore(path, **options)


@pytest.fixture
async def store(path):
    store = make(path, role="owner")
    await store.open()
    yield store
    await store.close()


def canary(person):
    return b"<canary of %04d>" % person


def of(person, number, size=100, **fields):
    """An entry with a person's data all over it."""
    tags = (f"courseworks/user:canary-{person:04d}", f"courseworks/course:{number % 7}")
    return an_entry(number, body=canary(person) + bytes(size) + canary(person), tags=tags, **fields)


def persons_in(data):
    return {person for person in range(40) if canary(person) in data or b"canary-%04d" % person in data}


@pytest.mark.parametrize("seed", [1, 2])
async def test_nothing_of_the_deleted_is_left_however_the_file_was_shuffled(store, path, seed):
    """SQLite's secure_delete alone leaves some: copies of rows in the gaps of pages from which they were moved."""
    random, numbers = Random(seed), list(range(1_200))
    random.shuffle(numbers)
    for order in (1, 2):
        for number in numbers[: 1_200 // order]:
            store.put(of(number % 40, number, random.choice(SIZES), order=(1, order)))
        await store.flush()
    assert persons_in(on_disk(path)) == set(range(40))

    for person in range(0, 40, 2):
        assert await store.delete(f"courseworks/user:canary-{person:04d}") == 30
    await store.scrub()

    assert persons_in(on_disk(path)) == set(range(1, 40, 2))


async def test_what_an_answer_holds_is_never_in_pages_that_are_copied(store, path):
    """Its rows begin in SQLite's tree, whose pages are shuffled; theirs alone are those that begin with a number."""
    for number in range(900):
        store.put(of(1, number, number, **SHORT))
    await store.flush()
    await store.scrub()

    raw = on_disk(path)
    pages = [raw[start : start + 1_024] for start in range(0, len(raw), 1_024)]
    assert {page[:1] for page in pages if persons_in(page)} == {b"\0"}
    assert sum(page[:1] in b"\x02\x05\x0a\x0d" for page in pages) > 200


async def test_an_answer_that_is_replaced_is_gone_too(store, path):
    store.put(of(1, 1, 9_000))
    await store.flush()

    store.put(of(2, 1, 300, order=(2, 1)))
    await store.flush()
    await store.scrub()

    assert persons_in(on_disk(path)) == {2}


async def test_what_has_expired_is_gone_too_as_soon_as_it_is_swept(store, path):
    store.put(of(1, 1, 9_000, lives=60))
    store.put(of(2, 2))
    await store.flush()
    assert persons_in(on_disk(path)) == {1, 2}

    await store.sweep(NOW + 120, NOW)

    assert persons_in(on_disk(path)) == {2}


async def test_what_has_expired_goes_from_the_log_with_the_next_sweep_where_a_reader_was_in_the_way(store, path):
    store.put(of(1, 1, lives=60))
    await store.flush()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM entries").fetchone()
    await store.sweep(NOW + 120, NOW)
    assert persons_in(on_disk(path)) == {1}
    reader.close()

    await store.sweep(NOW + 180, NOW)

    assert persons_in(on_disk(path)) == set()


def user(number):
    return f"77{number:010d}"


@pytest.mark.parametrize("seed", range(2))
async def test_whom_enrollments_and_credentials_were_learned_to_be_is_gone_too(store, path, seed):
    """Rows of the index are small, and copies of them are left in the tree when it is rearranged."""
    users, enrollments = [user(number) for number in range(200)], list(range(6_000))
    Random(seed).shuffle(enrollments)
    for start in range(0, len(enrollments), 50):
        links = [Link(str(one), users[one % 200], str(one % 97)) for one in enrollments[start : start + 50]]
        await store.learn("courseworks", links)
    for one in users:
        await store.bind(f"of {one[::-1]}", one)

    gone = [await store.forget_person("courseworks", [one]) for one in users[:50]]
    await store.scrub()

    assert {told.links for told in gone} == {30}
    assert not [one for one in users[:50] if one.encode() in on_disk(path)]
    assert all(one.encode() in on_disk(path) for one in users[50:])
    assert len(await store.bindings()) == 150
    assert (await store.find_link("courseworks", "51")) == Link("51", users[51], "51")


async def test_the_record_of_an_erasure_names_nobody_when_it_is_over(store, path):
    persons = [user(number) for number in range(300)]
    Random(3).shuffle(persons)
    records = [Purge(f"courseworks/user:{one}", Mode.HARD, at + 1, NOW + at, 0) for at, one in enumerate(persons)]
    for start in range(0, len(records), 20):
        await store.purge(records[start : start + 20])

    for over in range(30, 180, 30):
        await store.sweep(NOW, NOW + over)
    await store.scrub()

    assert not [one for one in persons[:150] if one.encode() in on_disk(path)]
    assert all(one.encode() in on_disk(path) for one in persons[150:])


async def test_the_deleted_are_gone_with_two_other_processes_at_work(store, path):
    async with attached(path, store.lock_fd) as one, attached(path, store.lock_fd) as two:
        for number, worker in enumerate([one, two, one, two]):
            body = (canary(number % 2) * 50).decode()
            await worker.do("put", number, body, [f"courseworks/user:{number % 2}"], 1)
            await worker.do("flush")
            await worker.do("get", number)
        assert persons_in(on_disk(path)) == {0, 1}

        assert await one.do("delete", "courseworks/user:0") == 2
        assert await two.do("scrub") is None

        assert persons_in(on_disk(path)) == {1}
        assert await two.do("get", 3) == canary(1).decode() * 50


async def test_what_another_process_was_about_to_write_goes_when_it_scrubs(store, path):
    """Its purge came while it waited for the disk; a later answer stays."""
    async with attached(path, store.lock_fd) as worker:
        await store.purge([Purge("courseworks/user:0", Mode.HARD, 5, NOW, 0)])
        await store.delete("courseworks/user:0")
        await worker.do("put", 1, canary(1).decode(), ["courseworks/user:0"], 4)
        await worker.do("put", 2, canary(2).decode(), ["courseworks/user:0"], 5)

        assert await worker.do("scrub") is None

    assert persons_in(on_disk(path)) == {2}


async def test_a_purge_that_leaves_a_fallback_is_no_deletion(store, path):
    store.put(of(1, 1))
    await store.purge([Purge("courseworks/user:canary-0001", Mode.SOFT, 5, NOW, 0)])

    await store.scrub()

    assert await store.get(key(1)) is not None


async def test_a_reader_in_the_way_is_waited_for_and_then_told_of(store, path, monkeypatch):
    monkeypatch.setattr("proxy.store._sqlite_deletion.DELETED_WITHIN", 1.0)
    store.put(of(1, 1))
    await store.flush()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM entries").fetchone()
    await store.delete("courseworks/user:canary-0001")

    with pytest.raises(StoreError, match="still in the log"):
        await store.scrub()

    other.execute("COMMIT")
    other.close()
    await store.scrub()
    assert not persons_in(on_disk(path))


# -- sealed: a deletion holds in backups too


@pytest.fixture
async def sealed(path):
    store = make(path, sealing=SEALING)
    await store.open()
    for number, (partition, person) in enumerate([("a", 1), ("a", 2), ("b", 2), ("c", 3)]):
        store.put(of(person, number, partition=f"principal:{partition}"))
    await store.flush()
    yield store
    await store.close()


async def readable(store):
    return [number for number in range(4) if await store.get(key(number)) is not None]


async def backup_of(store, path):
    """The entries as they were, and the keys as they are: what is found when the backup is brought back."""
    await store.scrub()
    backup = path.with_name("backup.db")
    shutil.copy(path, backup)
    return backup


async def brought_back(backup, path):
    shutil.copy(f"{path}.keys", f"{backup}.keys")
    store = make(backup, sealing=SEALING)
    await store.open()
    found = await readable(store)
    await store.close()
    return found


async def test_a_backup_of_a_deleted_partition_cannot_be_read(sealed, path):
    backup = await backup_of(sealed, path)
    assert await brought_back(backup, path) == [0, 1, 2, 3]

    assert await sealed.delete(partition_tag("principal:a")) == 2

    assert await brought_back(backup, path) == [2, 3]
    assert await readable(sealed) == [2, 3]


async def test_a_person_is_deleted_from_the_backups_of_all_who_held_something(sealed, path):
    """Their partitions' keys go, and with them what else they held: it is fetched again."""
    backup = await backup_of(sealed, path)

    assert await sealed.delete("courseworks/user:canary-0002") == 2

    assert await brought_back(backup, path) == [3]
    assert await readable(sealed) == [3]
    assert sealed.unreadable == 0


async def test_what_names_one_entry_deletes_no_partition(sealed, path):
    backup = await backup_of(sealed, path)

    await sealed.delete(f"@key:{key(0).hex()}")

    assert await readable(sealed) == [1, 2, 3]
    assert await brought_back(backup, path) == [0, 1, 2, 3]


async def test_everything_deleted_takes_every_key(sealed, path):
    backup = await backup_of(sealed, path)

    assert await sealed.delete("@all") == 4

    assert await brought_back(backup, path) == []


async def test_a_partition_that_lives_on_gets_another_key(sealed, path):
    await sealed.delete(partition_tag("principal:a"))
    backup = await backup_of(sealed, path)

    sealed.put(of(1, 0, partition="principal:a"))
    await sealed.flush()

    assert await readable(sealed) == [0, 2, 3]
    assert await brought_back(backup, path) == [2, 3]


async def test_nothing_of_a_deleted_key_is_left_and_its_slot_is_used_again(path):
    store = make(path, sealing=SEALING)
    await store.open()
    for number in range(160):
        store.put(of(1, number, partition=f"principal:{number}"))
    await store.flush()
    before = keys_in(path)

    for number in range(0, 160, 4):
        await store.delete(partition_tag(f"principal:{number}"))
    for number in range(160, 180):
        store.put(of(1, number, partition=f"principal:{number}"))
    await store.flush()

    left, raw = keys_in(path), on_disk(path)
    assert len(before) == 160
    assert len(before.keys() & left.keys()) == 120
    assert not [wrapped for wrapped in before.keys() - left.keys() if wrapped[-32:] in raw]
    assert max(left.values()) <= 160
    await store.close()


def keys_in(path):
    """The slots of all wrapped keys."""
    with sqlite3.connect(f"{path}.keys") as connection:
        found = connection.execute("SELECT wrapped, slot FROM keys WHERE partition != zeroblob(16)").fetchall()
    connection.close()
    return dict(found)
