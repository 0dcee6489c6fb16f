"""Sealing: entries at rest that nobody reads or changes without the operator's key (AES-256-GCM, NIST SP 800-38D).

master keys (operator) ── wrap ──▶ a key per partition ── seal ──▶ its entries

A partition's key lies outside the entries. Once it is deleted, nobody opens what a backup of the entries holds.

Nonces are 96 random bits, so one key should seal no more than 2^32 times: then two nonces are equal with a chance of
2^-32 (SP 800-38D §8.3). A person's partition never comes near; one that takes a thousand entries a second, all day
long, is there after seven weeks.
"""

import binascii
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from proxy.messages import Entry

KEY_ID_BYTES = 8
SECRET_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16

Encrypt = Literal["auto", "all", "off"]
RandomBytes = Callable[[int], bytes]

_WRAPPED = 1  # version of a wrapped key
_MASTER_ID = re.compile(r"[A-Za-z0-9._-]{1,32}")


class MasterKeyError(ValueError):
    """The operator's keys cannot be used; the text is one line, and holds nothing of them."""


class PartitionKey(NamedTuple):
    """What the entries of one partition are sealed with. Its `id` is no secret and stands in what it sealed."""

    id: bytes
    secret: bytes

    def __repr__(self) -> str:
        return f"<PartitionKey {self.id.hex()}>"


def new_partition_key(random_bytes: RandomBytes = os.urandom) -> PartitionKey:
    """A key that nobody had before."""
    return PartitionKey(random_bytes(KEY_ID_BYTES), random_bytes(SECRET_BYTES))


def new_master_key(random_bytes: RandomBytes = os.urandom) -> str:
    """A key for the operator's list, as `MasterKeys.parse` reads it."""
    return f"k{random_bytes(4).hex()}:{b64encode(random_bytes(SECRET_BYTES)).decode()}"


def seal(secret: bytes, head: bytes, plain: bytes, owner: bytes, random_bytes: RandomBytes = os.urandom) -> bytes:
    """`head`, a nonce and what `plain` has become; opened only with the same `secret`, `head` and `owner`.

    Raises OverflowError beyond two GiB.
    """
    head += random_bytes(NONCE_BYTES)
    return head + AESGCM(secret).encrypt(head[-NONCE_BYTES:], plain, head + owner)


def unseal(secret: bytes, sealed: bytes, head_bytes: int, owner: bytes) -> bytes | None:
    """What was sealed behind a head of so many bytes; None when it is damaged, or of another secret, head or owner."""
    start = head_bytes + NONCE_BYTES
    try:
        return AESGCM(secret).decrypt(
            sealed[head_bytes:start], memoryview(sealed)[start:], b"".join((sealed[:start], owner))
        )
    except (InvalidTag, ValueError, OverflowError):  # forged; the nonce is cut off; beyond two GiB
        return None


class MasterKeys:
    """The operator's keys, which wrap the partitions' keys: the first one wraps, all of them unwrap."""

    def __init__(self, keys: Mapping[str, bytes], random_bytes: RandomBytes = os.urandom) -> None:
        """`keys` holds 32 bytes by id, the current one first; at least one."""
        self._keys, self._random_bytes = dict(keys), random_bytes
        self.current = next(iter(self._keys))  # an id

    def __repr__(self) -> str:
        return f"<MasterKeys current {self.current}, {len(self._keys) - 1} more to open with>"

    @classmethod
    def parse(cls, text: str, random_bytes: RandomBytes = os.urandom) -> "MasterKeys":
        """The keys in `id:base64[,id:base64…]`, each of 32 bytes, the current one first. Raises MasterKeyError."""
        entries = text.split(",")
        keys: dict[str, bytes] = {}
        for number, entry in enumerate(entries, 1):
            key_id, secret = _parsed(entry.strip(), f"encryption key {number} of {len(entries)}")
            if key_id in keys:
                earlier = list(keys).index(key_id) + 1
                raise MasterKeyError(f"encryption keys {earlier} and {number} have the same id: give each its own")
            keys[key_id] = secret
        return cls(keys, random_bytes)

    def wrap(self, key: PartitionKey, partition: str) -> bytes:
        """`key` as it may lie on a disk, for this partition only.

        version (1 byte) · length of the master key's id (1) · that id · the key's id (8) · nonce (12) · sealed secret
        """
        master = self.current.encode()
        head = b"".join((bytes([_WRAPPED, len(master)]), master, key.id))
        return seal(self._keys[self.current], head, key.secret, _owner(partition), self._random_bytes)

    def unwrap(self, blob: bytes, partition: str) -> PartitionKey | None:
        """The partition's key; None when no key here wrapped it, it is another partition's, or it is damaged."""
        master = self.master_of(blob)
        if master is None or master not in self._keys:
            return None
        head = 2 + len(master) + KEY_ID_BYTES
        secret = unseal(self._keys[master], blob, head, _owner(partition))
        if secret is None or len(secret) != SECRET_BYTES:
            return None
        return PartitionKey(blob[head - KEY_ID_BYTES : head], secret)

    def is_current(self, blob: bytes) -> bool:
        """Whether the current key wrapped it; one that a retired key did is to be wrapped anew."""
        return self.master_of(blob) == self.current

    @staticmethod
    def master_of(blob: bytes) -> str | None:
        """The id of the master key that opens this: one that is missing here can be named. None: no wrapped key."""
        if blob[:1] != bytes([_WRAPPED]) or len(blob) < 2:
            return None
        master = blob[2 : 2 + blob[1]].decode("ascii", "replace")
        return master if len(master) == blob[1] and _MASTER_ID.fullmatch(master) else None


def _parsed(entry: str, which: str) -> tuple[str, bytes]:
    """One key by its id. Errors name its place only: whoever mistypes may well have put the key where the id goes."""
    form = "write id:base64, as `larder key --encryption` makes it"
    if not entry:
        raise MasterKeyError(f"{which} is empty: {form}")
    key_id, colon, encoded = entry.partition(":")
    if not colon:
        raise MasterKeyError(f"{which} has no id: {form}")
    if not _MASTER_ID.fullmatch(key_id):
        raise MasterKeyError(f"{which} has an id that is not 1 to 32 letters, digits, dots, dashes or underscores")
    try:
        secret = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise MasterKeyError(f"{which} is not base64 after its id: {form}") from None
    if len(secret) != SECRET_BYTES:
        raise MasterKeyError(f"{which} has {len(secret)} bytes: it must have {SECRET_BYTES}, 44 characters of base64")
    return key_id, secret


def _owner(partition: str) -> bytes:
    return partition.encode("utf-8", "surrogatepass")


class Sealing(NamedTuple):
    """Whose entries are sealed."""

    masters: MasterKeys | None = None
    upstreams: frozenset[str] = frozenset()  # sealed, if there are master keys
    every: bool = False  # all upstreams are

    @classmethod
    def of(cls, encrypt: Encrypt, masters: MasterKeys | None, education: Iterable[str]) -> "Sealing":
        """By the operator's word; `education` names the upstreams whose partitions hold education records."""
        upstreams = frozenset() if encrypt == "off" else frozenset(education)
        return cls(masters, upstreams, every=encrypt == "all")

    def seals(self, entry: Entry) -> bool:
        """Whether this entry may be written only sealed."""
        return self.masters is not None and (self.every or entry.upstream in self.upstreams)
