"""Reloading: another config holds in a single process from the next request on; a bad one changes nothing."""

from collections.abc import Sequence
from dataclasses import replace

from proxy.admin.desk import ReloadReport
from proxy.config.differences import changes
from proxy.config.file import ConfigProblem
from proxy.config.webhook_sources import WebhookSourceError
from proxy.larder import Larder
from proxy.plan import Plans
from proxy.settings import Settings
from proxy.workers.accepted import Accepted

ONLY_AT_START = (
    "server.host",
    "server.port",
    "server.workers",
    "server.drain",
    "server.max_head",
    "admin.host",
    "admin.port",
    "admin.token",
    "admin.audit",
    "store",
    "log",
)
"""What a single process reads once, when it starts."""

_OF_SERVER = ("host", "port", "workers", "drain", "max_head")


class Reloader:
    """Lets configs hold in a single process."""

    def __init__(self, larder: Larder) -> None:
        self._larder = larder
        self._started = larder.plans.settings

    @property
    def settings(self) -> Settings:
        """Those that hold now."""
        return self._larder.plans.settings

    async def take(self, accepted: Accepted) -> ReloadReport:
        """Let a config hold, or say why it cannot."""
        changed = changes(self.settings, accepted.plans.settings)
        try:
            self._larder.follow(as_started(accepted.plans, self._started))
        except WebhookSourceError as error:
            return ReloadReport(problems=(ConfigProblem(accepted.config.name, 1, "", str(error)),))
        late = under(changed, ONLY_AT_START)
        return ReloadReport(tuple(field for field in changed if field not in late), late)


def as_started(plans: Plans, started: Settings) -> Plans:
    """A later config as far as it can hold: what is read once is as it was when the process started."""
    later = plans.settings
    kept = {name: getattr(started.server, name) for name in _OF_SERVER}
    update = {
        "server": later.server.model_copy(update=kept),
        "admin": started.admin.model_copy(update={"operators": later.admin.operators}),
        "store": started.store,
        "log": started.log,
    }
    return replace(plans, settings=later.model_copy(update=update))


def under(fields: Sequence[str], places: tuple[str, ...]) -> tuple[str, ...]:
    """Those fields that are one of these places, or in one."""
    return tuple(field for field in fields if field.startswith(places))
