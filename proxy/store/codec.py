"""Entries as bytes, for tiers that outlive the process: what cannot be trusted on the way back is no entry at all.

    version (1 byte) · CRC-32 of the rest (4 bytes) · msgpack array of Entry's fields, less `checked`

The checksum is against disks, not against attackers: SQLite has none of its own, and a flipped bit in a body would
otherwise be served as the upstream's word.
"""

from sys import intern
from zlib import crc32

import msgspec

from policies import ShelfLife
from proxy.messages import Entry

VERSION = 1

_VERSION_BYTE = bytes([VERSION])
_PAYLOAD = 5  # where it begins


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


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)


def as_bytes(text: str) -> bytes:
    """Any string as bytes, lone surrogates too (aiohttp reads header bytes that are no UTF-8 as such)."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """What `as_bytes` was given. Raises UnicodeDecodeError on bytes that it never made."""
    return data.decode("utf-8", "surrogatepass")


def encode(entry: Entry) -> bytes:
    """`entry` as bytes. Raises ValueError or OverflowError when it holds what no codec can write."""
    payload = _encoder.encode(
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
    return b"".join((_VERSION_BYTE, crc32(payload).to_bytes(4, "big"), payload))


def decode(blob: bytes, key: bytes) -> Entry | None:
    """The entry of `key` in `blob`; None when the bytes are foreign, cut off, damaged, of another version or key."""
    payload = memoryview(blob)[_PAYLOAD:]
    if blob[:1] != _VERSION_BYTE or blob[1:_PAYLOAD] != crc32(payload).to_bytes(4, "big"):
        return None
    try:
        stored = _decoder.decode(payload)
        return _entry(stored) if stored.key == key else None
    except (msgspec.DecodeError, ValueError, OverflowError, RecursionError):
        return None


def _entry(stored: _Stored) -> Entry:
    """Names that many entries share are interned: a million entries hold each of them once."""
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
        partition=intern(stored.partition),
        tagged=as_text(stored.tagged),
        plan=intern(stored.plan),
        outcome=intern(stored.outcome),
        jitter=stored.jitter,
        ceiling=stored.ceiling,
    )
