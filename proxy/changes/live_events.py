"""Canvas Live Events: which deliveries are genuine, and which events they carry (UPSTREAMS.md §3)."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from hashlib import sha256
from typing import Any

from jwt import DecodeError, PyJWS, PyJWTError
from pydantic.dataclasses import dataclass

from adapters import Effect
from policies import MINUTE, STRICT
from proxy.changes.json_web_keys import JsonWebKeys, KeysUnavailable
from proxy.changes.notices import Counted, FindLink, Notice, Refused, elements, parsed

EventEffect = Callable[[Mapping[str, Any], FindLink], Effect]

ISSUER = "https://live-events.canvas.instructure.com"  # UPSTREAMS.md §3.1
LEEWAY = MINUTE  # by which clocks may differ
MOST_EVENTS = 1_000  # in one delivery; Canvas sends one, a queue's bridge ten
LOCAL_IDS = 10**13  # global id = shard × this + local id (UPSTREAMS.md §3.4)

_COMPACT = re.compile(rb"[\w-]+=*\.[\w-]+=*\.[\w-]*=*", re.ASCII)  # RFC 7515 §7.1; `alg: none` has no signature
_ID = re.compile(r"[0-9]{1,20}")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LiveEventsSource:
    """Where Canvas Live Events come from, and how they are known to be ours."""

    upstream: str
    root_account_uuid: str  # the key set is shared by all customers of Canvas: this tells ours apart
    jwks_url: str | None = None  # None: events are not signed; else unsigned ones are refused
    issuer: str = ISSUER


class LiveEvents:
    """Reads plain events, arrays of them, and events that are one RS256 token, whatever the content type says."""

    def __init__(
        self,
        source: LiveEventsSource,
        event_effect: EventEffect,
        clock: Callable[[], float],
        keys: JsonWebKeys | None = None,
    ) -> None:
        """`clock` is the wall clock, in seconds; `keys` go with `jwks_url`: ValueError on one without the other."""
        if (source.jwks_url is None) != (keys is None):
            raise ValueError("signed Live Events need their key set, and unsigned ones have none")
        self._source = source
        self._event_effect = event_effect
        self._clock = clock
        self._keys = keys
        self._tokens = PyJWS(algorithms=["RS256"])

    async def read(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:  # noqa: ARG002 - all is in the body
        """The events in a delivery; all of them are ours, or none is believed. Raises Refused."""
        stripped = body.strip()
        is_plain = stripped[:1] in (b"{", b"[")
        if not is_plain and not _COMPACT.fullmatch(stripped):
            raise Refused(Counted.MALFORMED, "the body is neither JSON nor a signed event")
        if self._keys is not None:
            if is_plain:
                raise Refused(Counted.UNSIGNED, "events from this source have to be signed")
            return [self._notice(body, self._signed_claims(await self._verified(stripped, self._keys)))]
        if not is_plain:
            raise Refused(Counted.FORGED, "the event is signed, but no jwks_url says by whom")
        if stripped[:1] == b"{":
            return [self._notice(body, parsed(body))]
        return self._notices(elements(body))

    def _notices(self, raws: list[bytes]) -> list[Notice]:
        if not 0 < len(raws) <= MOST_EVENTS:
            raise Refused(Counted.MALFORMED, f"an array holds 1 to {MOST_EVENTS} events")
        return [self._notice(raw, parsed(raw)) for raw in raws]

    def _notice(self, raw: bytes, event: Any) -> Notice:
        """Events have no id of their own: they are remembered by their bytes (UPSTREAMS.md §3.1)."""
        metadata, body = _halves(event)
        if metadata.get("root_account_uuid") != self._source.root_account_uuid:
            raise Refused(Counted.WRONG_ACCOUNT, "the event belongs to another root account")
        effect = partial(self._event_effect, {"metadata": metadata, "body": body})
        return Notice(sha256(raw).hexdigest(), effect, _enrollments(body))

    async def _verified(self, token: bytes, keys: JsonWebKeys) -> bytes:
        """The payload of a token with a good signature, which is checked before anything of the payload is parsed."""
        try:
            head = self._tokens.get_unverified_header(token)
        except DecodeError:
            raise Refused(Counted.MALFORMED, "the token cannot be read") from None
        except PyJWTError:
            raise Refused(Counted.FORGED, "the token's header is not one Canvas writes") from None
        # Before the key is looked for, so that such tokens cost no fetch.
        if head.get("alg") != "RS256" or not isinstance(head.get("kid"), str):
            raise Refused(Counted.FORGED, "the token is not signed with RS256 and a named key")
        try:
            key = await keys.find(head["kid"])
        except KeysUnavailable as unavailable:
            raise Refused(Counted.KEYS_UNAVAILABLE, str(unavailable)) from unavailable
        if key is None:
            raise Refused(Counted.FORGED, "the token is signed with a key that Canvas does not publish")
        try:
            payload: bytes = self._tokens.decode_complete(token, key, algorithms=["RS256"])["payload"]
        except PyJWTError:
            raise Refused(Counted.FORGED, "the token's signature is wrong") from None
        return payload

    def _signed_claims(self, payload: bytes) -> dict[str, Any]:
        """Issuer always, `exp` and `nbf` when present (RFC 7519 §4.1); Live Events name no audience."""
        claims = parsed(payload)
        if not isinstance(claims, dict):
            raise Refused(Counted.MALFORMED, "the token's payload is not an object")
        if claims.get("iss") != self._source.issuer:
            raise Refused(Counted.FORGED, "the token has another issuer")
        now = self._clock()
        expires, begins = _instant(claims, "exp"), _instant(claims, "nbf")
        if expires is not None and expires <= now - LEEWAY:
            raise Refused(Counted.STALE_TIMESTAMP, "the token has expired")
        if begins is not None and begins > now + LEEWAY:
            raise Refused(Counted.STALE_TIMESTAMP, "the token is not valid yet")
        return claims


def _halves(event: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    metadata = event.get("metadata") if isinstance(event, dict) else None
    body = event.get("body") if isinstance(event, dict) else None
    if not isinstance(metadata, dict) or not isinstance(body, dict):
        raise Refused(Counted.MALFORMED, "an event is an object with `metadata` and `body`")
    if not isinstance(metadata.get("event_name"), str):
        raise Refused(Counted.MALFORMED, "the event has no name")
    return metadata, body


def _instant(claims: Mapping[str, Any], name: str) -> float | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refused(Counted.MALFORMED, f"the token's `{name}` is not a number")
    return value


def _enrollments(body: Mapping[str, Any]) -> frozenset[str]:
    """The enrollment an event is about, in both forms its id may be asked for (UPSTREAMS.md §3.4)."""
    written = str(body.get("enrollment_id"))
    if not _ID.fullmatch(written):
        return frozenset()
    return frozenset({written, str(int(written) % LOCAL_IDS)})
