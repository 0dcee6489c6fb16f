"""What operators do to a durable store, whichever it is: open it by its URL, look at it, carry it over to another."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from time import time
from typing import NamedTuple, Protocol, runtime_checkable
from uuid import uuid4

from adapters import Link
from policies import DAY, GIB
from proxy.messages import Entry
from proxy.sharing.page import Page
from proxy.store._redis_client import connect
from proxy.store._sqlite_check import Checked
from proxy.store.codec import Codec
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences
from proxy.store.files import sqlite_file
from proxy.store.purges import Heard, TagDigest, heard_of, is_veiled, known_by, tag_digest
from proxy.store.redis import RedisStore
from proxy.store.redis_ledger import FenceTerms, RedisLedger
from proxy.store.sealing import Sealing
from proxy.store.sqlite import SQLiteStore


@dataclass(frozen=True)
class StoreOptions:
    """What a config says of its store, beside where it is."""

    codec: Codec = field(default_factory=Codec)
    sealing: Sealing = field(default_factory=Sealing)
    max_bytes: int = 2 * GIB
    prefix: str = "larder"
    keep_records_for: float = 91 * DAY  # seconds
    clock: Callable[[], float] = time  # seconds since the epoch
    tag_digest: TagDigest = tag_digest  # what purged tags are known by in it

    @property
    def has_secret(self) -> bool:
        """Whether records of purges can be told by digests: without a secret anybody could find out whose they are."""
        return self.tag_digest is not tag_digest


class OpenStore(NamedTuple):
    """A store, and what was purged in it."""

    store: DurableStore
    fences: Fences
    purged_at: dict[bytes, float]  # by the digest of a tag, the latest instant


@runtime_checkable
class Listing(Protocol):
    """A store that lists what it holds."""

    def entries(self) -> AsyncIterator[Entry]:
        """Every entry that can be read."""


@runtime_checkable
class ListingRecords(Protocol):
    """A store that lists what it remembers beside entries."""

    def marks(self) -> AsyncIterator[tuple[str, str, float]]:
        """Every notification that is remembered: its source, its token and until when."""

    def notes(self) -> AsyncIterator[tuple[bytes, bytes, float]]:
        """Every note: its key, itself and until when."""

    def links(self) -> AsyncIterator[tuple[str, Link]]:
        """Every enrollment that is known, and of which upstream."""


class Stats(NamedTuple):
    """What is in a store; `places` has the entries and bytes of each upstream and endpoint."""

    entries: int
    bytes: int
    unreadable: int
    oldest: float | None  # seconds since the epoch
    newest: float | None
    places: dict[tuple[str, str], tuple[int, int]]
    facts: dict[str, int]  # what else this kind of store knows


@asynccontextmanager
async def opened_store(url: str, options: StoreOptions, *, only_looks: bool = False) -> AsyncIterator[OpenStore]:
    """The store at `url`; a file has to be there, unless it is to be made. Raises StoreError.

    With `only_looks` a file may be in use by a Larder, and is neither counted as opened, migrated nor moved aside; of a
    Redis the purges are not read.
    """
    path = sqlite_file(url)
    if path is None:
        opened = _opened_redis(url, options, only_looks=only_looks)
    else:
        opened = _opened_sqlite(path, options, only_looks=only_looks)
    async with opened as store:
        yield store


@asynccontextmanager
async def _opened_sqlite(path: Path, options: StoreOptions, *, only_looks: bool) -> AsyncIterator[OpenStore]:
    store = SQLiteStore(
        path,
        codec=options.codec,
        sealing=options.sealing,
        role="attached" if only_looks else "sole",
        max_bytes=options.max_bytes,
        clock=options.clock,
        tag_digest=options.tag_digest if options.has_secret else None,
    )
    opened = await store.open()
    try:
        if opened.moved_aside is not None:
            raise StoreError(f"the database file was damaged, and was moved aside to {opened.moved_aside}")
        if not (only_looks or options.has_secret) and any(is_veiled(purge.tag) for purge in opened.purges):
            raise StoreError(
                f"{path}: its records of purges are under a secret that is not here: set store.secret, or put"
                f" {path.name}.secret beside it"
            )
        digest = options.tag_digest
        fences = Fences(options.clock, opening=opened.opening, records=opened.purges, digest=digest)
        purged_at = _latest((heard_of(purge, digest).tag, purge.at) for purge in opened.purges)
        yield OpenStore(store, fences, purged_at)
    finally:
        await store.close()


@asynccontextmanager
async def _opened_redis(url: str, options: StoreOptions, *, only_looks: bool) -> AsyncIterator[OpenStore]:
    store = RedisStore(
        url,
        prefix=options.prefix,
        clock=options.clock,
        codec=options.codec,
        sealing=options.sealing,
        keep_records_for=options.keep_records_for,
        tag_digest=options.tag_digest,
        timeout=5.0,
        write_timeout=10.0,
    )
    client = connect(url, timeout=2.0)
    page = Page.anonymous()
    try:
        await store.open()
        fences, heard = Fences(options.clock, digest=options.tag_digest), list[Heard]()
        terms = FenceTerms(
            prefix=options.prefix,
            instance=uuid4().hex,
            keep=options.keep_records_for,
            patience=5.0,
            secret=known_by(options.tag_digest),
            takes_over=False,
        )
        if not only_looks:  # it makes the counter where there is none
            await RedisLedger(client, terms, fences, page, _not_said).open(heard.extend)
        fences.hear(heard)
        yield OpenStore(store, fences, _latest((purge.tag, purge.at) for purge in heard))
    finally:
        await store.close()
        await client.aclose()
        page.close()


def _not_said(operation: str, error: StoreError) -> None:
    """A ledger that only joins has nothing to say that it does not raise."""


def _latest(purges: Iterable[tuple[bytes, float]]) -> dict[bytes, float]:
    latest: dict[bytes, float] = {}
    for tag, at in purges:
        latest[tag] = max(at, latest.get(tag, -inf))
    return latest


async def check(store: DurableStore) -> Checked:
    """Whether what `store` holds can be trusted: reads all of it, changes nothing. Raises StoreError."""
    if isinstance(store, SQLiteStore):
        return await store.check()
    seen = await stats(store)
    found = [f"{seen.unreadable} of the entries cannot be read: damaged, foreign, or sealed with a key that is gone"]
    return Checked(seen.entries + seen.unreadable, found if seen.unreadable else [])


async def all_entries(store: DurableStore) -> AsyncIterator[Entry]:
    """Every entry that can be read; others are counted by the store. Raises StoreError."""
    if isinstance(store, Listing):
        async with aclosing(store.entries()) as entries:  # type: ignore[type-var]
            async for entry in entries:
                yield entry
        return
    for key in await store.keys():
        found = await store.get(key)
        if found is not None:
            yield found


async def stats(store: DurableStore) -> Stats:
    """What is in `store`: reads all of it. Raises StoreError."""
    count, size, unreadable = Counter[tuple[str, str]](), Counter[tuple[str, str]](), store.unreadable
    oldest, newest = inf, -inf
    async for entry in all_entries(store):
        place = (entry.upstream, entry.endpoint)
        count[place] += 1
        size[place] += entry.size
        oldest, newest = min(oldest, entry.stored_at), max(newest, entry.stored_at)
    return Stats(
        entries=count.total(),
        bytes=size.total(),
        unreadable=store.unreadable - unreadable,
        oldest=oldest if count else None,
        newest=newest if count else None,
        places={place: (count[place], size[place]) for place in sorted(count)},
        facts=await store.facts() if isinstance(store, SQLiteStore) else {"bytes in use": store.disk_bytes},
    )
