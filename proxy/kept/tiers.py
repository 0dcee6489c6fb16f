"""Tiers: which one the config names."""

from proxy.clocks import Clocks
from proxy.kept.tier import LocalTier, Tier, TierObserver
from proxy.plan import Plans
from proxy.sharing.share import Share


def tier_of(plans: Plans, clocks: Clocks, share: Share | None, observer: TierObserver) -> Tier:
    """The durable tier of a process; not opened yet. Raises StoreError for a URL that names none."""
    if not plans.settings.store.durable.startswith("redis"):
        return LocalTier(plans, clocks, share, observer)
    from proxy.kept.redis_tier import RedisTier  # noqa: PLC0415 - a quarter of a second that only its users should wait

    return RedisTier(plans, clocks, share, observer)
