"""Purges: what is recorded of one, told of one to others, and what it leaves of an entry."""

from collections.abc import Callable
from enum import Enum, StrEnum
from hashlib import blake2b
from typing import NamedTuple

TagDigest = Callable[[str], bytes]

VEIL = "@tag:"  # how the name of a tag begins of which a record keeps the digest alone


class Mode(StrEnum):
    """How much of an entry a purge leaves."""

    SOFT = "soft"  # a fallback at best, while the upstream fails
    HARD = "hard"  # nothing: never served, no validators, its bytes go


class Validity(Enum):
    """What the purges since an entry's fetch leave of it."""

    CURRENT = 0
    SOFT = 1
    HARD = 2
    UNSURE = 3  # nobody told for too long which purges there are: a fallback at best, until somebody does


class Purge(NamedTuple):
    """One tag purged: recorded in memory at once, and durably before it is acknowledged."""

    tag: str  # its full name, or the veiled one
    mode: Mode
    number: int
    at: float  # seconds since the epoch
    settle_until: float  # until then, fills of the tag are short-lived, since replicas lag


class Heard(NamedTuple):
    """A purge that another process or machine carried out, or that is told to one. It names no tag in the clear."""

    number: int
    mode: Mode
    tag: bytes  # its digest
    at: float
    settle_until: float


def tag_digest(tag: str) -> bytes:
    """What a tag is known by where purges are shared: 16 bytes, whatever its length."""
    return blake2b(tag.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def keyed_tag_digest(secret: bytes) -> TagDigest:
    """The same under the store's secret: whoever finds such a digest, in a record of a purge or on its way to other
    machines, cannot find out whose tag it is by trying all ids there may be.
    """
    keyed = blake2b(digest_size=16, key=blake2b(secret, digest_size=32, person=b"larder tags").digest())

    def digest(tag: str) -> bytes:
        one = keyed.copy()
        one.update(tag.encode("utf-8", "surrogatepass"))
        return one.digest()

    return digest


def known_by(digest: TagDigest) -> str:
    """What the secret is known by that tags are digested under: it is the same where, and only where, they are."""
    return digest("@secret").hex()


def veiled(tag: str, digest: TagDigest) -> str:
    """The name that a record has for a tag which it is not to tell."""
    return f"{VEIL}{digest(tag).hex()}"


def is_veiled(tag: str) -> bool:
    """Whether a name is such a one. Raises ValueError for one that only looks like it."""
    if not tag.startswith(VEIL):
        return False
    if len(bytes.fromhex(tag.removeprefix(VEIL))) != 16:
        raise ValueError("a veiled tag is 16 bytes")
    return True


def heard_of(purge: Purge, digest: TagDigest) -> Heard:
    """A recorded purge, as it is told: its tag by its digest."""
    known = bytes.fromhex(purge.tag.removeprefix(VEIL)) if is_veiled(purge.tag) else digest(purge.tag)
    return Heard(purge.number, purge.mode, known, purge.at, purge.settle_until)
