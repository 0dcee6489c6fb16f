"""The tier: the durable store that the config names, and with it who numbers purges and who shares flights and guards.

                        purges are numbered by       flights are shared by
none, sqlite, alone     its own counter              nobody else
none, sqlite, workers   the page they map            the page
redis                   Redis, told to the page      Redis
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from proxy.clocks import Clocks
from proxy.config.secrets import sqlite_path, store_secret
from proxy.plan import Plans
from proxy.sharing.leases import Leases
from proxy.sharing.page import Page
from proxy.sharing.page_leases import PageLeases
from proxy.sharing.share import Share
from proxy.sharing.shared_guards import SharedGuards
from proxy.store._sqlite_file import Role
from proxy.store.codec import Codec
from proxy.store.contract import DurableStore, Filter, Opened, StoreError
from proxy.store.fences import Fences
from proxy.store.ledger import Ledger, LocalLedger
from proxy.store.none import NoStore
from proxy.store.purges import TagDigest, keyed_tag_digest, tag_digest
from proxy.store.sealing import MasterKeys, Sealing
from proxy.store.sqlite import SQLiteStore
from proxy.telemetry.metrics import Metrics
from proxy.upstream.guards import Guards, OwnGuards


class TierObserver(Protocol):
    """Who hears what becomes of the tier."""

    def store_failed(self, operation: str, error: StoreError) -> None:
        """The durable store could not do something."""

    def coherence_lost(self, reason: str) -> None:
        """Purges of other machines may go unheard."""

    def coherence_regained(self) -> None:
        """All was heard again."""

    def purges_resent(self, count: int, reason: str) -> None:
        """Redis lacked purges and was told again."""

    def clocks_differ(self, seconds: float) -> None:
        """This machine's clock and Redis's are apart."""

    def store_found(self, durability: str, warnings: Sequence[str]) -> None:
        """What a Redis keeps of what it acknowledges."""

    def not_encrypted(self, upstreams: list[str]) -> None:
        """Education records will be kept as they came."""


class Tier(Protocol):
    """What a process keeps beyond memory, and how it agrees with others."""

    durable: DurableStore
    fences: Fences  # from `open` on, as are the ledger and whether anything was kept by earlier processes
    ledger: Ledger
    leases: Leases | None
    guards: Guards
    has_kept: bool

    @property
    def page(self) -> Page | None:
        """What the processes share that serve from the same durable store."""

    @property
    def told_parts(self) -> frozenset[str]:
        """Parts of readiness that take no instance out of service: what all instances share."""

    @property
    def lock_fd(self) -> int | None:
        """What other processes have to inherit to use the same file."""

    async def open(self) -> Opened:
        """Make everything ready. Raises StoreError."""

    def coherence_part(self) -> str | None:
        """None while this machine hears of all purges of the others."""

    @property
    def skew(self) -> float:
        """Seconds by which this machine's clock is ahead of the store's."""

    async def close(self) -> None:
        """Write what is pending, and let go. Raises StoreError."""


class LocalTier:
    """One machine: nothing, or a file that its processes share."""

    told_parts = frozenset[str]()

    def __init__(self, plans: Plans, clocks: Clocks, share: Share | None, observer: TierObserver) -> None:
        self._clocks = clocks
        self._observer = observer
        self._sealing = sealing_of(plans)
        self._has_file = sqlite_path(plans.settings) is not None
        self._role = role_of(share)
        self.page = share.page if share is not None else None
        self._tag_digest = tag_digest_of(plans)
        self.durable = _store(plans, self._sealing, clocks.wall, share, self._tag_digest)
        self.fences: Fences
        self.ledger: Ledger
        self.leases: Leases | None = None
        self._shared_guards: SharedGuards | None = None
        self.guards: Guards = OwnGuards(clocks.monotonic)
        if share is not None:
            self.guards = self._shared_guards = SharedGuards(share.page, share.processes, sleep=clocks.sleep)
            if self._has_file:  # without a file, what another process fetched is not found
                self.leases = PageLeases(share.page, sleep=clocks.sleep)
        self.has_kept = False

    async def open(self) -> Opened:
        """Make everything ready. Raises StoreError."""
        opened = await self.durable.open()
        if self._role != "attached" and self._has_file:
            warn_of_plain_text(self._sealing, self._observer)
        self.has_kept = bool(await self.durable.summaries(Filter(limit=1)))
        ring = self.page.fences if self.page is not None else None
        self.fences = Fences(
            self._clocks.wall,
            opening=opened.opening,
            records=opened.purges,
            ring=ring,
            digest=self._tag_digest,
        )
        self.ledger = LocalLedger(self.fences, self.durable, self._observer.store_failed)
        if self._shared_guards is not None:
            self._shared_guards.start()
        return opened

    @property
    def lock_fd(self) -> int | None:
        """What other processes have to inherit to use the same file."""
        return self.durable.lock_fd if isinstance(self.durable, SQLiteStore) else None

    def coherence_part(self) -> str | None:
        """There are no other machines."""
        return None

    @property
    def skew(self) -> float:
        """There is no other clock."""
        return 0.0

    async def close(self) -> None:
        """Write what is pending, and let go. Raises StoreError."""
        if self._shared_guards is not None:
            await self._shared_guards.stop()
        if self.leases is not None:
            await self.leases.close()
        await self.durable.close()


def sealing_of(plans: Plans) -> Sealing:
    """Whose entries are encrypted where they are kept."""
    store = plans.settings.store
    masters = MasterKeys.parse(store.encryption_keys) if store.encryption_keys else None
    education = [name for name, upstream in plans.upstreams.items() if upstream.adapter.education_records]
    return Sealing.of(store.encrypt, masters, education)


def warn_of_plain_text(sealing: Sealing, observer: TierObserver) -> None:
    """Say it where education records will be kept without a key to encrypt them under."""
    if sealing.upstreams and sealing.masters is None:
        observer.not_encrypted(sorted(sealing.upstreams))


def tag_digest_of(plans: Plans) -> TagDigest:
    """What purged tags are known by, by all processes and machines that share a store. Raises SecretError."""
    settings = plans.settings
    if not settings.store.secret and sqlite_path(settings) is None:
        return tag_digest  # nobody else hears of them, and nothing is written down
    return keyed_tag_digest(store_secret(settings))


def _store(
    plans: Plans, sealing: Sealing, clock: Callable[[], float], share: Share | None, tag_digest: TagDigest
) -> DurableStore:
    path, store = sqlite_path(plans.settings), plans.settings.store
    if path is None:
        return NoStore(clock)
    path.parent.mkdir(parents=True, exist_ok=True)
    return SQLiteStore(
        path,
        max_bytes=store.max_bytes,
        clock=clock,
        codec=Codec(store.compress_above),
        sealing=sealing,
        role=role_of(share),
        lock_fd=share.lock_fd if share is not None else None,
        tag_digest=tag_digest,
    )


def role_of(share: Share | None) -> Role:
    """What a process is to the file that it shares."""
    if share is None:
        return "sole"
    return "owner" if share.process == 0 else "attached"


def measure(metrics: Metrics, tier: Tier) -> None:
    """Set the gauges that tell of a tier."""
    metrics.set("larder_durable_bytes", tier.durable.disk_bytes)
    metrics.set("larder_durable_dropped", tier.durable.dropped)
    metrics.set("larder_durable_unreadable", tier.durable.unreadable)
    metrics.set("larder_incoherent", float(tier.coherence_part() is not None))
    metrics.set("larder_clock_skew_seconds", tier.skew)
    metrics.set("larder_fence", tier.fences.number)
