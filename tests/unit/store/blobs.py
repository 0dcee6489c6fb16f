"""Entries' bytes made by hand, as the layout in proxy/store/codec.py says: by somebody who wants to be believed."""

from zlib import crc32

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.messages import Entry
from proxy.store.codec import SCHEMA, VERSION, Codec
from proxy.store.sealing import PartitionKey

SEALED, COMPRESSED = 1, 2
HEADER = 6
CHECKED = HEADER + 4  # where an unsealed body begins
NONCE = HEADER + 8
CIPHERTEXT = NONCE + 12

KEY = PartitionKey(b"key-id-1", bytes(range(32)))
OTHERS_KEY = PartitionKey(b"key-id-2", bytes(range(32, 64)))


class Counter:
    """Random bytes that are none: the same in every run, and no two alike."""

    def __init__(self):
        self.number = 0

    def __call__(self, length):
        self.number += 1
        return self.number.to_bytes(length, "big")


def framed(body, *, flags=0, schema=SCHEMA, version=VERSION):
    """Bytes with a true checksum."""
    header = bytes([version, flags]) + schema
    return header + crc32(header + body).to_bytes(4, "big") + body


def framed_as_once(body, *, version=1):
    """The same, as it was before version 2."""
    return bytes([version]) + crc32(body).to_bytes(4, "big") + body


def under_seal(body, owner, key=KEY, *, flags=SEALED):
    """Bytes that were truly sealed with `key`."""
    head = bytes([VERSION, flags]) + SCHEMA + key.id + bytes(12)
    return head + AESGCM(key.secret).encrypt(head[NONCE:], body, head + owner)


def body_of(entry, **changes):
    """What is written of an entry, with some fields changed to anything at all."""
    names = list(Entry.__struct_fields__)
    array = msgspec.msgpack.decode(Codec(compress_above=1 << 30).encode(entry)[CHECKED:])
    for name, value in changes.items():
        array[names.index(name)] = value
    return msgspec.msgpack.encode(array)
