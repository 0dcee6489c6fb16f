"""Google Address Validation, Geocoding and Places: https://developers.google.com/maps and UPSTREAMS.md §5, §7.

The terms forbid most caching. So nothing is cached until the operator has accepted a version of them, each caller has a
partition of its own, nothing is ever fetched without a caller waiting for it, and what an answer holds says how long it
may be kept: coordinates and addresses 30 days, place ids as long as the operator likes, anything else of a place not at
all.
"""

from collections.abc import Mapping

from adapters import _google_addresses as addresses
from adapters._exchanges import Exchange, Received, Sent
from adapters._google_errors import shape_error, verdict
from adapters._google_findings import read_validation
from adapters._google_models import GEOCODING, PLACES, VALIDATION
from adapters._google_requests import (
    api_of,
    bypass,
    canonical_body,
    canonical_header,
    canonical_query,
    canonical_validation,
    enabled_api,
)
from adapters._google_terms import LEGAL, TERMS, content, may_be_kept
from adapters._json import mapping, strict_json
from adapters._vocabulary import Adapter, Completion, Effect, Endpoint, Place, Signature, Verification
from policies import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    CachePolicy,
    ConcurrencyPolicy,
    Partition,
    RefreshBehind,
    RetryPolicy,
    TimeoutPolicy,
)

# Place ids may be kept for ever, and are to be asked for anew after twelve months (§7). No longer than anything else is
# kept here, since records of purges are kept as long as the longest.
KEEP = 180 * DAY
ZERO_RESULTS = "zero_results"

# Lifetimes: UPSTREAMS.md §8, once the terms are accepted. No refresh without a caller: main terms 3.2.3.
FOUND = CachePolicy(
    ttl=7 * DAY, stale_if_error=LEGAL - 7 * DAY, keep_at_most=LEGAL, refresh_behind=RefreshBehind.FORBIDDEN
)
NOTHING_FOUND = CachePolicy(ttl=HOUR, keep_at_most=LEGAL, refresh_behind=RefreshBehind.FORBIDDEN)
# Places: only what holds nothing but ids and coordinates. Not in §8: who is found changes with opening hours.
PLACE = CachePolicy(
    ttl=7 * DAY, stale_if_error=KEEP - 7 * DAY, keep_at_most=KEEP, refresh_behind=RefreshBehind.FORBIDDEN
)
OPEN_NOW = "open_now"
AT_ONCE = CachePolicy(ttl=0, keep_at_most=KEEP, refresh_behind=RefreshBehind.FORBIDDEN)  # who is open now, is not later
PLACES_FOUND = CachePolicy(ttl=HOUR, keep_at_most=KEEP, refresh_behind=RefreshBehind.FORBIDDEN)
TYPING = CachePolicy(ttl=5 * MINUTE, keep_at_most=KEEP, refresh_behind=RefreshBehind.FORBIDDEN)


def outcome(exchange: Exchange) -> str | None:
    """An address that Google does not know today may be known tomorrow; so may one that is OK without a place."""
    found = mapping(exchange.json)
    return ZERO_RESULTS if found.get("status") == "ZERO_RESULTS" or found.get("results") == [] else None


def searched(exchange: Exchange) -> str | None:
    """A search for what is open now has another answer a minute later, with the same words."""
    asked = mapping(strict_json(exchange.sent.body))
    return OPEN_NOW if any(asked.get(name) not in (None, False) for name in ("openNow", "open_now")) else None


def changes_nothing(_sent: Sent, _received: Received | None) -> Effect:
    """Feedback on a validation (`v1:provideValidationFeedback`) changes no answer."""
    return Effect()


def sign(credential: Mapping[str, str]) -> Signature:
    """A key that Larder holds, where every one of the APIs reads it."""
    return Signature(query=(("key", credential["key"]),))


adapter = Adapter(
    base_url="https://{api}.googleapis.com",
    endpoints=(
        Endpoint(
            route="GET /maps/api/geocode/json",
            cache=FOUND,
            outcomes={ZERO_RESULTS: NOTHING_FOUND},
            outcome=outcome,
            model=GEOCODING,
        ),
        Endpoint(
            route="POST /v1:validateAddress",
            cache=FOUND,
            model=VALIDATION,
            reads=True,
            canonical_body=canonical_validation,
        ),
        Endpoint(route="POST /v1:provideValidationFeedback"),
        # Of places, ids and coordinates may be kept, so it is the field mask that decides; and autocompletion with a
        # session belongs to that session (§7, §9).
        Endpoint(route="GET /maps/api/place/{service}/json"),
        Endpoint(route="GET /v1/places/{place}", cache=PLACE, model=PLACES),
        Endpoint(route="POST /v1/places:autocomplete", cache=TYPING, model=PLACES, reads=True),
        Endpoint(
            route="POST /v1/places:searchText",
            cache=PLACES_FOUND,
            outcomes={OPEN_NOW: AT_ONCE},
            outcome=searched,
            model=PLACES,
            reads=True,
        ),
        Endpoint(route="POST /v1/places:searchNearby", cache=PLACES_FOUND, model=PLACES, reads=True),
    ),
    credential_places=(
        Place("query", "key"),
        Place("header", "x-goog-api-key"),
        Place("header", "authorization"),
        Place("query", "access_token"),
        Place("header", "x-goog-user-project"),
        Place("query", "client"),
        Place("query", "signature"),
        Place("query", "oauth_token"),
        Place("query", "userProject"),
        Place("query", "$userProject"),
    ),
    credential_fields=("key",),
    sign=sign,
    held_partition=Partition.CALLER,  # no sharing between users of the data (§7)
    terms=("google-maps-platform 2026-06-10",),
    content=content,
    content_terms=TERMS,
    keeps=may_be_kept,
    api_of=api_of,
    keyed_headers=("accept-language", "content-type", "x-goog-fieldmask"),
    fixed_headers={"accept-encoding": "gzip"},
    canonical_query=canonical_query,
    canonical_body=canonical_body,
    canonical_header=canonical_header,
    bypass=bypass,
    verdict=verdict,
    credential_scope=enabled_api,
    write_effect=changes_nothing,
    shape_error=shape_error,
    verification=Verification(route="POST /v1:validateAddress", ask=addresses.validation, read=read_validation),
    completion=Completion(
        route="POST /v1/places:autocomplete",
        ask=addresses.typed,
        read=addresses.read_predictions,
        only_if_named=True,  # it is billed by request or session, and nothing of it may be kept (§7, §9)
    ),
    keep_at_most=KEEP,
    timeout=TimeoutPolicy(attempt=5 * SECOND, total=8 * SECOND),
    retry=RetryPolicy(attempts=2),  # throttled: once more after a second; googlemaps itself retries for a minute (§12)
    concurrency=ConcurrencyPolicy(credential=100),  # limits are per project, thousands a minute (§5.2)
)
