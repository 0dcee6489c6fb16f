"""Locking: what of jobs is written down, readable only with the operator's keys (AES-256-GCM, as entries are sealed).

length of the wrapped key (2 bytes) · a key of its own, wrapped by the operator's · sealed
"""

from proxy.store.sealing import MasterKeys, new_partition_key, seal, unseal

_LENGTH = 2  # bytes


class Lock:
    """Seals under a key that is made for each thing, and lies wrapped beside it."""

    def __init__(self, masters: MasterKeys) -> None:
        self._masters = masters

    def sealed(self, plain: bytes, owner: str) -> bytes:
        """What may lie on a disk, for this owner only."""
        key = new_partition_key()
        wrapped = self._masters.wrap(key, owner)
        return len(wrapped).to_bytes(_LENGTH) + wrapped + seal(key.secret, b"", plain, owner.encode())

    def opened(self, blob: bytes, owner: str) -> bytes | None:
        """What was sealed; None where it is damaged, another owner's, or of keys that are not here."""
        end = _LENGTH + int.from_bytes(blob[:_LENGTH])
        key = self._masters.unwrap(blob[_LENGTH:end], owner)
        return None if key is None else unseal(key.secret, blob[end:], 0, owner.encode())
