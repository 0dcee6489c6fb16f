"""The supervisor: what `larder run` is where several processes serve. It serves no callers itself.

It holds what all share (the listening sockets, the page, the durable store's lock), keeps as many workers as are
configured, serves the admin listener for all, reloads them as one, and drains them at the end. They end when it does.
"""

import os
import secrets
import socket
from contextlib import AsyncExitStack
from typing import cast
from uuid import uuid4

from aiohttp import web

from proxy.clocks import Clocks
from proxy.config.secrets import SecretError, admin_token, sqlite_path, store_secret
from proxy.housekeeping import Housekeeping
from proxy.http.sockets import bound_sockets
from proxy.kept.shelf import Shelf
from proxy.kept.tiers import tier_of
from proxy.observing import Observing
from proxy.operating.tuning import tuning_of
from proxy.settings import Settings
from proxy.sharing.page import Page
from proxy.sharing.share import Share
from proxy.signals import until_told, when_told_again
from proxy.starting import StartError, admin_listener
from proxy.store.contract import StoreError
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SQLiteStore
from proxy.telemetry.logs import configure_logs
from proxy.upstream.registry import Upstreams
from proxy.workers.accepted import Accepted, with_secret, workers_of
from proxy.workers.aggregating import Totals
from proxy.workers.book import CrewBook
from proxy.workers.control import Begin, ConfigText, Inherited
from proxy.workers.crew import Crew
from proxy.workers.desk import CrewDesk
from proxy.workers.handing import handing_pair
from proxy.workers.hired import CannotServe, Hired, hire
from proxy.workers.output import STDERR, lines_to
from proxy.workers.reloading import KILLED_AFTER, CrewReloader
from proxy.workers.tiers import WorkersMemory
from proxy.workers.watched import Watched


async def supervise(accepted: Accepted) -> None:
    """Have workers serve until SIGTERM or SIGINT; a second one ends them at once. Raises StartError."""
    log = accepted.plans.settings.log
    observing = Observing(configure_logs(log.level, log.format, lines_to(STDERR)))
    async with AsyncExitStack() as at_the_end:
        at_the_end.callback(observing.close)
        supervisor = Supervisor(accepted, observing)
        at_the_end.push_async_callback(supervisor.close)
        await supervisor.open()
        supervisor.tuning.begin()
        await until_told(supervisor.tuning.configs.reload)
        await supervisor.tuning.end()
        when_told_again(supervisor.crew.kill)


class Supervisor:
    """One machine's Larder, of several processes. `open` it, and `close` it in the same event loop."""

    def __init__(self, accepted: Accepted, observing: Observing) -> None:
        """Raises StartError."""
        self._observing = observing
        self._clocks = Clocks()
        self._started = accepted
        settings = accepted.plans.settings
        self._instance = uuid4().hex
        self._page = Page.create()
        self._handing = handing_pair()
        self._listening: list[socket.socket] = []
        self._totals = Totals()
        share = Share(self._page, 0, workers_of(settings), (), None, self._instance)
        try:
            self._secret, self._token = _shared_secret(settings), admin_token(settings)
            self._tier = tier_of(with_secret(accepted.plans, self._secret), self._clocks, share, observing)
        except (SecretError, StoreError, OSError) as error:
            raise StartError(str(error)) from None
        watched = Watched(observing, self._page, self._totals)
        self.crew = Crew(accepted.config, self._start, watched, self._clocks)
        self._memory = WorkersMemory(lambda: self.crew, watched.silent)
        self.reloader = CrewReloader(accepted, self.crew, observing)
        self.tuning = tuning_of(accepted, self.reloader, CrewBook(self.crew, self.reloader), os.environ, observing)
        self._let_go = AsyncExitStack()

    async def open(self) -> None:
        """Have everything, and all workers serve. Raises StartError."""
        settings = self._started.plans.settings
        server = settings.server
        try:
            self._listening = bound_sockets(server.host, server.port)
        except OSError as error:
            raise StartError(f"cannot listen on {server.host}:{server.port}: {error.strerror}") from None
        admin = admin_listener(settings.admin)
        self._let_go.push_async_callback(admin.close)
        try:
            await self._open_tier()
            await self.crew.open(workers_of(settings))
        except (StoreError, CannotServe) as error:
            raise StartError(str(error)) from None
        self._let_go.push_async_callback(self._close_crew)
        self._let_go.push_async_callback(self.reloader.close)
        self._let_go.push_async_callback(admin.close)  # at the end it goes first, while there are workers to ask
        await admin.open(self._operators())
        self._observing.log.say(
            "info",
            "larder serves",
            port=self._listening[0].getsockname()[1],
            admin_port=admin.port,
            workers=len(self.crew.serving),
        )

    async def close(self) -> None:
        """Drain all workers, then let go of what they shared."""
        await self._let_go.aclose()
        for one in (*self._listening, *self._handing):
            one.close()
        self._page.close()

    async def _open_tier(self) -> None:
        """Raises StoreError."""
        opened = await self._tier.open()
        self._let_go.push_async_callback(self._close_tier)
        if opened.moved_aside is not None:
            self._observing.moved_aside(opened.moved_aside)
        shelf = self._shelf()
        await shelf.open()
        housekeeping = Housekeeping(
            shelf,
            cast("Upstreams", ()),  # those are the workers' to reach
            self._observing,
            lambda: self.reloader.plans,
            clock=self._clocks.wall,
        )
        housekeeping.start()
        self._let_go.push_async_callback(housekeeping.stop)

    def _shelf(self) -> Shelf:
        """What there is to look after: callers are served by workers, each from a memory of its own."""
        return Shelf(
            MemoryStore(0),
            self._tier.durable,
            self._tier.fences,
            self._observing.store_failed,
            monotonic=self._clocks.monotonic,
            page=self._page,
        )

    async def _close_tier(self) -> None:
        try:
            await self._tier.close()
        except StoreError as error:
            self._observing.store_failed("close", error)

    def _operators(self) -> web.Application:
        """What the admin listener serves."""
        desk = CrewDesk(self.crew, self._tier, self._memory, self._totals, self._observing, self.reloader, self.tuning)
        return desk.app(self._token, self._secret)

    async def _close_crew(self) -> None:
        await self.crew.close(within=self.reloader.plans.settings.server.drain + KILLED_AFTER)

    async def _start(self, process: int, config: ConfigText) -> Hired:
        """A process that is on its way up. Raises CannotServe."""
        goes_in, comes_out = self._handing
        durable = self._tier.durable
        begin = Begin(
            process=process,
            processes=workers_of(self.reloader.plans.settings),
            config=config,
            started=self._started.config,
            secret=self._secret,
            instance=self._instance,
            inherited=Inherited(
                page=self._page.fd,
                listening=tuple(one.fileno() for one in self._listening),
                handing=(goes_in.fileno(), comes_out.fileno()),
                lock=durable.lock_fd if isinstance(durable, SQLiteStore) else None,
            ),
            guards=self.crew.orders.told,
        )
        return await hire(begin)


def _shared_secret(settings: Settings) -> str:
    """What all workers make keys and partitions under. Raises SecretError."""
    if settings.store.secret or sqlite_path(settings) is not None:
        return store_secret(settings).decode()
    return secrets.token_hex(32)  # nothing outlives these processes anyway
