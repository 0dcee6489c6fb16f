"""Running: from a config file to a process that serves, reloads on SIGHUP and drains on SIGTERM."""

import asyncio
import gc
import os
import signal
from contextlib import AsyncExitStack
from pathlib import Path

from proxy.admin_desk import AdminListener
from proxy.larder import Larder
from proxy.loading import load_plans
from proxy.observing import Observing
from proxy.plan import Plans
from proxy.reloading import Reloader
from proxy.secrets import SecretError, admin_token
from proxy.store.contract import StoreError
from proxy.telemetry.logs import configure_logs
from proxy.webhook_sources import WebhookSourceError

try:
    import uvloop
except ImportError:  # not made for every platform; asyncio's own loop serves too, if slower
    uvloop = None  # type: ignore[assignment,unused-ignore]


class StartError(Exception):
    """Larder cannot start; the text is one line that says why."""


def serve(config: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises ConfigError or StartError before anything listens."""
    plans = load_plans(config, os.environ)
    gc.freeze()  # what start-up made stays: no collection needs to look at it again
    gc.set_threshold(20_000, 50, 50)  # a cache holds many objects that live long; young ones are what is worth a look
    run = asyncio.run if uvloop is None else uvloop.run
    run(_serve(config, plans))


async def _serve(config: Path, plans: Plans) -> None:
    observing = Observing(configure_logs(plans.settings.log.level, plans.settings.log.format))
    try:
        larder = Larder(plans, observing)
        token = admin_token(plans.settings)
    except (SecretError, OSError) as error:
        raise StartError(str(error)) from None
    async with AsyncExitStack() as at_the_end:
        at_the_end.callback(observing.close)
        at_the_end.push_async_callback(larder.close)
        await _open(larder)
        reloader = Reloader(larder, config)
        admin = AdminListener(larder, reloader, token)
        at_the_end.push_async_callback(admin.close)
        await _open_admin(larder, admin)
        observing.ready(larder.listener.port, admin.port)
        await _until_told(reloader)


async def _open(larder: Larder) -> None:
    server = larder.plans.settings.server
    try:
        await larder.open()
    except OSError as error:
        raise StartError(f"cannot listen on {server.host}:{server.port}: {error.strerror}") from None
    except (StoreError, WebhookSourceError) as error:
        raise StartError(str(error)) from None


async def _open_admin(larder: Larder, admin: AdminListener) -> None:
    beside = larder.plans.settings.admin
    try:
        await admin.open()
    except OSError as error:
        raise StartError(f"cannot listen on {beside.host}:{beside.port} (admin): {error.strerror}") from None


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
