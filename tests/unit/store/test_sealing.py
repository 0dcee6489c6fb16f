"""Sealing: the operator's keys, what they wrap, and whose entries are sealed."""

import re
from base64 import b64encode

import pytest

from proxy.config.loading import load_adapter
from proxy.store.sealing import (
    MasterKeyError,
    MasterKeys,
    PartitionKey,
    Sealing,
    new_master_key,
    new_partition_key,
    seal,
    unseal,
)
from tests.unit.store.blobs import KEY, Counter
from tests.unit.store.samples import an_entry

ADA, BEN = "principal:00ff", "principal:00fe"


def written(number):
    """The base64 of a key."""
    return b64encode(bytes([number]) * 32).decode()


OLD = f"2025:{written(1)}"
NEW = f"2026:{written(2)}"


def keys(*entries):
    return MasterKeys.parse(",".join(entries), Counter())


def test_a_wrapped_key_comes_back_for_its_own_partition_alone():
    masters = keys(NEW)
    blob = masters.wrap(KEY, ADA)

    assert masters.unwrap(blob, ADA) == KEY
    assert masters.unwrap(blob, BEN) is None


def test_a_partition_may_have_any_name():
    masters = keys(NEW)

    for partition in ("", "\udcff", "Größe", "p" * 1000):
        assert masters.unwrap(masters.wrap(KEY, partition), partition) == KEY


def test_a_wrapped_key_says_nothing_of_the_key():
    blob = keys(NEW).wrap(KEY, ADA)

    assert KEY.secret not in blob
    assert ADA.encode() not in blob
    assert b"2026" in blob


def test_a_retired_key_opens_what_it_wrapped_and_wraps_nothing_more():
    once = keys(OLD).wrap(KEY, ADA)
    rotated = keys(NEW, OLD)

    assert rotated.unwrap(once, ADA) == KEY
    assert not rotated.is_current(once)
    anew = rotated.wrap(rotated.unwrap(once, ADA), ADA)
    assert rotated.is_current(anew)
    assert keys(NEW).unwrap(anew, ADA) == KEY
    assert keys(OLD).unwrap(anew, ADA) is None


def test_a_key_that_is_gone_opens_nothing_and_is_named():
    blob = keys(OLD).wrap(KEY, ADA)

    assert keys(NEW).unwrap(blob, ADA) is None
    assert keys(NEW).master_of(blob) == "2025"
    assert keys(f"2025:{written(3)}").unwrap(blob, ADA) is None


def test_a_wrapped_key_with_any_bit_flipped_or_any_end_missing_is_none():
    masters = keys(NEW, OLD)
    blob = masters.wrap(KEY, ADA)

    for bit in range(len(blob) * 8):
        damaged = bytearray(blob)
        damaged[bit // 8] ^= 1 << bit % 8
        assert masters.unwrap(bytes(damaged), ADA) is None
    for length in range(len(blob)):
        assert masters.unwrap(blob[:length], ADA) is None
    assert masters.unwrap(blob + b"\0", ADA) is None


@pytest.mark.parametrize("blob", [b"", b"\1", b"\1\xff", b"\1\0" + bytes(80), b"\1\4\xff\xfe\xfd\xfc" + bytes(80)])
def test_foreign_bytes_are_no_wrapped_key(blob):
    masters = keys(NEW)

    assert masters.unwrap(blob, ADA) is None
    assert masters.master_of(blob) is None
    assert not masters.is_current(blob)


def test_a_wrapped_secret_of_another_length_is_no_key():
    masters = keys(NEW)
    blob = masters.wrap(PartitionKey(KEY.id, b"short"), ADA)

    assert masters.unwrap(blob, ADA) is None


def test_the_first_key_of_the_list_is_current():
    assert keys(NEW, OLD).current == "2026"
    assert keys(f" {OLD} ", f"\n{NEW}\n").current == "2025"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "encryption key 1 of 1 is empty: write id:base64"),
        (NEW + ",", "encryption key 2 of 2 is empty"),
        (written(1), "encryption key 1 of 1 has no id"),
        (f"{NEW},:{written(1)}", "encryption key 2 of 2 has an id that is not 1 to 32 letters"),
        (f"my key:{written(1)}", "has an id that is not"),
        (f"{'k' * 33}:{written(1)}", "has an id that is not"),
        ("k:not base64!", "encryption key 1 of 1 is not base64 after its id"),
        ("k:größe", "is not base64"),
        (f"k:{written(1)[:-1]}", "is not base64"),
        (f"{written(1)}:k", "has an id that is not"),
        (f"k:{b64encode(bytes(16)).decode()}", "has 16 bytes: it must have 32, 44 characters of base64"),
        ("k:", "has 0 bytes: it must have 32"),
        (f"{OLD},{NEW},2025:{written(3)}", "encryption keys 1 and 3 have the same id: give each its own"),
    ],
)
def test_a_bad_list_of_keys_gets_one_clear_line_without_the_keys(text, said):
    with pytest.raises(MasterKeyError, match=re.escape(said)) as caught:
        MasterKeys.parse(text)

    line = str(caught.value)
    assert "\n" not in line
    assert not any(part in line for part in re.findall(r"[A-Za-z0-9+/=]{16,}", text))


def test_a_key_in_the_place_of_the_id_is_not_told():
    with pytest.raises(MasterKeyError) as caught:
        MasterKeys.parse("0123456789abcdef0123456789abcdef:k1")

    assert "0123" not in str(caught.value)


def test_a_made_key_is_one_that_is_read():
    masters = MasterKeys.parse(f"{new_master_key()},{new_master_key()}")

    assert masters.unwrap(masters.wrap(KEY, ADA), ADA) == KEY


def test_no_two_made_keys_are_alike():
    assert new_master_key() != new_master_key()
    assert new_partition_key() != new_partition_key()
    assert [len(part) for part in new_partition_key()] == [8, 32]


def test_no_secret_is_shown():
    masters = keys(NEW, OLD)
    shown = f"{KEY!r} {KEY} {masters!r} {masters} {Sealing(masters)!r}"

    assert repr(KEY.secret)[2:-1] not in shown
    assert written(2) not in shown
    assert (repr(KEY), repr(masters)) == (
        f"<PartitionKey {KEY.id.hex()}>",
        "<MasterKeys current 2026, 1 more to open with>",
    )


def test_what_is_sealed_opens_with_the_same_secret_head_and_owner_only():
    sealed = seal(KEY.secret, b"head", b"plain", b"owner", Counter())

    assert unseal(KEY.secret, sealed, 4, b"owner") == b"plain"
    assert unseal(KEY.secret, sealed, 4, b"other") is None
    assert unseal(KEY.secret, b"tail" + sealed[4:], 4, b"owner") is None
    assert unseal(bytes(32), sealed, 4, b"owner") is None
    assert unseal(KEY.secret, sealed, 3, b"owner") is None
    assert unseal(KEY.secret, b"head", 4, b"owner") is None


@pytest.mark.parametrize(
    ("encrypt", "sealed"), [("auto", {"courseworks"}), ("all", {"courseworks", "smartystreets"}), ("off", set())]
)
def test_education_records_are_sealed_by_default_and_others_on_request(encrypt, sealed):
    sealing = Sealing.of(encrypt, keys(NEW), ["courseworks"])

    assert {name for name in ("courseworks", "smartystreets") if sealing.seals(an_entry(upstream=name))} == sealed


def test_of_the_houses_adapters_courseworks_alone_answers_with_education_records():
    names = ("courseworks", "google", "http", "smartystreets")

    assert [name for name in names if load_adapter(name).education_records] == ["courseworks"]


@pytest.mark.parametrize("encrypt", ["auto", "all", "off"])
def test_without_a_key_nothing_is_sealed(encrypt):
    assert not Sealing.of(encrypt, None, ["courseworks"]).seals(an_entry())
