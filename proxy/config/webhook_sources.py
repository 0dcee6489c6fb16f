"""Webhook sources: what the config says of each, made into something that tells genuine notifications."""

import time
from collections.abc import Callable

from aiohttp import ClientSession

from adapters import Adapter
from proxy.changes.json_web_keys import JsonWebKeys, over_http
from proxy.changes.live_events import LiveEvents, LiveEventsSource
from proxy.changes.standard_webhooks import StandardSource, StandardWebhooks
from proxy.changes.webhooks import Channel
from proxy.plan import Plans
from proxy.settings import LiveEventsBlock, StandardWebhooksBlock


class WebhookSourceError(Exception):
    """A source cannot be made; the text is one line and shows no secret."""


def channels(plans: Plans, session: ClientSession, on_failure: Callable[[str], None]) -> dict[str, Channel]:
    """Every configured source. Raises WebhookSourceError."""
    made: dict[str, Channel] = {}
    for name, block in plans.settings.webhooks.items():
        try:
            if isinstance(block, LiveEventsBlock):
                adapter = plans.upstreams[block.upstream].adapter
                made[name] = Channel(block.upstream, _live_events(block, adapter, session, on_failure))
            else:
                made[name] = Channel(block.upstream, _standard(block))
        except ValueError as error:
            raise WebhookSourceError(f"webhooks.{name}: {error}") from None
    return made


def _live_events(
    block: LiveEventsBlock, adapter: Adapter, session: ClientSession, on_failure: Callable[[str], None]
) -> LiveEvents:
    if adapter.event_effect is None:
        raise ValueError("this upstream's adapter knows no events")
    source = LiveEventsSource(
        upstream=block.upstream,
        root_account_uuid=block.root_account_uuid,
        jwks_url=block.jwks_url,
        **({"issuer": block.issuer} if block.issuer else {}),
    )
    keys = None
    if block.jwks_url is not None:
        keys = JsonWebKeys(block.jwks_url, over_http(session), time.monotonic, on_failure)
    return LiveEvents(source, adapter.event_effect, time.time, keys)


def _standard(block: StandardWebhooksBlock) -> StandardWebhooks:
    source = StandardSource(
        upstream=block.upstream, secrets=block.secret, events=block.events, tolerance=block.tolerance
    )
    return StandardWebhooks(source, time.time)
