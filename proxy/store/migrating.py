"""Carrying a store over into another: what is still valid of it, under the other's numbers.

Numbers of purges mean nothing in another store. So what a purge of the old one covers stays behind, and what goes is as
if it had been fetched under the new one's latest number, unless the new one has purged it since it was made. Nothing
there is replaced by anything older: carrying over twice changes nothing.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import msgspec

from proxy.messages import Entry
from proxy.store.contract import StoreError
from proxy.store.fences import Validity
from proxy.store.operations import ListingRecords, OpenStore, all_entries

_AT_ONCE = 200  # entries put before they are waited for


@dataclass
class Migrated:
    """What went, and what stayed behind and why."""

    entries: int = 0
    purged: int = 0  # in the old store, or since they were made in the new one
    gone: int = 0  # no right is left of them
    newer: int = 0  # the new store has one as young
    unreadable: int = 0
    notifications: int = 0
    links: int = 0
    bindings: int = 0
    lists_records: bool = True  # False: the old store does not list notifications and links, so none went


async def migrate(old: OpenStore, new: OpenStore, now: float) -> Migrated:
    """Carry over what is valid at `now` (seconds since the epoch). Raises StoreError; then do it again."""
    migrated = Migrated()
    unreadable = old.store.unreadable
    async for entry in _worth_it(old, new, now, migrated):
        new.store.put(msgspec.structs.replace(entry, fence=new.fences.number, sequence=0))
        migrated.entries += 1
        if migrated.entries % _AT_ONCE == 0:
            await new.store.flush()
    await new.store.flush()
    migrated.unreadable = old.store.unreadable - unreadable
    if new.store.dropped:
        raise StoreError(f"{new.store.dropped} entries could not be written: {new.store.last_error}")
    await _records(old, new, now, migrated)
    return migrated


async def _worth_it(old: OpenStore, new: OpenStore, now: float, migrated: Migrated) -> AsyncIterator[Entry]:
    async for entry in all_entries(old.store):
        if entry.life.gone_at <= now:
            migrated.gone += 1
        elif old.fences.validity(entry.tags, entry.fence) is not Validity.CURRENT or _is_purged(new, entry):
            migrated.purged += 1
        elif await _has_as_young(new, entry):
            migrated.newer += 1
        else:
            yield entry


def _is_purged(new: OpenStore, entry: Entry) -> bool:
    digest = new.fences.digest
    return any(new.purged_at.get(digest(tag), entry.stored_at - 1) >= entry.stored_at for tag in entry.tags)


async def _has_as_young(new: OpenStore, entry: Entry) -> bool:
    there = await new.store.get(entry.key)
    return there is not None and there.stored_at >= entry.stored_at


async def _records(old: OpenStore, new: OpenStore, now: float, migrated: Migrated) -> None:
    known = await new.store.bindings()
    for partition, user in (await old.store.bindings()).items():
        if partition not in known:
            await new.store.bind(partition, user)
            migrated.bindings += 1
    if not isinstance(old.store, ListingRecords):
        migrated.lists_records = False
        return
    async for source, token, until in old.store.marks():
        if until > now:
            migrated.notifications += await new.store.mark(source, token, until)
    async for key, note, until in old.store.notes():
        if until > now:
            await new.store.claim(key, note, until)
    async for upstream, link in old.store.links():
        if await new.store.find_link(upstream, link.enrollment) is None:
            await new.store.learn(upstream, [link])
            migrated.links += 1
