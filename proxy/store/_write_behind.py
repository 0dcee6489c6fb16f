"""Write-behind: entries that wait for their disk, so that no caller does. Bounded; the latest answer per key waits."""

from collections.abc import Callable
from threading import Lock

from proxy.messages import Entry


class WriteBehind:
    """Entries put on the event loop and taken, some at a time, by the thread that writes them."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        """`max_bytes` bounds the sum of Entry.size."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: dict[bytes, Entry] = {}
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<WriteBehind {len(self._entries)} entries, {self._bytes} bytes>"

    def get(self, key: bytes) -> Entry | None:
        """The entry that waits under `key`."""
        return self._entries.get(key)

    def put(self, entry: Entry) -> bool:
        """Let `entry` wait, unless one of a higher order does; False when there is no room for it."""
        with self._lock:
            waiting = self._entries.get(entry.key)
            if waiting is not None and waiting.order > entry.order:
                return True
            growth = entry.size - (waiting.size if waiting is not None else 0)
            if self._bytes + growth > self._max_bytes:
                return False
            if waiting is None and len(self._entries) >= self._max_entries:
                return False
            self._entries[entry.key] = entry
            self._bytes += growth
            return True

    def take(self, most: int, most_bytes: int) -> list[Entry]:
        """The first to have come, out of the queue: at least one if any waits, then up to both bounds."""
        taken: list[Entry] = []
        room = most_bytes
        with self._lock:
            for entry in self._entries.values():
                room -= entry.size
                if taken and (len(taken) >= most or room < 0):
                    break
                taken.append(entry)
            for entry in taken:
                self._forget(entry)
        return taken

    def discard(self, doomed: Callable[[Entry], bool]) -> set[bytes]:
        """Let what is `doomed` wait no longer; the keys of what it was."""
        with self._lock:
            gone = [entry for entry in self._entries.values() if doomed(entry)]
            for entry in gone:
                self._forget(entry)
        return {entry.key for entry in gone}

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry.key]
        self._bytes -= entry.size
