"""What a SQLiteStore keeps beside entries: notifications, notes, links and bindings; see _sqlite_records.py for how."""

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from functools import partial

from adapters import Link
from proxy.store import _sqlite_records as record_rows
from proxy.store._sqlite_thread import SQLiteThread
from proxy.store.contract import Forgotten


class RecordKeeping:
    """That part of a DurableStore."""

    _thread: SQLiteThread
    _clock: Callable[[], float]

    async def mark(self, source: str, token: str, until: float) -> bool:
        """Remember a notification, durably; False if it was remembered already."""
        return await self._thread.write(
            partial(record_rows.mark, source=source, token=token, now=self._clock(), until=until)
        )

    async def marked(self, source: str, token: str) -> bool:
        """Whether a notification is remembered."""
        return await self._thread.read(partial(record_rows.marked, source=source, token=token, now=self._clock()))

    async def marks(self) -> AsyncIterator[tuple[str, str, float]]:
        """Every notification that is remembered: its source, its token and until when."""
        after = ("", "")
        while found := await self._thread.read(partial(record_rows.marks_from, after=after)):
            for source, token, until in found:
                after = (source, token)
                yield source, token, until

    async def claim(self, key: bytes, note: bytes, until: float) -> bytes | None:
        """Keep a note, on disk when this returns, unless one is kept that still counts: then that one."""
        return await self._thread.write(partial(record_rows.claim, key=key, note=note, now=self._clock(), until=until))

    async def note(self, key: bytes, note: bytes, until: float) -> None:
        """Keep a note in place of what is kept: on disk when this returns."""
        await self._thread.write(partial(record_rows.write_note, key=key, note=note, until=until))

    async def noted(self, key: bytes) -> bytes | None:
        """A note, if one is kept that still counts."""
        return await self._thread.read(partial(record_rows.noted, key=key, now=self._clock()))

    async def exchange(self, key: bytes, held: bytes, note: bytes, until: float) -> bool:
        """Keep a note in place of the one that is `held`, if it is: on disk when this returns."""
        now = self._clock()
        return await self._thread.write(
            partial(record_rows.exchange, key=key, held=held, note=note, now=now, until=until)
        )

    async def unclaim(self, key: bytes) -> None:
        """Forget a note."""
        await self._thread.write(partial(record_rows.unclaim, key=key))

    async def notes(self) -> AsyncIterator[tuple[bytes, bytes, float]]:
        """Every note that is kept: its key, itself and until when."""
        after = b""
        while found := await self._thread.read(partial(record_rows.notes_from, after=after)):
            for key, note, until in found:
                after = key
                yield key, note, until

    async def learn(self, upstream: str, links: Sequence[Link]) -> None:
        """Remember which user and course an enrollment belongs to."""
        if links:
            await self._thread.write(partial(record_rows.learn, upstream=upstream, links=links, now=self._clock()))

    async def find_link(self, upstream: str, enrollment: str) -> Link | None:
        """The user and course of an enrollment."""
        return await self._thread.read(partial(record_rows.find_link, upstream=upstream, enrollment=enrollment))

    async def links(self) -> AsyncIterator[tuple[str, Link]]:
        """Every enrollment that is known, and of which upstream."""
        after = ("", "")
        while found := await self._thread.read(partial(record_rows.links_from, after=after)):
            for upstream, link in found:
                after = (upstream, link.enrollment)
                yield upstream, link

    async def bind(self, partition: str, user: str) -> None:
        """Remember which upstream user a principal is."""
        await self._thread.write(partial(record_rows.bind, partition=partition, user=user, now=self._clock()))

    async def bindings(self) -> dict[str, str]:
        """All remembered principals and their users."""
        return await self._thread.read(record_rows.bindings)

    async def forget_person(self, upstream: str, users: Collection[str]) -> Forgotten:
        """Forget which enrollments and principals are these users'."""
        return await self._thread.write(partial(record_rows.forget_person, upstream=upstream, users=tuple(users)))
