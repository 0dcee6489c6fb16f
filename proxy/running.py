"""Running: from a config file to a process that serves, reloads on SIGHUP and drains on SIGTERM."""

import asyncio
import os
import signal
from pathlib import Path

from proxy.admin_desk import AdminListener, Reloader
from proxy.errors import LarderError
from proxy.larder import Larder
from proxy.loading import load_plans
from proxy.observing import Observing
from proxy.plan import Plans
from proxy.secrets import SecretError, admin_token
from proxy.store.contract import StoreError
from proxy.telemetry.logs import configure_logs
from proxy.webhook_sources import WebhookSourceError

try:
    import uvloop
except ImportError:  # not made for every platform; asyncio's own loop serves too, if slower
    uvloop = None  # type: ignore[assignment]


class StartError(Exception):
    """Larder cannot start; the text is one line that says why."""


def serve(config: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError or StartError before anything listens."""
    plans = load_plans(config, os.environ)
    if uvloop is None:
        asyncio.run(_serve(config, plans))
    else:
        uvloop.run(_serve(config, plans))


async def _serve(config: Path, plans: Plans) -> None:
    observing = Observing(configure_logs(plans.settings.log.level, plans.settings.log.format))
    try:
        larder = Larder(plans, observing)
        reloader = Reloader(larder, config)
        admin = AdminListener(larder, reloader, admin_token(plans.settings))
    except (SecretError, OSError) as error:
        raise StartError(str(error)) from None
    try:
        await _open(larder, admin)
        await _until_told(reloader)
    finally:
        await larder.close()
        await admin.close()
        observing.close()


async def _open(larder: Larder, admin: AdminListener) -> None:
    server, beside = larder.plans.settings.server, larder.plans.settings.admin
    try:
        await larder.open()
    except OSError as error:
        raise StartError(f"cannot listen on {server.host}:{server.port}: {error.strerror}") from None
    except (StoreError, WebhookSourceError, LarderError) as error:
        raise StartError(str(error)) from None
    try:
        await admin.open()
    except OSError as error:
        raise StartError(f"cannot listen on {beside.host}:{beside.port} (admin): {error.strerror}") from None
    larder.observing.ready(larder.listener.port, admin.port)


async def _until_told(reloader: Reloader) -> None:
    """Reload on SIGHUP, return on SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    reloads: set[asyncio.Task[object]] = set()

    def reload() -> None:
        task = asyncio.create_task(reloader.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    loop.add_signal_handler(signal.SIGHUP, reload)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()
