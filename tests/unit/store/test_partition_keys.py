"""Partition keys at hand: for a minute, and no longer than they are there."""

from proxy.store.partition_keys import LONGEST, PartitionKeys
from tests.unit.store.blobs import KEY, OTHERS_KEY
from tests.unit.store.samples import Clock

ADA, BEN = "principal:00ff", "principal:00fe"


def test_a_key_is_found_by_its_partition_and_by_its_id():
    keys = PartitionKeys(Clock())
    keys.remember(ADA, KEY)
    keys.remember(BEN, OTHERS_KEY)

    assert (keys.of(ADA), keys.by_id(KEY.id)) == (KEY, KEY)
    assert (keys.of(BEN), keys.by_id(OTHERS_KEY.id)) == (OTHERS_KEY, OTHERS_KEY)
    assert (keys.of("shared"), keys.by_id(b"unknown.")) == (None, None)


def test_a_key_is_kept_for_a_minute_however_often_it_is_used():
    clock = Clock(0.0)
    keys = PartitionKeys(clock)
    keys.remember(ADA, KEY)

    for _ in range(59):
        clock.advance(1)
        assert (keys.of(ADA), keys.by_id(KEY.id)) == (KEY, KEY)
    clock.advance(1)
    assert (keys.of(ADA), keys.by_id(KEY.id)) == (None, None)


def test_nobody_keeps_a_key_for_longer():
    clock = Clock(0.0)
    keys = PartitionKeys(clock, keep=3600)
    keys.remember(ADA, KEY)

    clock.advance(LONGEST)

    assert keys.by_id(KEY.id) is None


def test_a_deleted_key_is_forgotten_with_all_that_came_before_it():
    keys = PartitionKeys(Clock())
    keys.remember(ADA, KEY)
    keys.remember(ADA, KEY._replace(id=b"later..."))
    keys.remember(BEN, OTHERS_KEY)

    keys.forget(ADA)
    keys.forget("never known")

    assert (keys.of(ADA), keys.by_id(KEY.id), keys.by_id(b"later...")) == (None, None, None)
    assert keys.of(BEN) == OTHERS_KEY


def test_all_keys_are_forgotten_at_once():
    keys = PartitionKeys(Clock())
    keys.remember(ADA, KEY)

    keys.forget_all()

    assert (keys.of(ADA), keys.by_id(KEY.id)) == (None, None)


def test_no_more_keys_are_kept_than_there_is_room_for():
    keys = PartitionKeys(Clock(), max_keys=2)
    for number in range(5):
        keys.remember(f"p{number}", KEY._replace(id=bytes([number]) * 8))

    assert [number for number in range(5) if keys.of(f"p{number}")] == [3, 4]
    assert [number for number in range(5) if keys.by_id(bytes([number]) * 8)] == [3, 4]
    assert repr(keys) == "<PartitionKeys 2 kept>"
