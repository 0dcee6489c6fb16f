"""SmartyStreets address APIs: https://www.smarty.com/docs/cloud and UPSTREAMS.md §4."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from adapters import _smarty_addresses as addresses
from adapters import _smarty_models as models
from adapters._answers import canonical_content_type
from adapters._exchanges import Exchange, Received, Sent
from adapters._json import canonical_json
from adapters._smarty_answers import (
    NO_MATCH,
    international_outcome,
    shape_error,
    street_outcome,
    verdict,
    zip_outcome,
)
from adapters._smarty_findings import read_candidates
from adapters._smarty_requests import ECHO, batch_of, canonical_lookup, canonical_query
from adapters._vocabulary import Adapter, Completion, Effect, Endpoint, Place, Signature, Verification
from policies import (
    DAY,
    MINUTE,
    SECOND,
    CachePolicy,
    ConcurrencyPolicy,
    Partition,
    RefreshBehind,
    RetryPolicy,
    TimeoutPolicy,
)

KEEP = 180 * DAY  # output data may be kept for ever (§7); 30 days fresh and 90 more to fall back on need room

# Lifetimes: UPSTREAMS.md §8. USPS reissues its master data monthly; new buildings and corrected typos come sooner.
VERIFIED = CachePolicy(ttl=30 * DAY, stale_while_revalidate=DAY, stale_if_error=90 * DAY, keep_at_most=KEEP)
UNMATCHED = CachePolicy(ttl=DAY, stale_if_error=7 * DAY, keep_at_most=KEEP)
TYPING = CachePolicy(ttl=5 * MINUTE, refresh_behind=RefreshBehind.FORBIDDEN)
# Not in §8: property data, some of it live; as short as a missing match.
ENRICHMENT = UNMATCHED

_API = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def api_of(path: str) -> tuple[str, str] | None:
    """`/us-street/street-address` → `us-street`, `/street-address`; None for what could not be a host's first label."""
    api, slash, rest = path.removeprefix("/").partition("/")
    return (api, slash + rest or "/") if _API.fullmatch(api) else None


def canonical_header(name: str, value: str) -> str:
    """The value of a keyed header as it stands in the key."""
    return canonical_content_type(value) if name == "content-type" else value


def bypass(sent: Sent) -> bool:
    """US Enrichment's own revalidation: a request header `Etag`, answered with 304 (UPSTREAMS.md §4.5)."""
    return "etag" in sent.headers


def changes_nothing(_sent: Sent, _received: Received | None) -> Effect:
    """No call changes what another one answers."""
    return Effect()


def sign(credential: Mapping[str, str]) -> Signature:
    """A secret key pair that Larder holds, as HTTP Basic (§4.1)."""
    pair = f"{credential['auth_id']}:{credential['auth_token']}".encode()
    return Signature(headers={"authorization": f"Basic {b64encode(pair).decode()}"})


def verification(route: str, outcome: Callable[[Exchange], str | None], model: TypeAdapter[Any]) -> Endpoint:
    """A lookup that is kept for a month where it matched, for a day where it did not."""
    return Endpoint(route=route, cache=VERIFIED, outcomes={NO_MATCH: UNMATCHED}, outcome=outcome, model=model)


def lookups(
    path: str, outcome: Callable[[Exchange], str | None], model: TypeAdapter[Any], needed: str | None = None
) -> tuple[Endpoint, ...]:
    """One lookup by GET, and many by POST, each of which is kept as if it had come alone (§4.4). `needed`: a field
    without which the GET is refused.
    """
    one, many = f"GET {path}", f"POST {path}"
    single = replace(verification(one, outcome, model), canonical_query=canonical_lookup, echo=ECHO)
    return single, replace(verification(many, outcome, model), reads=True, batch=batch_of(one, needed))


adapter = Adapter(
    base_url="https://{api}.api.smarty.com",
    endpoints=(
        *lookups("/us-street/street-address", street_outcome, models.STREET, needed="street"),
        *lookups("/us-zipcode/lookup", zip_outcome, models.ZIP),  # a blank one is a 200 that says so, by GET too
        verification("GET /international-street/verify", international_outcome, models.INTERNATIONAL),
        Endpoint(route="GET /us-autocomplete-pro/lookup", cache=TYPING, model=models.SUGGESTIONS),
        Endpoint(route="GET /us-autocomplete/v2/lookup", cache=TYPING, model=models.SUGGESTIONS),
        Endpoint(route="GET /us-enrichment/lookup/{key}/{rest...}", cache=ENRICHMENT, model=models.ENRICHMENT),
    ),
    credential_places=(
        Place("header", "authorization"),
        Place("query", "auth-id"),
        Place("query", "auth-token"),
        Place("query", "key"),
        Place("header", "referer"),  # an embedded key is good for its own sites only
    ),
    credential_fields=("auth_id", "auth_token"),
    sign=sign,
    held_partition=Partition.SHARED,  # the data are the same for all
    api_of=api_of,
    keyed_headers=("accept-language", "content-type", "etag", "x-include-invalid", "x-standardize-only"),
    fixed_headers={"accept-encoding": "gzip"},
    canonical_query=canonical_query,
    canonical_body=canonical_json,
    canonical_header=canonical_header,
    bypass=bypass,
    verdict=verdict,
    credential_scope=lambda sent: sent.last("license") or "",  # each licence is used up by itself (§4.5)
    write_effect=changes_nothing,
    shape_error=shape_error,
    verification=Verification(
        route="GET /us-street/street-address",
        many="POST /us-street/street-address",
        ask=addresses.lookup,
        read=read_candidates,
        objection=addresses.objection,
    ),
    completion=Completion(
        route="GET /us-autocomplete-pro/lookup", ask=addresses.typed, read=addresses.read_suggestions
    ),
    keep_at_most=KEEP,
    timeout=TimeoutPolicy(attempt=5 * SECOND, total=8 * SECOND),
    retry=RetryPolicy(attempts=2),  # its SDK makes six attempts of its own: 12 calls, not 18 (§1.8)
    concurrency=ConcurrencyPolicy(credential=100),  # limits are per licence, thousands a second (§4.5)
)
