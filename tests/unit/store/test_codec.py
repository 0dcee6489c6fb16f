"""Entries as bytes: the layout, what is compressed and sealed, and what is refused though it looks right."""

import zlib
from random import Random

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.messages import Entry
from proxy.store.codec import SCHEMA, VERSION, Codec, decode, encode
from tests.unit.store.blobs import (
    CHECKED,
    CIPHERTEXT,
    COMPRESSED,
    HEADER,
    KEY,
    NONCE,
    OTHERS_KEY,
    SEALED,
    Counter,
    body_of,
    framed,
    framed_as_once,
    under_seal,
)
from tests.unit.store.samples import an_entry, key

ENTRY = an_entry(1, body=b"[1]")
LONG = an_entry(1, body=b"a line that repeats itself, " * 100)
CODEC = Codec(random_bytes=Counter())

# As Larder wrote this entry before version 2, and as it does now.
BODY = (
    "dc0010c41000000000000000000000000000000001ccc8c42c436f6e74656e742d547970653a206170706c69636174696f6e2f6a736f6e0a"
    "455461673a20572f2261626322c4035b315dcb41daba3ee540000095cb41daba3ef4400000cb41daba3f30400000cb41daba3f3f400000cb"
    "41daba4269400000cb00000000000000000101ab636f75727365776f726b73bc474554202f6170692f76312f636f75727365732f7b636f75"
    "7273657dae7072696e636970616c3a30306666c40a636f757273653a353635a27031a0cb0000000000000000cb7ff0000000000000"
)
ONCE = "01b40fda27" + BODY
NOW = "020009d36336" + "6d523baa" + BODY


def flags_of(blob):
    return blob[1]


def test_the_layout_is_the_one_that_stores_hold_already():
    """Whoever changes it makes every stored entry a miss: then on purpose, with a new version, or a new schema."""
    assert encode(ENTRY).hex() == NOW
    assert decode(bytes.fromhex(NOW), key(1)) == ENTRY
    assert SCHEMA.hex() == "09d36336"


def test_an_entry_of_an_older_larder_is_taken_over():
    assert decode(bytes.fromhex(ONCE), key(1)) == ENTRY
    assert decode(bytes.fromhex(ONCE), key(2)) is None
    assert decode(framed_as_once(body_of(ENTRY), version=3), key(1)) is None
    assert decode(bytes.fromhex(ONCE)[:-1], key(1)) is None


def test_what_it_was_last_checked_against_and_when_it_was_read_is_not_kept():
    entry = an_entry()
    entry.checked, entry.hit_at, entry.marks, entry.softened = 99, 99.0, bytes(8), 99
    read = decode(encode(entry), entry.key)

    assert encode(entry) == encode(an_entry())
    assert (read.checked, read.hit_at, read.marks, read.softened) == (0, 0.0, b"", -1)


def test_every_field_but_those_is_kept():
    written = msgspec.msgpack.decode(body_of(ENTRY))

    assert len(written) == len(Entry.__struct_fields__) - 4


def test_names_that_entries_share_are_held_once():
    one, other = decode(encode(ENTRY), key(1)), decode(encode(an_entry(2)), key(2))

    for name in ("upstream", "endpoint", "partition", "plan", "outcome"):
        assert getattr(one, name) is getattr(other, name)


@pytest.mark.parametrize("seal_with", [None, KEY])
def test_a_body_above_the_threshold_is_compressed_and_none_at_it(seal_with):
    codec = Codec(compress_above=len(LONG.body) - 1, random_bytes=Counter())
    other = Codec(compress_above=len(LONG.body), random_bytes=Counter())

    packed, plain = codec.encode(LONG, seal_with), other.encode(LONG, seal_with)

    assert (flags_of(packed) & COMPRESSED, flags_of(plain) & COMPRESSED) == (COMPRESSED, 0)
    assert len(packed) < len(plain) / 5
    assert codec.decode(plain, key(1), seal_with) == other.decode(packed, key(1), seal_with) == LONG


def test_what_compression_makes_hardly_smaller_stays_as_it_is():
    """As a body that the upstream compressed already."""
    entry = an_entry(1, body=zlib.compress(Random(1).randbytes(3000)))

    assert flags_of(Codec(compress_above=0).encode(entry)) == 0


def test_what_would_not_be_unpacked_again_is_not_compressed():
    small = Codec(unpack_at_most=len(LONG.body))

    blob = small.encode(LONG)

    assert flags_of(blob) == 0
    assert small.decode(blob, key(1)) == LONG


@pytest.mark.parametrize("seal_with", [None, KEY])
def test_what_unpacks_to_more_than_the_bound_is_no_entry(seal_with):
    whole = len(body_of(LONG))
    blob = CODEC.encode(LONG, seal_with)

    assert Codec(unpack_at_most=whole).decode(blob, key(1), seal_with) == LONG
    assert Codec(unpack_at_most=whole - 1).decode(blob, key(1), seal_with) is None


def test_a_bomb_is_never_unpacked_whole():
    bomb = zlib.compress(bytes(65 << 20), 1)

    assert decode(framed(bomb, flags=COMPRESSED), key(1)) is None


@pytest.mark.parametrize(
    "compressed",
    [
        zlib.compress(body_of(ENTRY))[:-1],
        zlib.compress(body_of(ENTRY)) + b"\0",
        zlib.compress(body_of(ENTRY)) * 2,
        body_of(ENTRY),
        b"",
    ],
    ids=["cut off", "with more behind it", "twice", "not compressed", "nothing"],
)
def test_what_is_compressed_wrongly_is_no_entry(compressed):
    assert decode(framed(compressed, flags=COMPRESSED), key(1)) is None
    assert CODEC.decode(under_seal(compressed, key(1), flags=SEALED | COMPRESSED), key(1), KEY) is None


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
    body = body_of(ENTRY, **changes)

    assert decode(framed(body), key(1)) is None
    assert decode(framed_as_once(body), key(1)) is None
    assert CODEC.decode(under_seal(body, key(1)), key(1), KEY) is None


def test_a_field_too_few_or_too_many_makes_it_no_entry():
    array = msgspec.msgpack.decode(body_of(ENTRY))

    assert decode(framed(msgspec.msgpack.encode(array)), key(1)) == ENTRY
    assert decode(framed(msgspec.msgpack.encode(array[:-1])), key(1)) is None
    assert decode(framed(msgspec.msgpack.encode([*array, 1])), key(1)) is None


@pytest.mark.parametrize("header", [{"version": VERSION + 1}, {"version": 1}, {"schema": b"\0\0\0\0"}, {"flags": 4}])
def test_another_version_schema_or_flag_is_no_entry(header):
    assert decode(framed(body_of(ENTRY), **header), key(1)) is None


@pytest.mark.parametrize("held", [None, 1, 1.5, "text", b"", bytearray(encode(ENTRY))], ids=repr)
def test_what_is_no_bytes_at_all_is_no_entry(held):
    """A foreign SQLite file has anything in any column."""
    assert CODEC.decode(held, key(1)) is None
    assert CODEC.decode(held, key(1), KEY) is None
    assert CODEC.key_id(held) is None


def test_an_entry_is_never_read_under_another_key():
    assert decode(encode(ENTRY), key(1)) == ENTRY
    assert decode(encode(ENTRY), key(2)) is None


def test_a_sealed_entry_is_opened_by_its_key_alone():
    blob = CODEC.encode(ENTRY, KEY)

    assert CODEC.decode(blob, key(1), KEY) == ENTRY
    assert CODEC.decode(blob, key(1)) is None
    assert CODEC.decode(blob, key(1), OTHERS_KEY) is None
    assert CODEC.decode(blob, key(1), KEY._replace(secret=OTHERS_KEY.secret)) is None
    assert CODEC.decode(blob, key(1), KEY._replace(id=OTHERS_KEY.id)) is None


def test_what_is_sealed_tells_which_key_opens_it():
    assert CODEC.key_id(CODEC.encode(ENTRY, KEY)) == KEY.id
    assert CODEC.key_id(CODEC.encode(LONG, OTHERS_KEY)) == OTHERS_KEY.id
    assert CODEC.key_id(CODEC.encode(ENTRY)) is None
    assert CODEC.key_id(CODEC.encode(ENTRY, KEY)[: CIPHERTEXT + 15]) is None


def test_nothing_of_an_entry_is_seen_in_what_is_sealed():
    entry = an_entry(1, body=b"a grade", head="X-Student: Ada", tags=("courseworks/user:4711",))

    blob = CODEC.encode(entry, KEY)

    for secret in (b"a grade", b"Ada", b"4711", b"courseworks", b"principal", entry.key, KEY.secret):
        assert secret not in blob


def test_what_is_sealed_is_plain_aes_gcm_bound_to_its_header_and_its_entry():
    blob = CODEC.encode(ENTRY, KEY)

    plain = AESGCM(KEY.secret).decrypt(blob[NONCE:CIPHERTEXT], blob[CIPHERTEXT:], blob[:CIPHERTEXT] + ENTRY.key)

    assert plain == body_of(ENTRY)
    assert blob[:HEADER] == bytes([VERSION, SEALED]) + SCHEMA


def test_no_nonce_is_used_twice():
    codec = Codec()

    nonces = {codec.encode(ENTRY, KEY)[NONCE:CIPHERTEXT] for _ in range(1000)}

    assert len(nonces) == 1000


def test_a_sealed_entry_moved_into_the_row_of_another_is_none():
    blob = CODEC.encode(ENTRY, KEY)

    assert CODEC.decode(blob, key(2), KEY) is None


def test_what_is_not_sealed_is_refused_where_it_should_be():
    """Or whoever writes to the store would only have to leave the seal out."""
    for blob in (CODEC.encode(ENTRY), bytes.fromhex(ONCE), framed(body_of(ENTRY))):
        assert CODEC.decode(blob, key(1), KEY) is None


def test_the_flag_of_the_seal_cannot_be_taken_off():
    blob = CODEC.encode(ENTRY, KEY)
    body = blob[CHECKED:]

    assert decode(bytes([VERSION, 0]) + blob[2:], key(1)) is None
    assert decode(framed(body), key(1)) is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"upstream": "\ud800"}, ValueError), ({"fence": 1 << 64}, OverflowError), ({"plan": "\udcff"}, ValueError)],
)
def test_what_cannot_be_written_is_said(fields, error):
    with pytest.raises(error):
        CODEC.encode(an_entry(**fields))
    with pytest.raises(error):
        CODEC.encode(an_entry(**fields), KEY)


def test_entries_of_one_partition_have_one_copy_of_its_name():
    one, other = (decode(encode(an_entry(number)), key(number)) for number in (1, 2))

    assert one.partition is other.partition
