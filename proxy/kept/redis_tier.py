"""The tier of several machines: entries, purges, flights, pacing and, if wanted, guards are shared through one Redis.

One process of a machine follows what the other machines purge: the only one, or the supervisor. The page tells the
workers. While Redis is away each machine goes by its own, and serves nothing from memory as current.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from uuid import uuid4

from proxy.clocks import Clocks
from proxy.kept.tier import TierObserver, sealing_of, tag_digest_of, warn_of_plain_text
from proxy.messages import Entry
from proxy.plan import Plans
from proxy.settings import Store
from proxy.sharing.leases import Leases
from proxy.sharing.page import Page
from proxy.sharing.share import Share
from proxy.sharing.shared_guards import SharedGuards, SharedPacing
from proxy.store._redis_client import Client, RedisServers, connect
from proxy.store.codec import Codec
from proxy.store.coherence import BEGINNING, LOST, Position, boottime
from proxy.store.contract import DurableStore, Opened, StoreError, StoreUnavailable
from proxy.store.fences import Fences, Validity, keep_records_for
from proxy.store.ledger import Ledger
from proxy.store.purges import TagDigest, known_by
from proxy.store.redis import RedisStore
from proxy.store.redis_follower import FenceTerms, FollowerClocks, RedisFollower
from proxy.store.redis_leases import TIMEOUT as LEASE_TIMEOUT
from proxy.store.redis_leases import RedisLeases
from proxy.store.redis_ledger import RedisLedger
from proxy.store.redis_reports import EVERYTHING, PACING, RedisReports
from proxy.store.redis_reports import TIMEOUT as REPORTS_TIMEOUT
from proxy.upstream.guards import Guards

TIMEOUT = 0.5  # seconds for what nobody waits for on the way to a hit
JOIN_AGAIN = 0.5  # seconds
FOLLOWING_TIMEOUT = 2.0  # seconds, beside what a read waits


class RedisTier:
    """A process's part of it."""

    told_parts = frozenset({"store", "coherence"})

    def __init__(self, plans: Plans, clocks: Clocks, share: Share | None, observer: TierObserver) -> None:
        self._clocks = clocks
        self._observer = observer
        self._url, self._options = plans.settings.store.durable, plans.settings.store.redis
        self._follows = share is None or share.process == 0
        self.page: Page = share.page if share is not None else Page.anonymous()
        self._tag_digest = tag_digest_of(plans)
        self._terms = _terms(plans, share, self._tag_digest)
        self._sealing = sealing_of(plans)
        self._store = self._make_store(plans.settings.store)
        self.durable: DurableStore = self._store
        self._clients: list[Client] = []
        self._servers_in_use: list[RedisServers] = []
        self._leases: RedisLeases | None = None
        self.leases: Leases | None = None
        self.has_kept = False
        self._has_joined = False
        self._joining: asyncio.Task[None] | None = None
        self.fences = self._fences()
        self._shared_guards = self._make_guards(share)
        self.guards: Guards = self._shared_guards
        self.follower: RedisFollower | None = None
        self._following: asyncio.Task[None] | None = None
        self._reports: RedisReports | None = None

    async def open(self) -> Opened:
        """Make everything ready. A Redis that is away may come back; raises StoreError for what has to be mended."""
        opened = Opened(opening=0, purges=())
        try:
            opened = await self._store.open()
            self.has_kept = True
            if self._follows:
                warn_of_plain_text(self._sealing, self._observer)
                self._observer.store_found(self._store.found.says, self._store.warnings)
        except StoreUnavailable as error:
            self._observer.store_failed("open", error)
        client = self._client(TIMEOUT)
        if self._follows:
            self.page.coherent_until = LOST
        redis_ledger = RedisLedger(
            client, self._terms, self.fences, self.page, self._observer.store_failed, sleep=self._clocks.sleep
        )
        self.ledger: Ledger = redis_ledger
        self.leases = self._leases = self._make_leases()
        position = await self._joined(redis_ledger)
        if self._follows:
            self._follow(position)
        elif not self._has_joined:
            self._joining = asyncio.create_task(self._join_later(redis_ledger))
        self._shared_guards.start()
        return opened

    @property
    def lock_fd(self) -> int | None:
        """There is no file."""
        return None

    def coherence_part(self) -> str | None:
        """None while this machine hears of all purges of the others."""
        return None if self._is_coherent() else "lost"

    @property
    def skew(self) -> float:
        """Seconds by which this machine's clock is ahead of Redis's; known where it is followed."""
        return 0.0 if self.follower is None else self.follower.skew

    async def close(self) -> None:
        """Write what is pending, and let go. Raises StoreError."""
        await self._shared_guards.stop()
        if self._reports is not None:
            await self._reports.stop()
        if self._joining is not None:
            self._joining.cancel()
            await asyncio.gather(self._joining, return_exceptions=True)
        if self._following is not None and self.follower is not None:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
            await self.follower.close()
        if self._leases is not None:
            await self._leases.close()
        try:
            await self.durable.close()
        finally:
            for one in self._servers_in_use:
                await one.close()
            for client in self._clients:
                await client.aclose()

    def _is_coherent(self) -> bool:
        return (self._follows or self._has_joined) and boottime() < self.page.coherent_until

    def _is_purged(self, entry: Entry) -> bool:
        return self.fences.validity(entry.tags, entry.fence) is Validity.HARD

    def _knows_purges(self) -> bool:
        return self._follows or self._has_joined

    def _make_store(self, settings: Store) -> RedisStore:
        return RedisStore(
            settings.durable,
            prefix=self._options.prefix,
            keep_records_for=self._terms.keep,
            clock=self._clocks.wall,
            codec=Codec(settings.compress_above),
            sealing=self._sealing,
            is_purged=self._is_purged,
            tag_digest=self._tag_digest,
        )

    def _fences(self) -> Fences:
        bypasses = self._options.on_lost_coherence == "bypass"
        return Fences(
            self._clocks.wall,
            ring=self.page.fences,
            is_coherent=self._is_coherent if bypasses else self._knows_purges,
            is_timed=True,
            digest=self._tag_digest,
        )

    def _make_leases(self) -> RedisLeases:
        return RedisLeases(
            self._servers(LEASE_TIMEOUT),
            self._options.prefix,
            self.page,
            sleep=self._clocks.sleep,
            on_error=self._observer.store_failed,
        )

    def _make_guards(self, share: Share | None) -> SharedGuards | SharedPacing:
        """Guards are shared by the processes of a machine, and over machines where that is wanted; pacing always is."""
        if share is None and not self._options.share_guards:
            return SharedPacing(self.page, sleep=self._clocks.sleep)
        processes = share.processes if share is not None else 1
        return SharedGuards(self.page, processes, sleep=self._clocks.sleep)

    async def _joined(self, ledger: RedisLedger) -> Position:
        """Up to where the purges are known that others carried out; without Redis, none of them.

        A worker that is refused waits: its supervisor is refused, too, or is about to take over.
        """
        try:
            position = await ledger.open(self.fences.learn)
        except StoreError as error:
            if self._follows and self.durable.last_error is None:  # entries can be had, but not what was purged of them
                raise
            self._observer.store_failed("join", error)
            return BEGINNING
        self._has_joined = True
        return position

    async def _join_later(self, ledger: RedisLedger) -> None:
        """Learn what is recorded as soon as Redis is there: the page tells a worker only what comes after it began."""
        while not self._has_joined:
            await self._clocks.sleep(JOIN_AGAIN)
            try:
                await ledger.open(self.fences.learn)
            except StoreError as error:
                self._observer.store_failed("join", error)
            else:
                self._has_joined = True

    def _follow(self, position: Position) -> None:
        patience = self._terms.window / 3 + FOLLOWING_TIMEOUT
        client = self._client(2 * patience)
        self.follower = RedisFollower(
            client,
            replace(self._terms, patience=patience),
            self.fences,
            self.page,
            self._observer,
            clocks=FollowerClocks(wall=self._clocks.wall, sleep=self._clocks.sleep, random=self._clocks.random),
        )
        self._following = asyncio.create_task(self.follower.run(position))
        self._reports = RedisReports(
            self._servers(REPORTS_TIMEOUT),
            self._options.prefix,
            self._terms.instance,
            self.page.reports,
            sleep=self._clocks.sleep,
            on_error=self._observer.store_failed,
            kinds=EVERYTHING if self._options.share_guards else PACING,
        )
        self._reports.start()

    def _client(self, timeout: float) -> Client:
        client = connect(self._url, timeout=timeout)
        self._clients.append(client)
        return client

    def _servers(self, timeout: float) -> RedisServers:
        servers = RedisServers(self._url, timeout=timeout)
        self._servers_in_use.append(servers)
        return servers


def _terms(plans: Plans, share: Share | None, digest: TagDigest) -> FenceTerms:
    """By which this machine and the others number purges."""
    options = plans.settings.store.redis
    return FenceTerms(
        prefix=options.prefix,
        instance=share.instance if share is not None else uuid4().hex,
        window=options.coherence_window,
        keep=keep_records_for(plans.longest_kept),
        wait_replicas=options.wait_replicas,
        secret=known_by(digest),
        takes_over=share is None or share.process == 0,  # a worker begun anew would take back what a new secret took
    )
