"""Reloading with workers: a changed config holds in all of them or in none, and no request fails for it.

read and checked ─▶ prepared by all ─▶ holds in all ─▶ workers replaced, one after the other, for what they read once
"""

import asyncio

from proxy.admin.desk import ReloadReport
from proxy.config.differences import changes
from proxy.observing import Observing
from proxy.operating.reloading import under
from proxy.plan import Plans
from proxy.settings import Settings
from proxy.telemetry.logs import configure_logs
from proxy.workers.accepted import AT_RESTART, BY_REPLACEMENT, Accepted, as_running, workers_of
from proxy.workers.crew import Crew
from proxy.workers.hired import CannotServe
from proxy.workers.output import STDERR, lines_to

KILLED_AFTER = 5.0  # seconds beyond draining, for what is written behind


class CrewReloader:
    """Lets configs hold in all of a supervisor's workers; one after the other."""

    def __init__(self, accepted: Accepted, crew: Crew, observing: Observing) -> None:
        self.plans: Plans = accepted.plans  # as far as they hold
        self._started = accepted.plans.settings
        self._crew = crew
        self._observing = observing
        self._under_way: asyncio.Task[ReloadReport] | None = None

    @property
    def settings(self) -> Settings:
        """Those that hold now."""
        return self.plans.settings

    async def take(self, accepted: Accepted) -> ReloadReport:
        """Let a config hold in all, or say why it cannot; then it holds in none."""
        self._under_way = asyncio.create_task(self._take(accepted))
        return await self._under_way

    async def close(self) -> None:
        """Break off a reload that is under way: all is about to end."""
        if self._under_way is not None:
            self._under_way.cancel()
            await asyncio.wait([self._under_way])

    async def _take(self, accepted: Accepted) -> ReloadReport:
        problems = await self._crew.take(accepted.config)
        if problems:
            return ReloadReport(problems=problems)
        changed = changes(self.plans.settings, accepted.plans.settings)
        self.plans = as_running(accepted.plans, self._started)
        self._crew.orders.follow(self.plans.upstreams)
        at_once = under(changed, BY_REPLACEMENT)
        late = tuple(field for field in under(changed, AT_RESTART) if field not in at_once)
        if at_once and not await self._replaced(at_once):
            late += at_once
        return ReloadReport(tuple(field for field in changed if field not in late), late)

    async def _replaced(self, fields: tuple[str, ...]) -> bool:
        """Have other workers, who read these fields; whether they came."""
        settings = self.plans.settings
        if under(fields, ("log",)):
            self._observing.log = configure_logs(settings.log.level, settings.log.format, lines_to(STDERR))
        try:
            await self._crew.replace(workers_of(settings), within=2 * settings.server.drain + KILLED_AFTER)
        except CannotServe as error:
            self._observing.log.say("error", "workers could not be replaced", reason=str(error))
            return False
        return True
