"""Accepted: the config that holds, as text, so that every worker runs by it, whatever the file says meanwhile.

Of a later config some fields cannot hold before Larder is started again as a whole: those stay what they were at start.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from proxy.config.file import ConfigError, ConfigFile, ConfigProblem
from proxy.config.loading import plans_of
from proxy.config.setting_fields import MOST_WORKERS
from proxy.plan import Plans
from proxy.settings import Settings
from proxy.workers.control import ConfigText

AT_RESTART = ("server.host", "server.port", "admin.host", "admin.port", "admin.token", "admin.audit", "store")
"""What holds from a restart of all on; but what is in BY_REPLACEMENT as well, holds before."""

BY_REPLACEMENT = ("server.workers", "server.drain", "server.max_head", "store.memory", "log")
"""What a worker reads once, when it starts: workers are replaced for it."""


class Accepted(NamedTuple):
    """A config, and what it says."""

    config: ConfigText
    plans: Plans


def read(path: Path, environment: Mapping[str, str]) -> Accepted:
    """The config in a file. Raises ConfigError, also when it cannot be read."""
    return accept(text_of(path), environment)


def text_of(path: Path) -> ConfigText:
    """What a file says. Raises ConfigError when it cannot be read."""
    try:
        return ConfigText(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError([ConfigProblem(str(path), 1, "", f"cannot be read: {reason}")]) from None


def accept(config: ConfigText, environment: Mapping[str, str]) -> Accepted:
    """A config that was read, and what it says. Raises ConfigError."""
    return Accepted(config, plans_from(config, environment))


def plans_from(config: ConfigText, environment: Mapping[str, str]) -> Plans:
    """What a config says. Raises ConfigError."""
    return plans_of(ConfigFile(config.name, config.text, environment))


def as_running(plans: Plans, started: Settings) -> Plans:
    """A later config as far as it can hold: what only a restart of all can change is as it was when all started."""
    later = plans.settings
    server = later.server.model_copy(update={"host": started.server.host, "port": started.server.port})
    store = started.store.model_copy(update={"memory": later.store.memory})
    admin = started.admin.model_copy(update={"operators": later.admin.operators})
    return replace(plans, settings=later.model_copy(update={"server": server, "store": store, "admin": admin}))


def with_secret(plans: Plans, secret: str) -> Plans:
    """The same with the store's secret filled in: all workers make the same keys, also where nobody configured one."""
    store = plans.settings.store.model_copy(update={"secret": secret})
    return replace(plans, settings=plans.settings.model_copy(update={"store": store}))


def workers_of(settings: Settings) -> int:
    """How many processes are to serve; `auto`: as many as there are cores for this process."""
    workers = settings.server.workers
    if isinstance(workers, int):
        return workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, MOST_WORKERS)
