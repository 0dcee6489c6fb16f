"""Running: from a config file to processes that serve, reload on SIGHUP and drain on SIGTERM."""

import os
from contextlib import AsyncExitStack
from pathlib import Path

from proxy.config.secrets import SecretError, admin_token
from proxy.config.webhook_sources import WebhookSourceError
from proxy.larder import Larder
from proxy.observing import Observing
from proxy.operating.admin_desk import admin_app
from proxy.operating.given_orders import OwnOrders
from proxy.operating.reloading import Reloader
from proxy.operating.tuning import tuning_of
from proxy.signals import until_told
from proxy.starting import StartError, admin_listener, run
from proxy.store.contract import StoreError
from proxy.telemetry.logs import configure_logs
from proxy.workers.accepted import Accepted, read, workers_of
from proxy.workers.supervisor import supervise

__all__ = ["StartError", "serve"]


def serve(config: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError or StartError before anything listens."""
    accepted = read(config, os.environ)
    if workers_of(accepted.plans.settings) > 1:
        run(supervise(accepted))
    else:
        run(_serve(accepted))


async def _serve(accepted: Accepted) -> None:
    """The only process there is."""
    plans = accepted.plans
    observing = Observing(configure_logs(plans.settings.log.level, plans.settings.log.format))
    observing.metrics.set("larder_workers", 1)
    try:
        larder = Larder(plans, observing)
        token = admin_token(plans.settings)
    except (SecretError, StoreError, OSError) as error:
        raise StartError(str(error)) from None
    async with AsyncExitStack() as at_the_end:
        at_the_end.callback(observing.close)
        at_the_end.push_async_callback(larder.close)
        admin = admin_listener(plans.settings.admin)
        at_the_end.push_async_callback(admin.close)
        await _open(larder)
        tuning = tuning_of(accepted, Reloader(larder), OwnOrders(larder.upstreams), os.environ, observing)
        await admin.open(admin_app(larder, tuning, token))
        observing.ready(larder.listener.port, admin.port)
        tuning.begin()
        await until_told(tuning.configs.reload)
        await tuning.end()


async def _open(larder: Larder) -> None:
    server = larder.plans.settings.server
    try:
        await larder.open()
    except OSError as error:
        raise StartError(f"cannot listen on {server.host}:{server.port}: {error.strerror}") from None
    except (StoreError, WebhookSourceError) as error:
        raise StartError(str(error)) from None
