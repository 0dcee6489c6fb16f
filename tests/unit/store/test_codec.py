"""Entries as bytes: what was written comes back, and nothing else does."""

from zlib import crc32

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.messages import Entry
from proxy.store.codec import VERSION, decode, encode
from tests.unit.store.samples import an_entry, any_entries, key

ENTRY = an_entry(1, body=b"the body" * 20)
BLOB = encode(ENTRY)


def sealed(payload, version=VERSION):
    """Bytes with a true checksum, as somebody would make them who wants to be believed."""
    return bytes([version]) + crc32(payload).to_bytes(4, "big") + payload


def as_array(**changes):
    """The payload's array, with some places changed."""
    names = list(Entry.__struct_fields__)
    array = msgspec.msgpack.decode(BLOB[5:])
    for name, value in changes.items():
        array[names.index(name)] = value
    return array


@given(any_entries)
@example(an_entry(head="X: \udcff\ud800"))
@example(an_entry(body=bytes(range(256)) * 4096))
def test_an_entry_comes_back_as_it_went(entry):
    assert decode(encode(entry), entry.key) == entry


def test_what_it_was_last_checked_against_is_not_kept():
    entry = an_entry()
    entry.checked = 99

    assert encode(entry) == encode(an_entry())
    assert decode(encode(entry), entry.key).checked == 0


def test_names_that_entries_share_are_held_once():
    one, other = decode(BLOB, key(1)), decode(encode(an_entry(2)), key(2))

    for name in ("upstream", "endpoint", "partition", "plan", "outcome"):
        assert getattr(one, name) is getattr(other, name)


@given(st.binary(max_size=400))
@example(b"")
@example(BLOB[:5])
def test_foreign_bytes_are_no_entry(blob):
    assert decode(blob, key(1)) is None


@given(
    st.binary(max_size=400)
    | st.recursive(
        st.none()
        | st.integers(-(2**63), 2**64 - 1)
        | st.text(st.characters(codec="utf-8"), max_size=9)
        | st.binary(max_size=9),
        lambda inner: st.lists(inner, max_size=16),
        max_leaves=40,
    ).map(msgspec.msgpack.encode)
)
@example(b"\xdd\xff\xff\xff\xff")  # an array of four thousand million
@example(b"\x91" * 100_000)  # deeper than any stack
@example(b"\xc6\xff\xff\xff\xff")  # four gigabytes of binary
def test_foreign_bytes_with_a_true_checksum_are_no_entry(payload):
    assert decode(sealed(payload), key(1)) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "200"},
        {"status": None},
        {"life": [1.0, 2.0, 3.0]},
        {"life": "soon"},
        {"head": b"\xff\xfe"},
        {"head": "text"},
        {"tagged": b"\xff"},
        {"fence": 1.5},
        {"upstream": b"courseworks"},
        {"key": key(2)},
    ],
    ids=str,
)
def test_a_field_of_the_wrong_kind_makes_it_no_entry(changes):
    assert decode(sealed(msgspec.msgpack.encode(as_array(**changes))), key(1)) is None


def test_a_field_too_few_or_too_many_makes_it_no_entry():
    array = as_array()

    assert decode(sealed(msgspec.msgpack.encode(array)), key(1)) == ENTRY
    assert decode(sealed(msgspec.msgpack.encode(array[:-1])), key(1)) is None
    assert decode(sealed(msgspec.msgpack.encode([*array, 1])), key(1)) is None


@given(st.integers(0, len(BLOB) - 1))
def test_bytes_cut_off_anywhere_are_no_entry(length):
    assert decode(BLOB[:length], key(1)) is None


@given(st.integers(0, len(BLOB) * 8 - 1))
def test_a_single_flipped_bit_makes_it_no_entry(bit):
    damaged = bytearray(BLOB)
    damaged[bit // 8] ^= 1 << bit % 8

    assert decode(bytes(damaged), key(1)) is None


def test_another_version_is_no_entry():
    assert decode(sealed(BLOB[5:], version=VERSION + 1), key(1)) is None
    assert decode(sealed(BLOB[5:], version=VERSION - 1), key(1)) is None


def test_an_entry_is_never_read_under_another_key():
    assert decode(BLOB, key(1)) == ENTRY
    assert decode(BLOB, key(2)) is None
