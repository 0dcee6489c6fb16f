"""The supervisor's desk: the admin listener for all workers, on the very application that a single process has.

What that shows without waiting, as it would of its own process, is asked of the workers just before.
"""

import asyncio
import time
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from proxy.admin.app import make_admin
from proxy.admin.desk import Desk
from proxy.doubts.stored import StoredDoubts
from proxy.doubts.wards import Ward
from proxy.erasing import Eraser
from proxy.kept.purging import Purger
from proxy.kept.tier import Tier, measure
from proxy.keys import Digester, hex_digest
from proxy.observing import Observing
from proxy.operating.tuning import Tuning
from proxy.store.memory import MemoryStore
from proxy.telemetry.traces import current_trace
from proxy.workers.aggregating import Totals
from proxy.workers.asking import WorkerGone, WorkerSilent
from proxy.workers.control import Measure, Measured
from proxy.workers.crew import Crew
from proxy.workers.erasing import CrewProcesses
from proxy.workers.guards import merged
from proxy.workers.hired import Worker
from proxy.workers.reloading import CrewReloader
from proxy.workers.tiers import LOOK_WITHIN, WorkersMemory
from proxy.workers.wards import CrewWard

LOOKED_AT = frozenset({"/admin/upstreams", "/admin/flush"})
MEASURED = "/metrics"


class CrewDesk:
    """Makes the desk over a crew."""

    def __init__(
        self,
        crew: Crew,
        tier: Tier,
        memory: WorkersMemory,
        totals: Totals,
        observing: Observing,
        reloader: CrewReloader,
        tuning: Tuning,
    ) -> None:
        self._crew = crew
        self._tier = tier
        self._memory = memory
        self._totals = totals
        self._observing = observing
        self._reloader = reloader
        self._tuning = tuning

    def app(self, token: str, secret: str = "") -> web.Application:
        """The admin listener's application. Raises ValueError without a token. `secret`: digests are made under it."""
        app = make_admin(self._desk(token, secret))
        app.middlewares.append(self._asked_before())  # the innermost: only who is let in has workers asked
        return app

    def _desk(self, token: str, secret: str) -> Desk:
        observing = self._observing
        purger = Purger(self._tier.ledger, self._memory, self._tier.durable, observing.store_failed)
        stored = StoredDoubts(self._tier.durable, lambda: self._tier.fences, time.time)
        return Desk(
            host=self._reloader.plans.settings.admin.host,
            token=token,
            clock=time.time,
            fences=self._tier.fences,
            purger=purger,
            # The desk asks no more of it than this has.
            memory=cast("MemoryStore", self._memory),
            states=lambda: merged(self._memory.states, self._reloader.plans.upstreams),
            durable=self._tier.durable,
            plans=lambda: self._reloader.plans,
            reload=self._tuning.configs.reload,
            order=self._tuning.orders.give,
            undo=self._tuning.undoing.undo,
            undoable=lambda: self._tuning.steps.open,
            audit=self._tuning.audit,
            ward=Ward(
                CrewWard(self._memory, has_store=stored.keeps),
                stored,
                lambda: self._reloader.plans.upstreams,
                observing.store_failed,
            ),
            eraser=Eraser(CrewProcesses(self._memory), purger, self._tier.durable, observing.store_failed),
            digest=hex_digest(Digester(secret.encode())),
            exposition=self.exposition,
            on_error=observing.store_failed,
            on_failure=lambda error: observing.failed(current_trace.get(), error),
            on_flush=lambda mode: observing.metrics.count("larder_purges_total", mode),
        )

    def exposition(self) -> tuple[str, bytes]:
        """The metrics of all, as last measured, with what only the supervisor knows."""
        metrics = self._observing.metrics
        measure(metrics, self._tier)
        metrics.set("larder_log_lines_lost", self._observing.log.lost)
        return self._totals.exposition(metrics.exposition()[1])

    async def measure(self) -> None:
        """Ask all for their metrics. Of who does not answer in time, what was told last holds."""
        await asyncio.gather(*[self._measure(worker) for worker in self._crew])

    async def _measure(self, worker: Worker) -> None:
        try:
            replies = await worker.ask(Measure(), LOOK_WITHIN)
        except (WorkerGone, WorkerSilent):
            return
        if worker in list(self._crew):  # else it is counted as gone by now
            for reply in replies:
                if isinstance(reply, Measured):
                    self._totals.heard(worker, reply.text)

    def _asked_before(self) -> Middleware:
        @web.middleware
        async def asked_before(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path == MEASURED:
                await self.measure()
            elif request.path in LOOKED_AT:
                await self._memory.look()
            return await handler(request)

        return asked_before
