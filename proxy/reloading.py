"""Reloading: a changed config is checked as a whole, then holds from the next request on; a bad one changes nothing."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from proxy.admin.desk import ReloadReport
from proxy.config_file import ConfigError, ConfigProblem
from proxy.larder import Larder
from proxy.loading import load_plans
from proxy.observing import Observing
from proxy.settings import Settings
from proxy.webhook_sources import WebhookSourceError

ONLY_AT_START = (
    "server.host",
    "server.port",
    "server.workers",
    "server.drain",
    "server.max_head",
    "admin",
    "store",
    "log",
)
"""What a single process reads once, when it starts."""


class Reloader:
    """Reads the config of a single process again, one reload at a time."""

    def __init__(self, larder: Larder, config: Path) -> None:
        self._larder = larder
        self._config = config
        self._lock = asyncio.Lock()

    async def reload(self) -> ReloadReport:
        """What changed, or every problem the file has."""
        async with self._lock:
            report = self._reload()
        tell(self._larder.observing, report)
        return report

    def _reload(self) -> ReloadReport:
        try:
            plans = load_plans(self._config, os.environ)
            before = self._larder.plans.settings
            self._larder.follow(plans)
        except ConfigError as error:
            return ReloadReport(problems=tuple(error.problems))
        except WebhookSourceError as error:
            return ReloadReport(problems=(ConfigProblem(str(self._config), 1, "", str(error)),))
        changed = changes(before, plans.settings)
        late = under(changed, ONLY_AT_START)
        return ReloadReport(tuple(field for field in changed if field not in late), late)


def tell(observing: Observing, report: ReloadReport) -> None:
    """What a reload came to, to metrics and log."""
    if report.problems:
        first = report.problems[0]
        observing.reloaded("refused", problems=len(report.problems), first=str(first))
    else:
        observing.reloaded("taken", changed=list(report.changed), needs_restart=list(report.needs_restart))


def changes(before: Settings, after: Settings) -> tuple[str, ...]:
    """The fields that differ."""
    return tuple(differences(before.model_dump(), after.model_dump()))


def under(fields: Sequence[str], places: tuple[str, ...]) -> tuple[str, ...]:
    """Those fields that are one of these places, or in one."""
    return tuple(field for field in fields if field.startswith(places))


def differences(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """The fields that differ; their values are nobody's business here."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from differences(before.get(name), after.get(name), f"{place}.{name}" if place else str(name))
    elif before != after:
        yield place
