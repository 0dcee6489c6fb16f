"""Digests: what names of upstreams, credentials and keys are in memory that processes share, and on the wire."""

from hashlib import blake2b

import msgspec

DIGEST_BYTES = 16


def digest_of(*parts: object) -> bytes:
    """The same in every process. Of text, bytes, numbers, None and tuples of them; raises TypeError on all else."""
    return blake2b(msgspec.msgpack.encode(parts), digest_size=DIGEST_BYTES).digest()
