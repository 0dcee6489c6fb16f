"""Who pays for a Google request: a key in the query or header, an OAuth token, or a signed business client."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from sandbox.google.state import CLIENT_ID, KEYS, OAUTH_TOKENS, SIGNING_SECRET


class NoCredential(Exception):
    """The request names nobody."""


class BadKey(Exception):
    """The API key, or the signature, is not valid."""


class BadToken(Exception):
    """The OAuth token is not valid."""


def consumer_of(query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    """The project that pays. Raises NoCredential, BadKey or BadToken (UPSTREAMS.md §5.1)."""
    key = query.get("key") or headers.get("X-Goog-Api-Key")
    if key:
        if key not in KEYS:
            raise BadKey
        return KEYS[key]
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise NoCredential
    if token not in OAUTH_TOKENS:
        raise BadToken
    return headers.get("X-Goog-User-Project") or OAUTH_TOKENS[token]


def signing_consumer(query: Mapping[str, str], target: str) -> str:
    """The business client that signed the request. Raises BadKey.

    `target` is the raw path and query as the client signed it, without a base URL's prefix: parameters in another
    order do not match (SDK_REQUESTS.md §5).
    """
    signed, mark, signature = target.rpartition("&signature=")
    secret = base64.urlsafe_b64decode(SIGNING_SECRET)
    due = base64.urlsafe_b64encode(hmac.new(secret, signed.encode(), hashlib.sha1).digest())
    if not mark or query.get("client") != CLIENT_ID or not hmac.compare_digest(due, signature.encode()):
        raise BadKey
    return CLIENT_ID
