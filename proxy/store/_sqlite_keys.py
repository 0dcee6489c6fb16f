"""Partition keys in a file of their own, `<database>.keys`: deleting one makes unreadable what backups of entries hold.

A key lies in a slot. A slot is written over where it is, and never moved or resized: SQLite leaves copies of rows that
it moves in places that nobody clears. There is no write-ahead log either; the journal goes when a change is on disk.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

from proxy.store._sqlite_errors import is_broken, store_error
from proxy.store._sqlite_file import make_private, move_aside
from proxy.store._sqlite_schema import WAIT_FOR_OTHERS, transaction
from proxy.store.contract import StoreError
from proxy.store.partition_keys import PartitionKeys
from proxy.store.purges import tag_digest
from proxy.store.sealing import KEY_ID_BYTES, MasterKeys, PartitionKey, new_partition_key

_APPLICATION_ID = 0x4C41524B  # "LARK"
_SETTINGS = (
    f"PRAGMA busy_timeout = {round(WAIT_FOR_OTHERS * 1000)}",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA synchronous = EXTRA",  # a power failure brings no journal back, and no deleted key with it
)
_TABLES = f"""
CREATE TABLE keys (slot INTEGER PRIMARY KEY, partition BLOB NOT NULL, id BLOB NOT NULL, wrapped BLOB NOT NULL);
CREATE INDEX keys_by_partition ON keys (partition);
CREATE INDEX keys_by_id ON keys (id);
PRAGMA application_id = {_APPLICATION_ID}
"""  # a partition is its digest, all zeros in a slot that is free
_FREE, _NO_ID = bytes(16), bytes(KEY_ID_BYTES)
_WRAPPED = "SELECT slot, wrapped FROM keys WHERE typeof(wrapped) = 'blob' AND "
_ERASE = "UPDATE keys SET partition = ?, id = ?, wrapped = zeroblob(length(wrapped)) WHERE "
_AT_ONCE = 500  # partitions in one transaction

Masters = MasterKeys | None


class KeysFile:
    """The partitions' keys, wrapped by the operator's. Everything but making it is for the thread of the store.

    Raises StoreError where the file cannot be used.
    """

    def __init__(self, path: Path, masters: Masters, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch. Without `masters` keys can only be erased."""
        self._path = path
        self._masters = masters
        self._clock = clock
        self._known = PartitionKeys()
        self._connection: sqlite3.Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._version = 0  # changes when another process changes the file

    @property
    def exists(self) -> bool:
        """Whether any key was ever made."""
        return self._path.exists()

    def open(self, *, repairs: bool) -> str | None:
        """Make the file ready, if there is one or has to be; where a broken one went, if this process `repairs`."""
        try:
            if not self._is_needed():
                return None
            with self._reading():
                return None
        except StoreError as error:
            if not repairs or not is_broken(error.__cause__):
                raise
        self.close()
        aside = str(move_aside(self._path, self._clock()))
        with self._reading():
            return aside

    def close(self) -> None:
        """Let go of the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def of(self, partitions: Iterable[str]) -> dict[str, PartitionKey]:
        """The key of each partition, made where there is none."""
        wanted = set(partitions)
        if not wanted:
            return {}
        with self._reading() as connection:
            self._forget_what_others_changed(connection)
            keys = {partition: key for partition in wanted if (key := self._known.of(partition)) is not None}
            missing = wanted - keys.keys()
            if missing:
                with transaction(connection):
                    made = {partition: self._found_or_made(connection, partition) for partition in missing}
                for partition, key in made.items():
                    self._known.remember(partition, key)
                keys |= made
        return keys

    def by_id(self, key_id: bytes, partition: str) -> PartitionKey | None:
        """The key of that id, if it is this partition's and the operator's keys open it."""
        known = self._known.by_id(key_id)
        if known is not None or self._masters is None or not self.exists:
            return known
        with self._reading() as connection:
            rows = connection.execute(_WRAPPED + "id = ? AND partition = ?", (key_id, tag_digest(partition))).fetchall()
        _, _, key = self._opened(rows, partition)
        if key is not None and key.id == key_id:
            self._known.remember(partition, key)
            return key
        return None

    def erase(self, partitions: Iterable[str]) -> None:
        """Delete the keys of these partitions: gone from the file when this returns."""
        names = iter(partitions)
        while some := list(islice(names, _AT_ONCE)):
            self._erase("partition = ?", [(_FREE, _NO_ID, tag_digest(name)) for name in some])
            for name in some:
                self._known.forget(name)

    def erase_all(self) -> None:
        """Delete every key."""
        self._erase("partition != ?", [(_FREE, _NO_ID, _FREE)])
        self._known.forget_all()

    def _erase(self, which: str, values: list[tuple[bytes, bytes, bytes]]) -> None:
        if not self.exists:
            return
        with self._reading() as connection, transaction(connection):
            connection.executemany(_ERASE + which, values)

    def _found_or_made(self, connection: sqlite3.Connection, partition: str) -> PartitionKey:
        """In a transaction: no other process makes one in between."""
        if self._masters is None:
            raise StoreError("there is no encryption key to wrap a partition's key with")
        name = tag_digest(partition)
        rows = connection.execute(_WRAPPED + "partition = ?", (name,))
        slot, wrapped, key = self._opened(rows.fetchall(), partition)
        if key is not None and self._masters.is_current(wrapped):
            return key
        if key is not None:  # a retired key wrapped it, and the operator wants to drop that one some day
            connection.execute(_ERASE + "slot = ?", (_FREE, _NO_ID, slot))
        key = key or new_partition_key()
        _write(connection, name, key, self._masters.wrap(key, partition))
        return key

    def _opened(self, rows: Iterable[tuple[int, bytes]], partition: str) -> tuple[int, bytes, PartitionKey | None]:
        """The first that the operator's keys open: beside it may lie one wrapped by a key that is missing."""
        for slot, wrapped in rows:
            key = self._masters.unwrap(wrapped, partition) if self._masters is not None else None
            if key is not None:
                return slot, wrapped, key
        return 0, b"", None

    def _forget_what_others_changed(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version != self._version:
            self._version = version
            self._known.forget_all()

    def _is_needed(self) -> bool:
        return self._masters is not None or self.exists

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, to the file that is there now; its errors are told as the keys file's."""
        try:
            yield self._ready_connection()
        except (sqlite3.Error, OSError) as error:
            self.close()
            raise store_error(error, "the file of the partition keys") from error

    def _ready_connection(self) -> sqlite3.Connection:
        if self._connection is None or self._current_inode() != self._inode:
            self.close()
            self._known.forget_all()
            self._connection = _connected(self._path)
            self._inode = self._current_inode()
        return self._connection

    def _current_inode(self) -> tuple[int, int] | None:
        if not self.exists:
            return None
        found = self._path.stat()
        return found.st_dev, found.st_ino


def _connected(path: Path) -> sqlite3.Connection:
    make_private(path)
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for setting in _SETTINGS:
            connection.execute(setting)
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            _create(connection)
        connection.execute("SELECT slot, partition, id, wrapped FROM keys LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    """Unless another process was quicker."""
    with transaction(connection):
        if not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]:
            for statement in _TABLES.split(";"):
                connection.execute(statement)


def _write(connection: sqlite3.Connection, name: bytes, key: PartitionKey, wrapped: bytes) -> None:
    """Into a free slot of the very same size, or into a new one behind the last."""
    free = "SELECT slot FROM keys WHERE partition = ? AND length(wrapped) = ? LIMIT 1"
    slot = connection.execute(free, (_FREE, len(wrapped))).fetchone()
    if slot is None:
        connection.execute("INSERT INTO keys (partition, id, wrapped) VALUES (?, ?, ?)", (name, key.id, wrapped))
    else:
        query = "UPDATE keys SET partition = ?, id = ?, wrapped = ? WHERE slot = ?"
        connection.execute(query, (name, key.id, wrapped, *slot))
