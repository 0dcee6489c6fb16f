"""Larder keys: how one is made, and the hash that stands in the config instead of it."""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple

PREFIX = "larder_"  # lets scanners for leaked secrets find it; safe in a URL, so that it fits the /@KEY prefix
GOOGLE_PREFIX = "AIza"  # googlemaps refuses any other (UPSTREAMS.md §10)
GOOGLE_LENGTH = 39
HASH_PREFIX = "sha256:"

_KEY_BYTES = 32
_GOOGLE_BYTES = 27  # 36 characters, of which 35 are kept: 210 bits


class NewKey(NamedTuple):
    """A key just made: the key goes to the caller and is kept nowhere, its hash goes into the config."""

    key: str
    hash: str


def make_key(*, google: bool, random: Callable[[int], bytes]) -> NewKey:
    """A new key from `random` (n → n bytes nobody can guess); with `google`, one that its SDKs take for Google's."""
    if google:
        key = GOOGLE_PREFIX + _url_safe(random(_GOOGLE_BYTES))
        key = key[:GOOGLE_LENGTH]
    else:
        key = PREFIX + _url_safe(random(_KEY_BYTES))
    return NewKey(key, hash_key(key))


def hash_key(key: str) -> str:
    """The hash of a key as the config carries it. Plain SHA-256 is enough: a key is random, not a password."""
    return HASH_PREFIX + digest_key(key).hex()


def digest_key(key: str) -> bytes:
    """The SHA-256 digest of a key, whatever characters it was presented with."""
    return sha256(key.encode("utf-8", "surrogatepass")).digest()


def _url_safe(octets: bytes) -> str:
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
