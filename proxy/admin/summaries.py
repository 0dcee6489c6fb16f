"""Summaries of entries, from both tiers as one list; and what an operator reads of each."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from proxy.admin.writing import number
from proxy.messages import implied_tags, key_tag
from proxy.store.contract import Summary
from proxy.store.fences import Fences, Validity

_PURGED = {Validity.CURRENT: None, Validity.SOFT: "soft", Validity.HARD: "hard"}


class Stored(NamedTuple):
    """An entry, and where it lies."""

    summary: Summary
    tiers: tuple[str, ...]


def all_tags(summary: Summary) -> tuple[str, ...]:
    """Every tag the entry is purged by, as Entry.tags has them."""
    own_key = key_tag(bytes.fromhex(summary.key))
    return *summary.tags, own_key, *implied_tags(summary.upstream, summary.endpoint, summary.partition)


def merged(memory: Iterable[Summary], durable: Iterable[Summary], limit: int) -> list[Stored]:
    """The newest of both tiers; of an entry that lies in both, the later answer, which memory has first."""
    found: dict[str, Stored] = {}
    for tier, summaries in (("memory", memory), ("durable", durable)):
        for summary in summaries:
            held = found.get(summary.key)
            if held is None:
                found[summary.key] = Stored(summary, (tier,))
            else:
                later = max(held.summary, summary, key=lambda one: (one.fence, one.stored_at))
                found[summary.key] = Stored(later, (*held.tiers, tier))
    newest = sorted(found.values(), key=lambda stored: stored.summary.stored_at, reverse=True)
    return newest[:limit]


def shown(stored: Stored, fences: Fences, now: float) -> dict[str, Any]:
    """An entry as `GET /admin/entries` shows it: nothing of what was asked or answered. Times in seconds."""
    entry = stored.summary
    return {
        "key": entry.key,
        "upstream": entry.upstream,
        "endpoint": entry.endpoint,
        "partition": entry.partition,
        "tags": list(entry.tags),
        "status": entry.status or None,  # none: it only says by which header fields its variants differ
        "size": entry.size,
        "age": number(max(0.0, now - entry.stored_at)),
        "fresh_for": number(max(0.0, entry.fresh_until - now)),
        "kept_for": number(max(0.0, entry.fallback_until - now)),
        "purged": _PURGED[fences.validity(all_tags(entry), entry.fence)],
        "fence": str(entry.fence),
        "tiers": list(stored.tiers),
    }
