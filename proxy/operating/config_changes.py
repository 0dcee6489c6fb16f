"""Config changes: a file that was changed, or a config that held before, is checked as a whole; then it holds.

Every one that holds is put on record, and can be taken back: the last texts that held are remembered, in memory only,
since they may hold secrets.
"""

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from proxy.admin.desk import ReloadReport, answered
from proxy.admin.problems import ConfigRefused
from proxy.config.differences import changed_values
from proxy.config.file import ConfigError, ConfigFile, ConfigProblem
from proxy.config.notices import moved
from proxy.observing import Observing
from proxy.operating.audit import SIGNAL, Audit, By
from proxy.operating.undoing import CONFIG, Step, Steps
from proxy.settings import Settings
from proxy.workers.accepted import Accepted, accept, text_of
from proxy.workers.control import ConfigText


class Holder(Protocol):
    """Who runs by the config."""

    @property
    def settings(self) -> Settings:
        """Those that hold now."""

    async def take(self, accepted: Accepted) -> ReloadReport:
        """Let a config hold, or say why it cannot."""


class ConfigChanges:
    """Lets one config after the other hold, one at a time."""

    def __init__(
        self,
        holder: Holder,
        accepted: Accepted,
        environment: Mapping[str, str],
        observing: Observing,
        audit: Audit,
        steps: Steps[Any],
    ) -> None:
        """`accepted`: the one that holds, as it was read from its file."""
        self._holder = holder
        self._held = accepted.config
        self._read: ConfigText | None = accepted.config
        self._unreadable: tuple[ConfigProblem, ...] = ()
        self._path = Path(accepted.config.name)
        self._environment = environment
        self._observing = observing
        self._audit = audit
        self._steps = steps
        self._lock = asyncio.Lock()

    async def reload(self, by: By = SIGNAL) -> ReloadReport:
        """Let the file hold as it is now: what changed, or every problem there is."""
        async with self._lock:
            report = await self._reload(by)
        tell(self._observing, report)
        return report

    async def follow(self, by: By) -> ReloadReport | None:
        """The same, but None where the file says nothing that was not read before."""
        async with self._lock:
            if self._file() == self._read:
                return None
            report = await self._reload(by)
        tell(self._observing, report)
        return report

    async def undo(self, step: Step[ConfigText], by: By) -> dict[str, Any]:
        """Let the config before a change hold again. Raises CannotUndo, ConfigRefused."""
        async with self._lock:
            self._steps.find(step.change)  # it may have been undone, or changed again, meanwhile
            report = await self._take(step.before, by, undoes=step.change)
            if not report.problems:
                self._steps.undone(step.change)
        tell(self._observing, report)
        if report.problems:
            raise ConfigRefused(report.problems)
        return {"what": "reload", "file": self._file_is(), **answered(report)}

    async def _reload(self, by: By) -> ReloadReport:
        self._read = self._file()
        if self._read is None:
            return ReloadReport(problems=self._unreadable)
        return await self._take(self._read, by)

    async def _take(self, config: ConfigText, by: By, undoes: str | None = None) -> ReloadReport:
        before = self._holder.settings
        try:
            accepted = accept(config, self._environment)
        except ConfigError as error:
            return ReloadReport(problems=tuple(error.problems))
        report = await self._holder.take(accepted)
        if report.problems:
            return report
        report = report._replace(notices=(*accepted.plans.notices, *self._moved(config, before, accepted)))
        held, self._held = self._held, config
        if held.text == config.text:
            return report
        was, became = changed_values(before, accepted.plans.settings)
        what = "reload" if undoes is None else "undo"
        noted = self._audit.note(what, by, before=was, after=became, undoes=undoes)
        if undoes is None:
            self._steps.made(noted.change, CONFIG, held)
        return report._replace(change=noted.change, audited=noted.audited)

    def _moved(self, config: ConfigText, before: Settings, accepted: Accepted) -> Iterator[ConfigProblem]:
        file = ConfigFile(config.name, config.text, self._environment)
        return (file.problem(place, message) for place, message in moved(before, accepted.plans.settings))

    def _file(self) -> ConfigText | None:
        """What the file says; None: it cannot be read."""
        try:
            return text_of(self._path)
        except ConfigError as error:
            self._unreadable = tuple(error.problems)
            return None

    def _file_is(self) -> str:
        """How the file is to what holds."""
        text = self._file()
        if text is None:
            return "unreadable"
        return "same" if text == self._held else "differs"


def tell(observing: Observing, report: ReloadReport) -> None:
    """What a reload came to, to metrics and log."""
    if report.problems:
        first = report.problems[0]
        observing.reloaded("refused", problems=len(report.problems), first=str(first))
    else:
        observing.reloaded("taken", changed=list(report.changed), needs_restart=list(report.needs_restart))
        observing.noticed(report.notices)
