"""Entries as bytes in rows, and back; sealed with their partition's key where they have to be. For the thread."""

from collections.abc import Iterable

from proxy.messages import Entry
from proxy.store._sqlite_keys import KeysFile
from proxy.store._sqlite_rows import Row, row_of, text_of
from proxy.store.codec import Codec
from proxy.store.contract import StoreError
from proxy.store.sealing import Sealing


class Blobs:
    """Counts what cannot be read, and says what is wrong with the keys."""

    def __init__(self, codec: Codec, sealing: Sealing, keys: KeysFile) -> None:
        self.unreadable = 0  # entries whose bytes could not be trusted
        self.last_error: str | None = None  # of the keys; None when they could be read again
        self._codec = codec
        self._sealing = sealing
        self._keys = keys

    def rows(self, entries: Iterable[Entry]) -> tuple[list[Row], int]:
        """The rows of entries, and how many can be none: they hold what no codec can write.

        Raises StoreError when there is no key for what has to be sealed: it is not written otherwise.
        """
        rows, unwritable = [], 0
        entries = list(entries)
        keys = self._keys.of(entry.partition for entry in entries if self._sealing.seals(entry))
        for entry in entries:
            key = keys[entry.partition] if self._sealing.seals(entry) else None
            try:
                rows.append(row_of(entry, self._codec.encode(entry, key), None if key is None else key.id))
            except (ValueError, OverflowError):
                unwritable += 1
        return rows, unwritable

    def entry(self, blob: object, key: bytes, partition: object) -> Entry | None:
        """The entry of `key`; None, and counted, when it is damaged or foreign, when its partition's key is gone, and
        when it is not sealed but has to be: then somebody else wrote it.
        """
        try:
            entry = self._opened(blob, key, partition)
        except StoreError as error:
            self.last_error = str(error)
            entry = None
        except (TypeError, ValueError):  # the partition is nothing that was ever written
            entry = None
        if entry is None:
            self.unreadable += 1
        return entry

    def _opened(self, blob: object, key: bytes, partition: object) -> Entry | None:
        key_id = self._codec.key_id(blob)
        if key_id is None:
            entry = self._codec.decode(blob, key)
            return None if entry is None or self._sealing.seals(entry) else entry
        seal = self._keys.by_id(key_id, text_of(partition))
        self.last_error = None
        return None if seal is None else self._codec.decode(blob, key, seal)
