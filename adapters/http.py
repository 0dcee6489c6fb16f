"""Any HTTP API: cached as its own headers say and no further (RFC 9111)."""

from collections.abc import Mapping

from adapters._vocabulary import Adapter, Place, Signature
from policies import SECOND, BreakerPolicy, ConcurrencyPolicy, Partition, RetryPolicy, WritesPolicy


def sign(credential: Mapping[str, str]) -> Signature:
    """A header that Larder holds, such as `authorization` and `Bearer …`."""
    return Signature(headers={credential["header"].lower(): credential["value"]})


adapter = Adapter(
    credential_places=(
        Place("header", "authorization"),
        Place("header", "cookie"),
        Place("header", "x-api-key"),
        Place("header", "x-auth-token"),
    ),
    credential_fields=("header", "value"),
    sign=sign,
    held_partition=Partition.SHARED,
    # Nobody knows this API: an error is its answer. A kept connection that was closed meanwhile is worth a second try.
    retry=RetryPolicy(attempts=2, answers=False),
    # It may be many things behind one name: a few that fail say nothing of the rest. What is down altogether fails all.
    breaker=BreakerPolicy(minimum_calls=100, cooldown=10 * SECOND),
    concurrency=ConcurrencyPolicy(upstream=200, credential=100, queue=2_000),
    writes=WritesPolicy(idempotency=0),  # whether it knows such keys, and what they mean to it, is its own business
    by_headers=True,
)
