"""Entries as bytes, for tiers that outlive the process: what cannot be trusted on the way back is no entry at all.

version (1 byte) · flags (1) · schema (4) ┬ CRC-32 of header and body (4) · body
                                          └ key id (8) · nonce (12) · body under AES-256-GCM, bound to header and key

The body is a msgpack array of Entry's fields, less those in memory only; compressed (zlib) where that is worth it,
before it is sealed. The schema is a digest of the fields' names and types, so that bytes of another Entry are a miss,
not garbage.

The checksum is against disks, not against attackers: SQLite has none of its own, and a flipped bit in a body would
otherwise be served as the upstream's word. Against whoever can write to the store, there is sealing (sealing.py).
"""

import os
import zlib
from hashlib import blake2b
from sys import intern, maxsize
from typing import Any, NamedTuple, get_type_hints

import msgspec

from policies import MIB, ShelfLife
from proxy.messages import Entry, one_copy
from proxy.store.sealing import KEY_ID_BYTES, NONCE_BYTES, TAG_BYTES, PartitionKey, RandomBytes, seal, unseal

VERSION = 2


class _Stored(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    """Entry as it is written. Head and tags are bytes: header fields and ids may hold what no UTF-8 can say."""

    key: bytes
    status: int
    head: bytes
    body: bytes
    stored_at: float
    life: ShelfLife
    fence: int
    sequence: int
    upstream: str
    endpoint: str
    partition: str
    tagged: bytes
    plan: str
    outcome: str
    jitter: float
    ceiling: float


def _listing(kind: Any) -> str:
    """Names and types of the fields, and of the fields of these."""
    if not hasattr(kind, "__annotations__"):
        return str(kind)
    return ", ".join(f"{name}: ({_listing(hint)})" for name, hint in get_type_hints(kind).items())


SCHEMA = blake2b(_listing(_Stored).encode(), digest_size=4).digest()


class _Form(NamedTuple):
    """What a header says of what follows it."""

    header: bytes
    checksum: int  # of the header: where the body's goes on from
    is_sealed: bool
    is_compressed: bool


def _form(flags: int) -> _Form:
    header = bytes([VERSION, flags]) + SCHEMA
    return _Form(header, zlib.crc32(header), bool(flags & _SEALED), bool(flags & _COMPRESSED))


_SEALED, _COMPRESSED = 1, 2
_FORMS = [_form(flags) for flags in range(4)]  # by their flags
_FORM_OF = {form.header: form for form in _FORMS}
_HEADER = len(_FORMS[0].header)
_CHECKED = _HEADER + 4  # where an unsealed body begins
_KEY_ID = _HEADER + KEY_ID_BYTES  # where a sealed one's nonce does
_LEAST_SEALED = _KEY_ID + NONCE_BYTES + TAG_BYTES
_FIRST_VERSION, _FIRST_BODY = b"\x01", 5  # version · CRC-32 of the rest · the body

_WORTH_IT = 7 / 8  # what saves less, a body that came compressed above all, is not unpacked on every read for it

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)

_UNREADABLE = (msgspec.DecodeError, zlib.error, ValueError, OverflowError, RecursionError)


def as_bytes(text: str) -> bytes:
    """Any string as bytes, lone surrogates too (aiohttp reads header bytes that are no UTF-8 as such)."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """What `as_bytes` was given. Raises UnicodeDecodeError on bytes that it never made."""
    return data.decode("utf-8", "surrogatepass")


class Codec:
    """Entries to bytes and back. Holds nothing that changes: any thread may use it."""

    def __init__(
        self, compress_above: int = 1024, *, unpack_at_most: int = 64 * MIB, random_bytes: RandomBytes = os.urandom
    ) -> None:
        """In bytes: a response body larger than `compress_above` is compressed; what would unpack to more than
        `unpack_at_most` never is, and is not believed when it is read.
        """
        self._compress_above, self._unpack_at_most = compress_above, unpack_at_most
        self._random_bytes = random_bytes

    def encode(self, entry: Entry, key: PartitionKey | None = None) -> bytes:
        """`entry` as bytes, sealed if there is a key.

        Raises ValueError or OverflowError when it holds what no codec can write.
        """
        body, flags = _packed(entry), 0
        if self._compress_above < len(entry.body) and len(body) <= self._unpack_at_most:
            compressed = zlib.compress(body, 1)
            if len(compressed) < len(body) * _WORTH_IT:
                body, flags = compressed, _COMPRESSED
        if key is not None:
            head = _FORMS[flags | _SEALED].header + key.id
            return seal(key.secret, head, body, entry.key, self._random_bytes)
        form = _FORMS[flags]
        return b"".join((form.header, zlib.crc32(body, form.checksum).to_bytes(4, "big"), body))

    def key_id(self, blob: object) -> bytes | None:
        """The id of the partition key that opens `blob`; None when it is not sealed, or nothing this codec reads."""
        if not isinstance(blob, bytes):
            return None
        form = _FORM_OF.get(blob[:_HEADER])
        is_sealed = form is not None and form.is_sealed and len(blob) >= _LEAST_SEALED
        return blob[_HEADER:_KEY_ID] if is_sealed else None

    def decode(self, blob: object, entry_key: bytes, key: PartitionKey | None = None) -> Entry | None:
        """The entry of `entry_key` in `blob`, whatever a store held there. Never raises.

        None when it is foreign, cut off, damaged, of another version, schema or entry; when it is sealed and `key` is
        not its key; and when it is not sealed though there is a `key`: then somebody put it in the place of what was.
        """
        try:
            body = self._body(blob, entry_key, key) if isinstance(blob, bytes) else None
            if body is None:
                return None
            stored = _decoder.decode(body)
            return _entry(stored) if stored.key == entry_key else None
        except _UNREADABLE:
            return None

    def _body(self, blob: bytes, entry_key: bytes, key: PartitionKey | None) -> bytes | memoryview | None:
        form = _FORM_OF.get(blob[:_HEADER])
        if form is None and key is None:
            return _first_body(blob)
        if form is None or form.is_sealed != (key is not None):
            return None
        body = _checked(blob, form) if key is None else _opened(blob, entry_key, key)
        return self._unpacked(body) if form.is_compressed and body is not None else body

    def _unpacked(self, body: bytes | memoryview) -> bytes | None:
        """What was compressed; no more of it than is believed is ever in memory."""
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(body, self._unpack_at_most + 1)  # one more: full, zlib would not see its end
        whole = unpacking.eof and not unpacking.unused_data
        return unpacked if whole and len(unpacked) <= self._unpack_at_most else None


def _packed(entry: Entry) -> bytes:
    return _encoder.encode(
        (
            entry.key,
            entry.status,
            as_bytes(entry.head),
            entry.body,
            entry.stored_at,
            entry.life,
            entry.fence,
            entry.sequence,
            entry.upstream,
            entry.endpoint,
            entry.partition,
            as_bytes(entry.tagged),
            entry.plan,
            entry.outcome,
            entry.jitter,
            entry.ceiling,
        )
    )


def _opened(blob: bytes, entry_key: bytes, key: PartitionKey) -> bytes | None:
    return unseal(key.secret, blob, _KEY_ID, entry_key) if blob[_HEADER:_KEY_ID] == key.id else None


def _checked(blob: bytes, form: _Form) -> memoryview | None:
    body = memoryview(blob)[_CHECKED:]
    return body if blob[_HEADER:_CHECKED] == zlib.crc32(body, form.checksum).to_bytes(4, "big") else None


def _first_body(blob: bytes) -> memoryview | None:
    """As Larder wrote it before version 2. Its arrays are the same, so that an older store is taken over whole."""
    body = memoryview(blob)[_FIRST_BODY:]
    is_whole = blob[:1] == _FIRST_VERSION and blob[1:_FIRST_BODY] == zlib.crc32(body).to_bytes(4, "big")
    return body if is_whole else None


def _entry(stored: _Stored) -> Entry:
    """Names that many entries share are one object."""
    return Entry(
        key=stored.key,
        status=stored.status,
        head=as_text(stored.head),
        body=stored.body,
        stored_at=stored.stored_at,
        life=stored.life,
        fence=stored.fence,
        sequence=stored.sequence,
        upstream=intern(stored.upstream),
        endpoint=intern(stored.endpoint),
        partition=one_copy(stored.partition),
        tagged=as_text(stored.tagged),
        plan=intern(stored.plan),
        outcome=intern(stored.outcome),
        jitter=stored.jitter,
        ceiling=stored.ceiling,
    )


_default = Codec(compress_above=maxsize)


def encode(entry: Entry) -> bytes:
    """`entry` as bytes, neither compressed nor sealed. Raises ValueError or OverflowError."""
    return _default.encode(entry)


def decode(blob: bytes, key: bytes) -> Entry | None:
    """The entry of `key` in `blob`; None when the bytes are foreign, damaged, sealed, or another key's."""
    return _default.decode(blob, key)
