"""No second tier: for deployments that keep nothing on disk. What would be durable lives as long as the process."""

from collections.abc import Callable, Collection, Sequence

from cachetools import LRUCache

from adapters import Link
from proxy.messages import Entry
from proxy.store.contract import Filter, Forgotten, Opened, Summary
from proxy.store.purges import Purge

_MOST_MARKS = 100_000
_MOST_NOTES = 100_000
_MOST_LINKS = 500_000
_MOST_BINDINGS = 100_000


class NoStore:
    """A DurableStore that keeps no entries; marks, notes, links and bindings are kept in memory, bounded."""

    is_durable = False
    lists_keys = True

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self.dropped = self.failures = self.unreadable = self.disk_bytes = 0
        self.last_error: str | None = None
        self._clock = clock
        self._marks: LRUCache[tuple[str, str], float] = LRUCache(_MOST_MARKS)
        self._notes: LRUCache[bytes, tuple[bytes, float]] = LRUCache(_MOST_NOTES)
        self._links: LRUCache[tuple[str, str], Link] = LRUCache(_MOST_LINKS)
        self._bindings: LRUCache[str, str] = LRUCache(_MOST_BINDINGS)

    def __repr__(self) -> str:
        return "<NoStore>"

    async def open(self) -> Opened:
        """Always the first opening: no entry of an earlier process is left that a purge would have to be above."""
        return Opened(opening=1, purges=())

    async def close(self) -> None:
        """Nothing is pending."""

    async def get(self, key: bytes) -> Entry | None:  # noqa: ARG002 (the contract's signature)
        """Always None."""
        return None

    def put(self, entry: Entry, kept: Callable[[], None] | None = None) -> None:  # noqa: ARG002 (the contract's)
        """Keeps nothing."""
        if kept is not None:
            kept()

    def hurry(self) -> None:
        """Nothing is pending."""

    async def flush(self) -> None:
        """Nothing is pending."""

    async def delete(self, tag: str) -> int:  # noqa: ARG002 (the contract's signature)
        """Nothing to remove."""
        return 0

    async def scrub(self) -> None:
        """Nothing was kept."""

    async def purge(self, records: Sequence[Purge]) -> None:
        """Nothing outlives the process, so no purge has to; `is_durable` says so to those who acknowledge."""

    async def count(self, wanted: Filter) -> int:  # noqa: ARG002 (the contract's signature)
        """Always 0."""
        return 0

    async def keys(self) -> list[bytes]:
        """None."""
        return []

    async def summaries(self, wanted: Filter) -> list[Summary]:  # noqa: ARG002 (the contract's signature)
        """Always empty."""
        return []

    async def sweep(self, now: float, forget_purges_before: float) -> None:  # noqa: ARG002 (the contract's signature)
        """Drop expired marks and notes."""
        for key in [key for key, (_, until) in self._notes.items() if until <= now]:
            del self._notes[key]
        for mark in [mark for mark, until in self._marks.items() if until <= now]:
            del self._marks[mark]

    async def mark(self, source: str, token: str, until: float) -> bool:
        """Remember a notification; False if it was remembered already."""
        if await self.marked(source, token):
            return False
        self._marks[source, token] = until
        return True

    async def marked(self, source: str, token: str) -> bool:
        """Whether a notification is remembered."""
        return self._marks.get((source, token), 0.0) > self._clock()

    async def claim(self, key: bytes, note: bytes, until: float) -> bytes | None:
        """Keep a note, unless one is kept that still counts: then that one."""
        held, counts_until = self._notes.get(key, (b"", 0.0))
        if counts_until > self._clock():
            return held
        self._notes[key] = note, until
        return None

    async def note(self, key: bytes, note: bytes, until: float) -> None:
        """Keep a note in place of what is kept."""
        self._notes[key] = note, until

    async def noted(self, key: bytes) -> bytes | None:
        """A note, if one is kept that still counts."""
        held, counts_until = self._notes.get(key, (None, 0.0))
        return held if counts_until > self._clock() else None

    async def exchange(self, key: bytes, held: bytes, note: bytes, until: float) -> bool:
        """Keep a note in place of the one that is `held`, if it is."""
        if await self.noted(key) != held:
            return False
        self._notes[key] = note, until
        return True

    async def unclaim(self, key: bytes) -> None:
        """Forget a note."""
        self._notes.pop(key, None)

    async def learn(self, upstream: str, links: Sequence[Link]) -> None:
        """Remember which user and course an enrollment belongs to."""
        for link in links:
            self._links[upstream, link.enrollment] = link

    async def find_link(self, upstream: str, enrollment: str) -> Link | None:
        """The user and course of an enrollment."""
        return self._links.get((upstream, enrollment))

    async def bind(self, partition: str, user: str) -> None:
        """Remember which upstream user a principal is."""
        self._bindings[partition] = user

    async def bindings(self) -> dict[str, str]:
        """All remembered principals and their users."""
        return dict(self._bindings)

    async def forget_person(self, upstream: str, users: Collection[str]) -> Forgotten:
        """Forget which enrollments and principals are these users'."""
        links = [at for at, link in self._links.items() if at[0] == upstream and link.user in users]
        bindings = [partition for partition, user in self._bindings.items() if user in users]
        for at in links:
            del self._links[at]
        for partition in bindings:
            del self._bindings[partition]
        return Forgotten(len(links), len(bindings))
