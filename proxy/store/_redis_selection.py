"""Finding entries in Redis by what they are under: to count them, to show some, to delete them.

By the list of a tag where there is one; else by looking at every entry's name, some at a time (SCAN), which is for what
runs behind: flushes of an upstream or an endpoint, and operators' looks.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Container, Sequence
from contextlib import aclosing

from proxy.messages import Entry
from proxy.store import _redis_scripts as scripts
from proxy.store._redis_client import LOOK, RedisServers
from proxy.store._redis_entries import SHAPE, Wanted, wanted_by
from proxy.store._redis_keys import Keys
from proxy.store._redis_scripts import Script
from proxy.store.contract import Filter, StoreError, Summary
from proxy.store.selection import summary

MOST_COUNTED = 100_000  # entries looked at to be counted, or to be shown
_MOST_SHOWN = 1_000  # entries read to be shown
_READ_AT_ONCE = 50

Read = Callable[[bytes, object], Awaitable[Entry | None]]
"""The entry of a key in what Redis holds for it."""


class Selection:
    """What a filter means, of what Redis holds."""

    def __init__(self, servers: RedisServers, keys: Keys, read: Read) -> None:
        self._servers, self._keys, self._read = servers, keys, read

    async def count(self, filter_: Filter) -> int:
        """How many entries are wanted. Exact while no more than `MOST_COUNTED` have to be looked at. Beyond: how many a
        list names, or how many were wanted of those looked at.
        """
        wanted, total, looked_at = wanted_by(filter_), 0, 0
        if wanted.listed is not None:
            named = int(await self._servers.call("ZCARD", self._keys.tag(wanted.listed)))
            if named > MOST_COUNTED:
                return named
        async with aclosing(self._steps(wanted)) as steps:
            async for names in steps:
                total += len(await self._matching(names, wanted))
                looked_at += 0 if wanted.is_all else len(names)
                if looked_at >= MOST_COUNTED:
                    break
        return total

    async def summaries(self, filter_: Filter) -> list[Summary]:
        """What an operator may see of entries, newest first. Of more than a thousand that are wanted, those that are
        found first: in a list, those that live longest.
        """
        found: list[Summary] = []
        names = await self._some(wanted_by(filter_))
        for first in range(0, len(names), _READ_AT_ONCE):
            some = names[first : first + _READ_AT_ONCE]
            for name, value in zip(some, await self._servers.all([("GET", name) for name in some]), strict=True):
                key = self._keys.entry_key(name)
                entry = await self._read(key, value) if key is not None else None
                if entry is not None:
                    found.append(summary(entry))
        found.sort(key=lambda one: -one.stored_at)
        return found[: filter_.limit]

    async def delete(self, tag: str, beside: Container[bytes] = ()) -> int:
        """Delete every entry under a tag; how many went whose keys are not in `beside`."""
        wanted, gone = wanted_by(Filter(tag=tag)), 0
        async with aclosing(self._steps(wanted)) as steps:
            async for names in steps:
                deleted = await self._matching(names, wanted, scripts.DELETE_UNDER)
                gone += sum(self._keys.entry_key(name) not in beside for name in deleted)
        return gone

    async def keys(self) -> list[bytes]:
        """The keys of all entries."""
        found = set[bytes]()
        async for names in self._servers.scan(self._keys.all_entries):
            found.update(key for name in names if (key := self._keys.entry_key(name)) is not None)
        return list(found)

    async def _some(self, wanted: Wanted) -> list[bytes]:
        """Names of entries that are wanted, a thousand at most."""
        some: dict[bytes, None] = {}
        looked_at = 0
        async with aclosing(self._steps(wanted, newest_first=True)) as steps:
            async for names in steps:
                some.update(dict.fromkeys(await self._matching(names, wanted)))
                looked_at += len(names)
                if len(some) >= _MOST_SHOWN or looked_at >= MOST_COUNTED:
                    break
        return list(some)[:_MOST_SHOWN]

    async def _steps(self, wanted: Wanted, *, newest_first: bool = False) -> AsyncGenerator[list[bytes], None]:
        """Names of entries among which all that are wanted are; each name once."""
        if wanted.key is not None:
            yield [self._keys.entry(wanted.key)]
        elif wanted.listed is None:
            async with aclosing(self._servers.scan(self._keys.all_entries)) as steps:
                async for names in steps:
                    yield list(dict.fromkeys(names))
        elif newest_first:
            listed = await self._servers.call("ZREVRANGE", self._keys.tag(wanted.listed), 0, MOST_COUNTED)
            for first in range(0, len(listed), LOOK):
                yield [self._keys.entry(key) for key in listed[first : first + LOOK]]
        else:
            async for names in self._listed(wanted.listed):
                yield names

    async def _listed(self, tag: str) -> AsyncGenerator[list[bytes], None]:
        cursor = 0
        while True:
            cursor, members = await self._servers.call("ZSCAN", self._keys.tag(tag), cursor, "COUNT", LOOK)
            yield list(dict.fromkeys(self._keys.entry(key) for key, _ in members))
            if not cursor:
                return

    async def _matching(self, names: Sequence[bytes], wanted: Wanted, script: Script = scripts.IS_UNDER) -> list[bytes]:
        """Those that are wanted, or were and are deleted."""
        width = 1 if self._servers.is_cluster else len(names)
        groups = [names[first : first + width] for first in range(0, len(names), width or 1)]
        answers = await self._servers.all([script.on_all(group, *SHAPE, *wanted.digests) for group in groups])
        found: list[bytes] = []
        for group, answer in zip(groups, answers, strict=True):
            if isinstance(answer, StoreError):
                raise answer
            found += [name for name, is_under in zip(group, answer, strict=True) if is_under]
        return found
