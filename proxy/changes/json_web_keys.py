"""The keys a sender signs with, from its JWKS URL (RFC 7517): cached, rotated with, and never asked for in a storm."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from aiohttp import ClientError, ClientPayloadError, ClientSession, ClientTimeout
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWTError
from jwt.algorithms import RSAAlgorithm

from policies import KIB, MINUTE, SECOND

Fetch = Callable[[str], Awaitable[bytes]]
"""The body of a 200 from a URL. Raises OSError (TimeoutError is one) or aiohttp's ClientError when there is none."""

KEEP = 30 * MINUTE  # the set is fetched anew after this; UPSTREAMS.md §3.1 says 10 to 60 minutes
COOLDOWN = MINUTE  # between fetches for key ids that are not in the set, so that forged ones cannot hammer the URL
PAUSE = 5 * SECOND  # after a failed fetch while there is no set at all
PATIENCE = 5 * SECOND  # for one fetch: Canvas wants its answer within 15 s (UPSTREAMS.md §3.1)
LEAST_BITS = 2048  # RFC 7518 §3.3
LARGEST_SET = 256 * KIB


class KeysUnavailable(Exception):
    """Nobody can say now whether a key is genuine, since the set could not be fetched."""


class JsonWebKeys:
    """The RSA keys behind one JWKS URL, by key id. The last good set serves on while the URL fails."""

    def __init__(
        self,
        url: str,
        fetch: Fetch,
        clock: Callable[[], float],
        on_failure: Callable[[str], None],
        *,
        keep: float = KEEP,
    ) -> None:
        """`clock` is monotonic, in seconds; `on_failure` is told a fixed reason for each fetch that failed."""
        self._url = url
        self._fetch = fetch
        self._clock = clock
        self._on_failure = on_failure
        self._keep = keep
        self._keys: dict[str, RSAPublicKey] = {}
        self._tried_at: float | None = None  # when the last fetch ended, well or not
        self._has_failed = False  # whether that fetch did
        self._fetching = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<JsonWebKeys {len(self._keys)} known{', last fetch failed' if self._has_failed else ''}>"

    async def find(self, key_id: str) -> RSAPublicKey | None:
        """The key of that id; None when the sender publishes none. Raises KeysUnavailable when that is not known."""
        if self._is_due(key_id):
            async with self._fetching:
                if self._is_due(key_id):  # not if whoever held the lock has just done it
                    await self._renew()
        key = self._keys.get(key_id)
        if key is None and self._has_failed:
            raise KeysUnavailable("the sender's signing keys could not be fetched")
        return key

    def _is_due(self, key_id: str) -> bool:
        if self._tried_at is None:
            return True
        since = self._clock() - self._tried_at
        if self._has_failed:
            return since >= (COOLDOWN if self._keys else PAUSE)
        return since >= (self._keep if key_id in self._keys else COOLDOWN)

    async def _renew(self) -> None:
        """Fetch the set; a bad one never replaces a good one. Marks nothing when it is cancelled."""
        try:
            async with asyncio.timeout(PATIENCE):
                raw = await self._fetch(self._url)
            self._keys = usable_keys(raw)
            self._has_failed = False
        except (OSError, ClientError, ValueError) as error:
            self._has_failed = True
            self._on_failure(type(error).__name__)  # its text may hold the URL
        self._tried_at = self._clock()


def usable_keys(raw: bytes) -> dict[str, RSAPublicKey]:
    """The RS256 keys in a JWK Set, by key id. Raises ValueError when there is none."""
    try:
        held = msgspec.json.decode(raw)
    except RecursionError:
        raise ValueError("nested too deep to be a key set") from None
    members = held.get("keys") if isinstance(held, dict) else None
    found = {}
    for member in members if isinstance(members, list) else ():
        key = _rs256_key(member)
        if key is not None:
            found[member["kid"]] = key
    if not found:
        raise ValueError("a key set without a usable key")
    return found


def _rs256_key(member: Any) -> RSAPublicKey | None:
    """The public key of a JWK; None for other kinds, which RFC 7517 §5 says to ignore, as it does for broken ones."""
    if not isinstance(member, dict) or member.get("kty") != "RSA" or not isinstance(member.get("kid"), str):
        return None
    if member.get("use", "sig") != "sig" or member.get("alg", "RS256") != "RS256":
        return None
    try:
        # Only the public half, whatever else a careless sender published.
        key = RSAAlgorithm.from_jwk({name: member[name] for name in ("kty", "n", "e")})
    except (PyJWTError, KeyError, TypeError, ValueError):
        return None
    return key if isinstance(key, RSAPublicKey) and key.key_size >= LEAST_BITS else None


def over_http(session: ClientSession) -> Fetch:
    """Fetches with `session`: within PATIENCE, no redirects, and no more than LARGEST_SET bytes."""

    async def fetch(url: str) -> bytes:
        deadline = ClientTimeout(total=PATIENCE)
        async with session.get(url, timeout=deadline, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ClientPayloadError("not a 200")
            body = bytearray()
            async for chunk in answer.content.iter_chunked(64 * KIB):
                body += chunk
                if len(body) > LARGEST_SET:
                    raise ClientPayloadError("too large for a key set")
            return bytes(body)

    return fetch
