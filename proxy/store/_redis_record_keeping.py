"""What a RedisStore keeps beside entries: notifications, notes, links and bindings; see _redis_records.py for how."""

from collections.abc import Collection, Sequence

from adapters import Link
from proxy.store._redis_records import RedisRecords
from proxy.store.contract import Forgotten, StoreError


class RecordKeeping:
    """That part of a DurableStore. Nothing of it is to be had while the store is not open."""

    _records: RedisRecords
    _is_open = False

    async def mark(self, source: str, token: str, until: float) -> bool:
        """Remember a notification; False if it was remembered already."""
        self._check_open()
        return await self._records.mark(source, token, until)

    async def marked(self, source: str, token: str) -> bool:
        """Whether a notification is remembered."""
        self._check_open()
        return await self._records.marked(source, token)

    async def claim(self, key: bytes, note: bytes, until: float) -> bytes | None:
        """Keep a note, as durably as Redis keeps things, unless one is kept: then that one."""
        self._check_open()
        return await self._records.claim(key, note, until)

    async def note(self, key: bytes, note: bytes, until: float) -> None:
        """Keep a note in place of what is kept."""
        self._check_open()
        await self._records.note(key, note, until)

    async def noted(self, key: bytes) -> bytes | None:
        """A note, if one is kept that still counts."""
        self._check_open()
        return await self._records.noted(key)

    async def exchange(self, key: bytes, held: bytes, note: bytes, until: float) -> bool:
        """Keep a note in place of the one that is `held`, if it is, as durably as Redis keeps things."""
        self._check_open()
        return await self._records.exchange(key, held, note, until)

    async def unclaim(self, key: bytes) -> None:
        """Forget a note."""
        self._check_open()
        await self._records.unclaim(key)

    async def learn(self, upstream: str, links: Sequence[Link]) -> None:
        """Remember which user and course an enrollment belongs to."""
        self._check_open()
        await self._records.learn(upstream, links)

    async def find_link(self, upstream: str, enrollment: str) -> Link | None:
        """The user and course of an enrollment."""
        self._check_open()
        return await self._records.find_link(upstream, enrollment)

    async def bind(self, partition: str, user: str) -> None:
        """Remember which upstream user a principal is."""
        self._check_open()
        await self._records.bind(partition, user)

    async def bindings(self) -> dict[str, str]:
        """All remembered principals and their users."""
        self._check_open()
        return await self._records.bindings()

    async def forget_person(self, upstream: str, users: Collection[str]) -> Forgotten:  # noqa: ARG002 (the contract's)
        """Forget which enrollments and principals are these users'."""
        self._check_open()
        return await self._records.forget_person(users)

    def _check_open(self) -> None:
        if not self._is_open:
            raise StoreError("the store is not open")
