"""Purges: what is recorded of one, told of one to others, and what it leaves of an entry."""

from enum import Enum, StrEnum
from hashlib import blake2b
from typing import NamedTuple


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

    tag: str
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
