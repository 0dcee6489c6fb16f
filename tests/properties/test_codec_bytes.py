"""Bytes of entries, whatever became of them: what was written comes back, and nothing else does, and nothing raises."""

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from proxy.store.codec import Codec, decode, encode
from tests.unit.store.blobs import COMPRESSED, KEY, OTHERS_KEY, SEALED, framed, framed_as_once, under_seal
from tests.unit.store.samples import an_entry, any_entries, key

ENTRY = an_entry(1, body=b"the body " * 200)
CODEC = Codec(compress_above=100)
PLAIN = Codec(compress_above=1 << 30)
BLOBS = {
    "plain": PLAIN.encode(ENTRY),
    "compressed": CODEC.encode(ENTRY),
    "sealed": PLAIN.encode(ENTRY, KEY),
    "sealed and compressed": CODEC.encode(ENTRY, KEY),
}
KINDS = st.sampled_from(sorted(BLOBS))
KEYS = st.sampled_from([None, KEY])


def key_for(kind):
    return KEY if kind.startswith("sealed") else None


def flipped(blob, bit):
    damaged = bytearray(blob)
    damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def read_everywhere(blob):
    """Whatever anybody gets from a blob under the entry's key, with and without partition keys."""
    return [CODEC.decode(blob, key(1), one) for one in (None, KEY, OTHERS_KEY)]


@given(any_entries, KEYS, st.integers(0, 300))
@example(an_entry(head="X: \udcff\ud800"), None, 0)
@example(an_entry(body=bytes(range(256)) * 4096), KEY, 0)
@example(an_entry(body=bytes(range(256)) * 4096), None, 1024)
def test_an_entry_comes_back_as_it_went(entry, sealed_with, compress_above):
    blob = Codec(compress_above).encode(entry, sealed_with)

    assert CODEC.decode(blob, entry.key, sealed_with) == entry
    assert CODEC.key_id(blob) == (None if sealed_with is None else KEY.id)


@given(any_entries, KEYS, st.binary(max_size=20))
def test_an_entry_is_never_read_under_another_key(entry, sealed_with, other):
    if other != entry.key:
        assert CODEC.decode(CODEC.encode(entry, sealed_with), other, sealed_with) is None


@given(any_entries, any_entries)
def test_sealed_entries_that_change_rows_are_none(one, other):
    if one.key != other.key:
        assert CODEC.decode(CODEC.encode(one, KEY), other.key, KEY) is None
        assert CODEC.decode(CODEC.encode(other, KEY), one.key, KEY) is None


@given(any_entries)
def test_sealed_entries_open_with_no_other_partitions_key(entry):
    blob = CODEC.encode(entry, KEY)

    assert CODEC.decode(blob, entry.key, OTHERS_KEY) is None
    assert CODEC.decode(blob, entry.key, OTHERS_KEY._replace(id=KEY.id)) is None
    assert CODEC.decode(blob, entry.key) is None


@given(KINDS, st.data())
def test_a_single_flipped_bit_makes_it_no_entry(kind, data):
    blob = BLOBS[kind]
    damaged = flipped(blob, data.draw(st.integers(0, len(blob) * 8 - 1)))

    assert read_everywhere(damaged) == [None] * 3


def test_not_even_in_the_header():
    for blob in BLOBS.values():
        for bit in range(30 * 8):
            assert read_everywhere(flipped(blob, bit)) == [None] * 3


@given(KINDS, st.data())
def test_bytes_cut_off_anywhere_are_no_entry(kind, data):
    blob = BLOBS[kind]
    length = data.draw(st.integers(0, len(blob) - 1))

    assert read_everywhere(blob[:length]) == [None] * 3
    assert read_everywhere(blob[length + 1 :]) == [None] * 3


@given(KINDS, st.binary(min_size=1, max_size=40), st.data())
def test_bytes_that_were_put_in_anywhere_make_it_no_entry(kind, more, data):
    blob = BLOBS[kind]
    place = data.draw(st.integers(0, len(blob)))

    assert read_everywhere(blob[:place] + more + blob[place:]) == [None] * 3


@given(KINDS, KINDS, st.data())
def test_blobs_spliced_from_two_are_no_entry_but_where_they_are_one_of_them(one, other, data):
    place = data.draw(st.integers(0, min(len(BLOBS[one]), len(BLOBS[other]))))
    spliced = BLOBS[one][:place] + BLOBS[other][place:]

    if spliced not in BLOBS.values():
        assert read_everywhere(spliced) == [None] * 3


@given(st.binary(max_size=400))
@example(b"")
@example(BLOBS["plain"][:10])
@example(BLOBS["sealed"][:26])
def test_foreign_bytes_are_no_entry(blob):
    assert read_everywhere(blob) == [None] * 3
    assert CODEC.key_id(blob) is None or len(blob) >= 42


any_msgpack = st.recursive(
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=16),
    max_leaves=40,
).map(msgspec.msgpack.encode)


@given(st.binary(max_size=400) | any_msgpack)
@example(b"\xdd\xff\xff\xff\xff")  # an array of four thousand million
@example(b"\x91" * 100_000)  # deeper than any stack
@example(b"\xc6\xff\xff\xff\xff")  # four gigabytes of binary
@example(b"\x78\x01\xed\xc1\x01")  # the beginning of something compressed
def test_foreign_bytes_that_are_framed_rightly_are_no_entry(body):
    for flags in (0, COMPRESSED):
        assert decode(framed(body, flags=flags), key(1)) is None
        assert CODEC.decode(under_seal(body, key(1), flags=SEALED | flags), key(1), KEY) is None
    assert decode(framed_as_once(body), key(1)) is None


@given(any_entries, st.binary(max_size=20))
def test_what_anybody_writes_unsealed_is_at_most_an_entry_of_the_key_it_names(entry, asked):
    """Whoever can write to an unsealed store is believed for what he wrote there, and nowhere else."""
    found = decode(encode(entry), asked)

    assert found is None or found.key == asked == entry.key
