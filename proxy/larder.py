"""Larder, put together: what is made at start, exchanged on reload and let go at the end."""

import asyncio
import time

from aiohttp import ClientSession

from proxy.app import App
from proxy.asker import Asker
from proxy.callers.forwarded import Forwarding
from proxy.callers.registry import Callers, DeclaredCaller
from proxy.changes.webhooks import Webhooks
from proxy.clocks import Clocks
from proxy.config.secrets import store_secret
from proxy.config.webhook_sources import channels
from proxy.doubts.quarantine import HeldHere, Quarantine
from proxy.erasing import OwnProcess
from proxy.express import ExpressLane
from proxy.health import Health
from proxy.housekeeping import Housekeeping
from proxy.http.server import Listener
from proxy.jobs.making import Jobs, Where
from proxy.kept.purging import Purger
from proxy.kept.shelf import Shelf
from proxy.kept.tiers import tier_of
from proxy.keys import hex_digest
from proxy.observing import Observing
from proxy.plan import Plans
from proxy.settings import Server
from proxy.sharing.share import Share
from proxy.store.contract import StoreError
from proxy.store.memory import MemoryStore
from proxy.typed.desk import Desk
from proxy.typed.errands import Errands
from proxy.typed.lists import Reader
from proxy.typed.making import desk_of
from proxy.upstream.calls import Tools
from proxy.upstream.registry import Upstreams
from proxy.upstream.transport import Transport
from proxy.visits import Runtime
from proxy.workers.listening import SharedListener
from proxy.works import Parts, Works


class Larder:
    """One process's Larder. `open` it, and `close` it in the same event loop."""

    def __init__(
        self,
        plans: Plans,
        observing: Observing,
        clocks: Clocks = Clocks(),  # noqa: B008 - frozen
        share: Share | None = None,
    ) -> None:
        """`share`: what this process has in common with the other workers of its machine, if it is one of several."""
        settings = plans.settings
        self._clocks = clocks
        self._share = share
        self.plans = plans
        self.observing = observing
        self.memory = MemoryStore(settings.store.memory.max_bytes)
        self.tier = tier_of(plans, clocks, share, observing)
        self.durable = self.tier.durable
        self.transport = Transport(clock=clocks.wall)
        self._asker = Asker(store_secret(settings))
        self.digest = hex_digest(self._asker.digester)
        self.upstreams = Upstreams(self._tools(), self.tier.guards)
        self.health = Health(
            {"store": self._store_part, "coherence": self.tier.coherence_part, "upstreams": self._upstreams_part},
            told=self.tier.told_parts,
        )
        self._session: ClientSession | None = None
        self._started = False

    async def open(self) -> None:
        """Make everything ready and listen. Raises OSError (port), StoreError (store), WebhookSourceError."""
        opened = await self.tier.open()
        if opened.moved_aside is not None:
            self.observing.moved_aside(opened.moved_aside)
        self._keep()
        await self.shelf.open()
        await self.transport.open()
        self._session = ClientSession()
        self.works = Works(self._parts())
        self.engine, self.paging = self.works.engine, self.works.paging
        await self.works.learner.open()
        errands = self._answer()
        self.listener = self._listener(self.plans.settings.server)
        await self.listener.open()
        self._housekeeping = self._housekept()
        self._housekeeping.start()
        self.jobs.start(errands)
        self._started = True

    def follow(self, plans: Plans) -> None:
        """Let new plans hold from the next request on; requests under way keep theirs. Raises WebhookSourceError."""
        runtime = self._runtime(plans)
        self.upstreams.follow(plans.upstreams.values())
        self.plans, self.runtime = plans, runtime
        self._express.follow(runtime)
        self.engine.hot.clear()

    async def close(self) -> None:
        """Drain: no new connections; requests, jobs, writes and pending stores end within `drain` seconds in all.

        Only jobs may take two seconds more, where the store is slow to hear what became of them.
        """
        if not self._started:
            await self._let_go()
            return
        self.health.draining = True
        await self.listener.stop_listening()
        drain = self.plans.settings.server.drain
        ends = asyncio.get_running_loop().time() + drain
        await asyncio.gather(self.listener.close(drain), self.jobs.drain(drain))
        try:
            async with asyncio.timeout_at(ends):
                await self.engine.drain()
                await self.works.learner.drain()
                await self.purger.drain()
        except TimeoutError:
            self.observing.drain_timed_out()
        await self.jobs.stop()
        await self._housekeeping.stop()
        await self._let_go()

    def _keep(self) -> None:
        """Make what keeps, and what purges it: the tier is open."""
        self.fences = self.tier.fences
        self.shelf = Shelf(
            self.memory,
            self.durable,
            self.fences,
            self.observing.store_failed,
            monotonic=self._clocks.monotonic,
            page=self.tier.page,
        )
        self.quarantine = Quarantine(self.shelf, self._clocks.wall)
        self.held = HeldHere(self.memory, self.quarantine)
        self.purger = Purger(self.tier.ledger, self.held, self.durable, self.observing.store_failed)

    def _answer(self) -> Errands:
        """Make what answers requests by the plans, in front of the works; the errands that jobs may be given."""
        self._express = ExpressLane(self.shelf, self._clocks.wall, self.engine.is_seen_to)
        self.upstreams.follow(self.plans.upstreams.values())
        self.runtime = self._runtime(self.plans)
        self._express.follow(self.runtime)
        self.jobs = self._jobs()
        desk = self._desk()
        self.app = App(
            lambda: self.runtime, self.paging, desk, self._express, self.health, self.observing, time.perf_counter
        )
        process = self._share.process if self._share is not None else 0
        self.erasing = OwnProcess(self.memory, self.quarantine, self.works.learner, self.durable, self._tidy, process)
        return desk.errands

    def _housekept(self) -> Housekeeping:
        return Housekeeping(
            self.shelf,
            self.upstreams,
            self.observing,
            lambda: self.plans,
            clock=self._clocks.wall,
            besides=(self.quarantine.sweep, self._tidy),
            tidy=lambda: self.quarantine.tidy(self.plans.upstreams),
            forget=self.works.learner.tidy,
        )

    async def _let_go(self) -> None:
        if self._session is not None:
            await self._session.close()
        await self.transport.close()
        try:
            await self.tier.close()
        except StoreError as error:
            self.observing.store_failed("close", error)

    def _listener(self, server: Server) -> Listener:
        handle, max_head, sleep = self.app.handle, server.max_head, self._clocks.sleep
        if self._share is not None:
            return SharedListener(handle, self._share.listening, max_head=max_head, sleep=sleep)
        return Listener(handle, server.host, server.port, max_head=max_head, sleep=sleep)

    def _parts(self) -> Parts:
        return Parts(
            plans=lambda: self.plans,
            tier=self.tier,
            shelf=self.shelf,
            purger=self.purger,
            quarantine=self.quarantine,
            upstreams=self.upstreams,
            asker=self._asker,
            observing=self.observing,
            clocks=self._clocks,
            where=self._where,
        )

    def _desk(self) -> Desk:
        works, wall, monotonic = self.works, self._clocks.wall, self._clocks.monotonic
        reader = Reader(works.engine, works.paging, works.walker, wall)
        return desk_of(works.batching, reader, self.observing, wall, monotonic, self.jobs.handlers, self.jobs.deferred)

    def _jobs(self) -> Jobs:
        return Jobs(
            self.shelf,
            lambda: self.runtime,
            self.transport.send,
            self.observing,
            self._clocks,
            self._where,
        )

    @property
    def _where(self) -> Where:
        is_single = self._share is None
        return Where(
            is_alone=is_single and self.durable.lists_keys,
            has_common_store=is_single or self.plans.settings.store.durable != "none",
        )

    def _tidy(self) -> None:
        """Let go of what else is held that was purged for good."""
        self.paging.tidy()
        self.engine.hot.tidy()
        self._express.tidy()
        self.jobs.holding.tidy()

    def _tools(self) -> Tools:
        return Tools(
            send=self.transport.send,
            observer=self.observing,
            clock=self._clocks.monotonic,
            wall_clock=self._clocks.wall,
            sleep=self._clocks.sleep,
            random=self._clocks.random,
        )

    def _runtime(self, plans: Plans) -> Runtime:
        settings = plans.settings
        declared = [DeclaredCaller(block.name, block.key, block.networks, block.allow) for block in settings.callers]
        if self._session is None:
            raise RuntimeError("Larder.open was not called")
        webhooks = Webhooks(
            channels(plans, self._session, self.observing.keys_failed),
            {name: upstream.settle for name, upstream in plans.upstreams.items()},
            purger=self.purger,
            store=self.durable,
            clock=self._clocks.wall,
            on_error=self.observing.store_failed,
        )
        return Runtime(plans, Callers(declared), Forwarding(settings.server.trusted_proxies), webhooks, self._asker)

    def _store_part(self) -> str | None:
        return self.durable.last_error

    def _upstreams_part(self) -> str | None:
        """Nobody to ask and nothing to serve: then, and only then, unreachable upstreams make Larder not ready."""
        unreached = [upstream.name for upstream in self.upstreams if upstream.reached is False]
        has_something = self.tier.has_kept or len(self.memory) > 0
        if unreached and len(unreached) == len(list(self.upstreams)) and not has_something:
            return f"unreachable: {', '.join(sorted(unreached))}"
        return None
