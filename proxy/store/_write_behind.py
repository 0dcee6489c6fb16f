"""Write-behind: entries that wait for their disk, so that no caller does. Bounded; the latest answer per key waits.

put ──▶ waits ──▶ take ──▶ written ──▶ finished: whoever wanted to know is called
          ▲                   │
          └──── give_back ◀───┘ the disk was somebody else's just then
"""

from collections.abc import Callable, Iterable
from threading import Lock

from proxy.messages import Entry

Kept = Callable[[], None]


class WriteBehind:
    """Entries put on the event loop and taken, some at a time, by whoever writes them."""

    def __init__(self, *, max_entries: int, max_bytes: int) -> None:
        """`max_bytes` bounds the sum of Entry.size."""
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._entries: dict[bytes, Entry] = {}
        self._kept: dict[bytes, list[Kept]] = {}  # to be called for the entry that waits under a key
        self._taken: dict[bytes, list[Kept]] = {}  # for the one that is being written
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<WriteBehind {len(self._entries)} entries, {self._bytes} bytes>"

    def get(self, key: bytes) -> Entry | None:
        """The entry that waits under `key`."""
        return self._entries.get(key)

    def put(self, entry: Entry, kept: Kept | None = None) -> bool:
        """Let `entry` wait, unless one of a higher order does; False when there is no room for it.

        `kept` is given back by `finished`, with what takes the entry's place if something does; after False it is not.
        """
        with self._lock:
            waiting = self._entries.get(entry.key)
            if waiting is None or waiting.order <= entry.order:
                if not self._has_room(entry, waiting):
                    return False
                self._add(entry)
            if kept is not None:
                self._kept.setdefault(entry.key, []).append(kept)
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
                self._hand_over(entry.key, self._kept, self._taken)
        return taken

    def give_back(self, taken: Iterable[Entry]) -> None:
        """What was taken could not be written just now: it waits again, unless something newer does by now."""
        with self._lock:
            for entry in taken:
                waiting = self._entries.get(entry.key)
                if waiting is None or waiting.order <= entry.order:
                    self._add(entry)
                self._hand_over(entry.key, self._taken, self._kept)

    def finished(self, keys: Iterable[bytes]) -> list[Kept]:
        """Whom to tell that what was taken or discarded under these keys is written, or given up."""
        with self._lock:
            return [kept for key in keys for kept in self._taken.pop(key, ())]

    def discard(self, doomed: Callable[[Entry], bool]) -> set[bytes]:
        """Let what is `doomed` wait no longer; the keys of what it was, which are `finished` with that."""
        with self._lock:
            gone = [entry for entry in self._entries.values() if doomed(entry)]
            for entry in gone:
                self._forget(entry)
                self._hand_over(entry.key, self._kept, self._taken)
        return {entry.key for entry in gone}

    def _has_room(self, entry: Entry, waiting: Entry | None) -> bool:
        if waiting is None:
            return len(self._entries) < self._max_entries and self._bytes + entry.size <= self._max_bytes
        return self._bytes + entry.size - waiting.size <= self._max_bytes

    def _add(self, entry: Entry) -> None:
        waiting = self._entries.get(entry.key)
        self._entries[entry.key] = entry
        self._bytes += entry.size - (waiting.size if waiting is not None else 0)

    def _forget(self, entry: Entry) -> None:
        del self._entries[entry.key]
        self._bytes -= entry.size

    @staticmethod
    def _hand_over(key: bytes, giver: dict[bytes, list[Kept]], taker: dict[bytes, list[Kept]]) -> None:
        waiting = giver.pop(key, None)
        if waiting:
            taker.setdefault(key, []).extend(waiting)
