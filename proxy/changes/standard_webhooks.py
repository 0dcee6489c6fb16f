"""Standard Webhooks 1.0.0: which deliveries are genuine, and the tags their events purge (UPSTREAMS.md §6)."""

import base64
import binascii
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final

from pydantic import ConfigDict
from pydantic.dataclasses import dataclass

from adapters import Effect
from policies import MINUTE, Duration
from proxy.changes.notices import Counted, Notice, Refused, parsed
from proxy.changes.tag_templates import TagTemplate, is_tag

PURGE: Final = "purge"  # the type of event that names its tags itself
MOST_TAGS = 10_000  # in one purge event

# No character a JSON object begins with, so that the text `id.timestamp.body` can be read in one way only.
_ID = re.compile(r"[A-Za-z0-9_.:~=+/-]{1,255}")
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid", hide_input_in_errors=True))
class StandardSource:
    """Where Standard Webhooks come from, the secrets they are signed with, and what their events purge."""

    upstream: str
    secrets: tuple[str, ...] = field(repr=False)  # whsec_…; several while one replaces the other
    events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # type → templates such as course:{id}
    tolerance: Duration = 5 * MINUTE  # by which a timestamp may differ from now, either way


class StandardWebhooks:
    """Verifies deliveries with every secret and every listed signature, and reads their event."""

    def __init__(self, source: StandardSource, clock: Callable[[], float]) -> None:
        """`clock` is the wall clock, in seconds. Raises ValueError on a bad secret (not showing it) or template."""
        self._secrets = [secret_bytes(secret) for secret in source.secrets]
        if not self._secrets:
            raise ValueError("Standard Webhooks need a secret")
        if PURGE in source.events:
            raise ValueError(f"`{PURGE}` events name their tags themselves")
        self._templates = {kind: [TagTemplate(text) for text in texts] for kind, texts in source.events.items()}
        self._tolerance = source.tolerance
        self._clock = clock

    async def read(self, headers: Mapping[str, str], body: bytes) -> list[Notice]:
        """The event in a delivery. Raises Refused."""
        delivery = self._verified({name.lower(): value for name, value in headers.items()}, body)
        effect = self._effect(parsed(body))
        return [Notice(delivery, lambda _: effect)]

    def _verified(self, headers: Mapping[str, str], body: bytes) -> str:
        """The `webhook-id` of a genuine delivery."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        delivery, timestamp, listed = (headers.get(name, "").strip() for name in names)
        if not listed:
            raise Refused(Counted.UNSIGNED, "the webhook-signature header is missing")
        if not _ID.fullmatch(delivery) or not _TIMESTAMP.fullmatch(timestamp):
            raise Refused(Counted.MALFORMED, "webhook-id or webhook-timestamp is missing or cannot be read")
        if not self._is_signed(f"{delivery}.{timestamp}.".encode() + body, listed):
            raise Refused(Counted.FORGED, "no listed v1 signature is right")
        if abs(self._clock() - int(timestamp)) > self._tolerance:
            raise Refused(Counted.STALE_TIMESTAMP, "the webhook-timestamp is too far from now")
        return delivery

    def _is_signed(self, text: bytes, listed: str) -> bool:
        """Whether any listed v1 signature is right, by any secret; other versions are skipped."""
        versioned = (part.partition(",") for part in listed.split())
        given = [signature.encode(errors="surrogateescape") for version, _, signature in versioned if version == "v1"]
        right = [base64.b64encode(hmac.digest(secret, text, "sha256")) for secret in self._secrets]
        return any(hmac.compare_digest(one, other) for one in given for other in right)

    def _effect(self, event: Any) -> Effect:
        kind = event.get("type") if isinstance(event, dict) else None
        data = event.get("data") if isinstance(event, dict) else None
        if not isinstance(kind, str) or not isinstance(data, dict):
            raise Refused(Counted.MALFORMED, "an event is an object with `type` and `data`")
        if kind == PURGE:
            return Effect(frozenset(_named_tags(data.get("tags"))))
        templates = self._templates.get(kind)
        if templates is None:
            return Effect(known=False)
        return Effect(frozenset(template.fill(data) for template in templates))


def _named_tags(tags: Any) -> Iterable[str]:
    if not isinstance(tags, list) or not 0 < len(tags) <= MOST_TAGS or not all(map(is_tag, tags)):
        detail = f"`tags` is a list of 1 to {MOST_TAGS} tags such as course:565, without the upstream's name"
        raise Refused(Counted.MALFORMED, detail)
    return tags


def secret_bytes(secret: str) -> bytes:
    """The bytes of a `whsec_…` secret. Raises ValueError, never showing it, unless they are 24 to 64."""
    try:
        decoded = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("a webhook secret is whsec_ and base64") from None
    if not 24 <= len(decoded) <= 64:
        raise ValueError("a webhook secret has 24 to 64 bytes, written as whsec_ and base64")
    return decoded
